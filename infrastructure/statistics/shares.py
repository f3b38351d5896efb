"""Intervals of shares that are told of many classes, bins or thresholds at once."""

from domain.interval import UNKNOWN, Interval
from domain.significance import binomial_interval, effective_trials


def interval_of_share(hits: int, count: int, overlap: int = 1) -> Interval:
    """Give the interval of a share of rows, of which so many successive ones count as one; unknown of no rows."""
    if not count:
        return UNKNOWN
    num_effective = effective_trials(count, overlap)
    return Interval(*binomial_interval(hits / count * num_effective, num_effective))


def interval_of_f1(hits: int, support: int, answers: int, overlap: int = 1) -> Interval:
    """Give the interval of the F1 of one class from its rows, its answers and the rows that are both.

    F1 is 2 J / (1 + J), where J is the share of hits among the rows that are of the class or answered so; that of the
    share gives that of F1.
    """
    low, high = interval_of_share(hits, support + answers - hits, overlap)
    return Interval(2 * low / (1 + low), 2 * high / (1 + high))
