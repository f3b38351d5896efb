"""A table made ready for a model: chosen columns on one scale, missing values marked, the clock as features."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from infrastructure.data.series.calendar import Calendar
from infrastructure.data.series.covariates import CovariateRecipe, Covariates
from infrastructure.data.series.public_holidays import Holidays
from infrastructure.data.series.scaler import Scaler
from infrastructure.data.series.target_values import TargetValues, kept_to
from infrastructure.data.series.value_scale import ValueScale, as_learnt

LARGEST = float(np.finfo(np.float64).max)  # no forecast lies farther out
FARTHEST = 1e9  # standard deviations: nobody asks how much farther away 0 is


@dataclass(frozen=True)
class SeriesRecipe:
    """Everything that turns a table into the inputs of a trained model; it travels with the model as JSON.

    The first `num_targets` of `names` are what is forecast. `covariates` are there for tables of many series, and for
    those of which more is known than the past. `values` say of each target what it can be, none for anything, and
    `scales` on which scale it is learnt, none for the plain one.
    """

    names: tuple[str, ...]
    num_targets: int
    scaler: Scaler
    calendar: Calendar
    context_length: int
    horizons: tuple[int, ...]
    covariates: CovariateRecipe | None = None
    values: tuple[TargetValues, ...] = ()
    scales: tuple[ValueScale, ...] = ()

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the T targets."""
        return self.names[: self.num_targets]

    @property
    def target_scales(self) -> tuple[float, ...]:
        """Standard deviations of the T targets in their own units."""
        return self.scaler.scale[: self.num_targets]

    @property
    def target_values(self) -> tuple[TargetValues, ...]:
        """What values of the T targets can be."""
        return self.values or (TargetValues(),) * self.num_targets

    def series(self, columns: np.ndarray, stamps: np.ndarray | None) -> "Series":
        """Make columns [N, V], in the order of `names` and NaN where missing, ready."""
        values = self.scaler.scaled(columns)
        observed = np.isfinite(values)
        values[~observed] = 0.0
        clock = stamps if stamps is not None else np.zeros(len(columns), dtype=np.int64)
        level, unit = (np.array([of[: self.num_targets]]) for of in (self.scaler.mean, self.scaler.scale))
        calendar = self.calendar.features(clock)
        return Series(values, observed, calendar, self.num_targets, self, level=level, unit=unit)

    def in_own_units(
        self, forecast: np.ndarray, level: np.ndarray | None = None, unit: np.ndarray | None = None
    ) -> np.ndarray:
        """Bring forecasts [..., T, H, Q] back from the standardised scale, in fp64, to what values can be.

        `level` and `unit` [..., T] are those of their series, else those of the recipe.
        """
        level, unit = self._place(level, unit)
        with np.errstate(over="ignore"):
            own = forecast.astype(np.float64) * unit + level
        return kept_to(self.values, np.clip(own, -LARGEST, LARGEST))

    def on_plain_scale(
        self, forecast: np.ndarray, level: np.ndarray | None = None, unit: np.ndarray | None = None
    ) -> np.ndarray:
        """Bring forecasts [B, T, H, Q] of a model from the scale of learning to the standardised one.

        `level` and `unit` [B, T] are those of their series, else those of the recipe.
        """
        if not self.scales:
            return forecast
        level, unit = self._place(level, unit)
        zero = np.broadcast_to((-level / unit)[..., 0, 0], forecast.shape[:2])
        plain = as_learnt(self.scales, forecast, zero, axis=1, back=True)
        # An exponential may be rounded otherwise at another place of an array, and what was equal would cross.
        return np.asarray(np.maximum.accumulate(plain, axis=-1))

    def kept_to(
        self, forecast: np.ndarray, level: np.ndarray | None = None, unit: np.ndarray | None = None
    ) -> np.ndarray:
        """Bring standardised forecasts [..., T, H, Q] to what values can be; what ascends in Q goes on to do so."""
        if all(of_target.are_free for of_target in self.values):
            return forecast
        # There and back again for all quantiles of a target: each step rounds, and none can turn their order. A bound
        # becomes to the bit what values in the table that reach it are.
        level, unit = self._place(level, unit)
        free = np.array([of_target.are_free for of_target in self.values]).reshape(-1, 1, 1)
        kept = kept_to(self.values, forecast.astype(np.float64) * unit + level)
        return np.where(free, forecast, ((kept - level) / unit).astype(forecast.dtype))

    def _place(self, level: np.ndarray | None, unit: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Give what brings targets back to their own units, [..., T, 1, 1] each."""
        own_level, own_unit = (np.array(of[: self.num_targets]) for of in (self.scaler.mean, self.scaler.scale))
        found = own_level if level is None else level, own_unit if unit is None else unit
        return found[0][..., None, None], found[1][..., None, None]

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        values = asdict(self)
        if self.covariates is None:
            del values["covariates"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SeriesRecipe":
        """Read what `to_json` gave, once it has been through a file."""
        scaler = Scaler(tuple(values["scaler"]["mean"]), tuple(values["scaler"]["scale"]))
        of_clock, told = values["calendar"], values["calendar"].get("holidays")
        holidays = Holidays(**{**told, "places": tuple(told["places"])}) if told else None
        calendar = Calendar(**{**of_clock, "names": tuple(of_clock["names"]), "holidays": holidays})
        return cls(
            names=tuple(values["names"]),
            num_targets=values["num_targets"],
            scaler=scaler,
            calendar=calendar,
            context_length=values["context_length"],
            horizons=tuple(values["horizons"]),
            covariates=CovariateRecipe.from_json(beside) if (beside := values.get("covariates")) else None,
            values=tuple(TargetValues(**of_target) for of_target in values["values"]),
            scales=tuple(ValueScale(**of_target) for of_target in values["scales"]),
        )


@dataclass(frozen=True)
class Series:
    """The arrays that all windows are cut from: one series, or S of them, one behind the other.

    Shapes: values [N, V] fp32 standardised and 0 where missing, observed [N, V], calendar [U, F]; `moments` [N] are the
    rows of the calendar, None where each has its own. The rows of series i are those from `offsets[i]` [S + 1] up to
    `offsets[i + 1]`. `level` and `unit` [S, T] bring the targets of each back to their own units; None where nobody
    needs to know.
    """

    values: np.ndarray
    observed: np.ndarray
    calendar: np.ndarray
    num_targets: int
    recipe: SeriesRecipe | None = None
    offsets: np.ndarray | None = None
    moments: np.ndarray | None = None
    level: np.ndarray | None = None
    unit: np.ndarray | None = None
    covariates: Covariates | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def ends(self) -> np.ndarray:
        """Where each series begins, and the last one ends [S + 1]."""
        return np.array([0, len(self)]) if self.offsets is None else self.offsets

    def numbers_of(self, rows: np.ndarray) -> np.ndarray:
        """Tell which series rows are of."""
        return np.searchsorted(self.ends, rows, side="right") - 1

    def history(self, anchors: np.ndarray, length: int) -> dict[str, np.ndarray]:
        """Give the `length` rows that end with each anchor [B]; nothing behind an anchor is read.

        Shapes: `values` and `observed` [B, L, V], `calendar` [B, L, F]. What would lie before the first row of a series
        is not observed. Where targets are learnt on another scale, `seen` has the values on it.
        """
        first = self.ends[self.numbers_of(anchors)][:, None]
        rows = anchors[:, None] + np.arange(1 - length, 1)  # [B, L]
        there = rows >= first
        rows = np.maximum(rows, first)
        observed = self.observed[rows] & there[..., None]
        values = self.values[rows]
        if not there.all():
            values[~there] = 0.0
        found = {"values": values, "observed": observed, "calendar": self._calendar_at(rows)}
        if self.covariates is not None:
            found["categories"] = np.where(there[..., None], self.covariates.categories[rows], 0).astype(np.int64)
        if self.is_mapped:
            seen = as_learnt(self._scales, values, self._zero(anchors), axis=2)
            found["seen"] = np.where(observed, seen, np.float32(0.0))
        return found

    def targets(self, anchors: np.ndarray, steps: Sequence[int]) -> np.ndarray:
        """Give what came at `steps` ahead of each anchor, [B, T, H] fp32; NaN where nothing was observed."""
        rows, there = self._ahead(anchors, steps)
        known = self.observed[rows, : self.num_targets] & there[..., None]
        return np.where(known, self.values[rows, : self.num_targets], np.nan).transpose(0, 2, 1)

    @property
    def is_mapped(self) -> bool:
        """Tell whether targets are learnt on another scale than the standardised one."""
        return bool(self._scales)

    def learnt(self, anchors: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Bring targets [B, T, H] of windows to the scale on which they are learnt."""
        return as_learnt(self._scales, target, self._zero(anchors), axis=1)

    @property
    def _scales(self) -> tuple[ValueScale, ...]:
        return () if self.recipe is None else self.recipe.scales

    def _zero(self, anchors: np.ndarray) -> np.ndarray:
        """Tell where the units of the targets have their 0 [B, T]."""
        return self.zero[self.numbers_of(anchors)]

    @cached_property
    def zero(self) -> np.ndarray:
        """Where the units of the targets of each series have their 0, standardised [S, T]."""
        assert self.level is not None
        assert self.unit is not None
        return np.asarray(-self.level / self.unit)

    def known_ahead(self, anchors: np.ndarray, reach: int) -> dict[str, np.ndarray]:
        """Give what is known beforehand of the `reach` steps ahead of each anchor, and of its series; never a target.

        Shapes: `ahead` [B, R, 2 K + F], the K columns that are known ahead, whether each is known, and the calendar;
        `ahead_categories` [B, R, Ck], `static` [B, A], `static_categories` [B, E], and `zero` [B, T], what 0 is on the
        scale of the targets.
        """
        assert self.covariates is not None
        beside = self.covariates
        rows, there = self._ahead(anchors, np.arange(1, reach + 1))
        first = self.values.shape[1] - beside.num_known
        known = self.observed[rows, first:] & there[..., None]
        values = np.where(known, self.values[rows, first:], np.float32(0.0))
        of_rows = beside.categories[rows, beside.categories.shape[1] - beside.num_known_categories :]
        series = self.numbers_of(anchors)
        return {
            "ahead": np.concatenate([values, known.astype(np.float32), self._calendar_at(rows)], axis=-1),
            "ahead_categories": np.where(there[..., None], of_rows, 0).astype(np.int64),
            "zero": np.clip(self.zero[series], -FARTHEST, FARTHEST).astype(np.float32),
            "static": beside.static[series],
            "static_categories": beside.static_categories[series].astype(np.int64),
        }

    def _ahead(self, anchors: np.ndarray, steps: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the rows `steps` [H] behind anchors [B], and whether they are of the same series: [B, H] each."""
        end = self.ends[self.numbers_of(anchors) + 1][:, None]
        rows = anchors[:, None] + np.asarray(steps)
        return np.minimum(rows, end - 1), rows < end

    def _calendar_at(self, rows: np.ndarray) -> np.ndarray:
        return self.calendar[rows if self.moments is None else self.moments[rows]]
