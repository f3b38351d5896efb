"""From resampled values to an interval, corrected for bias and skewness."""

from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.interval import CONFIDENCE, UNKNOWN, Interval

Floats = NDArray[np.floating[Any]]
RESAMPLES = 1_000
SEED = 0  # the same rows have the same interval, whichever command scores them
ROUNDING = 1e-6  # of a value: what fp32 may make of equal ones

_NORMAL = NormalDist()
_DEVIATION = _NORMAL.inv_cdf((1 + CONFIDENCE) / 2)


def corrected_interval(estimate: float, resampled: Floats, without_one: Floats, weights: Floats) -> Interval:
    """Take an interval from resampled values, corrected for bias and for skewness (BCa).

    Shapes: resampled [R]; without_one [K] is the value when one row of a kind is left out, and weights [K] how many
    rows are of that kind. The estimate itself is never left outside.
    Source: Efron, Better Bootstrap Confidence Intervals, J. Amer. Statist. Assoc. 82 (1987).
    """
    if not (np.isfinite(estimate) and np.isfinite(resampled).all()):
        return UNKNOWN
    near = ROUNDING * abs(estimate)
    below = float((resampled < estimate - near).mean() + (resampled <= estimate + near).mean()) / 2  # a tie counts half
    least = 1 / (2 * len(resampled))
    bias = _NORMAL.inv_cdf(min(max(below, least), 1 - least))
    skewness = _acceleration(without_one, weights)
    levels = [_NORMAL.cdf(_shifted(bias, skewness, deviation)) for deviation in (-_DEVIATION, _DEVIATION)]
    low, high = np.quantile(resampled, levels).tolist()
    return Interval(min(low, estimate), max(high, estimate))


def normal_interval(estimate: float, without_one: Floats, weights: Floats, num_effective: float) -> Interval:
    """Take an interval from what leaving out one row at a time changes: its spread, and the bias that it shows.

    For a value that many rows or classes make normal. Shapes as in `corrected_interval`; `num_effective` of the rows
    are independent. The estimate itself is never left outside.
    Source: Efron, The Jackknife, the Bootstrap and Other Resampling Plans (1982), chapters 2 and 3.
    """
    num_rows = float(weights.sum())
    if num_rows < 2 or not (np.isfinite(estimate) and np.isfinite(without_one).all()):
        return UNKNOWN
    mean = float((weights * without_one).sum()) / num_rows
    for_rows = (num_rows - 1) * num_rows / num_effective  # what one row more or less does, times this, is what all do
    centre = estimate - (mean - estimate) * for_rows
    deviation = _DEVIATION * sqrt(float((weights * (without_one - mean) ** 2).sum()) / num_rows * for_rows)
    return Interval(min(centre - deviation, estimate), max(centre + deviation, estimate))


def stretched_interval(estimate: float, resampled: Floats, num_blocks: float) -> Interval:
    """Take percentiles that lie as far out as the t distribution of so few blocks has them.

    Source: Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69 (2015), the
    expanded percentile interval.
    """
    if not (np.isfinite(estimate) and np.isfinite(resampled).all()):
        return UNKNOWN
    level = _NORMAL.cdf(-_t_deviation(num_blocks - 1) * sqrt(num_blocks / (num_blocks - 1)))
    low, high = np.quantile(resampled, (level, 1 - level)).tolist()
    return Interval(min(low, estimate), max(high, estimate))


def _acceleration(without_one: Floats, weights: Floats) -> float:
    distances = (weights * without_one).sum() / weights.sum() - without_one
    spread = float((weights * distances**2).sum())
    return float((weights * distances**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0


def _shifted(bias: float, skewness: float, deviation: float) -> float:
    from_bias = bias + deviation
    slope = 1 - skewness * from_bias
    return bias + from_bias / slope if slope > 0 else from_bias + bias


def _t_deviation(freedom: float) -> float:
    """Give the deviation of Student's t by its expansion about the normal one; within 2 % from 4 degrees of freedom.

    Source: Abramowitz and Stegun, 26.7.5, its first three terms.
    """
    z = _DEVIATION
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return z + (z**3 + z) / (4 * freedom) + second
