"""What a threshold on a score does: precision against recall, and how much is answered against how often rightly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infrastructure.tasks.labels.page.answered import Booleans, Floats, Integers


@dataclass(frozen=True)
class Cuts:
    """Rows at or above each of some thresholds [T], which ascend, and how many of them are hits.

    `num_rows` and `num_hits` are those of all rows.
    """

    thresholds: Floats
    kept: Integers
    hits: Integers
    num_rows: int
    num_hits: int

    @classmethod
    def of(cls, scores: Floats, is_hit: Booleans) -> "Cuts":
        """Cut at every distinct score; scores [N], is_hit [N]."""
        order = np.argsort(-scores, kind="stable")
        falling = scores[order]
        last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)) if len(falling) else order
        hits = np.cumsum(is_hit[order], dtype=np.int64)[last]
        rising = last[::-1]
        return cls(falling[rising], rising + 1, hits[::-1], len(scores), int(is_hit.sum()))

    def at(self, thresholds: Sequence[float]) -> "Cuts":
        """Give what other thresholds would keep."""
        places = np.searchsorted(self.thresholds, thresholds, side="left")
        kept, hits = (np.append(counts, 0)[places] for counts in (self.kept, self.hits))
        return Cuts(np.asarray(thresholds, dtype=np.float64), kept, hits, self.num_rows, self.num_hits)

    def some(self, most: int) -> "Cuts":
        """Give at most so many of the cuts, evenly spread over the rows that they keep, both ends among them."""
        if len(self.kept) <= most:
            return self
        wanted = np.linspace(self.kept[-1], self.kept[0], most)
        places = np.unique(len(self.kept) - 1 - np.searchsorted(self.kept[::-1], wanted, side="left"))
        return Cuts(self.thresholds[places], self.kept[places], self.hits[places], self.num_rows, self.num_hits)

    @property
    def precision(self) -> Floats:
        """The share of hits among what is kept; NaN where nothing is."""
        return np.where(self.kept > 0, self.hits / np.maximum(self.kept, 1), np.nan)

    @property
    def recall(self) -> Floats:
        """The share of all hits that is kept."""
        found: Floats = self.hits / max(self.num_hits, 1)
        return found

    @property
    def f1(self) -> Floats:
        """The harmonic mean of precision and recall."""
        found: Floats = 2 * self.hits / np.maximum(self.kept + self.num_hits, 1)
        return found

    @property
    def coverage(self) -> Floats:
        """The share of rows that is kept."""
        found: Floats = self.kept / max(self.num_rows, 1)
        return found

    def best(self) -> int:
        """Find the cut with the largest F1; of equals the highest threshold."""
        f1 = self.f1
        return int(np.flatnonzero(f1 == f1.max())[-1])

    def cheapest(self, miss: float) -> int:
        """Find the cut that costs least where a miss costs `miss` false alarms; the number of cuts for none at all."""
        costs = np.append(miss * (self.num_hits - self.hits) + (self.kept - self.hits), miss * self.num_hits)
        return int(np.flatnonzero(costs == costs.min())[-1])

    def lowest_with(self, share: float) -> int | None:
        """Find the lowest threshold with at least that precision; None where there is none."""
        reached = np.flatnonzero(self.precision >= share)
        return int(reached[0]) if len(reached) else None
