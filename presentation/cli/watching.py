"""Show a run while it goes on, and pass on the wish to stop it."""

import math
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from shlex import quote
from types import FrameType

from rich.console import Console

from application.phases import waiting
from domain.events import (
    CheckpointSaved,
    Event,
    PhaseAdvanced,
    PhaseEnded,
    PhaseStarted,
    RunFinished,
    RunOpened,
    RunStarted,
    StepCompleted,
    Warned,
)
from domain.showing import harmless
from presentation.cli import telling
from presentation.cli.interrupting import NOTHING_SAVED, Interrupted, heard, is_importing, leave_at_once
from presentation.cli.live_line import Line, LiveLine
from presentation.cli.saying import error_screen

SECONDS_BETWEEN_LINES = 5.0
SECONDS_OF_A_LONG_PHASE = 5.0
# So long one wish to stop may take to come from all who pass it on: a scheduler that signals every process signals
# torchrun too, which signals its processes once more.
SECONDS_OF_ONE_WISH = 5.0


@contextmanager
def watched(beginning: str = "", resumed: str = "", one_of_many: bool = False) -> Iterator["ConsoleMonitor"]:
    """Watch one job on standard error; a signal asks it to save and stop, a second one insists.

    `beginning` is said at once, before anything else is loaded; `resumed` is the directory of a run that goes on. Of
    `one_of_many` trainings the live line alone tells, by the name of its beginning.
    """
    monitor = OneOfMany(error_screen()) if one_of_many else ConsoleMonitor(error_screen(), resumed)
    before = {number: signal.signal(number, monitor.receive) for number in heard()}
    try:
        monitor.begin(beginning)
        with waiting():
            yield monitor
    finally:
        monitor.close()
        for number, handler in before.items():
            signal.signal(number, handler)


