"""Processes of a run that are lost: found out, and told in a sentence."""

import atexit
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from threading import Event, Thread
from typing import Any

from torch.distributed import DistError
from torch.distributed.distributed_c10d import Store

from domain.exceptions import TrainingError
from domain.launch import Launch
from infrastructure.memory import is_out_of_memory

SECONDS_BETWEEN_LOOKS = 0.02
SECONDS_BETWEEN_BEATS = 1.0
SECONDS_TO_ANSWER = 3 * SECONDS_BETWEEN_BEATS
# Who has said first why all end, with which exit code, and what; what each tells every second; that it has ended.
_FAILED = "failed"
_PULSE = "pulse"
_END = "end"
# A store that still answers does so within this time.
SECONDS_TO_FALL_SILENT = 5.0
# So long one that has failed lets the first rank finish what it writes of the same failure.
SECONDS_TO_PART = 3.0


class LostRanksError(TrainingError):
    """Others of the run are gone, or did not come: nothing is wrong with this one.

    Its exit code is that of the one which failed, where that is known.
    """


class Presence:
    """Knows, through the store by which the processes met, who of them is still there and what one has said last.

    A thread tells the others every second that this process lives and how many questions it has come to: one that was
    killed or stopped is silent, one in an endless loop has come to fewer than the others. Who waits here looks time and
    again, so that a signal is heard meanwhile.
    """

    def __init__(self, store: Store, launch: Launch, timeout: float) -> None:
        self._store = store
        self._launch = launch
        self.timeout = timeout
        self._num_questions = self._num_lines = 0
        self._has_failed = False
        self._lost = ""
        # A connection of its own: on the other one somebody may wait for long.
        self._beating = Thread(target=self._beat, args=(_another_connection(store),), name="pulse", daemon=True)
        self._ends = Event()
        self._beating.start()
        atexit.register(self._say_ended)
        atexit.register(self._fall_silent)

    def come_to_question(self) -> None:
        """Count what all answer together."""
        self._num_questions += 1

    def say_failed(self, sentence: str, exit_code: int) -> bool:
        """Let the others know why this one ends; True for the first that does, who tells the person."""
        self._has_failed = True
        # Who says that another one is lost has not failed itself, and is not to be named.
        named = "" if sentence == self._lost else f"rank {self._launch.rank} ended: "
        mine = f"{self._launch.rank}:{exit_code}:{named}{sentence}"
        return bool(self._store.compare_set(_FAILED, "", mine).decode(errors="replace") == mine)

    def new_line(self) -> int:
        """Number what questions are asked along, one after the other; the same in all ranks."""
        self._num_lines += 1
        return self._num_lines

    def meet(self, place: str) -> None:
        """Go on when all have come to a place, where none has been before, however long that takes: work is no hang.

        Raises: LostRanksError for one that has failed or ended, or was silent for the time limit.
        """
        at = time.monotonic()
        self._store.set(f"{place}/{self._launch.rank}", "here")
        heard, since = self._pulses(), [at] * self._launch.size
        while missing := [rank for rank in range(self._launch.size) if not self._store.check([f"{place}/{rank}"])]:
            now, at = self._pulses(), time.monotonic()
            since = [before if now[rank] == heard[rank] else at for rank, before in enumerate(since)]
            heard = now
            lost = [rank for rank in missing if self._has_ended(rank) or at >= since[rank] + self.timeout]
            if lost or self._store.check([_FAILED]):
                raise self._told_failure() or self._told_lost(lost)
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def why_lost(self) -> LostRanksError:
        """Find out who of the others is gone, where a question to all of them had no answer."""
        heard, until = self._pulses(), time.monotonic() + SECONDS_TO_ANSWER
        silent: Sequence[int] = range(self._launch.size)
        while silent and time.monotonic() < until and not self._store.check([_FAILED]):
            time.sleep(SECONDS_BETWEEN_LOOKS)
            now = self._pulses()
            silent = [rank for rank in silent if now[rank] == heard[rank]]
        return self._told_failure() or self._told_lost(silent or self._behind())

    def has_failed_elsewhere(self) -> bool:
        """Tell whether another one has said why all end."""
        return not self._has_failed and self._store.check([_FAILED])

    def part(self) -> None:
        """Come to the end of this process, behind the first rank, which may still write.

        Who has failed waits for a while only, for the first may wait for this one; the first itself then waits as long
        for those who look into the store why all end, which may end with it.
        """
        self._say_ended()
        others: Sequence[int] = range(1, self._launch.size) if self._has_failed else ()
        awaited = [0] if self._launch.rank else others
        until = time.monotonic() + (SECONDS_TO_PART if self._has_failed else self.timeout)
        heard = self._pulse_of_first()
        while not all(map(self._has_ended, awaited)) and time.monotonic() < until:
            if not self._has_failed and (now := self._pulse_of_first()) != heard:
                heard, until = now, time.monotonic() + self.timeout
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _told_failure(self) -> LostRanksError | None:
        if not self._store.check([_FAILED]):
            return None
        _, exit_code, sentence = self._store.get(_FAILED).decode(errors="replace").split(":", 2)
        lost = LostRanksError(sentence)
        lost.exit_code = int(exit_code)
        return lost

    def _told_lost(self, ranks: Sequence[int]) -> LostRanksError:
        lost = LostRanksError(
            f"{named(ranks) or 'one of the ranks'} of {self._launch.size} ended, or did not come within "
            f"{self.timeout:g} seconds.",
            remedy="See what it said last; the run goes on from its newest checkpoint.",
        )
        self._lost = str(lost)
        return lost

    def _behind(self) -> Sequence[int]:
        """List those that have come to fewer questions than another."""
        counts = [int(pulse.split()[1]) for pulse in self._pulses()]
        return [rank for rank, count in enumerate(counts) if count < max(counts)]

    def _pulses(self) -> Sequence[bytes]:
        found: Sequence[bytes] = self._store.multi_get([f"{_PULSE}/{rank}" for rank in range(self._launch.size)])
        return found

    def _say_ended(self) -> None:
        with suppress(RuntimeError):  # the store is gone with the first one
            self._store.set(f"{_END}/{self._launch.rank}", "here")

    def _has_ended(self, rank: int) -> bool:
        return bool(self._store.check([f"{_END}/{rank}"]))

    def _pulse_of_first(self) -> bytes:
        return bytes(self._store.get(f"{_PULSE}/0"))

    def _beat(self, store: Store) -> None:
        with suppress(RuntimeError):  # the store is gone, and who asks finds that out
            for beat in count():
                store.set(f"{_PULSE}/{self._launch.rank}", f"{beat} {self._num_questions}")
                if self._ends.wait(SECONDS_BETWEEN_BEATS):
                    return

    def _fall_silent(self) -> None:
        """End the thread before Python does: one that it finds inside the store ends the process by SIGABRT."""
        self._ends.set()
        self._beating.join(SECONDS_TO_FALL_SILENT)


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


def _another_connection(store: Any) -> Store:  # torch's types know nothing of `clone`
    connection: Store = store.clone()
    return connection


def named(ranks: Sequence[int]) -> str:
    """Name ranks in a sentence; empty for none."""
    return f"rank{'s' if len(ranks) > 1 else ''} {', '.join(map(str, ranks))}" if ranks else ""


def _is_of_a_group(error: RuntimeError) -> bool:
    if isinstance(error, DistError):
        return True
    words: Any = str(error).lower()
    return any(word in words for word in ("gloo", "connection closed by peer", "connection reset", "timed out waiting"))
