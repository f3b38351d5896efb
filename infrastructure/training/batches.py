"""The batches of a run, by the number of their step."""

from typing import Any

from infrastructure.data.feed import cut_anew
from infrastructure.models.dropout import draws
from infrastructure.tasks.adapter import feed_of
from infrastructure.training.session import Session
from infrastructure.training.step import StepBatch, batch_at


class Batches:
    """Builds what this rank learns from in each step, from the rows of a data set that `feed` chooses."""

    def __init__(self, session: Session, dataset: Any, rows_per_step: int) -> None:
        self._session = session
        self._dataset = dataset
        self._rows_per_step = rows_per_step
        parallel = session.parallel
        self._draws = draws(session.model)
        place = (parallel.ranks.rank, parallel.ranks.size, self._draws, len(parallel.devices(session.device)))
        self.feed = feed_of(dataset, rows_per_step, session.seed, *place)

    def at(self, step: int, micro_batch_size: int) -> StepBatch:
        """Build the batch of a step, in micro-batches of at most so many rows."""
        session = self._session
        place = (self.feed, self._dataset, session.task, micro_batch_size, session.seed)
        return batch_at(step, *place, session.parallel.ranks)

    def remark(self, micro_batch_size: int) -> str:
        """Say, where it is so, that the devices draw other dropout than one alone would; else empty."""
        return cut_anew(self._rows_per_step, micro_batch_size, self._session.num_devices) if self._draws else ""
