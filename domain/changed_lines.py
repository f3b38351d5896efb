"""Which lines a change touches, as spans of both texts."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

Span = tuple[int, int]


def changed_lines(before: str, after: str) -> tuple[list[Span], list[Span]]:
    """Give the lines that stand in one text alone, as (start, end) in its characters, without indentation and end.

    Lines that hold nothing but a comment are none.
    """
    old, new = before.split("\n"), after.split("\n")
    removed: set[int] = set()
    added: set[int] = set()
    for kind, first, last, begin, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            removed.update(range(first, last))
            added.update(range(begin, end))
    return list(_spans(old, removed)), list(_spans(new, added))


def _spans(lines: Sequence[str], numbers: set[int]) -> Iterator[Span]:
    start = 0
    for number, line in enumerate(lines):
        words = line.strip()
        if number in numbers and words and not words.startswith("#"):
            begin = start + line.index(words)
            yield begin, begin + len(words)
        start += len(line) + 1
