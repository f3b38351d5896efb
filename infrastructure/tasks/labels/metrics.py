"""What the answers of a classifier are worth: one set of definitions for training, evaluation and baselines."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.statistics.confusions import averages, scores_of_classes
from infrastructure.statistics.ranking import area_under_roc, average_precision

NUM_CALIBRATION_BINS = 15
MAX_CLASSES_COMPARED = 500  # each with each; of more, nobody would look at the 250,000 pairs
BLOCK_ROWS = 65_536  # of 50 classes in float64 are 26 MB; a million rows at once would be 400 MB
_FARTHEST = 1e300  # stands for infinity, so that differences stay numbers

Numbers = NDArray[np.number[Any]]
Floats = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]
Booleans = NDArray[np.bool_]


def classification_metrics(
    logits: Numbers,
    labels: Integers,
    label_names: Sequence[str],
    negative_label: str | None = None,
    majority: int | None = None,
) -> dict[str, Any]:
    """Score logits against labels, beside the answer that is always the same.

    Shapes: logits [N, C], labels [N] in 0..C-1, label_names [C]; confusion_matrix has a row for each true class and a
    column for each predicted one, and is left out for more than MAX_CLASSES_COMPARED classes.
    Units: shares between 0 and 1. Macro averages run over the classes that occur among labels or answers, that of
    pr_auc over those among labels, and none where all labels are the same. What has no denominator is None; in a macro
    average it counts as 0, as scikit-learn has it. NaN logits rank lowest in their row.
    `majority` is the index of the constant answer, by default the most frequent of `labels`. `negative_label` adds
    the binary view, in which all other labels are positive.
    Raises: DatasetError without rows, ConfigurationError when the negative label is not a label.
    """
    num_classes = len(label_names)
    _check(logits, labels, label_names, negative_label)
    predicted, top_logit, normaliser = summarise_rows(logits)
    confusion = confusion_matrix(labels, predicted, num_classes)
    constant = int(confusion.sum(axis=1).argmax()) if majority is None else majority
    constant_scores = averaged_scores(confusion_matrix(labels, np.full_like(predicted, constant), num_classes))
    per_class = scores_per_class(confusion, label_names)
    binary: dict[str, float | None] = {}
    for index, name in enumerate(label_names):
        # One column at a time: all probabilities of a large set at once would not fit beside its logits.
        probability = np.exp(as_finite(logits[:, index]) - top_logit) / normaliser  # [N]
        per_class[name]["pr_auc"] = average_precision(probability, labels == index)
        if name == negative_label:
            binary = binary_scores(confusion, index) | {"auc": area_under_roc(-probability, labels != index)}
    return {
        **averaged_scores(confusion),
        "pr_auc": _mean([scores["pr_auc"] for scores in per_class.values() if scores["support"]]),
        "ece": expected_calibration_error(1.0 / normaliser, predicted == labels),
        "majority_accuracy": constant_scores["accuracy"],
        "majority_macro_f1": constant_scores["macro_f1"],
        **binary,
        "per_class": per_class,
        **({"confusion_matrix": confusion.tolist()} if num_classes <= MAX_CLASSES_COMPARED else {}),
    }


def confusion_matrix(labels: Integers, predicted: Integers, num_classes: int) -> NDArray[np.int64]:
    """Count rows by true class (first axis) and predicted class; shapes [N], [N] to [C, C]."""
    cells = labels.astype(np.int64) * num_classes + predicted
    return np.bincount(cells, minlength=num_classes * num_classes).reshape(num_classes, num_classes)


def tallies(confusion: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Give the right answers, the rows and the answers of each class, each [C]."""
    return confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)


def averaged_scores(confusion: NDArray[np.int64]) -> dict[str, float]:
    """Give accuracy, macro F1, precision and recall, and F1 weighted by support, of a confusion matrix [C, C]."""
    return {name: float(value) for name, value in averages(*tallies(confusion)).items()}


