"""Forecasts of windows spread over all, kept to be looked at: as many as memory should hold, however many there are."""

from typing import NamedTuple

import numpy as np

from infrastructure.tasks.series.scoring.metrics import Booleans, Numbers

MAX_NUMBERS = 4_000_000  # quantiles, 16 MB
MAX_WINDOWS = 20_000
LEAST_WINDOWS = 8  # however many quantiles each has


class WindowForecast(NamedTuple):
    """What was forecast from one window, standardised and as the model gave it, and what came."""

    forecast: Numbers  # [T, H, Q]
    target: Numbers  # [T, H], NaN where unknown
    last: Numbers  # [T], NaN where there is none
    assumed: Booleans  # [T]


class Thinned:
    """Keeps each window whose number is a multiple of a stride, which doubles when there are too many; and the last."""

    def __init__(self, max_numbers: int = MAX_NUMBERS, max_windows: int = MAX_WINDOWS) -> None:
        self._max_numbers = max_numbers
        self._max_windows = max_windows
        self._stride = 1
        self._num_seen = 0
        self._kept: dict[int, WindowForecast] = {}
        self._latest: WindowForecast | None = None

    def add(self, forecast: Numbers, target: Numbers, last: Numbers, assumed: Booleans) -> None:
        """Take in a batch; shapes as `ForecastReader.add` has them."""
        for place in range(-self._num_seen % self._stride, len(forecast), self._stride):
            self._kept[self._num_seen + place] = _at(place, forecast, target, last, assumed)
        self._latest = _at(len(forecast) - 1, forecast, target, last, assumed)
        self._num_seen += len(forecast)
        most = max(LEAST_WINDOWS, min(self._max_windows, self._max_numbers // max(1, forecast[0].size)))
        while len(self._kept) > most:
            self._stride *= 2
            self._kept = {number: found for number, found in self._kept.items() if number % self._stride == 0}

    def column(self) -> np.ndarray:
        """Give what was kept of each window [N], None where nothing was."""
        column = np.full(self._num_seen, None, dtype=object)
        for number, found in self._kept.items():
            column[number] = found
        if self._num_seen:
            column[-1] = self._latest
        return column


def _at(place: int, forecast: Numbers, target: Numbers, last: Numbers, assumed: Booleans) -> WindowForecast:
    # Copied: a view would hold its whole batch.
    return WindowForecast(*(values[place].copy() for values in (forecast, target, last, assumed)))
