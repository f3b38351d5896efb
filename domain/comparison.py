"""How two runs differ on the rows that both were scored on."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from domain.metrics import direction_of

BETTER, WORSE, NOT_TOLD_APART, NOT_KNOWN = "better", "worse", "not told apart", "not known"
NOT_FINITE = "not finite"
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Difference:
    """One metric of two runs on the same rows, and `difference`, the second less the first.

    Between `low` and `high` it lies with 95 % confidence, over rows of the same kind; None where they do not tell.
    """

    name: str
    first: float
    second: float
    difference: float
    low: float | None
    high: float | None

    @property
    def verdict(self) -> str:
        """Say what the second run is beside the first one."""
        if not (isfinite(self.first) and isfinite(self.second)):
            return NOT_FINITE
        if self.low is None or self.high is None:
            return NOT_KNOWN
        if self.low <= 0 <= self.high:
            return NOT_TOLD_APART
        return BETTER if (self.low > 0) == (direction_of(self.name) == "max") else WORSE


@dataclass(frozen=True)
class RightAnswers:
    """How many rows both runs answered right, one of them alone, or neither; `p` is that of McNemar's test (mid-p)."""

    both: int
    only_first: int
    only_second: int
    neither: int
    p: float


@dataclass(frozen=True)
class PairedOutcomes:
    """Two runs on the rows that both were scored on.

    `overlap` is how many successive windows share a step of what they forecast, 1 for rows. `answers` is None where
    rows have no right answer, and where windows overlap, for which the test does not hold. `notes` say what a reader
    must know.
    """

    num_first: int
    num_second: int
    num_shared: int
    overlap: int = 1
    differences: tuple[Difference, ...] = ()
    answers: RightAnswers | None = None
    notes: tuple[str, ...] = ()


def holm(probabilities: Sequence[float]) -> tuple[float, ...]:
    """Adjust the probabilities of several tests, so that all of them together are wrong as seldom as one alone.

    Source: Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    ascending = sorted(range(len(probabilities)), key=lambda test: probabilities[test])
    adjusted, largest = [0.0] * len(probabilities), 0.0
    for rank, test in enumerate(ascending):
        largest = max(largest, min(1.0, (len(probabilities) - rank) * probabilities[test]))
        adjusted[test] = largest
    return tuple(adjusted)
