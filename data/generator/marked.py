"""Texts that know which of their characters mean something."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

TAINTED, HARMFUL, GUARD = "tainted", "harmful", "guard"


class Mark(NamedTuple):
    """Says what the characters from `start` to `end` are, the last one excluded."""

    start: int
    end: int
    name: str


@dataclass(frozen=True)
class Text:
    """Characters, and marks on them."""

    characters: str
    marks: tuple[Mark, ...] = ()

    def marked(self, name: str) -> "Text":
        """Put a mark on all of it but the blanks around it."""
        start = len(self.characters) - len(self.characters.lstrip())
        mark = Mark(start, len(self.characters.rstrip()), name)
        return Text(self.characters, (mark, *self.marks))

    def lines(self) -> list["Text"]:
        """Cut at line ends; a mark over several lines becomes one on each."""
        found, start = [], 0
        for line in self.characters.split("\n"):
            end = start + len(line)
            cut = [(max(m.start, start) - start, min(m.end, end) - start, m.name) for m in self.marks]
            found.append(Text(line, tuple(Mark(*mark) for mark in cut if mark[0] < mark[1])))
            start = end + 1
        return found


def joined(texts: Iterable[Text]) -> Text:
    """Put texts behind one another."""
    characters: list[str] = []
    marks: list[Mark] = []
    length = 0
    for text in texts:
        characters.append(text.characters)
        marks += [Mark(mark.start + length, mark.end + length, mark.name) for mark in text.marks]
        length += len(text.characters)
    return Text("".join(characters), tuple(marks))


def marks_of(text: Text) -> list[list[Any]]:
    """Give the marks of a text as a row holds them."""
    return [list(mark) for mark in sorted(text.marks)]
