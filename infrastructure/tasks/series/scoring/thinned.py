"""Forecasts of windows spread over all, kept to be looked at: as many as memory should hold, however many there are."""

from typing import NamedTuple

import numpy as np

from infrastructure.tasks.series.scoring.forecasts import Booleans, Forecasts, Numbers
from infrastructure.tasks.series.scoring.scattering import scattered

MAX_NUMBERS = 4_000_000  # quantiles, 16 MB
MAX_WINDOWS = 20_000
LEAST_WINDOWS = 8  # however many quantiles each has


class WindowForecast(NamedTuple):
    """What was forecast from one window, standardised and as the model gave it, and what came."""

    forecast: Numbers  # [T, H, Q]
    target: Numbers  # [T, H], NaN where unknown
    last: Numbers  # [T], NaN where there is none
    assumed: Booleans  # [T]
    width: Numbers  # [T], by how much bands are wider than calibrated, for they follow what came


class Thinned:
    """Keeps windows drawn evenly from all, half of them whenever there are too many; and the last.

    Drawn by a hash of their number: every so manieth window would see some hours of the day and never the others.
    """

    def __init__(self, max_numbers: int = MAX_NUMBERS, max_windows: int = MAX_WINDOWS) -> None:
        self._max_numbers = max_numbers
        self._max_windows = max_windows
        self._num_halvings = 0
        self._num_seen = 0
        self._kept: dict[int, WindowForecast] = {}
        self._latest: WindowForecast | None = None

    def add(self, found: Forecasts) -> None:
        """Take in a batch."""
        for place in np.flatnonzero(self._are_kept(self._num_seen + np.arange(len(found)))).tolist():
            self._kept[self._num_seen + place] = _at(place, found)
        self._latest = _at(len(found) - 1, found)
        self._num_seen += len(found)
        most = max(LEAST_WINDOWS, min(self._max_windows, self._max_numbers // max(1, found.forecast[0].size)))
        while len(self._kept) > most:
            self._num_halvings += 1
            numbers = np.array(list(self._kept))
            self._kept = {number: self._kept[number] for number in numbers[self._are_kept(numbers)].tolist()}

    def _are_kept(self, numbers: np.ndarray) -> Booleans:
        return scattered(numbers.astype(np.uint64)) <= np.uint64((1 << (64 - self._num_halvings)) - 1)

    def column(self) -> np.ndarray:
        """Give what was kept of each window [N], None where nothing was."""
        column = np.full(self._num_seen, None, dtype=object)
        for number, found in self._kept.items():
            column[number] = found
        if self._num_seen:
            column[-1] = self._latest
        return column


def _at(place: int, found: Forecasts) -> WindowForecast:
    width = np.ones_like(found.last) if found.width is None else found.width
    # Copied: a view would hold its whole batch.
    return WindowForecast(
        *(values[place].copy() for values in (found.forecast, found.target, found.last, found.assumed, width))
    )