def scores_per_class(confusion: NDArray[np.int64], label_names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Give precision, recall, F1 and support (the number of rows) of each class of a confusion matrix [C, C].

    None stands for the precision of a class that was never answered, the recall of one without rows, the F1 of both.
    """
    hits, supports, answers = tallies(confusion)
    scores = scores_of_classes(hits, supports, answers)
    rows = zip(label_names, answers.tolist(), *(values.tolist() for values in (*scores, supports)), strict=True)
    return {
        name: {
            "precision": precision if answered else None,
            "recall": recall if support else None,
            "f1": f1 if answered or support else None,
            "support": support,
        }
        for name, answered, precision, recall, f1, support in rows
    }


def binary_scores(confusion: NDArray[np.int64], negative: int) -> dict[str, float | None]:
    """Score "anything but the negative class" from a confusion matrix [C, C].

    `tpr` is None without positive rows, `fpr` without negative ones, `youden_j` (their difference) without either.
    `binary_recall` is `tpr`, and `binary_precision` 0 without positive answers, as in an average.
    """
    (true_negatives, false_positives), (false_negatives, true_positives) = binary_confusion(
        confusion, negative
    ).tolist()
    positives, negatives = true_positives + false_negatives, true_negatives + false_positives
    tpr = true_positives / positives if positives else None
    fpr = false_positives / negatives if negatives else None
    return {
        "tpr": tpr,
        "fpr": fpr,
        "youden_j": None if tpr is None or fpr is None else tpr - fpr,
        "binary_precision": true_positives / max(true_positives + false_positives, 1),
        "binary_recall": tpr,
    }


def rates_of(confusion: NDArray[np.int64], negative: int | None) -> dict[str, float]:
    """Give Youden's J, tpr and fpr, those that the rows tell; none where no class is the negative one."""
    scores = {} if negative is None else binary_scores(confusion, negative)
    known = ((name, scores.get(name)) for name in ("youden_j", "tpr", "fpr"))
    return {name: value for name, value in known if value is not None}


def binary_confusion(confusion: NDArray[np.int64], negative: int) -> NDArray[np.int64]:
    """Put all classes but the negative one together: [C, C] to [2, 2], the negative class first."""
    is_positive = np.arange(len(confusion)) != negative
    by_truth = np.stack([confusion[negative], confusion[is_positive].sum(axis=0)])  # [2, C]
    return np.stack([by_truth[:, negative], by_truth[:, is_positive].sum(axis=1)], axis=1)


def calibration_bins(confidence: Floats) -> NDArray[np.int64]:
    """Give the bin of each confidence [N], of 15 of equal width between 0 and 1; a bin holds its upper edge."""
    inner_edges = np.linspace(0.0, 1.0, NUM_CALIBRATION_BINS + 1)[1:-1]
    return np.searchsorted(inner_edges, confidence, side="left")


def expected_calibration_error(confidence: Floats, is_correct: Booleans) -> float:
    """Average the gap between confidence and accuracy over 15 bins of equal width, weighted by their rows.

    Shapes: confidence [N] in (0, 1], is_correct [N].
    Source: Guo et al., On Calibration of Modern Neural Networks (2017).
    """
    surplus = np.bincount(calibration_bins(confidence), weights=confidence - is_correct, minlength=NUM_CALIBRATION_BINS)
    return float(np.abs(surplus).sum() / confidence.size)


def summarise_rows(logits: Numbers) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Give for each row its answer, its largest logit, and the sum of exponentials relative to that; each [N]."""
    predicted = np.empty(len(logits), dtype=np.int64)
    top_logit = np.empty(len(logits))
    normaliser = np.empty(len(logits))
    for start in range(0, len(logits), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        block = as_finite(logits[rows])  # [block, C]
        predicted[rows] = block.argmax(axis=1)
        top_logit[rows] = block.max(axis=1)
        normaliser[rows] = np.exp(block - top_logit[rows, None]).sum(axis=1)
    return predicted, top_logit, normaliser


def as_finite(values: Numbers) -> Floats:
    """Give values in fp64, NaN as the lowest of all."""
    return np.nan_to_num(values.astype(np.float64), copy=False, nan=-_FARTHEST, posinf=_FARTHEST, neginf=-_FARTHEST)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _check(logits: Numbers, labels: Integers, label_names: Sequence[str], negative_label: str | None) -> None:
    if negative_label is not None and negative_label not in label_names:
        raise ConfigurationError(
            f"negative label {negative_label!r} is not one of {', '.join(label_names)}.", remedy="Name one of these."
        )
    if len(labels) == 0:
        raise DatasetError("there are no rows to score.", remedy="Give at least one labelled row.")
    assert logits.shape == (len(labels), len(label_names)), "logits must be [rows, labels]"
    assert labels.min() >= 0, "labels must be indices of label_names"
    assert labels.max() < len(label_names), "labels must be indices of label_names"
