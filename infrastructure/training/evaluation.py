"""Scoring a model on a whole data set."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from application.phases import phase
from infrastructure.data.feed import batches_by_length
from infrastructure.memory import in_smaller_parts
from infrastructure.tasks.adapter import Batch, Evaluation, Scored, ScoresParts, TaskAdapter, lengths_of
from infrastructure.training.precision import Precision

# Without gradients twice the rows of a training batch fit.
ROWS_PER_TRAINING_ROW = 2
MAX_ROWS_NAMED = 5


def evaluate(
    model: nn.Module,
    task: TaskAdapter,
    dataset: Any,
    rows_at_once: int,
    precision: Precision,
    device: torch.device,
    on_halved: Callable[[int], None] = lambda rows: None,
) -> dict[str, Any]:
    """Give `loss` and the metrics of the task over all rows; no random number is drawn and no weight changes.

    When memory runs out all begins anew with half as many rows at once, of which `on_halved` is told.
    Raises: TrainingError when memory is too small for a single row.
    """

    def scored(rows_at_once: int) -> dict[str, Any]:
        with torch.inference_mode():
            result, order = _passed(model, task, dataset, rows_at_once, precision, device)
            with precision.autocast():  # some tasks let the model write before they can score it
                metrics = result.metrics()
            return {**metrics, **_of_parts(task, dataset, result, order)}

    model.eval()
    return in_smaller_parts(scored, rows_at_once, "in an evaluation", on_halved)


def score_rows(
    model: nn.Module, task: TaskAdapter, dataset: Any, rows_at_once: int, precision: Precision, device: torch.device
) -> Scored:
    """Evaluate, and give beside the metrics what became of each row. Raises: TrainingError as `evaluate` does."""

    def scored(rows_at_once: int) -> Scored:
        with torch.inference_mode():
            result, order = _passed(model, task, dataset, rows_at_once, precision, device)
            with precision.autocast():
                metrics = result.metrics()
        return Scored({**metrics, **_of_parts(task, dataset, result, order)}, result.outcomes(order))

    model.eval()
    return in_smaller_parts(scored, rows_at_once, "in an evaluation")


def _of_parts(task: TaskAdapter, dataset: Any, result: Evaluation, order: np.ndarray) -> dict[str, Any]:
    """Score the parts that rows say they belong to, where a task knows of such."""
    names = getattr(dataset, "part_names", ())
    if not names or not isinstance(task, ScoresParts):
        return {}
    return task.metrics_of_parts(result.outcomes(order), dataset.parts, names)


def _passed(
    model: nn.Module, task: TaskAdapter, dataset: Any, rows_at_once: int, precision: Precision, device: torch.device
) -> tuple[Evaluation, np.ndarray]:
    """Show a model all rows; gives what was found and in which order [N] they came."""
    result = task.evaluation()
    order = []
    with phase("scoring", len(dataset)) as done:
        for rows, batch in _batches(task, dataset, rows_at_once, device):
            with precision.autocast():
                result.add(model, batch)
            order.append(rows)
            done.advance(len(rows))
    return result, np.concatenate(order)


def rows_without_loss(
    model: nn.Module, task: TaskAdapter, dataset: Any, rows_at_once: int, precision: Precision, device: torch.device
) -> list[int]:
    """Find rows whose loss is not finite, the first `MAX_ROWS_NAMED` of them by length."""
    model.eval()
    found: list[int] = []
    with torch.inference_mode(), precision.autocast():
        for rows, batch in _batches(task, dataset, rows_at_once, device):
            if bool(torch.isfinite(task.loss_sum(model, batch))):
                continue
            for row in rows:
                alone = _on_device(task.collate([dataset[int(row)]], None), device)
                if not bool(torch.isfinite(task.loss_sum(model, alone))):
                    found.append(int(row))
            if len(found) >= MAX_ROWS_NAMED:
                break
    return found[:MAX_ROWS_NAMED]


def _batches(
    task: TaskAdapter, dataset: Any, rows_at_once: int, device: torch.device
) -> Iterator[tuple[np.ndarray, Batch]]:
    for rows in batches_by_length(lengths_of(dataset), rows_at_once):
        yield rows, _on_device(task.collate([dataset[int(row)] for row in rows], None), device)


def _on_device(batch: Batch, device: torch.device) -> Batch:
    return {name: tensor.to(device) for name, tensor in batch.items()}
