"""On which scale the columns of a table of many series are read, measured on the training part, in little memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from infrastructure.data.panel.order import batches
from infrastructure.data.panel.panel import Panel
from infrastructure.data.series.series import Scaler

# What rounding leaves of a constant is no deviation.
ROUNDING = 1e-12


class Moments:
    """Counts, means and squared deviations of columns [C], batch by batch, in fp64; NaN is left out.

    Source: Chan, Golub and LeVeque, The American Statistician 37 (1983), for joining those of two batches.
    """

    def __init__(self, num_columns: int) -> None:
        self.count, self.mean, self.squares = np.zeros((3, num_columns))

    def add(self, values: np.ndarray) -> None:
        """Take in values [n, C]."""
        count = np.isfinite(values).sum(axis=0)
        some = np.maximum(count, 1)
        mean = np.nansum(values, axis=0) / some
        squares = np.nansum((values - mean) ** 2, axis=0)
        total = self.count + count
        apart = np.where(count > 0, mean - self.mean, 0.0)
        self.squares += squares + apart**2 * self.count * count / np.maximum(total, 1)
        self.mean += apart * count / np.maximum(total, 1)
        self.count = total

    def scaler(self) -> Scaler:
        """Give means and standard deviations; 1 for a column that never changes."""
        scale = np.sqrt(self.squares / np.maximum(self.count, 1))
        scale = np.where(scale > ROUNDING * np.maximum(np.abs(self.mean), 1e-300), scale, 1.0)
        return Scaler(tuple(self.mean.tolist()), tuple(scale.tolist()))


@dataclass(frozen=True)
class Batch:
    """Whole series of a panel that are read together: `series` are their numbers, `rows` those of their rows.

    `number` [n] counts the series of each row from the first of the batch; `starts` [s] are the first rows of each,
    from the first row of the batch; `values` [n, C] those of some columns.
    """

    series: slice
    rows: slice
    number: np.ndarray
    starts: np.ndarray
    values: np.ndarray

    def of_series(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give mean and standard deviation of each series [s, C] over values [n, C], NaN left out."""
        known = np.isfinite(values)
        count = np.maximum(np.add.reduceat(known.astype(np.int64), self.starts, axis=0), 1)
        mean = np.add.reduceat(np.where(known, values, 0.0), self.starts, axis=0) / count
        squares = np.where(known, values - mean[self.number], 0.0) ** 2
        return mean, np.sqrt(np.add.reduceat(squares, self.starts, axis=0) / count)


def series_batches(panel: Panel, columns: Sequence[int]) -> Iterator[Batch]:
    """Read some columns of a panel, so many series at a time that memory does not grow with them."""
    for start, end in batches(panel.offsets):
        offsets = panel.offsets[start : end + 1]
        rows = slice(int(offsets[0]), int(offsets[-1]))
        number = np.repeat(np.arange(end - start), np.diff(offsets))
        values = np.asarray(panel.values[rows])[:, list(columns)]
        yield Batch(slice(start, end), rows, number, offsets[:-1] - offsets[0], values)


def ratio_columns(panel: Panel, columns: Sequence[int], ends: np.ndarray) -> list[int]:
    """Find the columns that are read relative to the mean of their series: as prices of different goods are.

    Their values are all positive, and their logarithms differ between series more than within them, as far as the rows
    up to `ends` [S] tell.
    """
    within, total = Moments(len(columns)), Moments(len(columns))
    lowest = np.full(len(columns), np.inf)
    for batch in series_batches(panel, columns):
        seen = np.where(_up_to(batch, ends)[:, None], batch.values, np.nan)
        lowest = np.fmin(lowest, np.fmin.reduce(seen, axis=0))
        logs = np.log(np.where(seen > 0, seen, np.nan))
        total.add(logs)
        within.add(logs - batch.of_series(logs)[0][batch.number])
    is_ratio = (lowest > 0) & np.isfinite(lowest) & (within.squares > 0) & (2 * within.squares < total.squares)
    return [column for column, found in zip(columns, is_ratio, strict=True) if found]


def as_ratios(batch: Batch, which: np.ndarray) -> np.ndarray:
    """Give the values [n, C] of a batch, `which` [C] of them as logarithms less those of the mean of their series."""
    if not which.any():
        return batch.values
    values = batch.values.copy()
    logs = np.log(np.where(values[:, which] > 0, values[:, which], np.nan))
    values[:, which] = logs - batch.of_series(logs)[0][batch.number]
    return values


def pooled_scaler(panel: Panel, columns: Sequence[int], ratios: Sequence[int], ends: np.ndarray) -> Scaler:
    """Measure columns over all series, on the rows up to `ends` [S]."""
    found = Moments(len(columns))
    which = np.isin(list(columns), list(ratios))
    for batch in series_batches(panel, columns):
        found.add(np.where(_up_to(batch, ends)[:, None], as_ratios(batch, which), np.nan))
    return found.scaler()


def scales_of_series(
    panel: Panel, num_targets: int, ends: np.ndarray, pooled: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Measure level and unit of each target in each series [S, T], on the rows up to `ends` [S].

    A series that never changes there has the unit that all have together, `pooled` [T].
    """
    level, unit = np.zeros((2, len(panel), num_targets))
    for batch in series_batches(panel, range(num_targets)):
        seen = np.where(_up_to(batch, ends)[:, None], batch.values, np.nan)
        mean, deviation = batch.of_series(seen)
        level[batch.series] = mean
        unit[batch.series] = np.where(deviation > ROUNDING * np.maximum(np.abs(mean), 1e-300), deviation, pooled)
    return level, unit


def _up_to(batch: Batch, ends: np.ndarray) -> np.ndarray:
    rows = np.arange(batch.rows.start, batch.rows.stop)
    return np.asarray(rows < ends[batch.series][batch.number])
