"""The scale on which the values of a target are learnt: an increasing map, so that quantiles stay quantiles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.values import LOG, PLAIN

# Of the positive values this share lies below the width of a logarithm, which is straight within it and takes 0 for 0.
NARROW = 0.05
LEAST_WIDTH = 1e-3  # of the mean of the positive values: a single one near 0 decides nothing
TO_DEVIATIONS = 1.4826  # of a normal distribution, from the median of absolute deviations
# What changes by so much more where it is larger, as a rank correlation, and on a logarithm by less than half of that.
GROWS_WITH_LEVEL = 0.3
FEWEST = 30  # changes that tell
ROUNDING = 1e-6  # by which a 0 that was standardised in fp32 lies beside the 0 of its unit
LARGEST = 1e9  # standardised; what the exponential makes of a forecast beyond is none


@dataclass(frozen=True)
class ValueScale:
    """What a target is mapped by, from the standardised scale to that of learning, which is standardised too.

    With x the standardised value, for a logarithm from the 0 of its own unit and else from `centre`, it becomes
    sign(x) log(1 + |x| / width) or asinh(x / width), less `mean`, over `deviation`.
    Source of the latter: Uniejewski, Weron and Ziel, IEEE Trans. Power Systems 33 (2018).
    """

    kind: str = PLAIN
    centre: float = 0.0
    width: float = 1.0
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def fit(cls, kind: str, values: np.ndarray, zero: np.ndarray) -> "ValueScale":
        """Measure a scale on standardised values [N] of the training part; `zero` [N] is where their unit has its 0."""
        if kind == PLAIN or not len(values):
            return cls()
        values = values.astype(np.float64)
        if kind == LOG:
            positive = _from_zero(values, zero)
            positive = positive[positive > 0]
            if not len(positive):
                return cls()
            width = max(float(np.quantile(positive, NARROW)), LEAST_WIDTH * float(positive.mean()))
            found = cls(kind, width=width)
        else:
            centre = float(np.median(values))
            width = TO_DEVIATIONS * float(np.median(np.abs(values - centre)))
            found = cls(kind, centre=centre, width=width if width > 0 else 1.0)
        mapped = found.learnt(values, zero)
        deviation = float(mapped.std())
        return cls(kind, found.centre, found.width, float(mapped.mean()), deviation if deviation > 0 else 1.0)

    def learnt(self, values: np.ndarray, zero: np.ndarray) -> np.ndarray:
        """Map standardised values, in fp64; `zero` where their unit has its 0."""
        if self.kind == PLAIN:
            return values
        away = (values.astype(np.float64) - self._origin(zero)) / self.width
        mapped = np.sign(away) * np.log1p(np.abs(away)) if self.kind == LOG else np.arcsinh(away)
        return np.asarray((mapped - self.mean) / self.deviation)

    def standardised(self, values: np.ndarray, zero: np.ndarray) -> np.ndarray:
        """Map back, in fp64; none becomes larger than LARGEST."""
        if self.kind == PLAIN:
            return values
        mapped = values.astype(np.float64) * self.deviation + self.mean
        of_largest = np.log1p(LARGEST / self.width) if self.kind == LOG else np.arcsinh(LARGEST / self.width)
        mapped = np.clip(mapped, -of_largest, of_largest)
        away = np.sign(mapped) * np.expm1(np.abs(mapped)) if self.kind == LOG else np.sinh(mapped)
        return np.asarray(away * self.width + self._origin(zero))

    def _origin(self, zero: np.ndarray) -> np.ndarray | float:
        return zero if self.kind == LOG else self.centre


def as_learnt(
    scales: Sequence[ValueScale], values: np.ndarray, zero: np.ndarray, axis: int, back: bool = False
) -> np.ndarray:
    """Map the T targets along an axis of `values`, whose other parts stay, or map them `back`.

    `zero` [B, T] says for each window where the units of its targets have their 0.
    """
    out = values.copy()
    places = np.moveaxis(out, axis, 1)  # a view [B, V, ...]
    for number, scale in enumerate(scales):
        if scale.kind != PLAIN:
            of_target = places[:, number]
            there = zero[:, number].reshape(-1, *(1,) * (of_target.ndim - 1))
            places[:, number] = (scale.standardised if back else scale.learnt)(of_target, there)
    return out


def suits_log(before: np.ndarray, after: np.ndarray, zero: np.ndarray) -> bool:
    """Tell whether a logarithm suits values that follow each other, all [N] standardised; `zero` as in `fit`.

    It does where none is negative and changes grow with the level, the mean of both: as ranks the two go together, and
    on the logarithm less than half as much.
    """
    values, zeros = np.concatenate([before, after]), np.tile(zero, 2)
    if (_from_zero(values, zeros) < 0).any():
        return False
    scale = ValueScale.fit(LOG, values, zeros)
    plain = _together(before.astype(np.float64), after.astype(np.float64))
    mapped = _together(scale.learnt(before, zero), scale.learnt(after, zero))
    return plain >= GROWS_WITH_LEVEL and abs(mapped) < plain / 2


def _from_zero(values: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Measure standardised values from the 0 of their unit, in fp64; those that are 0 there are 0."""
    away = values.astype(np.float64) - zero
    return np.where(np.abs(away) <= ROUNDING * np.maximum(np.abs(zero), 1.0), 0.0, away)


def _together(before: np.ndarray, after: np.ndarray) -> float:
    """Correlate the ranks of changes and levels."""
    if len(before) < FEWEST:
        return 0.0
    changes, levels = (np.argsort(np.argsort(of)) for of in (np.abs(after - before), after + before))
    return float(np.corrcoef(changes, levels)[0, 1])
