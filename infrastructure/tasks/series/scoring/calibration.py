"""Corrects how wide forecasts are by what a held-out part shows: conformal calibration of quantiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.exceptions import ConfigurationError
from infrastructure.tasks.series.scoring.metrics import Booleans, Floats, Numbers, median_of, median_place
from infrastructure.tasks.series.scoring.scattering import Keys, scattered

# A value that takes at least the first share of a target's points, as zero does of intermittent demand, is a mass: a
# quantile that would cut through it, and cover some of its points by a hair, is moved on to cover the second share.
MASS_SHARE, MASS_COVERED = 0.25, 0.99
MAX_POINTS = 200_000  # with seven quantiles 11 MB; the share at a level is then known to about 0.001


@dataclass(frozen=True)
class Calibration:
    """Moves each quantile away from the median or towards it, by one factor for each level [Q].

    q' = median + factor * (q - median), so the median stays; where it is only interpolated, it is the place the others
    move from, and one interpolated afterwards may differ. A quantile that would come to lie inside its inner
    neighbour is pushed outward to it, so the order holds exactly; where no two cross, each level keeps its own factor.
    Fields are plain numbers, so `dataclasses.asdict` gives what JSON can hold, and lists are taken back.
    Raises: ConfigurationError for a factor that is negative or not finite, or another count of them than of levels.
    """

    quantiles: tuple[float, ...]
    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", tuple(float(level) for level in self.quantiles))
        object.__setattr__(self, "factors", tuple(float(factor) for factor in self.factors))
        if len(self.factors) != len(self.quantiles):
            raise ConfigurationError(
                f"calibration has {len(self.factors)} factors for {len(self.quantiles)} quantiles, but needs one each.",
                remedy="Calibrate again with the quantiles of the model.",
            )
        wrong = [factor for factor in self.factors if not (math.isfinite(factor) and factor >= 0.0)]
        if wrong:
            raise ConfigurationError(
                f"calibration factor {wrong[0]} is not a finite number of at least 0.", remedy="Calibrate again."
            )

    def applied(self, forecast: Numbers, assumed: Booleans | None = None) -> Numbers:
        """Give the calibrated forecast [..., Q] in its own type; itself where every factor is 1.

        `forecast` ascends in Q, and so does the result. Where `assumed`, of the shape of its first axes, is True, it
        follows from the training part and stays as it is: factors are those of forecasts from a history.
        """
        assert forecast.shape[-1] == len(self.quantiles), "forecast must be [..., quantiles]"
        if all(factor == 1.0 for factor in self.factors):
            return forecast
        values = forecast.astype(np.float64)
        median = median_of(values, self.quantiles)
        factors = np.array(self.factors)
        # A factor of 1 keeps its values as they are: there and back again through the median would round them.
        moved = np.where(factors == 1.0, values, median[..., None] + factors * (values - median[..., None]))
        below, above = _sides(self.quantiles)
        edge = median
        for index in above:
            edge = moved[..., index] = np.maximum(edge, moved[..., index])
        edge = median
        for index in reversed(below):
            edge = moved[..., index] = np.minimum(edge, moved[..., index])
        if assumed is not None:
            moved[assumed] = values[assumed]
        return moved.astype(forecast.dtype)


class CalibrationFit:
    """Collects held-out points from batches and finds the factor of each level.

    A point is one observed target of one window at one horizon. Its ratio (target - median) / (q - median) is the
    factor that would just have reached it. The factor of a level is the ratio of rank ceil((n + 1) * share) among n
    points, at most that of rank n and at least 0; the share is the level above the median, 1 - level below it.

    For points exchangeable with those to come, a target then lies at or below an upper quantile with at least the
    chance of its level, and below a lower one with at most that; an interval of two is covered accordingly. Clamping
    the rank gives that up where n is below share / (1 - share). Points of a series are not exchangeable: they overlap
    between windows and the series drifts, so coverage on later data is near the nominal as far as that data resembles
    the held-out part, and is promised neither there nor for any one horizon, target or regime. The median is trusted:
    where it is biased by more than a quantile lies away from it, that quantile moves no farther than to the median.
    A forecast without any spread is left as it is by every factor, so its points have no say.
    Where a target has a mass, a quantile covers it or does not: intervals of intermittent demand cover more than their
    level, as the shortest that hold what comes with that chance must.
    Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), for the rank; Romano, Patterson
    and Candes, Conformalized Quantile Regression (2019), for correcting quantiles, there by a shift.
    """

    def __init__(self, quantiles: Sequence[float], max_points: int = MAX_POINTS, seed: int = 0) -> None:
        assert max_points > 0, "max_points must be above 0"
        self._levels = tuple(float(level) for level in quantiles)
        self._max_points = max_points
        self._offset = np.uint64(seed * 0xD1342543DE82EF95 % 2**64)  # odd, so each seed has its own
        self._num_seen = 0  # places of points, observed or not
        self._keys: Keys = np.empty(0, dtype=np.uint64)  # [N]
        self._ratios: Floats = np.empty((0, len(self._levels)))  # [N, Q]
        self._values: Floats = np.empty((0, 2))  # [N, 2]: number of the target, and what it was

    @property
    def num_points(self) -> int:
        """Count the points that the factors rest on."""
        return min(len(self._keys), self._max_points)

    def add(self, forecast: Numbers, target: Numbers) -> None:
        """Take in a batch, in the same order of windows each time; NaN targets weigh nothing.

        Shapes: forecast [B, ..., Q] ascending in Q, target [B] or [B, T, ...]. Of more than `max_points` points those
        with the smallest keys are kept, and a key is a hash of the place of the point among all: a seeded sample that
        is the same however the windows are batched.
        """
        assert forecast.shape == (*target.shape, len(self._levels)), "forecast must be [*target, quantiles]"
        places = self._num_seen + np.flatnonzero(~np.isnan(target))
        keys = scattered(places.astype(np.uint64) + self._offset)
        chosen = places - self._num_seen
        self._num_seen += target.size
        if len(self._keys) >= self._max_points:
            wanted = keys < self._keys.max()
            keys, chosen = keys[wanted], chosen[wanted]
        ratios = _ratios(forecast.reshape(-1, len(self._levels))[chosen], target.reshape(-1)[chosen], self._levels)
        numbers = chosen // math.prod(target.shape[2:]) % target.shape[1] if target.ndim > 1 else np.zeros_like(chosen)
        values = np.stack([numbers, target.reshape(-1)[chosen]], axis=-1)
        self._keys = np.concatenate([self._keys, keys])
        self._ratios = np.concatenate([self._ratios, ratios])
        self._values = np.concatenate([self._values, values])
        if len(self._keys) > self._max_points:
            kept = np.argpartition(self._keys, self._max_points - 1)[: self._max_points]
            self._keys, self._ratios, self._values = self._keys[kept], self._ratios[kept], self._values[kept]

    def fit(self, may_narrow: bool = True) -> Calibration:
        """Find the factors, none below 1 unless they `may_narrow`.

        They are 1 for the median, and for a level without a single point to tell by.
        """
        factors = [1.0] * len(self._levels)
        below, above = _sides(self._levels)
        in_mass = _in_mass(self._values)
        for index in (*below, *above):
            ratios = self._ratios[:, index]
            share = self._levels[index] if index in above else 1.0 - self._levels[index]
            usable = np.isfinite(ratios)
            factor = _conformal_factor(ratios[usable], share, ratios[usable & in_mass])
            factors[index] = factor if may_narrow else max(factor, 1.0)
        return Calibration(self._levels, tuple(factors))


def _sides(levels: Sequence[float]) -> tuple[range, range]:
    """Give the indices of the levels below the median and above it, both ascending."""
    low, high, _ = median_place(levels)
    if low == high:
        return range(low), range(low + 1, len(levels))
    return range(high), range(high, len(levels))


def _ratios(forecast: Numbers, target: Numbers, levels: Sequence[float]) -> Floats:
    """Give the factor that would just reach each target, NaN without spread. Shapes: [N, Q], [N] to [N, Q]."""
    median = median_of(forecast, levels)[:, None]
    spread = forecast.astype(np.float64) - median
    usable: Booleans = np.isfinite(spread) & (spread != 0.0)
    ratios = np.full(spread.shape, np.nan)
    # A spread of next to nothing may give infinity: such a point is out of reach, and left out like one without spread.
    with np.errstate(over="ignore"):
        np.divide(target.astype(np.float64)[:, None] - median, spread, out=ratios, where=usable)
    return ratios


def _in_mass(values: Floats) -> Booleans:
    """Tell which points [N] lie at a value that takes a large share of those of its target; values [N, 2]."""
    found: Booleans = np.zeros(len(values), dtype=bool)
    for number in np.unique(values[:, 0]):
        of_target = values[:, 0] == number
        distinct, counts = np.unique(values[of_target, 1], return_counts=True)
        if counts.max() >= MASS_SHARE * counts.sum():
            found |= of_target & (values[:, 1] == distinct[counts.argmax()])
    return found


def _conformal_factor(ratios: Floats, share: float, of_mass: Floats) -> float:
    if not ratios.size:
        return 1.0
    # Rounded first: (n + 1) * share just above a whole number would rank one too high.
    rank = min(math.ceil(round((ratios.size + 1) * share, 6)), ratios.size)
    factor = max(0.0, float(np.partition(ratios, rank - 1)[rank - 1]))
    if of_mass.size and of_mass.min() <= factor < of_mass.max():
        factor = max(factor, float(np.quantile(of_mass, MASS_COVERED)))
    return factor
