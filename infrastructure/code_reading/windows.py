"""Long code in windows that overlap, cut between lines, so that nothing is left unread."""

from collections.abc import Sequence

import numpy as np

from infrastructure.code_reading.lexing import LINES
from infrastructure.code_reading.vocabulary import CLS, FIRST_LINE, FIRST_NAME, NUM_NAMES

# Share of a window that the next one reads again: what stands in front of a line decides what it does.
OVERLAP = 0.25


def windows_of(ids: np.ndarray, max_length: int) -> list[tuple[int, int]]:
    """Give where windows of ids [L] begin and end, `max_length` tokens each at most, the first sign among them."""
    room = max(max_length - 1, 1)
    if len(ids) <= room:
        return [(0, len(ids))]
    breaks = np.flatnonzero(_begins_line(ids))
    found, start = [], 0
    while True:
        end = start + room
        if end >= len(ids):
            found.append((start, len(ids)))
            return found
        end = _last_in(breaks, start + max(room // 2, 1), end)
        found.append((start, end))
        start = _last_in(breaks, start + 1, max(start + 1, end - int(OVERLAP * room)))


def lines_of(ids: np.ndarray) -> np.ndarray:
    """Number the line of each token [L], from 0."""
    return np.cumsum(_begins_line(ids))


def _begins_line(ids: np.ndarray) -> np.ndarray:
    return (ids >= FIRST_LINE) & (ids < FIRST_LINE + len(LINES))


def _last_in(breaks: np.ndarray, least: int, most: int) -> int:
    """Give the last line break from `least` to `most`, or `most` itself where a line has none there."""
    place = int(np.searchsorted(breaks, most, side="right")) - 1
    return int(breaks[place]) if place >= 0 and breaks[place] >= least else most


def named(ids: np.ndarray, vocabulary_size: int, order: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
    """Give the ids [L] of a window with a sign in front and placeholders for its names, [L + 1].

    Names are numbered by first appearance in the window, and `order` [NUM_NAMES] says which placeholder each number
    takes. More names than there are placeholders begin with the first one again.
    """
    is_name = ids >= vocabulary_size
    taken = np.full(len(ids) + 1, CLS, dtype=np.int64)
    taken[1:] = ids
    if is_name.any():
        _, first, number = np.unique(ids[is_name], return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))[number] % NUM_NAMES
        taken[1:][is_name] = FIRST_NAME + (rank if order is None else np.asarray(order)[rank])
    return taken
