"""The processes of one run, and what they agree on."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from domain.exceptions import ConfigurationError, TrainingError
from domain.launch import Launch
from infrastructure.memory import is_out_of_memory
from infrastructure.parallel.lost_ranks import Presence, translated

Value = TypeVar("Value")
Result = TypeVar("Result")


class LostMemoryElsewhereError(MemoryError):
    """Memory ran out in another process of the run, and so this one computes in smaller parts as well."""


class Ranks:
    """This process among those of its run. Alone, each question has its own answer and costs nothing.

    What they agree on goes over the processors, so that no device waits for it; an answer is the same in all.
    Each question must be asked by all of them, in one order. Raises, each of them: TrainingError when one of the
    processes is lost or does not come within `timeout` seconds.
    """

    def __init__(self, launch: Launch, presence: Presence | None = None) -> None:
        self.launch = launch
        self._presence = presence
        self.rank, self.size = launch.rank, launch.size

    @property
    def is_first(self) -> bool:
        """Tell whether this process writes and speaks for all."""
        return self.rank == 0

    def apart(self) -> "Ranks":
        """Give this process as one alone, on its own device: for what each of them does by itself."""
        return Ranks(replace(self.launch, rank=0, size=1))

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
        self._asked(lambda: dist.broadcast_object_list(holder, src=0, device=torch.device("cpu")))
        return holder[0]  # type: ignore[return-value]  # the first one's

    def gathered(self, value: Value) -> Sequence[Value]:
        """Give to all what each of them has, by rank."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        self._asked(lambda: dist.all_gather_object(found, value, group=self._on_processors()))
        return found

    def require_alike(self, value: str, what: str, remedy: str) -> None:
        """Want the same of all. Raises: ConfigurationError naming the ranks that have other `what` than the first."""
        digests = self.gathered(hashlib.sha256(value.encode()).hexdigest())
        if others := [str(rank) for rank, digest in enumerate(digests) if digest != digests[0]]:
            who = f"rank {others[0]} has" if len(others) == 1 else f"ranks {', '.join(others)} have"
            raise ConfigurationError(f"{who} other {what} than rank 0.", remedy=f"{remedy}.")

    def wait_for_all(self) -> None:
        """Go on when all have come here."""
        self.any(False)

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
                remedy="Lower batch_size, raise gradient_accumulation_steps by as much, and resume the run.",
            ) from error

    def says_failed(self, sentence: str) -> bool:
        """Let the others know why this one ends; True for the first that does."""
        return self._presence is None or self._presence.say_failed(sentence)

    def close(self) -> None:
        """Leave the others; they are not waited for."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def _reduced(self, numbers: Sequence[float], how: Any) -> tuple[float, ...]:
        if self.size == 1:
            return tuple(numbers)
        tensor = torch.tensor(numbers, dtype=torch.float64)
        self._asked(lambda: dist.all_reduce(tensor, op=how, group=self._on_processors()))
        return tuple(tensor.tolist())

    def _asked(self, question: Callable[[], Result]) -> Result:
        with translated(self._presence):
            return question()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Say in a sentence what becomes of collective work inside the block when one of them is lost."""
        with translated(self._presence):
            yield

    def _on_processors(self) -> Any:
        return None  # one group serves both: gloo for tensors of the processor, NCCL for those of GPUs


ALONE = Ranks(Launch())
_joined: Ranks | None = None


def ranks_of_this_process(timeout: float = 600.0) -> Ranks:
    """Join the processes that torchrun started with this one, once; alone where it started none.

    `timeout` is the seconds that they wait for each other. Raises: ConfigurationError when they do not meet.
    """
    global _joined
    if _joined is None:
        launch = Launch.of(os.environ)
        _joined = _meet(launch, timeout) if launch.size > 1 else Ranks(launch)
    return _joined


def speaks_for_all(errors: Sequence[str]) -> bool:
    """Tell whether this process says what went wrong: of several that end, the first to come here does.

    The others hear of it where they wait for this one.
    """
    if _joined is None:
        return Launch.of(os.environ).is_first
    return _joined.says_failed(" ".join(errors))


def _meet(launch: Launch, timeout: float) -> Ranks:
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        if not dist.is_initialized():
            store, rank, size = next(rendezvous("env://", timeout=timedelta(seconds=timeout)))
            dist.init_process_group(
                backend, store=store, rank=rank, world_size=size, timeout=timedelta(seconds=timeout)
            )
        else:
            store = dist.distributed_c10d._get_default_store()
    except (RuntimeError, ValueError, TimeoutError) as error:
        raise ConfigurationError(
            f"rank {launch.rank} of {launch.size} could not meet the others at "
            f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}: {str(error).splitlines()[0]}.",
            remedy="Start all of them by one torchrun, with a rendezvous that no other run uses.",
        ) from error
    return Ranks(launch, Presence(store, launch, timeout))
