"""What the slots of a template stand for: pieces that are given, and names and words that are drawn by the slot's name.

| slot | stands for |
|---|---|
| `$a` ... `$e` | a fresh variable |
| `$f`, `$g`, `$K` | a fresh function, another one, a fresh class |
| `$k`, `$l`, `$m` | a fresh word: a key, a field, a column |
| `$word`, `$word2`, `$word3` | a harmless text without its quotes |
| `$low`, `$high` | two numbers, the first one smaller |
| `$true`, `$false` | a condition that always holds, that never does |
| `$leave`, `$note` | a statement that leaves the function; one that tells the log |
| `$out`, `$spare` | a fresh variable that holds what `$kept` holds, what `$left` holds |
| `$kept_as_a` | the variable of `$a`, at a place where it holds what `$kept` holds |

A slot stands for the same piece wherever it occurs within one part.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from textwrap import dedent
from typing import TYPE_CHECKING

from data.generator.composed.text import Piece, Value, fill, slots
from data.generator.marked import Text

if TYPE_CHECKING:
    from data.generator.composed.writer import Writer

OUTCOMES = {"out": "kept", "spare": "left", "after": "v"}
NOTES = (
    "logger.info('$k %s', len(TASKS))",
    "print('$word $k')",
    "logging.debug('$k $word')",
    "log.warning('$word $k')",
)


class Slots:
    """The pieces of one part, drawn when they are first asked for."""

    def __init__(self, writer: Writer, pieces: Mapping[str, Piece]) -> None:
        self._writer = writer
        self.pieces: dict[str, Piece] = dict(pieces)

    def text(self, template: str) -> Text:
        """Fill a template. Raises: ValueError for a slot that nobody knows."""
        laid_out = layout(template)
        for slot in slots(laid_out):
            self[slot]
        return fill(laid_out, self.pieces)

    def value(self, slot: str) -> Value:
        """Give the value that a slot stands for."""
        piece = self[slot]
        assert isinstance(piece, Value), slot
        return piece

    def __getitem__(self, slot: str) -> Piece:
        if slot not in self.pieces:
            self.pieces[slot] = self._drawn(slot)
        return self.pieces[slot]

    def _drawn(self, slot: str) -> Piece:
        writer, (carrier, _, named) = self._writer, slot.partition("_as_")
        if named:
            return self.value(carrier).named(str(self._name(named)))
        if slot in OUTCOMES:
            return self.value(OUTCOMES[slot]).named(writer.name())
        if slot in ("low", "high"):
            low, high = sorted(writer.rng.sample(range(2, 99), 2))
            self.pieces |= {"low": str(low), "high": str(high)}
            return self.pieces[slot]
        if slot in ("true", "false"):
            return condition(writer, slot == "true")
        if slot in ("leave", "note"):
            return Slots(writer, {}).text(writer.rng.choice(writer.leaves if slot == "leave" else NOTES))
        draw = {"a": writer.name, "f": writer.function, "K": writer.kind, "k": writer.key, "word": writer.phrase}
        for first, kind in zip(("abcde", "fgh", "K", "klm", ("word", "word2", "word3")), draw, strict=True):
            if slot in first:
                return draw[kind]()
        raise ValueError(f"${slot} is no slot; the known ones are in {__name__}.")

    def _name(self, slot: str) -> str:
        piece = self[slot]
        return piece.name if isinstance(piece, Value) else str(piece)


def condition(writer: Writer, holds: bool) -> str:
    """Write a condition of constants that always holds, or never."""
    low, high = sorted(writer.rng.sample(range(2, 99), 2))
    word = writer.phrase()
    inside = word[1:3] if holds else "qx"
    less = (low, high) if holds else (high, low)
    forms = (
        f"{less[0]} < {less[1]}",
        f"{less[1]} > {less[0]}",
        f"'{inside}' in '{word}'",
        f"{less[0]} * 2 < {less[1]} * 2",
    )
    return writer.rng.choice(forms)


@cache
def layout(template: str) -> str:
    """Take away the indentation that a template has in its module."""
    return dedent(template).strip("\n")
