"""On which scale the columns of a table of many series are read, measured on the training part, in little memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from infrastructure.data.panel.order import batches
from infrastructure.data.panel.panel import Panel
from infrastructure.data.series.scaler import Scaler

# What rounding leaves of a constant is no deviation.
ROUNDING = 1e-12


class Moments:
    """Counts, means and squared deviations of columns [C], batch by batch, in fp64; NaN is left out.

    Means and squares are in a `unit` [C] of their own, which grows with the values.
    Source: Chan, Golub and LeVeque, The American Statistician 37 (1983), for joining those of two batches.
    """

    def __init__(self, num_columns: int) -> None:
        self.count, self.mean, self.squares, self.unit = np.zeros((4, num_columns))

    def add(self, values: np.ndarray) -> None:
        """Take in values [n, C]."""
        unit = np.maximum(self.unit, power_below(np.fmax.reduce(np.abs(values), axis=0, initial=0.0)))
        self.mean, self.squares = self.mean * (self.unit / unit), self.squares * (self.unit / unit) ** 2
        self.unit, values = unit, values / unit
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
        mean = self.mean * self.unit
        scale = np.sqrt(self.squares / np.maximum(self.count, 1)) * self.unit
        rounding = ROUNDING * np.maximum(np.abs(mean), 1e-300)
        scale = np.where(scale > rounding, scale, np.maximum(rounding, 1.0))  # 1 is none beside values far beyond it
        return Scaler(tuple(mean.tolist()), tuple(scale.tolist()))


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
        """Give mean and standard deviation of each series [s, C] over values [n, C], NaN left out; NaN without any."""
        known = np.isfinite(values)
        units = power_below(np.nan_to_num(np.fmax.reduceat(np.abs(values), self.starts, axis=0)))
        scaled = np.where(known, values / units[self.number], 0.0)
        count = np.add.reduceat(known.astype(np.int64), self.starts, axis=0)
        count = np.where(count > 0, count, np.nan)
        mean = np.add.reduceat(scaled, self.starts, axis=0) / count
        squares = np.where(known, scaled - mean[self.number], 0.0) ** 2
        return mean * units, np.sqrt(np.add.reduceat(squares, self.starts, axis=0) / count) * units

    def up_to(self, ends: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Give values [n, C], NaN in all rows but those up to the `ends` [S] of their series."""
        rows = np.arange(self.rows.start, self.rows.stop)
        return np.where((rows < ends[self.series][self.number])[:, None], values, np.nan)


def power_below(largest: np.ndarray) -> np.ndarray:
    """Give powers of two near some sizes: in their units no sum and no square leaves fp64, and no digit is lost."""
    return np.asarray(np.ldexp(1.0, np.frexp(largest)[1] - 1))


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
        seen = batch.up_to(ends, batch.values)
        lowest = np.fmin(lowest, np.fmin.reduce(seen, axis=0))
        logs = np.log(np.where(seen > 0, seen, np.nan))
        total.add(logs)
        within.add(logs - batch.of_series(logs)[0][batch.number])
    apart, together = (moments.squares * moments.unit**2 for moments in (within, total))
    is_ratio = (lowest > 0) & np.isfinite(lowest) & (apart > 0) & (2 * apart < together)
    return [column for column, found in zip(columns, is_ratio, strict=True) if found]


def never_negative(panel: Panel, ends: np.ndarray) -> tuple[bool, ...]:
    """Tell of each target whether none of its values in the rows up to `ends` [S] is below 0."""
    lowest = np.full(panel.num_targets, np.inf)
    for batch in series_batches(panel, range(panel.num_targets)):
        lowest = np.fmin(lowest, np.fmin.reduce(batch.up_to(ends, batch.values), axis=0))
    return tuple((lowest >= 0.0).tolist())


def as_ratios(batch: Batch, which: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Give the values [n, C] of a batch, `which` [C] of them as logarithms less the mean of those up to `ends` [S].

    NaN throughout a series that has none up to there: there is nothing that they could be relative to.
    """
    if not which.any():
        return batch.values
    values = batch.values.copy()
    logs = np.log(np.where(values[:, which] > 0, values[:, which], np.nan))
    values[:, which] = logs - batch.of_series(batch.up_to(ends, logs))[0][batch.number]
    return values


def pooled_scaler(panel: Panel, columns: Sequence[int], ratios: Sequence[int], ends: np.ndarray) -> Scaler:
    """Measure columns over all series, on the rows up to `ends` [S]."""
    found = Moments(len(columns))
    which = np.isin(list(columns), list(ratios))
    for batch in series_batches(panel, columns):
        found.add(batch.up_to(ends, as_ratios(batch, which, ends)))
    return found.scaler()


def scales_of_series(
    panel: Panel, num_targets: int, ends: np.ndarray, pooled: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Measure level and unit of each target in each series [S, T], on the rows up to `ends` [S].

    A series that never changes there has the unit that all have together, `pooled` [T], but one no larger than itself
    unless it is 0: beside large ones it is small all the same.
    """
    level, unit = np.zeros((2, len(panel), num_targets))
    for batch in series_batches(panel, range(num_targets)):
        mean, deviation = map(np.nan_to_num, batch.of_series(batch.up_to(ends, batch.values)))
        level[batch.series] = mean
        size = np.abs(mean)
        assumed = np.where(size > 0, np.minimum(pooled, size), pooled)
        unit[batch.series] = np.where(deviation > ROUNDING * np.maximum(size, 1e-300), deviation, assumed)
    return level, unit
