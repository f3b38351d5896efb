"""One optimizer step: forward, backward, clip, update."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from domain.progress import StepResult
from infrastructure.data.feed import Feed, RowNoise, seed_of
from infrastructure.memory import is_out_of_memory
from infrastructure.models.unpadded import reading
from infrastructure.parallel.ranks import ALONE, Ranks
from infrastructure.randomness import draw_from, drawing
from infrastructure.tasks.adapter import Batch, TaskAdapter, items_of, on_device
from infrastructure.training.applied_steps import AppliedSteps
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
            task.collate(items_of(dataset, part.rows), RowNoise(seed, step, part.rows)),
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
    """Take a step and wait for what became of it; `applied_steps` were applied before. Raises as `begin_step` does."""
    return begin_step(session, batch, lambda _: learning_rate, AppliedSteps(applied_steps)).result(applied_steps)


def begin_step(
    session: Session, batch: StepBatch, rate_after: Callable[[int], float], applied: AppliedSteps
) -> "BegunStep":
    """Update the weights once by the gradient of the summed loss over the count of targets of the whole step.

    How the rows are cut into micro-batches changes speed and memory and nothing else. A step whose loss or gradient
    is not finite changes no weight: that is decided on the device, for which the host does not wait here. `rate_after`
    gives the learning rate after so many steps as were applied before.
    Raises: UpdateInterruptedError when memory runs out once the update has begun; before that it may be called again.
    Of several ranks, TrainingError when it runs out in one where the others wait for it.
    """
    found = gradient(session, batch)
    sent = _to_host(torch.stack([found.loss, found.norm, session.precision.loss_scale]))
    try:
        with session.parallel.sending_gradients():  # who has updated waits in the next step for those who have not
            update(session, applied.chosen(rate_after, session.device), found)
            if session.average is not None:
                session.average.update(session.trained, applied, found.found_inf)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UpdateInterruptedError from error
    told, is_there = sent
    was_applied = 1.0 - found.found_inf
    return BegunStep(told, is_there, was_applied, rate_after, batch.num_rows, batch.num_tokens, batch.row_ids)


@dataclass(frozen=True)
class BegunStep:
    """A step that its device was told of. `told` [3] are loss, norm and scale of the loss, there once `is_there` is."""

    told: Tensor
    is_there: torch.cuda.Event | None
    was_applied: Tensor
    rate_after: Callable[[int], float]
    num_rows: int
    num_tokens: int
    row_ids: tuple[int, ...]

    def result(self, applied_steps: int) -> StepResult:
        """Wait for what became of it, where so many steps were applied before."""
        if self.is_there is not None:
            self.is_there.synchronize()
        loss, norm, loss_scale = self.told.tolist()
        applied = bool(np.isfinite(loss) and np.isfinite(norm))
        return StepResult(
            loss=loss,
            grad_norm=norm,
            learning_rate=self.rate_after(applied_steps),
            applied=applied,
            # With a scale an infinite gradient is how its greatest is found, and no fault of the data.
            finite=applied or (bool(np.isfinite(loss)) and loss_scale > 1.0),
            num_rows=self.num_rows,
            num_tokens=self.num_tokens,
            row_ids=self.row_ids,
        )


def _to_host(numbers: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """Send numbers from a GPU without waiting for them, into pinned memory; gives what says that they have come."""
    if numbers.device.type != "cuda":
        return numbers, None
    sent, is_there = numbers.to("cpu", non_blocking=True), torch.cuda.Event()
    is_there.record(torch.cuda.current_stream(numbers.device))
    return sent, is_there


@dataclass(frozen=True)
class Gradient:
    """What a step knows of its gradient, of all ranks: scalars of the device, for which nobody has waited."""

    loss: Tensor
    norm: Tensor

    def divisor(self, max_norm: float) -> Tensor:
        """Tell by what the gradient must be divided so that its norm is at most `max_norm`."""
        return ((self.norm + 1e-6) / max_norm).clamp(min=1.0)

    @property
    def found_inf(self) -> Tensor:
        """Tell by 1.0 that loss or gradient is not finite and must not be applied, else 0.0."""
        return 1.0 - (self.loss.isfinite() & self.norm.isfinite()).float()


def gradient(session: Session, batch: StepBatch) -> Gradient:
    """Fill the gradients of the loss as it is scaled: neither brought to size nor clipped, which `update` does."""
    parallel = session.parallel
    if not (session.forward.training and session.model.training):  # all parts are told, which takes time
        session.forward.train()
    loss = torch.zeros((), device=session.device)
    *first, last = batch.micro_batches
    with drawing(session.device), session.precision.products(), parallel.one_gradient(session.forward):
        # The last pass sends gradients to the other ranks, and must not begin before they all have come so far.
        with parallel.sharing_lost_memory():
            with parallel.only_adding(session.forward):
                for micro_batch in first:
                    loss += _backward(session, _share_of_loss(session, micro_batch, batch))
            share = _share_of_loss(session, last, batch)
        with parallel.sending_gradients():
            loss += _backward(session, share)
    with parallel.sending_gradients():
        return Gradient(parallel.summed(loss), parallel.norm_of_gradient(session.model) / session.precision.loss_scale)


def _share_of_loss(session: Session, micro_batch: MicroBatch, batch: StepBatch) -> Tensor:
    """Give what a micro-batch adds to the loss of its step."""
    draw_from(seed_of(session.seed, "dropout", batch.step, micro_batch.number), session.device)
    batch_there = on_device(micro_batch.batch, session.device)
    with session.precision.autocast(), reading(micro_batch.batch, session.device):
        loss: Tensor = session.forward(session.task.loss_sum, batch_there) / batch.num_targets
    return loss * 0.0 if micro_batch.is_spare else loss


def _backward(session: Session, share: Tensor) -> Tensor:
    """Add the gradients of a share of the loss; gives it, detached."""
    session.precision.scaled(share).backward()
    return share.detach()


def update(session: Session, learning_rate: float | Tensor, found: Gradient) -> None:
    """Move the weights by the gradients that are filled, clipped to the greatest norm, or drop them."""
    for group in session.optimizer.param_groups:
        group["lr"] = learning_rate * group.get(LR_SCALE, 1.0)
    session.precision.step(session.optimizer, found.divisor(session.max_grad_norm), found.found_inf)
    session.optimizer.zero_grad(set_to_none=True)
