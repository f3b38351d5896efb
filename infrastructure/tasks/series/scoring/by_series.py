"""What forecasts are worth in each series of a long table, and on average over series, however large each is."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infrastructure.data.series.naive import CHANGE
from infrastructure.tasks.series.scoring.forecasts import Forecasts, Numbers
from infrastructure.tasks.series.scoring.metrics import Floats, median_of, symmetric_pairs
from infrastructure.tasks.series.scoring.rivals import REPEAT_LAST

PER_SERIES = "per_series"
UNWEIGHTED = "unweighted"
_MODEL = ""
_WINDOWS, _POINTS, _SIZE = "num_windows", "num_points", "size"
_UNIT, _CHANGE = "unit", "change"  # of a series, and no sums
_AVERAGED = ("loss", "mae", "mase", "wql")


class SeriesScores:
    """Sums and counts of each series [S] and target [T], divided once at the end.

    As many series are kept as came up to now: some 30 numbers each. Nothing is kept of windows that are of no series
    of a long table.
    """

    def __init__(self, quantiles: Sequence[float]) -> None:
        self._levels = tuple(float(level) for level in quantiles)
        self._pairs = symmetric_pairs(self._levels)
        self._values: dict[str, Floats] = defaultdict(lambda: np.zeros((0, 0)))  # by name, [S, T]
        self._rivals: list[str] = []

    @np.errstate(over="ignore")  # of values near the limits of fp64
    def add(self, found: Forecasts) -> None:
        """Take in a batch."""
        if found.series is None or found.unit is None or found.level is None:
            return
        target = found.target.astype(np.float64)
        known = ~np.isnan(target)
        truth, unit = np.where(known, target, 0.0), found.unit.astype(np.float64)
        self._add(found.series, _WINDOWS, np.asarray(known.any(axis=2)))
        self._add(found.series, _POINTS, known.sum(axis=2))
        own = np.abs(truth * unit[..., None] + found.level.astype(np.float64)[..., None])
        self._add(found.series, _SIZE, np.sum(own, axis=2, where=known))
        self._set(found.series, _UNIT, unit)
        self._set(found.series, _CHANGE, found.beside.get(CHANGE, np.full(unit.shape, np.nan)))
        self._add_errors(found.series, _MODEL, truth - median_of(found.forecast, self._levels), known)
        losses = np.zeros_like(truth)
        for index, level in enumerate(self._levels):
            losses += _pinball(truth - found.forecast[..., index], level) / len(self._levels)
        self._add(found.series, "loss", np.sum(losses, axis=2, where=known))
        for low, high in self._pairs:
            inside = (found.forecast[..., low] <= truth) & (truth <= found.forecast[..., high]) & known
            self._add(found.series, self._named(low, high), inside.sum(axis=2))
        self._add_rivals(found, truth, known)

    def metrics(self) -> dict[str, Any]:
        """Give the means over series and targets of each one's own scores, `..._unweighted`, and `num_series`.

        A score that a series has not, such as the MASE of one that never changed before, has no say. Nothing is given
        of one series alone.
        """
        found = self.scores() if self._values else {}
        num_series = int(np.count_nonzero(found[_WINDOWS].any(axis=1))) if found else 0
        if num_series < 2:
            return {}
        averaged = (f"{rival}{name}" for rival in ("", *(f"{rival}_" for rival in self._rivals)) for name in _AVERAGED)
        means = {name: found[name][np.isfinite(found[name])] for name in averaged}
        return {
            "num_series": num_series,
            **{f"{name}_{UNWEIGHTED}": float(of.mean()) if len(of) else float("nan") for name, of in means.items()},
        }

    @np.errstate(over="ignore", invalid="ignore")
    def scores(self) -> Mapping[str, NDArray[Any]]:
        """Give the scores of each series and target by name [S, T], NaN where there is none.

        `loss` is the mean pinball loss and `mae` the mean absolute error of the median, both standardised, and
        `mae_original` the latter in the unit of the series; `mase` is the error in units of what the series changes
        over a season of the training part, `wql` twice the pinball loss over the mean size of what came. Those of
        simple rivals stand under their names.
        """
        values = self._values
        points, unit, size = values[_POINTS], values[_UNIT], _ratio(values[_SIZE], values[_POINTS])
        change = np.where(values[_CHANGE] > 0, values[_CHANGE], np.nan)
        found: dict[str, NDArray[Any]] = {name: values[name].astype(np.int64) for name in (_WINDOWS, _POINTS)}
        for rival in (_MODEL, *self._rivals):
            start = f"{rival}_" if rival else ""
            counted = values[f"{start}count"]
            error, loss = _ratio(values[f"{start}mae"], counted), _ratio(values[f"{start}loss"], counted)
            found |= {f"{start}mae_original": error * unit, f"{start}mae": error, f"{start}loss": loss}
            found |= {f"{start}mase": error / change, f"{start}wql": _ratio(2.0 * loss * unit, size)}
        pairs = {self._named(low, high) for low, high in self._pairs}
        return {**found, **{name: _ratio(values[name], points) for name in sorted(pairs, reverse=True)}}

    def _add_rivals(self, found: Forecasts, truth: Floats, known: NDArray[np.bool_]) -> None:
        assert found.series is not None
        level = float(np.mean(self._levels))  # the pinball loss is linear in it
        beside: dict[str, Numbers] = {REPEAT_LAST: np.broadcast_to(found.last[..., None], truth.shape)}
        beside |= {name: forecast for name, forecast in found.beside.items() if name != CHANGE}
        self._rivals = list(beside)
        for name, forecast in beside.items():
            is_there = known & ~np.isnan(forecast)
            errors = truth - np.where(is_there, forecast, 0.0)
            self._add_errors(found.series, f"{name}_", errors, is_there)
            self._add(found.series, f"{name}_loss", np.sum(_pinball(errors, level), axis=2, where=is_there))

    def _add_errors(self, series: NDArray[Any], start: str, errors: Floats, counted: NDArray[np.bool_]) -> None:
        self._add(series, f"{start}mae", np.sum(np.abs(errors), axis=2, where=counted))
        self._add(series, f"{start}count", counted.sum(axis=2))

    def _add(self, series: NDArray[Any], name: str, values: NDArray[Any]) -> None:
        """Add values [B, T] to those of their series [B]."""
        np.add.at(self._with_room(series, name, values), series, values)

    def _set(self, series: NDArray[Any], name: str, values: NDArray[Any]) -> None:
        self._with_room(series, name, values)[series] = values

    def _with_room(self, series: NDArray[Any], name: str, values: NDArray[Any]) -> Floats:
        kept, least = self._values[name], int(series.max(initial=-1)) + 1
        if len(kept) < least:
            grown = np.zeros((max(least, 2 * len(kept)), values.shape[1]))
            if kept.size:
                grown[: len(kept)] = kept
            self._values[name] = kept = grown
        return kept

    def _named(self, low: int, high: int) -> str:
        return f"picp_{100 * (self._levels[high] - self._levels[low]):g}"


@dataclass(frozen=True)
class SeriesNames:
    """What tells the series of a long table apart: the columns, what stands there in each series, and the targets."""

    series_columns: tuple[str, ...]
    ids: Sequence[tuple[str, ...]]
    targets: tuple[str, ...]

    def columns(self, scored: SeriesScores) -> dict[str, list[Any]]:
        """Give a table by its columns: a row for each series and target that has a window, None for no score."""
        found = scored.scores()
        rows = np.argwhere(found[_WINDOWS] > 0)
        taken = {*found, "target"}
        ids = [self.ids[number] for number in rows[:, 0].tolist()]
        table: dict[str, list[Any]] = {
            f"{name}_of_series" if name in taken else name: [series[place] for series in ids]
            for place, name in enumerate(self.series_columns)
        }
        if len(self.targets) > 1:
            table["target"] = [self.targets[target] for target in rows[:, 1].tolist()]
        for name, values in found.items():
            table[name] = [None if value != value else value for value in values[tuple(rows.T)].tolist()]
        return table


def _pinball(errors: Floats, level: float) -> Floats:
    return np.maximum(level * errors, (level - 1.0) * errors)


def _ratio(total: Floats, count: Floats) -> Floats:
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
