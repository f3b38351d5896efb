"""The loss of labels, as it is learnt from and as an evaluation gathers it."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from infrastructure.tasks.adapter import Batch
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.scored import Outcomes, by_number

Logits = Callable[[nn.Module, Batch], Tensor]


def weights_of(scoring: LabelScoring, labels: Tensor) -> Tensor:
    """Give what each of labels [B] counts for, on their device."""
    if scoring.class_weights is None:
        return torch.ones(len(labels), device=labels.device)
    return torch.from_numpy(scoring.class_weights).to(labels.device)[labels]


def count_labels(scoring: LabelScoring, labels: Tensor) -> float:
    """Count labels [B] on the CPU, or what they weigh."""
    return float(len(labels)) if scoring.class_weights is None else float(weights_of(scoring, labels).sum())


def label_loss_sum(scoring: LabelScoring, logits: Tensor, labels: Tensor) -> Tensor:
    """Sum the cross-entropy over the rows of logits [B, C] in fp32."""
    weights = None if scoring.class_weights is None else torch.from_numpy(scoring.class_weights).to(logits.device)
    smoothing = scoring.label_smoothing
    return functional.cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing, reduction="sum")


class LabelPass:
    """Keeps the scores [N, C] of one evaluation: a million rows of five labels take 20 MB.

    `logits` asks a model about a batch, which has `labels`.
    """

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
        loss_sum = float(label_loss_sum(self._scoring, logits, labels))
        labels = labels.cpu()
        return loss_sum, count_labels(self._scoring, labels), logits.cpu().numpy(), labels.numpy()

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
