"""What a page knows of forecasts: those of some windows, what came, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from domain.interval import Interval
from infrastructure.data.panel.ids import named
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.data.series.windows import Windows, overlap_in_time
from infrastructure.reports.page.blocks import Points
from infrastructure.statistics.ratios import interval_of_windows
from infrastructure.tasks.series.page.row_times import RowTimes
from infrastructure.tasks.series.scoring.calibration import Calibration
from infrastructure.tasks.series.scoring.metrics import median_of, symmetric_pairs
from infrastructure.tasks.series.scoring.thinned import WindowForecast

STANDARDISED = "standard deviations of the training part"
_WINDOWS_AT_ONCE = 1_000
_SEED = 0


@dataclass(frozen=True)
class OneSeries:
    """One target of one series, by its `name`: `places` [k] are its windows among those that are seen."""

    name: str
    number: int
    target: int
    places: np.ndarray


@dataclass(frozen=True)
class Seen:
    """Forecasts of some windows [K], standardised: `forecast` as given away, `plain` before it was calibrated.

    Shapes: rows [K] are the numbers of the windows among the `num_scored` of `windows`; forecast and plain
    [K, T, H, Q], target [K, T, H] NaN where unknown, last [K, T] NaN where there is none. `told` says what the
    calibration rests on.
    """

    windows: Windows
    recipe: SeriesRecipe
    levels: tuple[float, ...]
    rows: np.ndarray
    forecast: np.ndarray
    plain: np.ndarray | None
    target: np.ndarray
    last: np.ndarray
    told: str = ""

    @classmethod
    def of(
        cls,
        windows: Windows,
        recipe: SeriesRecipe,
        levels: Sequence[float],
        calibration: Calibration | None,
        kept: np.ndarray,
    ) -> "Seen":
        """Take what was kept of windows [N]: a `WindowForecast` each, or None."""
        rows = np.flatnonzero([found is not None for found in kept])
        found: list[WindowForecast] = kept[rows].tolist()
        forecast, target, last, assumed, width = (np.stack(values) for values in zip(*found, strict=True))
        series, plain = windows.series, None
        number = series.numbers_of(windows.anchors[rows])
        place = [None if of is None else of[number] for of in (series.level, series.unit)]
        if calibration is not None:
            plain, starts = forecast, range(0, len(forecast), _WINDOWS_AT_ONCE)
            parts = [slice(start, start + _WINDOWS_AT_ONCE) for start in starts]  # in float64 all would be large
            forecast = np.concatenate([calibration.applied(plain[part], assumed[part], width[part]) for part in parts])
            plain = recipe.kept_to(plain, *place)
        told = calibration.rests_on if calibration is not None else ""
        return cls(windows, recipe, tuple(levels), rows, recipe.kept_to(forecast, *place), plain, target, last, told)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def horizons(self) -> np.ndarray:
        """Steps ahead [H]."""
        return np.array(self.recipe.horizons)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the targets."""
        return self.recipe.target_names

    @property
    def anchors(self) -> np.ndarray:
        """The last row that each window saw [K]."""
        return self.windows.anchors[self.rows]

    @cached_property
    def numbers(self) -> np.ndarray:
        """The series that each window is of [K]."""
        return self.windows.series.numbers_of(self.anchors)

    @cached_property
    def each(self) -> Sequence[OneSeries]:
        """All that one chart can show: each target of each series that has a window."""
        order = np.argsort(self.numbers, kind="stable")
        kinds, starts = np.unique(self.numbers[order], return_index=True)
        places = np.split(order, starts[1:])
        return [
            OneSeries(self._name(int(number), target), int(number), target, of_number)
            for number, of_number in zip(kinds, places, strict=True)
            for target in range(len(self.names))
        ]

    def _name(self, number: int, target: int) -> str:
        """Name a series of a long table by what tells it apart, and by the target where there are several."""
        table = self.windows.table
        series = named(table.series.ids[number]) if isinstance(table, LongTable) else ""
        return ", ".join(
            [*([self.names[target]] if len(self.names) > 1 or not series else []), *filter(None, [series])]
        )

    @property
    def overlap(self) -> int:
        """Count the successive ones of these windows that share a step of what follows them."""
        table = self.windows.table
        if isinstance(table, LongTable) and table.stamps is not None:
            return overlap_in_time(table.stamps[self.anchors], int(self.horizons[-1]) * (table.step or 1))
        apart = int(np.median(np.diff(self.anchors))) if len(self) > 1 else 1
        return max(1, -(-int(self.horizons[-1]) // max(1, apart)))

    @cached_property
    def median(self) -> np.ndarray:
        """The median of each forecast [K, T, H]."""
        return median_of(self.forecast, self.levels)

    @cached_property
    def known(self) -> np.ndarray:
        """Where something came that can be compared [K, T, H]."""
        return np.isfinite(self.target) & np.isfinite(self.median)

    @cached_property
    def errors(self) -> np.ndarray:
        """What came less the median [K, T, H], NaN where it is not known."""
        return np.where(self.known, self.target - self.median, np.nan)

    @cached_property
    def error_of_windows(self) -> np.ndarray:
        """The mean absolute error of each window and series [K, T], standardised; NaN where nothing is known."""
        counts = self.known.sum(axis=2)
        sums = np.nansum(np.abs(self.errors), axis=2)
        return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)

    def error_of(self, one: OneSeries) -> float:
        """Give the mean absolute error of a series over its windows, standardised; NaN where nothing is known."""
        errors = self.error_of_windows[one.places, one.target]
        return float(np.nanmean(errors)) if np.isfinite(errors).any() else float("nan")

    @property
    def pairs(self) -> list[tuple[int, int, str]]:
        """Give the intervals between two levels, the widest first: both places, and "80 %"."""
        pairs = symmetric_pairs(self.levels)
        return [(low, high, f"{100 * (self.levels[high] - self.levels[low]):g} %") for low, high in pairs]

    @property
    def units(self) -> np.ndarray:
        """What errors of each window and target are multiplied by to be told [K, T]: one target has its own unit."""
        return self._scales[1][self.numbers] if len(self.names) == 1 else np.ones((len(self), len(self.names)))

    @property
    def _scales(self) -> tuple[np.ndarray, np.ndarray]:
        """Level and unit of each target of each series [S, T]."""
        series = self.windows.series
        assert series.level is not None
        assert series.unit is not None
        return series.level, series.unit

    def deviation(self, one: OneSeries) -> float:
        """Give the standard deviation of a series, in its own unit."""
        return float(self._scales[1][one.number, one.target])

    @property
    def unit(self) -> str:
        """Name the unit of errors over all targets."""
        return f"in the unit of {self.names[0]}" if len(self.names) == 1 else f"in {STANDARDISED}"

    def own(self, values: np.ndarray, one: OneSeries) -> np.ndarray:
        """Bring values of a series back to the unit of the table, in fp64."""
        level, unit = (of[one.number, one.target] for of in self._scales)
        return np.asarray(values.astype(np.float64) * unit + level)

    def rows_of(self, one: OneSeries) -> tuple[int, int]:
        """Give where a series begins in the table, and the row behind its last one."""
        ends = self.windows.series.ends
        return int(ends[one.number]), int(ends[one.number + 1])

    def observed(self, rows: np.ndarray, one: OneSeries) -> np.ndarray:
        """Give what the table holds of a series at rows [n], NaN where nothing, in its own unit."""
        series, (first, end) = self.windows.series, self.rows_of(one)
        there = (rows >= first) & (rows < end)
        inside = np.clip(rows, first, end - 1)
        values = np.where(series.observed[inside, one.target] & there, series.values[inside, one.target], np.nan)
        return self.own(values, one)

    def interval(self, sums: np.ndarray, counts: np.ndarray) -> Interval:
        """Give the interval of sum / count over these windows, blocks of them resampled; both [K]."""
        return interval_of_windows(sums, counts, self.overlap, _SEED)

    @property
    def clock(self) -> RowTimes:
        """Name rows by their times."""
        return RowTimes(self.windows)


def points(values: np.ndarray) -> Points:
    """Give numbers for a chart, None where there is none."""
    return [value if np.isfinite(value) else None for value in values.astype(np.float64).tolist()]


def listed(names: Sequence[str]) -> str:
    """Join names as in a sentence."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
