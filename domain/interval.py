"""How sure a metric is."""

from collections.abc import Mapping
from math import isfinite, nan
from typing import NamedTuple

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """Two ends that hold the true value of a metric with 95 % confidence; NaN where the rows do not tell.

    It is about the rows: with other rows of the same kind the metric would lie elsewhere. What another seed of the
    training would change is not in it.
    """

    low: float
    high: float

    @property
    def is_known(self) -> bool:
        """Tell whether there is one that can be written down: an end may be infinite as a perplexity may."""
        return isfinite(self.low) and isfinite(self.high)


UNKNOWN = Interval(nan, nan)


def known(intervals: Mapping[str, Interval]) -> dict[str, tuple[float, float]]:
    """Keep those that are known, as plain pairs."""
    return {name: (interval.low, interval.high) for name, interval in intervals.items() if interval.is_known}
