"""One optimizer step: forward, backward, clip, update."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from domain.progress import StepResult
from infrastructure.data.feed import Feed, RowNoise, seed_of
from infrastructure.memory import is_out_of_memory
from infrastructure.randomness import draw_from, drawing
from infrastructure.tasks.adapter import Batch, TaskAdapter
from infrastructure.training.optimizers import LR_SCALE
from infrastructure.training.parallel import unwrapped
from infrastructure.training.session import Session


@dataclass(frozen=True)
class StepBatch:
    """Micro-batches of one step on the CPU. `num_targets` counts over all of them, and over all ranks."""

    step: int
    micro_batches: Sequence[Batch]
    num_targets: float
    num_rows: int
    num_tokens: int
    row_ids: tuple[int, ...]


def batch_at(step: int, feed: Feed, dataset: Any, task: TaskAdapter, micro_batch_size: int, seed: int) -> StepBatch:
    """Build the batch of a step; the same arguments give the same batch."""
    rows = feed.at(step, micro_batch_size)
    micro_batches = [
        task.collate([dataset[int(row)] for row in part], RowNoise(seed, step, part)) for part in rows.micro_batches
    ]
    num_rows = sum(len(part) for part in rows.micro_batches)
    num_targets = sum(task.count_targets(batch) for batch in micro_batches)
    if num_rows < len(rows.all_rows):  # the other ranks' targets count too, for all divide by the same number
        items = [dataset[int(row)] for row in rows.all_rows]
        num_targets = task.count_targets(task.collate(items, RowNoise(seed, step, rows.all_rows)))
    return StepBatch(
        step=step,
        micro_batches=micro_batches,
        num_targets=num_targets,
        num_rows=num_rows,
        num_tokens=sum(task.count_tokens(batch) for batch in micro_batches),
        row_ids=tuple(int(row) for row in rows.all_rows),
    )


class UpdateInterruptedError(Exception):
    """Memory ran out inside the update: some weights may have it and others not, so it cannot be tried again."""


def train_step(session: Session, batch: StepBatch, learning_rate: float, applied_steps: int = 0) -> StepResult:
    """Update the weights once by the gradient of the summed loss over the count of targets of the whole step.

    How the rows are cut into micro-batches changes speed and memory and nothing else. A step whose loss or gradient
    is not finite changes no weight. `applied_steps` were applied before.
    Raises: UpdateInterruptedError when memory runs out once the update has begun; before that it may be called again.
    """
    loss, grad_norm = gradient(session, batch)
    # The one moment the host waits for the device: whether to apply the step must be known before it is applied.
    loss_value, norm_value = torch.stack([loss, grad_norm.to(loss)]).tolist()
    applied = bool(np.isfinite(loss_value) and np.isfinite(norm_value))
    finite = applied or (bool(np.isfinite(loss_value)) and session.precision.expects_overflow)
    try:
        update(session, learning_rate, applied, applied_steps)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UpdateInterruptedError from error
    return StepResult(
        loss=loss_value,
        grad_norm=norm_value,
        learning_rate=learning_rate,
        applied=applied,
        finite=finite,
        num_rows=batch.num_rows,
        num_tokens=batch.num_tokens,
        row_ids=batch.row_ids,
    )


def gradient(session: Session, batch: StepBatch) -> tuple[Tensor, Tensor]:
    """Fill the gradients, clipped to the greatest norm; gives the loss and the norm before clipping."""
    session.model.train()
    loss = torch.zeros((), device=session.device)
    with drawing(session.device):
        for number, micro_batch in enumerate(batch.micro_batches):
            draw_from(seed_of(session.seed, "dropout", batch.step, number), session.device)
            loss += _backward(session, micro_batch, batch.num_targets)
    session.precision.unscale(session.optimizer)
    return loss, nn.utils.clip_grad_norm_(session.model.parameters(), session.max_grad_norm)


def _backward(session: Session, micro_batch: Batch, num_targets: float) -> Tensor:
    """Add the gradients of one micro-batch; gives its share of the loss, detached."""
    on_device = {name: tensor.to(session.device, non_blocking=True) for name, tensor in micro_batch.items()}
    with session.precision.autocast():
        loss = session.task.loss_sum(session.model, on_device) / num_targets
    session.precision.scaled(loss).backward()
    return loss.detach()


def update(session: Session, learning_rate: float, apply: bool, applied_steps: int) -> None:
    """Move the weights and their average, or neither."""
    for group in session.optimizer.param_groups:
        group["lr"] = learning_rate * group.get(LR_SCALE, 1.0)
    session.precision.step(session.optimizer, apply)
    session.optimizer.zero_grad(set_to_none=True)
    if apply and session.average is not None:
        session.average.update(unwrapped(session.model), applied_steps + 1)
