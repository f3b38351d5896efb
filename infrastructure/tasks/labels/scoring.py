"""Scores of labels: their loss, their metrics, and the answer that they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from domain.exceptions import ConfigurationError
from infrastructure.data.sources.label_names import matches, name_of
from infrastructure.tasks.labels.metrics import classification_metrics
from infrastructure.tasks.scored import Outcomes, Scored

METRIC_NAMES = (
    "loss",
    "accuracy",
    "macro_f1",
    "weighted_f1",
    "macro_precision",
    "macro_recall",
    "pr_auc",
    "ece",
)
BINARY_NAMES = ("youden_j", "tpr", "fpr")
_BLOCK_ROWS = 65_536  # of 77 classes in float64 are 40 MB


@dataclass(frozen=True)
class LabelScoring:
    """Cross-entropy over labels, with optional class weights [C] and label smoothing; logits are [B, C] in fp32.

    With class weights a row counts as much as its label weighs, in the loss and in the count it is divided by.
    """

    label_names: Sequence[str]
    label_smoothing: float = 0.0
    class_weights: np.ndarray | None = None
    negative_label: str | None = None
    majority: int | None = None

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        return METRIC_NAMES if self.negative_label is None else (*METRIC_NAMES, *BINARY_NAMES)

    def row_losses(self, logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the loss of each row [N] and what it counts for, from logits [N, C] and labels [N]."""
        weights = np.ones(logits.shape[1]) if self.class_weights is None else self.class_weights.astype(np.float64)
        losses, kept = np.empty(len(labels)), 1.0 - self.label_smoothing
        for start in range(0, len(labels), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            scores, own = log_softmax(logits[rows].astype(np.float64)), labels[rows]
            losses[rows] = -kept * weights[own] * scores[np.arange(len(own)), own]
            if self.label_smoothing:
                losses[rows] -= self.label_smoothing * (scores @ weights) / len(weights)
        return losses, weights[labels]

    def metrics(self, logits: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        """Give every metric of logits [N, C] and labels [N] but the loss."""
        return classification_metrics(
            logits, labels, tuple(self.label_names), negative_label=self.negative_label, majority=self.majority
        )


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Give the logarithms of the probabilities that logits [N, C] stand for, in their format."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def outcome_columns(outcomes: Outcomes, label_names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Give of each row its true `label`, the `answer`, its `score` (probability), and the `loss` in nats."""
    log_scores = log_softmax(outcomes["logits"].astype(np.float64))  # [N, C]
    labels, answers, rows = outcomes["labels"], log_scores.argmax(axis=1), np.arange(len(log_scores))
    return {
        "label": [label_names[label] for label in labels],
        "answer": [label_names[answer] for answer in answers],
        "score": np.exp(log_scores[rows, answers]),
        "loss": -log_scores[rows, labels],
    }


def labelled(logits: np.ndarray, label_names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Answer each row of logits [B, C]: the likeliest `label`, and the `scores` (probabilities) of all."""
    for row in np.exp(log_softmax(logits.astype(np.float32))).tolist():
        best = max(range(len(row)), key=row.__getitem__)
        yield {"label": label_names[best], "scores": dict(zip(label_names, row, strict=True))}


def class_weights_of(
    setting: str | Mapping[str, float] | None, label_names: Sequence[str], counts: Sequence[int]
) -> np.ndarray | None:
    """Turn the setting into weights [C]: "balanced" gives N / (C * count), a mapping its values and 1 elsewhere.

    None and "none" weigh nothing.

    Raises: ConfigurationError for a label that does not occur.
    """
    if setting in (None, "none"):
        return None
    if isinstance(setting, Mapping):
        meant = matches((name_of(label) or "" for label in sorted(setting)), label_names)
        weights = {meant[name_of(label) or ""]: float(weight) for label, weight in setting.items()}
        unknown = [name for name, label in meant.items() if label is None]
        if unknown:
            raise ConfigurationError(
                f"class_weights names the label {unknown[0]!r}, but the labels are {', '.join(label_names)}.",
                remedy="Correct the name; in a run file, write yes, no, on and off in quotes.",
            )
        return np.array([weights.get(name, 1.0) for name in label_names], dtype=np.float32)
    total, present = sum(counts), sum(count > 0 for count in counts)
    return np.array([total / (present * count) if count else 1.0 for count in counts], dtype=np.float32)


def scored_labels(scoring: LabelScoring, logits: np.ndarray, labels: np.ndarray) -> Scored:
    """Score logits [N, C] of rows that have labels [N]."""
    losses, weights = scoring.row_losses(logits, labels)
    metrics = {"loss": float(losses.sum() / weights.sum()), **scoring.metrics(logits, labels)}
    return Scored(metrics, {"logits": logits, "labels": labels})
