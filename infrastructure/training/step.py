"""One optimizer step: forward, backward, clip, update."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from domain.progress import StepResult
from infrastructure.data.feed import Feed, RowNoise, seed_of
from infrastructure.memory import is_out_of_memory
from infrastructure.parallel.ranks import ALONE, Ranks
from infrastructure.randomness import draw_from, drawing
from infrastructure.tasks.adapter import Batch, TaskAdapter
from infrastructure.training.optimizers import LR_SCALE
from infrastructure.training.session import Session


@dataclass(frozen=True)
class MicroBatch:
    """What goes through the model at once, and its number in the step; a `spare` one counts for nothing."""

    batch: Batch
    number: int
    is_spare: bool = False


@dataclass(frozen=True)
class StepBatch:
    """Micro-batches of one step on the CPU, those of this rank. The numbers count over all ranks."""

    step: int
    micro_batches: Sequence[MicroBatch]
    num_targets: float
    num_rows: int
    num_tokens: int
    row_ids: tuple[int, ...]


def batch_at(
    step: int, feed: Feed, dataset: Any, task: TaskAdapter, micro_batch_size: int, seed: int, ranks: Ranks = ALONE
) -> StepBatch:
    """Build the batch of a step; the same arguments give the same batch. Each rank builds its own part of it."""
    with ranks.sharing_lost_memory():
        own = part_of_rank(step, feed, dataset, task, micro_batch_size, seed)
    return counted_over(ranks, own)


def part_of_rank(step: int, feed: Feed, dataset: Any, task: TaskAdapter, micro_batch_size: int, seed: int) -> StepBatch:
    """Build what one rank has of a step, and ask no other; targets and tokens are counted over its part alone."""
    rows = feed.at(step, micro_batch_size)
    micro_batches = [
        MicroBatch(
            task.collate([dataset[int(row)] for row in part.rows], RowNoise(seed, step, part.rows)),
            part.number,
            part.is_spare,
        )
        for part in rows.micro_batches
    ]
    counted = [micro.batch for micro in micro_batches if not micro.is_spare]
    return StepBatch(
        step=step,
        micro_batches=micro_batches,
        num_targets=sum(map(task.count_targets, counted)),
        num_rows=len(rows.all_rows),
        num_tokens=sum(map(task.count_tokens, counted)),
        row_ids=tuple(int(row) for row in rows.all_rows),
    )


def counted_over(ranks: Ranks, own: StepBatch) -> StepBatch:
    """Count the targets and tokens of a step over all ranks, each of which comes with its part."""
    num_targets, num_tokens = ranks.summed(own.num_targets, own.num_tokens)
    return replace(own, num_targets=num_targets, num_tokens=int(num_tokens))


class UpdateInterruptedError(Exception):
    """Memory ran out inside the update: some weights may have it and others not, so it cannot be tried again."""


def train_step(session: Session, batch: StepBatch, learning_rate: float, applied_steps: int = 0) -> StepResult:
    """Update the weights once by the gradient of the summed loss over the count of targets of the whole step.

    How the rows are cut into micro-batches changes speed and memory and nothing else. A step whose loss or gradient
    is not finite changes no weight. `applied_steps` were applied before.
    Raises: UpdateInterruptedError when memory runs out once the update has begun; before that it may be called again.
    Of several ranks, TrainingError when it runs out in one where the others wait for it.
    """
    loss, grad_norm = gradient(session, batch)
    # The one moment the host waits for the device: whether to apply the step must be known before it is applied.
    loss_value, norm_value = torch.stack([loss, grad_norm.to(loss)]).tolist()
    applied = bool(np.isfinite(loss_value) and np.isfinite(norm_value))
    finite = applied or (bool(np.isfinite(loss_value)) and session.precision.expects_overflow)
    try:
        with session.parallel.sending_gradients():  # who has updated waits in the next step for those who have not
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
    """Fill the gradients, clipped to the greatest norm; gives the loss and the norm before clipping, of all ranks."""
    parallel = session.parallel
    session.forward.train()
    loss = torch.zeros((), device=session.device)
    *first, last = batch.micro_batches
    with drawing(session.device), parallel.one_gradient(session.forward):
        # The last pass sends gradients to the other ranks, and must not begin before they all have come so far.
        with parallel.sharing_lost_memory():
            with parallel.only_adding(session.forward):
                for micro_batch in first:
                    loss += _backward(session, _share_of_loss(session, micro_batch, batch))
            share = _share_of_loss(session, last, batch)
        with parallel.sending_gradients():
            loss += _backward(session, share)
    with parallel.sending_gradients():
        session.precision.unscale(session.optimizer)
        return parallel.summed(loss), parallel.clipped(session.model, session.max_grad_norm)


def _share_of_loss(session: Session, micro_batch: MicroBatch, batch: StepBatch) -> Tensor:
    """Give what a micro-batch adds to the loss of its step."""
    draw_from(seed_of(session.seed, "dropout", batch.step, micro_batch.number), session.device)
    on_device = {name: tensor.to(session.device, non_blocking=True) for name, tensor in micro_batch.batch.items()}
    with session.precision.autocast():
        loss: Tensor = session.forward(session.task.loss_sum, on_device) / batch.num_targets
    return loss * 0.0 if micro_batch.is_spare else loss


def _backward(session: Session, share: Tensor) -> Tensor:
    """Add the gradients of a share of the loss; gives it, detached."""
    session.precision.scaled(share).backward()
    return share.detach()


def update(session: Session, learning_rate: float, apply: bool, applied_steps: int) -> None:
    """Move the weights and their average, or neither."""
    for group in session.optimizer.param_groups:
        group["lr"] = learning_rate * group.get(LR_SCALE, 1.0)
    session.precision.step(session.optimizer, apply)
    session.optimizer.zero_grad(set_to_none=True)
    if apply and session.average is not None:
        session.average.update(session.trained, applied_steps + 1)
