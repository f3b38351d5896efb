"""A table made ready for a model: chosen columns on one scale, missing values marked, the clock as features."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from infrastructure.data.series.calendar import Calendar

# Rows that are read together: a few MB, however long the table is.
CHUNK_ROWS = 1 << 16


@dataclass(frozen=True)
class Scaler:
    """Means and standard deviations of columns [V]; a column that never changes is only shifted."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, columns: np.ndarray) -> "Scaler":
        """Measure columns [N, V], NaN left out, in fp64; a column without values gives mean 0 and scale 1."""
        count = np.maximum(sum(np.isfinite(chunk).sum(axis=0) for chunk in _chunks(columns)), 1)
        largest = np.zeros(columns.shape[1])
        for chunk in _chunks(columns):
            largest = np.fmax(largest, np.fmax.reduce(np.abs(chunk), axis=0))
        # A power of two takes no digit away, and in its units neither a sum nor a square leaves fp64.
        unit = np.ldexp(1.0, np.frexp(largest)[1] - 1)
        mean = sum(np.nansum(chunk / unit, axis=0) for chunk in _chunks(columns)) / count * unit
        squares = sum(np.nansum(((chunk - mean) / unit) ** 2, axis=0) for chunk in _chunks(columns))
        scale = np.sqrt(squares / count) * unit
        # What rounding leaves of a constant column is no scale, and 1 is none beside values far beyond it.
        rounding = 1e-12 * np.maximum(np.abs(mean), 1e-300)
        scale = np.where(scale > rounding, scale, np.maximum(rounding, 1.0))
        return cls(tuple(mean.tolist()), tuple(scale.tolist()))

    def scaled(self, columns: np.ndarray) -> np.ndarray:
        """Give (columns - mean) / scale as fp32; NaN stays."""
        out = np.empty(columns.shape, dtype=np.float32)
        for start in range(0, len(columns), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            with np.errstate(over="ignore"):  # what fp32 cannot hold becomes infinite, and counts as missing
                out[rows] = (columns[rows] - np.array(self.mean)) / np.array(self.scale)
        return out


@dataclass(frozen=True)
class SeriesRecipe:
    """Everything that turns a table into the inputs of a trained model; it travels with the model as JSON.

    The first `num_targets` of `names` are what is forecast.
    """

    names: tuple[str, ...]
    num_targets: int
    scaler: Scaler
    calendar: Calendar
    context_length: int
    horizons: tuple[int, ...]

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the T targets."""
        return self.names[: self.num_targets]

    @property
    def target_scales(self) -> tuple[float, ...]:
        """Standard deviations of the T targets in their own units."""
        return self.scaler.scale[: self.num_targets]

    def series(self, columns: np.ndarray, stamps: np.ndarray | None) -> "Series":
        """Make columns [N, V], in the order of `names` and NaN where missing, ready."""
        values = self.scaler.scaled(columns)
        observed = np.isfinite(values)
        values[~observed] = 0.0
        clock = stamps if stamps is not None else np.zeros(len(columns), dtype=np.int64)
        return Series(values, observed, self.calendar.features(clock), self.num_targets, self)

    def in_own_units(self, forecast: np.ndarray) -> np.ndarray:
        """Bring forecasts [..., T, H, Q] back from the standardised scale, in fp64."""
        shape = (self.num_targets, 1, 1)
        mean = np.array(self.scaler.mean[: self.num_targets]).reshape(shape)
        return forecast.astype(np.float64) * np.array(self.target_scales).reshape(shape) + mean

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SeriesRecipe":
        """Read what `to_json` gave, once it has been through a file."""
        scaler = Scaler(tuple(values["scaler"]["mean"]), tuple(values["scaler"]["scale"]))
        calendar = Calendar(**{**values["calendar"], "names": tuple(values["calendar"]["names"])})
        return cls(
            names=tuple(values["names"]),
            num_targets=values["num_targets"],
            scaler=scaler,
            calendar=calendar,
            context_length=values["context_length"],
            horizons=tuple(values["horizons"]),
        )


@dataclass(frozen=True)
class Series:
    """One array that all windows are cut from.

    Shapes: values [N, V] fp32 standardised and 0 where missing, observed [N, V], calendar [N, F].
    """

    values: np.ndarray
    observed: np.ndarray
    calendar: np.ndarray
    num_targets: int
    recipe: SeriesRecipe | None = None

    def __len__(self) -> int:
        return len(self.values)

    def history(self, anchors: np.ndarray, length: int) -> dict[str, np.ndarray]:
        """Give the `length` rows that end with each anchor [B]; nothing behind an anchor is read.

        Shapes: `values` and `observed` [B, L, V], `calendar` [B, L, F]. What would lie before the first row is not
        observed.
        """
        rows = anchors[:, None] + np.arange(1 - length, 1)  # [B, L]
        there = rows >= 0
        rows = np.maximum(rows, 0)
        observed = self.observed[rows] & there[..., None]
        values = self.values[rows]
        if not there.all():
            values[~there] = 0.0
        return {"values": values, "observed": observed, "calendar": self.calendar[rows]}

    def targets(self, anchors: np.ndarray, steps: Sequence[int]) -> np.ndarray:
        """Give what came at `steps` ahead of each anchor, [B, T, H] fp32; NaN where nothing was observed."""
        rows = anchors[:, None] + np.asarray(steps)  # [B, H]
        there = rows < len(self)
        rows = np.minimum(rows, len(self) - 1)
        known = self.observed[rows, : self.num_targets] & there[..., None]
        return np.where(known, self.values[rows, : self.num_targets], np.nan).transpose(0, 2, 1)


def _chunks(columns: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(columns), CHUNK_ROWS):
        yield columns[start : start + CHUNK_ROWS]
