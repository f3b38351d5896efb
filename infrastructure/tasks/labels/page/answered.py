"""What a classifier answered to labelled rows, and how these rows are called."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from infrastructure.tasks.labels.metrics import BLOCK_ROWS, as_finite, confusion_matrix, summarise_rows
from infrastructure.tasks.scored import Outcomes

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Answered:
    """Scores [N, C] of rows as logits, their true labels [N], and the names of classes [C].

    `overlap` successive rows share a part of their future and count as one where they tell how sure a number is.
    """

    logits: NDArray[np.floating]
    labels: Integers
    names: Sequence[str]
    overlap: int = 1

    @classmethod
    def of(cls, outcomes: Outcomes, names: Sequence[str], overlap: int = 1) -> "Answered":
        """Take what an evaluation of labels gave of each row."""
        return cls(outcomes["logits"], outcomes["labels"].astype(np.int64), tuple(names), overlap)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def answers(self) -> Integers:
        """The likeliest class of each row [N]."""
        return self._rows[0]

    @cached_property
    def scores(self) -> Floats:
        """The probability of each answer [N]."""
        return 1.0 / self._rows[2]

    @cached_property
    def is_right(self) -> Booleans:
        """Tell which answers are the labels [N]."""
        return self.answers == self.labels

    @cached_property
    def losses(self) -> Floats:
        """The loss of each row in nats [N]."""
        _, top, normaliser = self._rows
        found: Floats = np.log(normaliser) - (self._logits_of_labels - top)
        return found

    @property
    def label_scores(self) -> Floats:
        """The probability of each label [N]."""
        return np.exp(-self.losses)

    def scores_of(self, classes: int) -> Floats:
        """Give the probability of one class for each row [N]."""
        _, top, normaliser = self._rows
        found: Floats = np.exp(as_finite(self.logits[:, classes]) - top) / normaliser
        return found

    def scores_at(self, row: int, classes: Sequence[int]) -> list[float]:
        """Give the probabilities of some classes for one row."""
        _, top, normaliser = self._rows
        found = np.exp(as_finite(self.logits[row, list(classes)]) - top[row]) / normaliser[row]
        return found.tolist()

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Give the probabilities of all classes, some rows [B, C] at a time: those of a million need no second copy."""
        _, top, normaliser = self._rows
        for start in range(0, len(self), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            yield rows, np.exp(as_finite(self.logits[rows]) - top[rows, None]) / normaliser[rows, None]

    @cached_property
    def confusion(self) -> Integers:
        """Rows by true class (downward) and answer [C, C]."""
        return confusion_matrix(self.labels, self.answers, len(self.names))

    @cached_property
    def num_not_finite(self) -> int:
        """Count the rows with a score that is no number."""
        starts = range(0, len(self), BLOCK_ROWS)
        return sum(int((~np.isfinite(self.logits[at : at + BLOCK_ROWS])).any(axis=1).sum()) for at in starts)

    @cached_property
    def _rows(self) -> tuple[Integers, Floats, Floats]:
        return summarise_rows(self.logits)

    @cached_property
    def _logits_of_labels(self) -> Floats:
        return as_finite(self.logits[np.arange(len(self)), self.labels])


@dataclass(frozen=True)
class RowNames:
    """How rows are called and read: `name` of one by its number, `text` where they are texts.

    `num_whole` are the rows of which these are some, evenly spread; `lengths` and `was_cut` [N] are of texts in tokens.
    """

    name: Callable[[int], str]
    num_whole: int
    noun: str = "row"
    text: Callable[[int], str] | None = None
    lengths: Integers | None = None
    was_cut: Booleans | None = None
    max_length: int = 0
