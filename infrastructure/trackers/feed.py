"""What waits for one tracker, and the thread that takes it there."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from domain.events import EvaluationCompleted, RolledBack, StepCompleted
from domain.showing import counted
from infrastructure.trackers.process import TrackerProcess
from infrastructure.trackers.stories import point_of
from infrastructure.trackers.tracker import Beginning, Ending

# Events that may wait: a few megabytes. Of what comes beyond, training steps are left out, and nothing else.
MAX_WAITING = 10_000
# A store takes many points at once in a tenth of the time that it needs for each alone.
SECONDS_BETWEEN_BATCHES = 0.5
MAX_AT_ONCE = 500

Told = StepCompleted | EvaluationCompleted | RolledBack


class Feed:
    """The way to one tracker. Only `wait` waits; all else is for the thread to do."""

    def __init__(self, name: str, started: Callable[[str], TrackerProcess]) -> None:
        self._name = name
        self._started = started
        self._waiting: deque[tuple[float, Told]] = deque()
        self._wakes = threading.Event()
        self._is_over = threading.Event()
        self._is_over.set()  # until it has begun
        self._is_abandoned = False
        self._ending: Ending | None = None
        self._process: TrackerProcess | None = None
        self._fault = ""
        self._is_told = False
        self._num_lost = 0

    def start(self, beginning: Beginning) -> None:
        """Begin the work."""
        self._is_over.clear()
        threading.Thread(target=self._work, args=(beginning,), name=f"tracker {self._name}", daemon=True).start()

    def take(self, event: Told) -> None:
        """Let an event wait for its turn."""
        if self._is_over.is_set():
            return
        if isinstance(event, StepCompleted) and len(self._waiting) >= MAX_WAITING:
            self._num_lost += 1
        else:
            self._waiting.append((time.time(), event))

    def end(self, ending: Ending) -> None:
        """Let the end follow what waits."""
        self._ending = ending
        self._wakes.set()

    def abandon(self) -> None:
        """Leave the tracker to itself: it finds that nobody speaks to it any more."""
        self._is_abandoned = True
        self._wakes.set()

    def wait(self, patience_seconds: float) -> None:
        """Wait for the end, as long as there are answers."""
        asked_at = time.monotonic()
        while not self._is_over.is_set():
            heard_at = max(asked_at, self._process.answered_at) if self._process else asked_at
            left = heard_at + patience_seconds - time.monotonic()
            if left <= 0:
                self._give_up(f"it has been silent for {patience_seconds:g} s at the end of the run")
                return
            self._is_over.wait(left)

    def news(self) -> str:
        """Say once what a person should know of this tracker, if anything."""
        if self._is_told or not (self._fault or (self._num_lost and self._is_over.is_set())):
            return ""
        self._is_told = True
        if self._fault:
            return f"tracker {self._name} failed and is told nothing more, the run goes on: {self._fault}"
        points = counted(self._num_lost, "training step")
        return f"tracker {self._name} was too slow for {points}, which it has not; no evaluation is missing."

    def _work(self, beginning: Beginning) -> None:
        try:
            self._process = self._started(self._name)
            self._process.ask(begin=asdict(beginning))
            self._pass_on(self._process)
        except Exception as error:  # whatever it is, it must not be lost with the thread
            self._fault = self._fault or str(error) or type(error).__name__
        self._is_over.set()
        if self._process is not None:
            self._process.close()

    def _pass_on(self, process: TrackerProcess) -> None:
        while not self._is_abandoned:
            self._wakes.wait(SECONDS_BETWEEN_BATCHES)
            ending = self._ending  # looked at first: nothing comes to wait behind it
            for question in self._questions():
                process.ask(**question)
                if self._is_abandoned:
                    return
            if ending is not None:
                process.ask(end=asdict(ending))
                return

    def _questions(self) -> Iterator[dict[str, Any]]:
        """Take what waits, points together as far as no rollback stands between them."""
        points: list[dict[str, Any]] = []
        while self._waiting:
            at, event = self._waiting.popleft()
            if isinstance(event, RolledBack):
                if points:
                    yield {"points": points}
                    points = []
                yield {"back": event.to_step}
                continue
            points.append(vars(point_of(event, at)))
            if len(points) == MAX_AT_ONCE:
                yield {"points": points}
                points = []
        if points:
            yield {"points": points}

    def _give_up(self, fault: str) -> None:
        self._fault = fault
        if self._process is not None:
            self._process.kill()