class ConsoleMonitor:
    """Draws a live line on a terminal and writes plain lines with the time of day elsewhere."""

    def __init__(self, console: Console, resumed: str = "") -> None:
        self._console = console
        self._resumed = resumed
        self._teller = telling.Teller()
        self._is_live = console.is_terminal and console.file.isatty()
        self._line: LiveLine | None = None
        self._phases: list[Line] = []
        self._doing = "training"
        self._training: Line | None = None
        self._last_line = self._last_step = -math.inf
        self._said = ""
        self._warnings: list[str] = []
        self._run_dir = ""
        self._checkpoint = ""
        self._is_at_work = self._is_training = self._is_over = False
        self._stop_reason, self._stop_wanted = "", -math.inf
        self._interrupted: Interrupted | None = None

    # Signals

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: a training ends behind its step, anything before it ends at once, for nothing is learnt."""
        if self._is_training or self._is_over:
            if self._stop_reason:
                if "RANK" in os.environ and time.monotonic() - self._stop_wanted < SECONDS_OF_ONE_WISH:
                    return
                raise Interrupted(number, self.saved())
            self._stop_reason, self._stop_wanted = signal.Signals(number).name, time.monotonic()
            doing = "the training is over, its report follows" if self._is_over else "saving after this step"
            self._say(f"{self._stop_reason}: {doing}; once more to quit at once")
            return
        interrupted = Interrupted(number, self.saved())
        if not is_importing(frame):
            raise interrupted
        # A library may swallow an exception that comes while it is loaded, or die of it.
        if self._is_at_work and self._interrupted is None:
            self._interrupted = interrupted
            return
        self.close()
        leave_at_once(interrupted)

    def saved(self) -> str:
        """Say what of the run is on disk and how to go on."""
        if not self._run_dir and self._resumed:
            return f"interrupted before anything was changed; `athanor resume {quote(self._resumed)}` goes on."
        if not self._run_dir:
            return NOTHING_SAVED
        held = f"{self._checkpoint} is the newest checkpoint" if self._checkpoint else "no checkpoint is saved yet"
        return f"interrupted at once; {held}, and `athanor resume {quote(self._run_dir)}` goes on."

    def stop_requested(self) -> str:
        """Give the name of the signal that came, if any."""
        return self._stop_reason

    @property
    def told(self) -> tuple[str, ...]:
        """Give the warnings that whoever reads standard output has seen: none where another reads standard error."""
        return tuple(self._warnings) if sys.stderr.isatty() or not sys.stdout.isatty() else ()

    # Events

    def begin(self, beginning: str) -> None:
        """Say what is done first."""
        if beginning:
            self._begin_phase(PhaseStarted(beginning, 0, ""))
            self._phases.clear()

    def notify(self, event: Event) -> None:
        """Show an event."""
        if self._interrupted is not None:
            raise self._interrupted
        self._teller.take_in(event, time.monotonic())
        match event:
            case PhaseStarted():
                self._is_at_work = True
                self._begin_phase(event)
            case PhaseAdvanced():
                self._advance(event)
            case PhaseEnded():
                self._end_phase(event)
            case StepCompleted():
                self._step(event)
            case RunOpened():
                self._run_dir, self._checkpoint = event.run_dir, event.checkpoint
            case CheckpointSaved():
                self._checkpoint = event.name
            case RunStarted():
                self._is_training = True
                self._say(self._teller.sentence(event))
                self._training = Line(self._doing, event.first_step / max(1, event.total_steps))
            case RunFinished():
                self._is_training, self._is_over, self._training = False, True, None
                self._say(self._teller.sentence(event))
            case Warned():
                self._warnings.append(event.message)
                self._say(self._teller.sentence(event))
            case _:
                if text := self._teller.sentence(event):
                    self._say(text)
        self._draw()

    def close(self) -> None:
        """Leave the terminal as it was."""
        line, self._line = self._line, None
        if line is not None:
            line.stop()

    def _begin_phase(self, event: PhaseStarted) -> None:
        self._phases.append(Line(event.phase, 0.0 if event.total else None))
        told = telling.so_far(event)
        if self._is_live:
            self._draw()
        elif not self._is_training and told != self._said:  # in a training the steps and their scores are the news
            self._say(told)

    def _advance(self, event: PhaseAdvanced) -> None:
        if self._phases and self._phases[-1].doing == event.phase:
            number = () if event.total else (f"{event.done:,} {event.unit}",)
            share = telling.share(event) if event.total else None
            self._phases[-1] = Line(event.phase, share, number, self._phases[-1].since)
        if not self._is_live and _is_time_after(self._last_line):
            self._say(telling.so_far(event))

    def _end_phase(self, event: PhaseEnded) -> None:
        if self._phases:
            self._phases.pop()
        if event.seconds >= SECONDS_OF_A_LONG_PHASE and not self._is_training:
            self._say(telling.over(event))

    def _step(self, event: StepCompleted) -> None:
        facts = self._teller.facts(event)
        if self._is_live:
            self._training = Line(self._doing, event.step / event.total_steps, tuple(facts.values()))
        elif _is_time_after(self._last_step) or event.step == event.total_steps:
            self._last_step = time.monotonic()
            usual = [facts[name] for name in ("epoch", "loss", "lr", "speed", "left") if name in facts]
            self._say("  ".join([f"step {event.step:,}/{event.total_steps:,}", *usual]))

    # The screen

    def _draw(self) -> None:
        """Show the innermost phase, or the training that it lies in."""
        line = self._phases[-1] if self._phases else self._training
        if not self._is_live or line is None:  # between two phases the one before is shown: they follow at once
            return
        if self._line is None:
            self._line = LiveLine(self._console)
        self._line.show(line)

    def _say(self, text: str) -> None:
        self._said, self._last_line = text, time.monotonic()
        told = harmless(text) if self._is_live else f"{time.strftime('%H:%M:%S')}  {harmless(text)}"
        # A terminal may be gone, and a signal may come in the middle of a write: neither is worth the run.
        with suppress(OSError, ValueError, RuntimeError):
            self._console.print(told, soft_wrap=True)


class OneOfMany(ConsoleMonitor):
    """Shows one of many trainings in the live line and says nothing of it, unless it is to stop."""

    def begin(self, beginning: str) -> None:
        """Name the training."""
        self._doing = beginning
        super().begin(beginning)

    def tell(self, text: str) -> None:
        """Say a line of what the trainings are for, above the live line."""
        with suppress(OSError, ValueError, RuntimeError):
            self._console.print(harmless(text), soft_wrap=True)

    def _say(self, text: str) -> None:
        if self._stop_reason:
            super()._say(text)


def _is_time_after(last: float) -> bool:
    return time.monotonic() - last >= SECONDS_BETWEEN_LINES
