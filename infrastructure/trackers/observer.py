"""The observer that tells trackers of a run. Nothing in it waits while the run goes on."""

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from application.phases import phase
from domain.events import EvaluationCompleted, Event, RolledBack, RunClosed, RunStarted, StepCompleted
from domain.run_layout import RunLayout
from infrastructure.trackers.feed import Feed
from infrastructure.trackers.process import TrackerProcess
from infrastructure.trackers.stories import ending_of, flat
from infrastructure.trackers.tracker import Beginning

# How long a tracker may be silent at the end: on a quiet machine MLflow makes its tables in eight seconds.
PATIENCE_SECONDS = 60.0


class Trackers:
    """Hands what happens to trackers, each through a thread and a process of its own.

    One that fails, dies or hangs is `warn`ed of once and told nothing more. The end of the run waits for those that
    still have something to write, until they are silent for `patience_seconds`.
    """

    def __init__(
        self,
        names: Sequence[str],
        layout: RunLayout,
        settings: Mapping[str, Any],
        warn: Callable[[str], None],
        patience_seconds: float = PATIENCE_SECONDS,
        started: Callable[[str], TrackerProcess] = TrackerProcess.of,
    ) -> None:
        self._feeds = [Feed(name, started) for name in names]
        self._layout = layout
        self._settings = flat(settings)
        self._warn = warn
        self._patience_seconds = patience_seconds
        self._step = 0
        # A run that is broken off tells nobody that it is over.
        weakref.finalize(self, _abandon, self._feeds)

    def notify(self, event: Event) -> None:
        """Take what trackers keep, and say which of them has failed since."""
        match event:
            case RunStarted():
                self._begin(event)
            case StepCompleted() | EvaluationCompleted() | RolledBack():
                self._step = event.to_step if isinstance(event, RolledBack) else event.step
                for feed in self._feeds:
                    feed.take(event)
            case RunClosed():
                self._end(event.status)
            case _:
                return
        for feed in self._feeds:
            if news := feed.news():
                self._warn(news)

    def stop_requested(self) -> str:
        """Never stop."""
        return ""

    def _begin(self, event: RunStarted) -> None:
        directory = str(self._layout.directory.absolute())
        beginning = Beginning(event.run_id, event.task, directory, self._settings, event.first_step)
        self._step = event.first_step
        for feed in self._feeds:
            feed.start(beginning)

    def _end(self, status: str) -> None:
        ending = ending_of(self._layout, status, self._step, time.time())
        for feed in self._feeds:
            feed.end(ending)
        with phase("waiting for trackers", len(self._feeds), "trackers") as waiting:
            for feed in self._feeds:
                feed.wait(self._patience_seconds)
                waiting.advance()


def _abandon(feeds: Sequence[Feed]) -> None:
    for feed in feeds:
        feed.abandon()
