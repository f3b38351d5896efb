"""Values of a composed program, and templates that keep what is known of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from data.generator.marked import TAINTED, Mark, Text, joined

_SLOT = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")


@dataclass(frozen=True)
class Value:
    """A name of a program, and whether what it holds is tainted: untrusted, secret, or weak where it will be used."""

    name: str
    tainted: bool = False

    @property
    def text(self) -> Text:
        """Give the name, marked if it is tainted."""
        return Text(self.name, (Mark(0, len(self.name), TAINTED),) if self.tainted else ())

    def named(self, name: str) -> "Value":
        """Give another name for what it holds."""
        return Value(name, self.tainted)


Piece = str | Text | Value


def fill(template: str, pieces: Mapping[str, Piece]) -> Text:
    """Put pieces into the slots of a template, which are those of the families: `$name` or `${name}`, `$$` for `$`.

    Raises: KeyError for a slot without a piece.
    """
    texts = [as_text(part) if is_text else as_text(pieces[part]) for part, is_text in _parts(template)]
    return joined(texts)


def as_text(piece: Piece) -> Text:
    """Give a piece as a text."""
    if isinstance(piece, str):
        return Text(piece)
    return piece.text if isinstance(piece, Value) else piece


@cache
def slots(template: str) -> tuple[str, ...]:
    """Name the slots of a template in the order in which they first stand there."""
    return tuple(dict.fromkeys(part for part, is_text in _parts(template) if not is_text))


@cache
def _parts(template: str) -> tuple[tuple[str, bool], ...]:
    """Cut a template into literal texts and the names of slots."""
    found, end = [], 0
    for match in _SLOT.finditer(template):
        found += [(template[end : match.start()], True), (match[1] or match[2] or match[3], match[1] is not None)]
        end = match.end()
    return tuple(part for part in (*found, (template[end:], True)) if part[0])
