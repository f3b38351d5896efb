"""Labels that may be wrong, by the scores of a model that has not learned from their rows.

Source: Northcutt, Jiang and Chuang, Confident Learning, Journal of Artificial Intelligence Research 70 (2021).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Candidates:
    """Rows [K] whose scores contradict their labels, the surest first, and the class that speaks against each [K].

    `thresholds` [C] are the mean scores that rows of each class give to it, NaN for a class without rows.
    """

    rows: Integers
    suggested: Integers
    thresholds: Floats

    def __len__(self) -> int:
        return len(self.rows)


def thresholds_of(labels: Labels, label_scores: Floats, num_classes: int) -> Floats:
    """Average the scores [N] that rows give to their own labels [N], by class [C]; NaN for a class without rows."""
    count = np.bincount(labels, minlength=num_classes)
    total = np.bincount(labels, weights=label_scores, minlength=num_classes)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def candidates_of(labels: Labels, blocks: Iterable[tuple[slice, Floats]], thresholds: Floats) -> Candidates:
    """Find rows that score another class above their label, and at least as high as rows of that class do on average.

    Shapes: labels [N]; `blocks` give some rows and their probabilities [B, C] at a time; thresholds [C].
    Of several such classes the highest counts, and of rows those come first where its score is furthest above that of
    the label. A class without rows suggests nothing.
    """
    found, suggestions, margins = [], [], []
    for rows, scores in blocks:
        given, at = labels[rows], np.arange(len(scores))
        sure = _sure(scores, thresholds)
        other = sure.argmax(axis=1)
        contradicts = np.flatnonzero(sure[at, other] > scores[at, given])
        found.append(contradicts + rows.start)
        suggestions.append(other[contradicts])
        margins.append(scores[contradicts, other[contradicts]] - scores[contradicts, given[contradicts]])
    order = np.argsort(-np.concatenate(margins), kind="stable")
    return Candidates(np.concatenate(found)[order], np.concatenate(suggestions)[order], thresholds)


def joint_of(labels: Labels, scores: Floats, thresholds: Floats) -> Floats:
    """Estimate the shares [C, C] of rows by given label (downward) and true label (across); they sum to 1.

    Shapes: labels [N], scores [N, C] probabilities, thresholds [C]. Rows that reach the threshold of no class say
    nothing; the others are counted, and each given label is scaled to the rows that it has. What is off the diagonal
    is noise.
    """
    num_classes = scores.shape[1]
    sure = _sure(scores, thresholds)
    told = np.flatnonzero(sure.max(axis=1) >= 0)
    cells = labels[told].astype(np.int64) * num_classes + sure[told].argmax(axis=1)
    joint = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes).astype(np.float64)
    counts = np.bincount(labels, minlength=num_classes)
    silent = joint.sum(axis=1) == 0
    joint[silent, silent.nonzero()[0]] = 1.0  # nobody is sure of any row of it, which is no sign of noise
    return joint / joint.sum(axis=1, keepdims=True) * (counts / counts.sum())[:, None]


def _sure(scores: Floats, thresholds: Floats) -> Floats:
    """Give the scores that reach the threshold of their class, and -1 in place of the others."""
    return np.where(scores >= np.where(np.isnan(thresholds), np.inf, thresholds), scores, -1.0)
