"""One label for a sequence of tokens."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from domain.exceptions import ConfigurationError
from infrastructure.data.feed import RowNoise
from infrastructure.data.sources.label_names import matches, name_of
from infrastructure.tasks.adapter import Batch, Evaluation, num_unmasked, pad
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


class SequenceClassification:
    """Cross-entropy over labels, with optional class weights [C], label smoothing and word dropout.

    With class weights a row counts as much as its label weighs, in the loss and in the count it is divided by.
    Word dropout hides that share of the tokens of a training row behind the mask token: a model from scratch
    must then not lean on single words.
    """

    def __init__(
        self,
        label_names: Sequence[str],
        pad_token_id: int = 0,
        mask_token_id: int | None = None,
        special_token_ids: Sequence[int] = (),
        word_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
        negative_label: str | None = None,
        majority: int | None = None,
    ) -> None:
        self._label_names = tuple(label_names)
        self._pad_token_id = pad_token_id
        self._mask_token_id = mask_token_id
        self._special_token_ids = np.array(sorted({pad_token_id, *special_token_ids}))
        self._word_dropout = word_dropout if mask_token_id is not None else 0.0
        self._label_smoothing = label_smoothing
        self._class_weights = class_weights
        self._negative_label = negative_label
        self._majority = majority

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        return METRIC_NAMES if self._negative_label is None else (*METRIC_NAMES, *BINARY_NAMES)

    def collate(self, items: Sequence[Any], noise: RowNoise | None) -> Batch:
        """Pad to the longest: `input_ids`, `attention_mask` [B, L], `labels` [B] where items have them."""
        sequences = [torch.as_tensor(item["input_ids"]) for item in items]
        ids = pad(sequences, self._pad_token_id)
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        mask = (torch.arange(ids.shape[1])[None, :] < lengths[:, None]).long()  # [B, L]
        if noise is not None and self._word_dropout:
            ids = self._hide_words(ids, noise)
        batch = {"input_ids": ids, "attention_mask": mask}
        name = "labels" if "labels" in items[0] else "label"
        if name in items[0]:
            batch["labels"] = torch.tensor([int(item[name]) for item in items])
        return batch

    def count_targets(self, batch: Batch) -> float:
        """Count rows, or what their labels weigh."""
        if self._class_weights is None:
            return float(len(batch["labels"]))
        return float(self._class_weights[batch["labels"]].sum())

    def count_tokens(self, batch: Batch) -> int:
        """Count the tokens of the texts."""
        return num_unmasked(batch)

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sum the cross-entropy over the rows of the batch."""
        return self._cross_entropy(self.logits(model, batch), batch["labels"])

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Give scores [B, C] in fp32."""
        output = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        logits: Tensor = output["logits"] if isinstance(output, Mapping) else output
        return logits.float()

    def evaluation(self) -> Evaluation:
        """Begin a pass over the evaluation part."""
        return _Pass(self)

    def _hide_words(self, ids: Tensor, noise: RowNoise) -> Tensor:
        words = ~np.isin(ids.numpy(), self._special_token_ids)
        hidden = torch.from_numpy(words & (noise.uniform(ids.shape[1]) < self._word_dropout))
        assert self._mask_token_id is not None
        return ids.masked_fill(hidden, self._mask_token_id)

    def _cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        weights = None if self._class_weights is None else self._class_weights.to(logits.device)
        return functional.cross_entropy(
            logits, labels, weight=weights, label_smoothing=self._label_smoothing, reduction="sum"
        )

    def _metrics(self, loss: float, logits: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        metrics = classification_metrics(
            logits, labels, self._label_names, negative_label=self._negative_label, majority=self._majority
        )
        return {"loss": loss, **metrics}


class _Pass:
    """Keeps the scores [N, C] of one evaluation: a million rows of five labels take 20 MB."""

    def __init__(self, task: SequenceClassification) -> None:
        self._task = task
        self._loss_sum = 0.0
        self._num_targets = 0.0
        self._logits: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []

    def add(self, model: nn.Module, batch: Batch) -> None:
        """Score one batch."""
        logits = self._task.logits(model, batch)
        labels = batch["labels"]
        self._loss_sum += float(self._task._cross_entropy(logits, labels))
        self._num_targets += self._task.count_targets({"labels": labels.cpu()})
        self._logits.append(logits.cpu().numpy())
        self._labels.append(labels.cpu().numpy())

    def metrics(self) -> dict[str, Any]:
        """Give loss and metrics over all rows."""
        # Labels that weigh nothing leave nothing to average.
        loss = self._loss_sum / self._num_targets if self._num_targets else math.nan
        return self._task._metrics(loss, np.concatenate(self._logits), np.concatenate(self._labels))


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
