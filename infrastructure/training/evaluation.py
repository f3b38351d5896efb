"""Scoring a model on a whole data set."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from application.phases import phase
from infrastructure.data.feed import batches_by_length
from infrastructure.memory import in_smaller_parts
from infrastructure.models.unpadded import reading
from infrastructure.parallel.strategy import SINGLE, Parallel
from infrastructure.tasks.adapter import (
    Batch,
    Evaluation,
    ScoresParts,
    TaskAdapter,
    items_of,
    lengths_of,
    on_device,
)
from infrastructure.tasks.scored import Scored
from infrastructure.training.precision import Precision

# What a layer makes is gone with the next one, where a training keeps that of all of them.
ROWS_PER_TRAINING_ROW = 8
# Tokens at once: on a processor what is made of them then stays in its caches, and more would be slower.
TOKENS_AT_ONCE, TOKENS_AT_ONCE_ELSEWHERE = 2_048, 65_536
MAX_ROWS_NAMED = 5


def rows_to_score(dataset: Any, training_rows: int, device: torch.device) -> int:
    """Say how many of the longest rows are scored at once by a model that is trained with `training_rows` at once."""
    tokens = TOKENS_AT_ONCE if device.type == "cpu" else TOKENS_AT_ONCE_ELSEWHERE
    longest = int(np.max(lengths_of(dataset), initial=1))
    return max(1, min(tokens // longest, ROWS_PER_TRAINING_ROW * training_rows))


def evaluate(
    forward: nn.Module,
    task: TaskAdapter,
    dataset: Any,
    rows_at_once: int,
    precision: Precision,
    device: torch.device,
    on_halved: Callable[[int], None] = lambda rows: None,
    parallel: Parallel = SINGLE,
) -> dict[str, Any]:
    """Give `loss` and the metrics of the task over all rows; no random number is drawn and no weight changes.

    `forward` is the way into the model. A batch has room for `rows_at_once` of the longest rows. Ranks share out the
    rows, and all give the same.
    When memory runs out all begins anew with half as many rows at once, of which `on_halved` is told.
    Raises: TrainingError when memory is too small for a single row.
    """
    scored = _Scorer(forward, task, dataset, precision, device, parallel)
    return in_smaller_parts(lambda rows: scored(rows)[0], rows_at_once, "in an evaluation", on_halved)


def score_rows(
    forward: nn.Module, task: TaskAdapter, dataset: Any, rows_at_once: int, precision: Precision, device: torch.device
) -> Scored:
    """Evaluate, and give beside the metrics what became of each row. Raises: TrainingError as `evaluate` does."""
    scored = _Scorer(forward, task, dataset, precision, device, SINGLE)

    def with_outcomes(rows_at_once: int) -> Scored:
        metrics, result, order = scored(rows_at_once)
        return Scored(metrics, result.outcomes(order))

    return in_smaller_parts(with_outcomes, rows_at_once, "in an evaluation")


@dataclass(frozen=True)
class _Scorer:
    """Shows a model all rows; gives metrics, what was found, and in which order [N] the rows came."""

    forward: nn.Module
    task: TaskAdapter
    dataset: Any
    precision: Precision
    device: torch.device
    parallel: Parallel

    @torch.inference_mode()
    def __call__(self, rows_at_once: int) -> tuple[dict[str, Any], Evaluation, np.ndarray]:
        self.forward.eval()
        result, order = self._passed(rows_at_once)
        # Some tasks let the model write before they can score it.
        with self.parallel.sharing_lost_memory(), self.precision.autocast():
            metrics = self.forward(lambda model: result.metrics())
        return {**metrics, **_of_parts(self.task, self.dataset, result, order)}, result, order

    def _passed(self, rows_at_once: int) -> tuple[Evaluation, np.ndarray]:
        result, ranks = self.task.evaluation(), self.parallel.ranks
        batches = batches_by_length(lengths_of(self.dataset), rows_at_once)
        with phase("scoring", len(self.dataset)) as done:
            for start in range(0, len(batches), ranks.size):
                together = batches[start : start + ranks.size]
                # A rank that is left over computes what is not looked at: all must pass through the model as often.
                own = together[min(ranks.rank, len(together) - 1)]
                batch = _collated(self.task, self.dataset, own)
                with self.parallel.sharing_lost_memory(), self.precision.autocast(), reading(batch, self.device):
                    found = self.forward(result.ask, on_device(batch, self.device))
                for each in ranks.gathered(found)[: len(together)]:
                    result.merge(each)
                done.advance(sum(map(len, together)))
        return result, np.concatenate(batches)


def _of_parts(task: TaskAdapter, dataset: Any, result: Evaluation, order: np.ndarray) -> dict[str, Any]:
    """Score the parts that rows say they belong to, where a task knows of such."""
    names = getattr(dataset, "part_names", ())
    if not names or not isinstance(task, ScoresParts):
        return {}
    return task.metrics_of_parts(result.outcomes(order), dataset.parts, names)


def rows_without_loss(
    forward: nn.Module, task: TaskAdapter, dataset: Any, rows_at_once: int, precision: Precision, device: torch.device
) -> list[int]:
    """Find rows whose loss is not finite, the first `MAX_ROWS_NAMED` of them by length."""
    forward.eval()
    found: list[int] = []

    def is_finite(rows: Iterable[int]) -> bool:
        batch = _collated(task, dataset, rows)
        with reading(batch, device):
            return bool(torch.isfinite(forward(task.loss_sum, on_device(batch, device))))

    with torch.inference_mode(), precision.autocast():
        for rows in batches_by_length(lengths_of(dataset), rows_at_once):
            if not is_finite(rows):
                found += [int(row) for row in rows if not is_finite([row])]
            if len(found) >= MAX_ROWS_NAMED:
                break
    return found[:MAX_ROWS_NAMED]


def _collated(task: TaskAdapter, dataset: Any, rows: Iterable[int]) -> Batch:
    return task.collate(items_of(dataset, rows), None)
