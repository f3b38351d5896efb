"""Which lines a change touches, as spans of both texts."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile

Span = tuple[int, int]
# Pairs of lines; beyond it the time grows with their third power, and all between what is common counts as changed.
MOST_COMPARED = 250_000


def changed_lines(before: str, after: str) -> tuple[list[Span], list[Span]]:
    """Give the lines that stand in one text alone, as (start, end) in its characters, without indentation and end.

    Lines that hold nothing but a comment are none.
    """
    old, new = before.split("\n"), after.split("\n")
    first, last = _common(old, new), _common(old[::-1], new[::-1])
    last = min(last, len(old) - first, len(new) - first)
    middle, others = old[first : len(old) - last], new[first : len(new) - last]
    removed, added = _differing(middle, others)
    return list(_spans(old, {first + line for line in removed})), list(_spans(new, {first + line for line in added}))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Count the lines that both begin with."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _differing(old: Sequence[str], new: Sequence[str]) -> tuple[Iterable[int], Iterable[int]]:
    if len(old) * len(new) > MOST_COMPARED:
        return range(len(old)), range(len(new))
    removed: set[int] = set()
    added: set[int] = set()
    for kind, first, last, begin, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            removed.update(range(first, last))
            added.update(range(begin, end))
    return removed, added


def _spans(lines: Sequence[str], numbers: set[int]) -> Iterator[Span]:
    start = 0
    for number, line in enumerate(lines):
        words = line.strip()
        if number in numbers and words and not words.startswith("#"):
            begin = start + line.index(words)
            yield begin, begin + len(words)
        start += len(line) + 1
