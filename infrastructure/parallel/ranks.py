"""The processes of one run, and what they agree on."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from domain.config import TrainingConfig
from domain.exceptions import ConfigurationError, TrainingError
from domain.launch import Launch
from infrastructure.memory import is_out_of_memory
from infrastructure.parallel.lost_ranks import LostRanksError, Presence, translated
from infrastructure.parallel.meeting import met, store_of_launch

Value = TypeVar("Value")
Result = TypeVar("Result")


class LostMemoryElsewhereError(MemoryError):
    """Memory ran out in another process of the run, and so this one computes in smaller parts as well."""


class Ranks:
    """This process among those of its run. Alone, each question has its own answer and costs nothing.

    What they agree on goes over the processors, so that no device waits for it; an answer is the same in all.
    Each question must be asked by all of them, in one order. Raises, each of them: TrainingError when one of the
    processes is lost or does not come within the time limit of the run.

    Every step asks some of these questions, so that a process which hangs is found out here, also beside NCCL: whoever
    waits for it in a sum over GPUs is ended after the same time by the watchdog of torch, by SIGABRT and in words of
    torch alone, and torchrun ends the rest.
    """

    def __init__(self, launch: Launch, presence: Presence | None = None, group: Any = None) -> None:
        self.launch = launch
        self._presence = presence
        # None for that of the training: it serves both gloo for tensors of the processor and NCCL for those of GPUs.
        self._group = group
        self._line = 0 if presence is None else presence.new_line()
        self._num_meetings = 0
        self.rank, self.size = launch.rank, launch.size

    @property
    def is_first(self) -> bool:
        """Tell whether this process writes and speaks for all."""
        return self.rank == 0

    def apart(self) -> "Ranks":
        """Give this process as one alone, on its own device: for what each of them does by itself."""
        return Ranks(replace(self.launch, rank=0, size=1))

    def beside(self) -> "Ranks":
        """Give the same processes with a line of their own, for what a thread of each asks while the training asks.

        Called by all of them.
        """
        if self._presence is None:
            return self
        limit = timedelta(seconds=self._presence.timeout)
        return Ranks(self.launch, self._presence, dist.new_group(backend="gloo", timeout=limit))

    def summed(self, *numbers: float) -> tuple[float, ...]:
        """Add up numbers over all."""
        return self._reduced(numbers, dist.ReduceOp.SUM)

    def largest(self, number: float) -> float:
        """Give the largest of the numbers that they have."""
        return self._reduced((number,), dist.ReduceOp.MAX)[0]

    def smallest(self, number: float) -> float:
        """Give the smallest of the numbers that they have."""
        return -self.largest(-number)

    def any(self, is_so: bool) -> bool:
        """Tell whether something is so for one of them."""
        return bool(self.largest(float(is_so)))

    def of_first(self, value: Value) -> Value:
        """Give to all what the first one has."""
        if self.size == 1:
            return value
        holder = [value if self.is_first else None]
        self._asked(lambda: dist.broadcast_object_list(holder, src=0, group=self._group, device=torch.device("cpu")))
        return holder[0]  # type: ignore[return-value]  # the first one's

    def first_said(self, words: str) -> str:
        """Give the words of the first that has any, the same to all; empty where none has."""
        if not self.any(bool(words)):
            return ""
        return next(filter(None, self.gathered(words)))

    def gathered(self, value: Value) -> Sequence[Value]:
        """Give to all what each of them has, by rank."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        self._asked(lambda: dist.all_gather_object(found, value, group=self._group))
        return found

    def wait_for_all(self) -> None:
        """Go on when all have come here, after work that may take each of them as long as it likes."""
        if self._presence is not None:
            self._num_meetings += 1
            with self.working():
                self._presence.meet(f"meeting/{self._line}/{self._num_meetings}")

    @contextmanager
    def sharing_lost_memory(self) -> Iterator[None]:
        """Let memory that runs out inside the block in one process count as run out in all."""
        if self.size == 1:
            yield
            return
        lost: BaseException | None = None
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            lost = error
        if self.any(lost is not None):
            raise lost or LostMemoryElsewhereError

    @contextmanager
    def sharing(self, *kinds: type[Exception]) -> Iterator[None]:
        """Let an error of these kinds inside the block in one process be that of all; of several, the first one's."""
        if self.size == 1:
            yield
            return
        own: Exception | None = None
        try:
            yield
        except kinds as error:
            own = error
        self.wait_for_all()
        if first := next(filter(None, self.gathered(own)), None):
            raise first from own

    @contextmanager
    def ended_by_lost_memory(self) -> Iterator[None]:
        """Say in a sentence that memory ran out, or one of them was lost, where they wait and cannot be asked.

        Raises: TrainingError.
        """
        try:
            with self.working():
                yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise TrainingError(
                f"memory ran out in rank {self.rank}, in the middle of a pass in which the others wait for it.",
                remedy="Lower batch_size or batch_tokens, raise gradient_accumulation_steps by as much, and resume the "
                "run.",
            ) from error

    def says_failed(self, sentence: str, exit_code: int) -> bool:
        """Let the others know why this one ends; True for the first that does."""
        return self._presence is None or self._presence.say_failed(sentence, exit_code)

    def has_failed_elsewhere(self) -> bool:
        """Tell whether another one has said why all end."""
        return self._presence is not None and self._presence.has_failed_elsewhere()

    def part(self) -> None:
        """Leave the others: the first when it has nothing more to write, and they behind it."""
        if self._presence is not None:
            with suppress(RuntimeError):  # the store is gone with the first rank
                self._presence.part()

    def _reduced(self, numbers: Sequence[float], how: Any) -> tuple[float, ...]:
        if self.size == 1:
            return tuple(numbers)
        tensor = torch.tensor(numbers, dtype=torch.float64)
        self._asked(lambda: dist.all_reduce(tensor, op=how, group=self._group))
        return tuple(tensor.tolist())

    def _asked(self, question: Callable[[], Result]) -> Result:
        with self.working():
            return question()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Say in a sentence what becomes of collective work inside the block when one of them is lost."""
        if self._presence is not None and self._group is None:  # or it would seem to be behind, or ahead
            self._presence.come_to_question()
        with translated(self._presence):
            yield


ALONE = Ranks(Launch())
_joined: Ranks | None = None


def ranks_of_this_process(timeout: float = TrainingConfig.rank_timeout) -> Ranks:
    """Join the processes that torchrun started with this one, once; alone where it started none.

    `timeout` is the seconds that they wait for each other. Raises: ConfigurationError when they do not meet.
    """
    global _joined
    if _joined is None:
        launch = Launch.of(os.environ)
        _joined = _meet(launch, timeout) if launch.is_by_torchrun else Ranks(launch)
    return _joined


def ranks_met() -> Ranks | None:
    """Give the processes that this one has joined; None before it has."""
    return _joined


def _meet(launch: Launch, timeout: float) -> Ranks:
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    limit = timedelta(seconds=timeout)
    try:
        if dist.is_initialized():
            presence = Presence(dist.distributed_c10d._get_default_store(), launch, timeout)
        else:
            store = met(store_of_launch(timeout), launch, timeout)
            presence = Presence(store, launch, timeout)
            dist.init_process_group(backend, store=store, rank=launch.rank, world_size=launch.size, timeout=limit)
    except LostRanksError as error:
        raise ConfigurationError(
            error.problem, remedy="See what it said last, or allow more time with rank_timeout."
        ) from error
    except (RuntimeError, ValueError, TimeoutError) as error:
        raise ConfigurationError(
            f"rank {launch.rank} of {launch.size} could not meet the others at "
            f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}: {str(error).splitlines()[0]}.",
            remedy="Start all of them by one torchrun, with a rendezvous that no other run uses.",
        ) from error
    return Ranks(launch, presence)
