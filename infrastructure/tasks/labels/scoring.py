"""Scores of labels: their loss, their metrics, and the answer that they are."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from domain.exceptions import ConfigurationError
from infrastructure.data.sources.label_names import matches, name_of
from infrastructure.tasks.adapter import Batch, Evaluation, Outcomes, by_number
from infrastructure.tasks.labels.metrics import classification_metrics

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
Logits = Callable[[nn.Module, Batch], Tensor]


@dataclass(frozen=True)
class LabelScoring:
    """Cross-entropy over labels, with optional class weights [C] and label smoothing; logits are [B, C] in fp32.

    With class weights a row counts as much as its label weighs, in the loss and in the count it is divided by.
    """

    label_names: Sequence[str]
    label_smoothing: float = 0.0
    class_weights: Tensor | None = None
    negative_label: str | None = None
    majority: int | None = None

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        return METRIC_NAMES if self.negative_label is None else (*METRIC_NAMES, *BINARY_NAMES)

    def count_targets(self, labels: Tensor) -> float:
        """Count labels [B] on the CPU, or what they weigh."""
        return float(len(labels)) if self.class_weights is None else float(self.class_weights[labels].sum())

    def loss_sum(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Sum the cross-entropy over the rows."""
        weights = None if self.class_weights is None else self.class_weights.to(logits.device)
        return functional.cross_entropy(
            logits, labels, weight=weights, label_smoothing=self.label_smoothing, reduction="sum"
        )

    def row_losses(self, logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the loss of each row [N] and what it counts for, from logits [N, C] and labels [N]."""
        losses = np.empty(len(labels))
        for start in range(0, len(labels), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            losses[rows] = functional.cross_entropy(
                torch.from_numpy(logits[rows]).double(),
                torch.from_numpy(labels[rows]),
                weight=None if self.class_weights is None else self.class_weights.double(),
                label_smoothing=self.label_smoothing,
                reduction="none",
            ).numpy()
        weights = np.ones(len(labels)) if self.class_weights is None else self.class_weights.numpy()[labels]
        return losses, weights

    def evaluation(self, logits: Logits) -> Evaluation:
        """Begin a pass over the evaluation part; `logits` asks a model about a batch, which has `labels`."""
        return _Pass(self, logits)

    def metrics(self, logits: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        """Give every metric of logits [N, C] and labels [N] but the loss."""
        return classification_metrics(
            logits, labels, tuple(self.label_names), negative_label=self.negative_label, majority=self.majority
        )


class _Pass:
    """Keeps the scores [N, C] of one evaluation: a million rows of five labels take 20 MB."""

    def __init__(self, scoring: LabelScoring, logits: Logits) -> None:
        self._scoring = scoring
        self._logits_of = logits
        self._loss_sum = 0.0
        self._num_targets = 0.0
        self._logits: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []

    def ask(self, model: nn.Module, batch: Batch) -> Any:
        """Score one batch; gives loss and targets as sums, logits [B, C] and labels [B]."""
        logits, labels = self._logits_of(model, batch), batch["labels"]
        loss_sum = float(self._scoring.loss_sum(logits, labels))
        labels = labels.cpu()
        return loss_sum, self._scoring.count_targets(labels), logits.cpu().numpy(), labels.numpy()

    def merge(self, found: Any) -> None:
        """Take in a batch."""
        loss_sum, num_targets, logits, labels = found
        self._loss_sum += loss_sum
        self._num_targets += num_targets
        self._logits.append(logits)
        self._labels.append(labels)

    def metrics(self) -> dict[str, Any]:
        """Give loss and metrics over all rows."""
        # Labels that weigh nothing leave nothing to average.
        loss = self._loss_sum / self._num_targets if self._num_targets else math.nan
        return {"loss": loss, **self._scoring.metrics(np.concatenate(self._logits), np.concatenate(self._labels))}

    def outcomes(self, order: np.ndarray) -> Outcomes:
        """Give the `logits` [N, C] and the true `labels` [N]."""
        return {"logits": by_number(self._logits, order), "labels": by_number(self._labels, order)}


def outcome_columns(outcomes: Outcomes, label_names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Give of each row its true `label`, the `answer`, its `score` (probability), and the `loss` in nats."""
    log_scores = torch.log_softmax(torch.from_numpy(outcomes["logits"]).double(), dim=-1).numpy()  # [N, C]
    labels, answers, rows = outcomes["labels"], log_scores.argmax(axis=1), np.arange(len(log_scores))
    return {
        "label": [label_names[label] for label in labels],
        "answer": [label_names[answer] for answer in answers],
        "score": np.exp(log_scores[rows, answers]),
        "loss": -log_scores[rows, labels],
    }


def labelled(logits: Tensor, label_names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Answer each row of logits [B, C]: the likeliest `label`, and the `scores` (probabilities) of all."""
    for row in torch.softmax(logits.float(), dim=-1).cpu().tolist():
        best = max(range(len(row)), key=row.__getitem__)
        yield {"label": label_names[best], "scores": dict(zip(label_names, row, strict=True))}


def class_weights_of(
    setting: str | Mapping[str, float] | None, label_names: Sequence[str], counts: Sequence[int]
) -> Tensor | None:
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
        return torch.tensor([weights.get(name, 1.0) for name in label_names])
    total, present = sum(counts), sum(count > 0 for count in counts)
    return torch.tensor([total / (present * count) if count else 1.0 for count in counts])
