"""The contract between the one training loop and the many kinds of tasks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from domain.config import TrainingConfig
from domain.plan import TrainingPlan
from domain.step_size import ROWS, StepSize
from infrastructure.data.feed import Feed, RowNoise
from infrastructure.tasks.scored import Outcomes

Batch = dict[str, Tensor]


class Evaluation(Protocol):
    """Sums and counts of one pass over the evaluation part; they become numbers once, at the end.

    Batches may be asked about in several processes; what each of them found is merged in all, in one order.
    """

    def ask(self, model: nn.Module, batch: Batch) -> Any:
        """Find out about one batch, without gradients and the model in evaluation mode; gives arrays and numbers."""

    def merge(self, found: Any) -> None:
        """Take in what `ask` gave."""

    def metrics(self) -> dict[str, Any]:
        """Give `loss` and every metric of the task; none depends on how the rows were batched."""

    def outcomes(self, order: np.ndarray) -> Outcomes:
        """Give what became of each row, by the numbers of rows; `order` [N] are these as the rows came."""


class TaskAdapter(Protocol):
    """What the loop must know of a task."""

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""

    def collate(self, items: Sequence[Any], noise: RowNoise | None) -> Batch:
        """Make one padded batch on the CPU; `noise` on the inputs is given in training alone."""

    def count_targets(self, batch: Batch) -> float:
        """Count what the loss sums over, on the CPU, before the batch travels."""

    def count_tokens(self, batch: Batch) -> int:
        """Count what the model reads and writes, padding left out; rows where a task has no tokens."""

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Give the *sum* of the losses over the targets of the batch, a scalar with gradient."""

    def evaluation(self) -> Evaluation:
        """Begin a pass over the evaluation part."""


@runtime_checkable
class ScoresParts(Protocol):
    """What a task knows beside that whose rows may say which part of the evaluation they belong to."""

    def metrics_of_parts(self, outcomes: Outcomes, parts: np.ndarray, part_names: Sequence[str]) -> dict[str, Any]:
        """Score each part by itself; `parts` [N] index `part_names`, -1 for a row of none."""


def items_of(dataset: Any, rows: Iterable[int]) -> Sequence[Any]:
    """Read some rows: at once from a data set that knows how, as `torch.utils.data` has it, else one by one."""
    numbers = [int(row) for row in rows]
    at_once = getattr(dataset, "__getitems__", None)
    items: Sequence[Any] = [dataset[number] for number in numbers] if at_once is None else at_once(numbers)
    return items


def lengths_of(dataset: Any) -> np.ndarray:
    """Give the number of tokens of each item [N]; ones where items have no `input_ids`."""
    known = getattr(dataset, "lengths", None)
    if known is not None:
        return np.asarray(known)
    items = (dataset[index] for index in range(len(dataset)))
    return np.array([len(i["input_ids"]) if isinstance(i, Mapping) and "input_ids" in i else 1 for i in items])


def plan_of(config: TrainingConfig, dataset: Any) -> TrainingPlan:
    """Plan the training on a data set. Raises: ConfigurationError for settings that do not fit its rows."""
    if config.step_size.unit == ROWS:
        return TrainingPlan.of(config, len(dataset))
    lengths = np.maximum(lengths_of(dataset), 1)
    return TrainingPlan.of(config, len(dataset), int(lengths.sum()), int(lengths.max()))


def rows_at_once(size: StepSize, dataset: Any) -> int:
    """Give how many rows of a data set, be they its longest, go through the model at once in training."""
    return size.at_once if size.unit == ROWS else size.rows_at_once(int(lengths_of(dataset).max()))


def feed_of(
    dataset: Any,
    size: StepSize,
    seed: int,
    rank: int = 0,
    world_size: int = 1,
    keeps_cuts: bool = False,
    devices: int = 1,
) -> Feed:
    """Say which rows each step of a training sees.

    A data set may number its rows as `together` [N], equal for those that are best learnt from in one step.
    """
    together = getattr(dataset, "together", None)
    place = (seed, rank, world_size, together, keeps_cuts, devices)
    return Feed(lengths_of(dataset), size.per_step, *place, size.unit)


def on_device(batch: Batch, device: torch.device) -> Batch:
    """Bring a batch to where its model is."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def num_unmasked(batch: Batch) -> int:
    """Count the tokens of `attention_mask`, the padding left out."""
    return int(batch["attention_mask"].sum())


def pad(sequences: Sequence[Tensor], value: int) -> Tensor:
    """Stack sequences [L_i] into [B, max L], filled up with `value` on the right."""
    return torch.nn.utils.rnn.pad_sequence(list(sequences), batch_first=True, padding_value=value)


def padded(sequences: Sequence[Any], value: int) -> tuple[Tensor, Tensor]:
    """Stack ids [L_i], arrays or tensors, into [B, max L] int64, filled up with `value` on the right; and their mask.

    One array is filled in place of a tensor for each row: building a batch is time in which nothing is learnt.
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    ids = np.full((len(sequences), lengths.max()), value, dtype=np.int64)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
    mask = np.arange(ids.shape[1]) < lengths[:, None]
    return torch.from_numpy(ids), torch.from_numpy(mask.astype(np.int64))
