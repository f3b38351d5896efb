"""Scoring a model on a whole data set."""

from typing import Any

import torch
from torch import nn

from infrastructure.data.feed import batches_by_length
from infrastructure.tasks.adapter import TaskAdapter, lengths_of
from infrastructure.training.precision import Precision

# Without gradients twice the rows of a training batch fit.
ROWS_PER_TRAINING_ROW = 2


def evaluate(
    model: nn.Module, task: TaskAdapter, dataset: Any, batch_size: int, precision: Precision, device: torch.device
) -> dict[str, Any]:
    """Give `loss` and the metrics of the task over all rows; no random number is drawn and no weight changes."""
    model.eval()
    result = task.evaluation()
    with torch.inference_mode():
        for rows in batches_by_length(lengths_of(dataset), batch_size * ROWS_PER_TRAINING_ROW):
            batch = task.collate([dataset[int(row)] for row in rows], None)
            with precision.autocast():
                result.add(model, {name: tensor.to(device) for name, tensor in batch.items()})
        with precision.autocast():  # some tasks let the model write before they can score it
            return result.metrics()
