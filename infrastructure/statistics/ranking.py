"""How well scores put rows of one side before those of the other."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


def average_precision(scores: Floats, is_positive: Booleans) -> float | None:
    """Sum precision over the recall gained at each distinct score, without interpolation; equal scores count as one.

    Shapes: scores [N], is_positive [N]. None without positives, and without negatives, where any order is perfect.
    Source: the definition of sklearn.metrics.average_precision_score.
    """
    thresholds, gained = np.unique(scores[is_positive], return_counts=True)  # [T] ascending
    negatives = np.sort(scores[~is_positive])
    if not gained.size or not negatives.size:
        return None
    hits = gained[::-1].cumsum()[::-1]  # positives at or above each threshold
    false_alarms = negatives.size - np.searchsorted(negatives, thresholds, side="left")
    return float((gained * (hits / (hits + false_alarms))).sum() / gained.sum())


def area_under_roc(scores: Floats, is_positive: Booleans) -> float | None:
    """Give the chance that a positive outranks a negative, a tie counting half; None when either is missing.

    Shapes: scores [N], is_positive [N].
    """
    thresholds, gained = np.unique(scores[is_positive], return_counts=True)
    negatives = np.sort(scores[~is_positive])
    if not gained.size or not negatives.size:
        return None
    below = np.searchsorted(negatives, thresholds, side="left")
    below_or_equal = np.searchsorted(negatives, thresholds, side="right")
    return float((gained * (below + below_or_equal)).sum() / (2 * gained.sum() * negatives.size))
