"""Any module with any loss function."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infrastructure.data.feed import RowNoise
from infrastructure.tasks.adapter import Batch, Evaluation, num_unmasked
from infrastructure.tasks.scored import Outcomes

LossFunction = Callable[[Any, Tensor], Tensor]


class PlainModule:
    """Trains a plain `nn.Module` on items (input, target), or on dicts with one key `labels` or `target`.

    A pair calls the module with one argument, a dict with the other keys as named ones. The loss function gets
    (output, target) and gives one loss for each row [B], or their mean as a scalar; a target is a row.
    """

    def __init__(self, loss_function: LossFunction) -> None:
        self._loss_function = loss_function

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        return ("loss",)

    def collate(self, items: Sequence[Any], noise: RowNoise | None) -> Batch:
        """Stack the tensors of the items."""
        if isinstance(items[0], Mapping):
            return {name: torch.stack([torch.as_tensor(item[name]) for item in items]) for name in items[0]}
        inputs, targets = zip(*items, strict=True)
        return {"input": _stack(inputs), "target": _stack(targets)}

    def count_targets(self, batch: Batch) -> float:
        """Count the rows."""
        return float(len(self._target(batch)))

    def count_tokens(self, batch: Batch) -> int:
        """Count the tokens under an `attention_mask`, the rows where there is none."""
        return num_unmasked(batch) if "attention_mask" in batch else len(self._target(batch))

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sum the loss over the rows."""
        inputs = {name: tensor for name, tensor in batch.items() if name not in ("labels", "target")}
        target = self._target(batch)
        output = model(inputs["input"]) if set(inputs) == {"input"} else model(**inputs)
        loss = self._loss_function(output, target)
        return loss * len(target) if loss.ndim == 0 else loss.float().sum()

    def evaluation(self) -> Evaluation:
        """Begin a pass over the evaluation part."""
        return _Pass(self)

    def _target(self, batch: Batch) -> Tensor:
        return batch["labels"] if "labels" in batch else batch["target"]


class _Pass:
    def __init__(self, task: PlainModule) -> None:
        self._task = task
        self._loss_sum = 0.0
        self._num_targets = 0.0

    def ask(self, model: nn.Module, batch: Batch) -> Any:
        """Score one batch; gives the sum of its loss, and of its targets."""
        return float(self._task.loss_sum(model, batch)), self._task.count_targets(batch)

    def merge(self, found: Any) -> None:
        """Take in a batch."""
        loss_sum, num_targets = found
        self._loss_sum += loss_sum
        self._num_targets += num_targets

    def metrics(self) -> dict[str, Any]:
        """Give the mean loss."""
        return {"loss": self._loss_sum / self._num_targets}

    def outcomes(self, order: np.ndarray) -> Outcomes:
        """Give nothing: the loss function may know the mean of a batch alone."""
        return {}


def _stack(values: Sequence[Any]) -> Tensor:
    return torch.stack([torch.as_tensor(value) for value in values])
