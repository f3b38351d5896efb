"""Whether scores say how often answers are right."""

from dataclasses import dataclass
from math import erf, pi, sqrt
from statistics import NormalDist

import numpy as np

from domain.interval import UNKNOWN, Interval
from domain.significance import effective_trials
from infrastructure.statistics.corrected import normal_interval
from infrastructure.tasks.labels.metrics import NUM_CALIBRATION_BINS, calibration_bins
from infrastructure.tasks.labels.page.answered import Booleans, Floats, Integers

_ONE_SIDED = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True)
class Calibration:
    """Scores beside the share of right answers, by the filled ones of 15 bins of equal width; arrays are [B].

    `error` is the expected calibration error, `by_chance` what scores that are true would show of it on so many rows,
    and at `most_by_chance` in 95 of 100 cases; `surplus` is by how much the mean score lies above the share of right
    answers.
    """

    low: Floats
    high: Floats
    counts: Integers
    scores: Floats
    right: Integers
    error: float
    interval: Interval
    by_chance: float
    most_by_chance: float
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
    # A bin whose scores are true errs by a normal amount; the mean size of that is sqrt(2 / pi) deviations.
    doubt = np.bincount(bins, scores * (1 - scores), NUM_CALIBRATION_BINS) * len(scores) / num_effective
    by_chance = float(np.sqrt(2 / pi * doubt).sum() / len(scores))
    most_by_chance = by_chance + _ONE_SIDED * sqrt((1 - 2 / pi) * float(doubt.sum())) / len(scores)
    error = float(np.abs(surpluses).sum() / len(scores))
    interval = _interval(scores - is_right, bins, surpluses, num_effective)
    if error <= most_by_chance:
        interval = Interval(0.0 if interval.is_known else interval.low, interval.high)
    return Calibration(
        edges[:-1][filled],
        edges[1:][filled],
        counts[filled].astype(np.int64),
        (score_sums[filled] / counts[filled]),
        right[filled].astype(np.int64),
        error,
        interval,
        by_chance,
        most_by_chance,
        float(surpluses.sum() / len(scores)),
    )


def _interval(surplus: Floats, bins: Integers, surpluses: Floats, num_effective: float) -> Interval:
    """Take the spread of the error from leaving out each row [N] once, and its lower end lower by what chance adds.

    An error of bins is a sum of sizes, to which chance only adds.
    """
    num_rows = len(surplus)
    if num_rows < 2:
        return UNKNOWN
    total, own = np.abs(surpluses).sum(), surpluses[bins]
    without_one = (total - np.abs(own) + np.abs(own - surplus)) / (num_rows - 1)
    found = normal_interval(float(total / num_rows), without_one, np.ones(num_rows), num_effective)
    squares = np.bincount(bins, surplus**2, len(surpluses)) * num_rows / num_effective
    added = float(_sizes(surpluses, np.sqrt(squares)).sum() - total) / num_rows
    return Interval(max(found.low - added, 0.0), min(found.high, 1.0))


def _sizes(means: Floats, deviations: Floats) -> Floats:
    """Give the mean size of normal numbers with these means and deviations [B]: the mean of a folded normal."""
    known = deviations > 0
    ratio = np.where(known, np.abs(means) / np.where(known, deviations, 1.0), 0.0)
    inside = np.array([erf(value / sqrt(2)) for value in ratio.tolist()])
    folded = deviations * sqrt(2 / pi) * np.exp(-(np.minimum(ratio, 30.0) ** 2) / 2) + np.abs(means) * inside
    return np.where(known, folded, np.abs(means))
