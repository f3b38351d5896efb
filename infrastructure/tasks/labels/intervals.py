"""How sure the scores of labels are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.interval import Interval
from domain.significance import binomial_interval, effective_trials
from infrastructure.statistics.confusions import intervals_of_answers, intervals_of_confusion
from infrastructure.statistics.ratios import interval_of_windows
from infrastructure.tasks.labels.metrics import binary_confusion
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.scored import Outcomes

Integers = NDArray[np.integer[Any]]


def intervals_of_labels(
    scoring: LabelScoring, metrics: Mapping[str, Any], outcomes: Outcomes, overlap: int = 1
) -> dict[str, Interval]:
    """Give the intervals of accuracy, averages over classes, rates, loss, and of the answer that is always the same.

    `outcomes` may be of a part of the rows that `metrics` are of: that of the loss is then as wide as so few make it.
    `overlap` counts the successive windows that share what they forecast.
    """
    logits, labels = outcomes["logits"], outcomes["labels"]
    losses = {"loss": interval_of_windows(*scoring.row_losses(logits, labels), overlap)}
    if "confusion_matrix" not in metrics:
        answers = np.nan_to_num(logits, nan=-np.inf).argmax(axis=1)
        return {**losses, **intervals_of_answers(labels, answers, logits.shape[1], overlap=overlap)}
    confusion = np.asarray(metrics["confusion_matrix"])
    constant = scoring.majority if scoring.majority is not None else int(confusion.sum(axis=1).argmax())
    majority = named("majority", intervals_of_confusion(_answered_always(confusion, constant), overlap=overlap))
    negative = scoring.negative_label
    rates = {} if negative is None else intervals_of_rates(confusion, scoring.label_names.index(negative), overlap)
    return {
        **losses,
        **intervals_of_confusion(confusion, overlap=overlap),
        **rates,
        **{name: interval for name, interval in majority.items() if name in metrics},
    }


def intervals_of_rates(confusion: Integers, negative: int, overlap: int = 1) -> dict[str, Interval]:
    """Give the intervals of tpr, fpr and Youden's J of a confusion matrix [C, C] in which one class is negative.

    A rate without rows has none. J is twice the mean recall of both sides, less 1, and has the interval of that.
    """
    binary = binary_confusion(np.asarray(confusion), negative)
    rates = {}
    for name, (quiet, flagged) in zip(("fpr", "tpr"), binary.tolist(), strict=True):
        if trials := effective_trials(quiet + flagged, overlap) if quiet + flagged else 0:
            rates[name] = Interval(*binomial_interval(flagged / (quiet + flagged) * trials, trials))
    if len(rates) < 2:
        return rates
    low, high = intervals_of_confusion(binary, overlap=overlap)["macro_recall"]
    return {**rates, "youden_j": Interval(2 * low - 1, 2 * high - 1)}


def named(baseline: str, intervals: Mapping[str, Interval]) -> dict[str, Interval]:
    """Put the name of a baseline before those of its metrics."""
    return {f"{baseline}_{name}": interval for name, interval in intervals.items()}


def _answered_always(confusion: Integers, constant: int) -> Integers:
    """Give the confusion matrix of one answer to the same rows."""
    of_constant = np.zeros_like(confusion)
    of_constant[:, constant] = confusion.sum(axis=1)
    return of_constant
