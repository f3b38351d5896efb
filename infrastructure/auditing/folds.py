"""Rows in folds, so that each is judged by what learned from the others."""

from collections.abc import Callable

import numpy as np

from infrastructure.auditing.bag_of_words import Floats, Integers
from infrastructure.statistics.ranking import area_under_roc

# Learns from some rows and gives the probabilities [J, C] of others.
Judge = Callable[[Integers, Integers], Floats]


def folds_of(units: Integers, labels: Integers, num_folds: int, seed: int) -> Integers | None:
    """Give each row [N] the number of its fold, one for rows of one unit; None for less than two units.

    Units are dealt out by their rarest label, so that each fold has about its share of every label.
    """
    _, numbers = np.unique(units, return_inverse=True)
    num_units = int(numbers.max()) + 1
    if num_units < 2:
        return None
    counts = np.bincount(labels)
    by_rarity = np.argsort(np.argsort(counts, kind="stable"), kind="stable")  # label -> rank, 0 the rarest
    rarest = np.full(num_units, len(counts))
    np.minimum.at(rarest, numbers, by_rarity[labels])
    order = np.random.default_rng(seed).permutation(num_units)
    order = order[np.argsort(rarest[order], kind="stable")]
    dealt = np.empty(num_units, dtype=np.int64)
    dealt[order] = np.arange(num_units) % min(num_folds, num_units)
    return dealt[numbers]


def judged(folds: Integers, num_classes: int, judge: Judge) -> Floats:
    """Give the probabilities [N, C] of all rows, each fold judged by what learned from the others."""
    found = np.zeros((len(folds), num_classes))
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        found[rows] = judge(np.flatnonzero(folds != fold), rows)
    return found


def auc_of(scores: Floats, labels: Integers, negative: int | None) -> float | None:
    """Give the area under the curve of probabilities [N, C]: of all but the negative label, or of the second of two.

    Of more classes without a negative one the mean over those that occur, each against the rest. None where labels are
    all the same.
    """
    num_classes = scores.shape[1]
    if negative is not None:
        return area_under_roc(-scores[:, negative], labels != negative)
    if num_classes == 2:
        return area_under_roc(scores[:, 1], labels == 1)
    areas = [area_under_roc(scores[:, label], labels == label) for label in range(num_classes)]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if known else None


def by_value(values: Integers, labels: Integers, num_classes: int) -> Judge:
    """Judge rows by the labels of learnt rows of the same value [N]; of a value that is new, by those of all."""
    num_values = int(values.max()) + 1

    def judge(learn: Integers, rows: Integers) -> Floats:
        overall = np.bincount(labels[learn], minlength=num_classes) / len(learn)
        cells = values[learn] * num_classes + labels[learn]
        counts = np.bincount(cells, minlength=num_values * num_classes).reshape(num_values, num_classes)
        # As if each value had one row more, with the labels of all.
        shares = (counts + overall) / (counts.sum(axis=1, keepdims=True) + 1.0)
        found: Floats = shares[values[rows]]
        return found

    return judge


def by_number(numbers: Floats, labels: Integers, num_classes: int) -> Judge:
    """Judge rows by the labels of learnt rows with a number [N] near theirs: in up to 32 bins of equally many rows."""

    def judge(learn: Integers, rows: Integers) -> Floats:
        num_bins = int(np.clip(len(learn) // 20, 2, 32))
        edges = np.unique(np.quantile(numbers[learn], np.linspace(0.0, 1.0, num_bins + 1)[1:-1]))
        bins = np.searchsorted(edges, numbers, side="left").astype(np.int64)
        return by_value(bins, labels, num_classes)(learn, rows)

    return judge
