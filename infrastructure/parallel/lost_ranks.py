"""Processes of a run that are lost: found out, and told in a sentence."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.distributed import DistError
from torch.distributed.distributed_c10d import Store

from domain.exceptions import TrainingError
from domain.launch import Launch
from infrastructure.memory import is_out_of_memory

SECONDS_TO_ANSWER = 2.0
SECONDS_BETWEEN_LOOKS = 0.05
_COMES = "present"
_FAILED = "failed"


class LostRanksError(TrainingError):
    """Others of the run are gone, or did not come: nothing is wrong with this one."""


class Presence:
    """Knows, through the store by which the processes met, who of them is still there and what one has said last."""

    def __init__(self, store: Store, launch: Launch, timeout: float) -> None:
        self._store = store
        self._launch = launch
        self._timeout = timeout

    def say_failed(self, sentence: str) -> bool:
        """Let the others know why this one ends; True for the first that does, who tells the person."""
        mine = f"{self._launch.rank}:{sentence}"
        return bool(self._store.compare_set(_FAILED, "", mine).decode(errors="replace") == mine)

    def why_lost(self) -> LostRanksError:
        """Find out who of the others is gone, where a question to all of them had no answer."""
        if said := self._failure():
            rank, _, sentence = said.partition(":")
            return LostRanksError(f"rank {rank} ended: {sentence}", remedy="See what it says.")
        missing = self._missing()
        who = f"rank{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))}" if missing else "one of the ranks"
        return LostRanksError(
            f"{who} of {self._launch.size} ended, or did not come within {self._timeout:g} seconds.",
            remedy="See what it said last; the run goes on from its newest checkpoint.",
        )

    def _failure(self) -> str:
        return self._store.get(_FAILED).decode(errors="replace") if self._store.check([_FAILED]) else ""

    def _missing(self) -> list[int]:
        """Say that this one is here, and list those that do not say so soon."""
        others = {rank: f"{_COMES}/{rank}" for rank in range(self._launch.size)}
        self._store.set(others.pop(self._launch.rank), "yes")
        until = time.monotonic() + SECONDS_TO_ANSWER
        while others and time.monotonic() < until:
            others = {rank: key for rank, key in others.items() if not self._store.check([key])}
            if others:
                time.sleep(SECONDS_BETWEEN_LOOKS)
        return sorted(others)


@contextmanager
def translated(presence: Presence | None) -> Iterator[None]:
    """Tell what torch says of a lost process in a sentence that names it. Raises: LostRanksError."""
    try:
        yield
    except RuntimeError as error:
        if presence is None or is_out_of_memory(error) or not _is_of_a_group(error):
            raise
        try:
            lost = presence.why_lost()
        except (RuntimeError, ValueError):  # the store is gone with the one that held it
            lost = LostRanksError(
                "the other processes of the run are gone.", remedy="See what they said last, and resume the run."
            )
        raise lost from error


def _is_of_a_group(error: RuntimeError) -> bool:
    if isinstance(error, DistError):
        return True
    words: Any = str(error).lower()
    return any(word in words for word in ("gloo", "connection closed by peer", "connection reset", "timed out waiting"))
