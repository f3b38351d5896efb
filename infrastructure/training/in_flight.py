"""Steps whose results the host has not read yet."""

import time
from collections import deque

from domain.progress import StepResult
from infrastructure.training.applied_steps import AppliedSteps
from infrastructure.training.session import Session
from infrastructure.training.step import BegunStep


class InFlight:
    """Steps that were begun and of which nobody has asked what became of them, the oldest first.

    A GPU computes while the host says what is next. Whoever reads the result of a step waits until its gradient is
    there, so that it is read when the next step has been begun: `most` is how many may be unknown then.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._begun: deque[tuple[BegunStep, float]] = deque()
        self._read_at = 0.0

    def __len__(self) -> int:
        return len(self._begun)

    def applied(self, known: int) -> AppliedSteps:
        """Count the applied steps before the next one, of which the host knows so many."""
        return AppliedSteps(known, [step.was_applied for step, _ in self._begun] if self.most else None)

    def add(self, step: BegunStep, started: float) -> None:
        """Take in a step whose batch was asked for at `started`, in seconds of `time.perf_counter`."""
        self._begun.append((step, started))

    def read(self, applied_steps: int) -> tuple[StepResult, float]:
        """Wait for the oldest, before which so many were applied; gives its result and the seconds that it took."""
        step, started = self._begun.popleft()
        result = step.result(applied_steps)
        before, self._read_at = max(started, self._read_at), time.perf_counter()
        return result, self._read_at - before

    def forget(self) -> None:
        """Let go of all of them, where the run goes back to a state before them."""
        self._begun.clear()


def most_unknown(session: Session) -> int:
    """Tell of how many steps the host may know nothing when it begins another.

    None where there is no device to keep busy, where the optimizer must be told by the host, and where ranks hold
    weights together, whose parts take no numbers of the device.
    """
    is_told_there = getattr(session.optimizer, "_step_supports_amp_scaling", False)
    return int(session.device.type == "cuda" and is_told_there and not session.parallel.shards)
