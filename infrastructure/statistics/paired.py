"""Two models on the same rows: whether what they differ in is more than other rows would change."""

from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.interval import Interval
from infrastructure.statistics.confusions import Averages, averages
from infrastructure.statistics.ratios import interval_of_windows

Integers = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]


def mcnemar(only_first: int, only_second: int) -> float:
    """Give the probability that two equally good classifiers differ as much as these, or more: McNemar's test, mid-p.

    Only rows count that one of them alone has right. Given their number, each is a toss of a fair coin; the mid-p
    counts half of what came itself. It is as careful as asked at every size, where the exact test is far more careful
    and the one by chi squared at times less.
    Source: McNemar, Psychometrika 12 (1947); Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91
    (2013).
    """
    fewer, total = min(only_first, only_second), only_first + only_second
    if total == 0:
        return 1.0
    heads = np.arange(1, fewer + 1)
    # How many ways there are to have so many heads, one behind the other, as logarithms: no power leaves the floats.
    ways = np.cumsum(np.concatenate([[0.0], np.log(total - heads + 1) - np.log(heads)]))
    chances = np.exp(ways - total * log(2))
    if only_first == only_second:
        return float(1 - chances[-1] / 2)
    return float(min(1.0, 2 * chances.sum() - chances[-1]))


def averages_of(labels: Integers, answers: Integers, num_classes: int) -> Averages:
    """Give accuracy and the averages over classes of some answers; both [N] in 0..num_classes-1."""
    hits, support, given = (
        np.bincount(values, minlength=num_classes) for values in (labels[labels == answers], labels, answers)
    )
    return averages(hits, support, given)


def difference_of_means(first: Floats, second: Floats, counts: Floats, seed: int, overlap: int = 1) -> Interval:
    """Give the interval of the mean of `second` less that of `first` [N], each row weighing its count [N].

    Rows are resampled with both of their values, windows that overlap in blocks: a row that is hard for both does not
    widen the interval.
    """
    with np.errstate(invalid="ignore"):  # of a row that counts nothing the value may be none
        return interval_of_windows((second - first) * counts, counts, overlap, seed)
