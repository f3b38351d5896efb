"""How sure a metric is."""

from math import isnan, nan
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
        """Tell whether there is one."""
        return not (isnan(self.low) or isnan(self.high))


UNKNOWN = Interval(nan, nan)
