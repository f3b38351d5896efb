"""Whether scores say how often answers are right."""

from dataclasses import dataclass
from math import pi

import numpy as np

from domain.interval import UNKNOWN, Interval
from domain.significance import effective_trials
from infrastructure.statistics.corrected import normal_interval
from infrastructure.tasks.labels.metrics import NUM_CALIBRATION_BINS, calibration_bins
from infrastructure.tasks.labels.page.answered import Booleans, Floats, Integers


@dataclass(frozen=True)
class Calibration:
    """Scores beside the share of right answers, by the filled ones of 15 bins of equal width; arrays are [B].

    `error` is the expected calibration error, `by_chance` what scores that are true would show of it on so many rows,
    `surplus` by how much the mean score lies above the share of right answers.
    """

    low: Floats
    high: Floats
    counts: Integers
    scores: Floats
    right: Integers
    error: float
    interval: Interval
    by_chance: float
    surplus: float

    @property
    def accuracy(self) -> Floats:
        """The share of right answers in each bin."""
        return self.right / self.counts


def calibration_of(scores: Floats, is_right: Booleans, overlap: int = 1) -> Calibration:
    """Compare the scores of answers [N] with whether they are right [N]."""
    bins = calibration_bins(scores)
    counts = np.bincount(bins, minlength=NUM_CALIBRATION_BINS)
    score_sums = np.asarray(np.bincount(bins, scores, NUM_CALIBRATION_BINS), dtype=np.float64)
    right = np.asarray(np.bincount(bins, is_right, NUM_CALIBRATION_BINS), dtype=np.float64)
    filled, edges = counts > 0, np.linspace(0.0, 1.0, NUM_CALIBRATION_BINS + 1)
    num_effective = effective_trials(len(scores), overlap)
    surpluses = score_sums - right
    doubt = np.bincount(bins, weights=scores * (1 - scores), minlength=NUM_CALIBRATION_BINS)
    # A bin whose scores are true errs by a normal amount, whose mean size is sqrt(2 / pi) deviations.
    by_chance = float(np.sqrt(2 / pi * doubt * len(scores) / num_effective).sum() / len(scores))
    return Calibration(
        edges[:-1][filled],
        edges[1:][filled],
        counts[filled].astype(np.int64),
        (score_sums[filled] / counts[filled]),
        right[filled].astype(np.int64),
        float(np.abs(surpluses).sum() / len(scores)),
        _interval(scores - is_right, bins, surpluses, num_effective),
        by_chance,
        float(surpluses.sum() / len(scores)),
    )


def _interval(surplus: Floats, bins: Integers, surpluses: Floats, num_effective: float) -> Interval:
    """Take the spread of the error from leaving out each row [N] once, where it is known to lie between 0 and 1."""
    num_rows = len(surplus)
    if num_rows < 2:
        return UNKNOWN
    total, own = np.abs(surpluses).sum(), surpluses[bins]
    without_one = (total - np.abs(own) + np.abs(own - surplus)) / (num_rows - 1)
    found = normal_interval(float(total / num_rows), without_one, np.ones(num_rows), num_effective)
    return Interval(max(found.low, 0.0), min(found.high, 1.0))
