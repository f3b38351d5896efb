"""Moves quantiles away from the median or towards it, by factors that a held-out part gave."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from domain.exceptions import ConfigurationError
from infrastructure.tasks.series.scoring.forecasts import Booleans, Numbers
from infrastructure.tasks.series.scoring.metrics import Floats, median_of, median_place


@dataclass(frozen=True)
class Drift:
    """By how much bands of each target [T] are wider than calibrated, for what came lay less in them than it should.

    `num_blocks` independent blocks of windows are behind it, the last of which began at the stamp `until`, in
    microseconds; None without a clock.
    """

    widths: tuple[float, ...]
    num_blocks: float = 0.0
    until: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(float(width) for width in self.widths))

    @property
    def told(self) -> str:
        """Say how wide bands are now."""
        low, high = (f"{width:.2f}" for width in (min(self.widths), max(self.widths)))
        return f"follows what comes: {low if low == high else f'{low} to {high}'} times as wide in the end"


@dataclass(frozen=True)
class Calibration:
    """Moves each quantile away from the median or towards it, by one factor for each level [Q].

    q' = median + factor * (q - median), so the median stays; where it is only interpolated, it is the place the others
    move from, and one interpolated afterwards may differ. `by_target` [T] and `by_step` [H], where they are not empty,
    multiply the factors of each target and each horizon. A quantile that would come to lie inside its inner neighbour
    is pushed outward to it, so the order holds exactly; where no two cross, each level keeps its own factor. `told`
    says what all this rests on. With a `drift` bands follow what comes, from there on.
    Other fields are plain numbers, so `dataclasses.asdict` gives what JSON can hold, and lists are taken back.
    Raises: ConfigurationError for a factor that is negative or not finite, or another count of them than of levels.
    """

    quantiles: tuple[float, ...]
    factors: tuple[float, ...]
    by_target: tuple[float, ...] = ()
    by_step: tuple[float, ...] = ()
    told: str = field(default="", compare=False)
    drift: Drift | None = None

    def __post_init__(self) -> None:
        if isinstance(self.drift, Mapping):
            object.__setattr__(self, "drift", Drift(**self.drift))
        for name in ("quantiles", "factors", "by_target", "by_step"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        if len(self.factors) != len(self.quantiles):
            raise ConfigurationError(
                f"calibration has {len(self.factors)} factors for {len(self.quantiles)} quantiles, but needs one each.",
                remedy="Calibrate again with the quantiles of the model.",
            )
        wrong = [factor for factor in self._all if not (math.isfinite(factor) and factor >= 0.0)]
        if wrong:
            raise ConfigurationError(
                f"calibration factor {wrong[0]} is not a finite number of at least 0.", remedy="Calibrate again."
            )

    @property
    def rests_on(self) -> str:
        """Say what it rests on, and where its bands have come to."""
        return "; ".join(filter(None, (self.told, self.drift.told if self.drift else "")))

    @property
    def changes_nothing(self) -> bool:
        """Tell whether every factor is 1."""
        return all(factor == 1.0 for factor in self._all)

    @property
    def _all(self) -> tuple[float, ...]:
        return (*self.factors, *self.by_target, *self.by_step)

    def applied(self, forecast: Numbers, assumed: Booleans | None = None, width: Numbers | None = None) -> Numbers:
        """Give the calibrated forecast [..., Q] in its own type; itself where every factor is 1.

        `forecast` ascends in Q, and so does the result; with factors of targets or horizons it is [..., T, H, Q]. Where
        `assumed`, of the shape of its first axes, is True, it follows from the training part and stays as it is:
        factors are those of forecasts from a history. `width` [..., T] multiplies the factors; else those that bands
        have drifted to do, where they follow what comes.
        """
        assert forecast.shape[-1] == len(self.quantiles), "forecast must be [..., quantiles]"
        if width is None and self.drift is not None:
            width = np.array(self.drift.widths)
        if self.changes_nothing and width is None:
            return forecast
        values = forecast.astype(np.float64)
        median = median_of(values, self.quantiles)
        factors = self.factors_at_places()
        if width is not None:
            factors = factors * np.asarray(width)[..., None, None]
        # A factor of 1 keeps its values as they are: there and back again through the median would round them.
        moved = np.where(factors == 1.0, values, median[..., None] + factors * (values - median[..., None]))
        below, above = sides(self.quantiles)
        middle = set(range(len(self.quantiles))) - {*below, *above}
        for index in middle:
            moved[..., index] = values[..., index]
        edge = median
        for index in above:
            edge = moved[..., index] = np.maximum(edge, moved[..., index])
        edge = median
        for index in reversed(below):
            edge = moved[..., index] = np.minimum(edge, moved[..., index])
        if assumed is not None:
            moved[assumed] = values[assumed]
        return moved.astype(forecast.dtype)

    def factors_at_places(self) -> Floats:
        """Give the factors of all levels, [Q], or [T, H, Q] as far as they differ between targets and horizons."""
        factors = np.array(self.factors)
        if self.by_step:
            factors = factors * np.array(self.by_step)[:, None]  # [H, Q]
        if self.by_target:
            factors = factors * np.array(self.by_target)[:, None, None]  # [T, 1 or H, Q]
        return factors


def sides(levels: Sequence[float]) -> tuple[range, range]:
    """Give the indices of the levels below the median and above it, both ascending."""
    low, high, _ = median_place(levels)
    if low == high:
        return range(low), range(low + 1, len(levels))
    return range(high), range(high, len(levels))


def shares(levels: Sequence[float]) -> Floats:
    """Give how much lies on the median's side of each level [Q]: the level above the median, 1 - level below it."""
    _, above = sides(levels)
    return np.array([level if index in above else 1.0 - level for index, level in enumerate(levels)])
