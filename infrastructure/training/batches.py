"""The batches of a run, by the number of their step."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from domain.step_size import TOKENS, StepSize
from domain.words import counted
from infrastructure.data.feed import cut_anew
from infrastructure.models.dropout import draws
from infrastructure.tasks.adapter import feed_of
from infrastructure.training.ahead import Ahead
from infrastructure.training.session import Session
from infrastructure.training.step import MicroBatch, StepBatch, counted_over, part_of_rank
from infrastructure.training.unpadding import train_without_padding


class Batches:
    """Builds what this rank learns from in each step, from the rows of a data set that `feed` chooses.

    Where a device computes beside the processor, a thread builds the next steps meanwhile, in memory that the device
    can read by itself. On a CPU both would want the same cores.
    """

    def __init__(self, session: Session, dataset: Any, size: StepSize) -> None:
        self._session = session
        self._dataset = dataset
        self._size = size
        parallel = session.parallel
        self._draws = draws(session.model)
        place = (parallel.ranks.rank, parallel.ranks.size, self._draws, len(parallel.devices(session.device)))
        self.feed = feed_of(dataset, size, session.seed, *place)
        self._padding_kept = train_without_padding(session, dataset)
        self._ahead = Ahead(self._made, _next) if builds_ahead(session.device, dataset) else None

    def at(self, step: int, micro_batch_size: int) -> StepBatch:
        """Give the batch of a step, in micro-batches of so many rows or tokens, with what all ranks count in it."""
        ranks = self._session.parallel.ranks
        with ranks.sharing_lost_memory():
            own = self._ahead.at((step, micro_batch_size)) if self._ahead else self.own(step, micro_batch_size)
        return counted_over(ranks, own)

    def own(self, step: int, micro_batch_size: int) -> StepBatch:
        """Build what this rank has of a step, and ask no other."""
        session = self._session
        return part_of_rank(step, self.feed, self._dataset, session.task, micro_batch_size, session.seed)

    def _made(self, key: tuple[int, int]) -> StepBatch:
        """Build it in a thread, ready to be sent."""
        built = self.own(*key)
        return replace(built, micro_batches=[_pinned(micro, self._session.device) for micro in built.micro_batches])

    def close(self) -> None:
        """Let no thread build any more."""
        if self._ahead is not None:
            self._ahead.close()

    def remarks(self) -> Iterator[str]:
        """Say what steps of tokens come to, that devices draw other dropout than one alone would, why padding stays."""
        size, num_steps = self._size, self.feed.steps_per_epoch
        if size.unit == TOKENS:
            rows = counted(round(len(self._dataset) / num_steps), "rows")
            told = f"a step sees about {size.per_step:,} tokens, on average {rows}"
            yield f"{told}; an epoch has {counted(num_steps, 'steps')}."
        if self._draws and (told := cut_anew(size, self._session.num_devices)):
            yield told
        if self._padding_kept:
            yield self._padding_kept


def builds_ahead(device: torch.device, dataset: Any) -> bool:
    """Tell whether a thread builds batches: for a GPU, of rows that are known by what they hold.

    A data set of a caller has no `fingerprint`, and may draw numbers, or read from where the evaluation reads too.
    """
    return device.type == "cuda" and hasattr(dataset, "fingerprint")


def _next(key: tuple[int, int]) -> tuple[int, int]:
    step, micro_batch_size = key
    return step + 1, micro_batch_size


def _pinned(micro: MicroBatch, device: torch.device) -> MicroBatch:
    """Move tensors to pages that stay in place, from which a GPU fetches them while the host goes on."""
    if device.type != "cuda":
        return micro
    # A thread has a current device of its own, and pages are pinned for that.
    with torch.cuda.device(device):
        return replace(micro, batch={name: tensor.pin_memory() for name, tensor in micro.batch.items()})
