"""Rows whose labels may be wrong, by the answers of a model that has not learned from them."""

from dataclasses import dataclass

import numpy as np

from infrastructure.tasks.labels.page.answered import Answered, Floats, Integers


@dataclass(frozen=True)
class Candidates:
    """Rows [K] whose answers contradict their labels, the surest first, and the class that speaks against each [K].

    `thresholds` [C] are the mean scores that rows of each class give to it, NaN for a class without rows.
    """

    rows: Integers
    suggested: Integers
    thresholds: Floats

    def __len__(self) -> int:
        return len(self.rows)


def candidates(answered: Answered) -> Candidates:
    """Find rows that score another class above their label, and at least as high as rows of that class do on average.

    Of several such classes the highest counts, and of rows those come first where its score is furthest above that of
    the label. A class without rows suggests nothing.
    Source: confident learning, Northcutt, Jiang and Chuang, Journal of Artificial Intelligence Research 70 (2021).
    """
    thresholds = _thresholds(answered)
    usable = np.where(np.isnan(thresholds), np.inf, thresholds)
    found, suggestions, margins = [], [], []
    for rows, scores in answered.blocks():
        labels, at = answered.labels[rows], np.arange(len(scores))
        sure = np.where(scores >= usable, scores, -1.0)  # [B, C]
        other = sure.argmax(axis=1)
        contradicts = np.flatnonzero(sure[at, other] > scores[at, labels])
        found.append(contradicts + rows.start)
        suggestions.append(other[contradicts])
        margins.append(scores[contradicts, other[contradicts]] - scores[contradicts, labels[contradicts]])
    order = np.argsort(-np.concatenate(margins), kind="stable")
    return Candidates(np.concatenate(found)[order], np.concatenate(suggestions)[order], thresholds)


def _thresholds(answered: Answered) -> Floats:
    count = np.bincount(answered.labels, minlength=len(answered.names))
    total = np.bincount(answered.labels, weights=answered.label_scores, minlength=len(answered.names))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
