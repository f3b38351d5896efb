"""Show a run while it goes on, and pass on the wish to stop it."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from shlex import quote
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from domain.events import (
    CheckpointSaved,
    EvaluationCompleted,
    Event,
    MicroBatchHalved,
    RolledBack,
    RunFinished,
    RunOpened,
    RunStarted,
    StepCompleted,
    StepDropped,
    Warned,
)
from domain.showing import harmless
from presentation.cli.interrupting import NOTHING_SAVED, Interrupted, heard
from presentation.cli.saying import error_screen
from presentation.cli.wording import counted, headlines, speed_of, words_of

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def watched() -> Iterator["ConsoleMonitor"]:
    """Watch one run on standard error; a signal asks it to save and stop, a second one insists."""
    monitor = ConsoleMonitor(error_screen())
    before = {number: signal.signal(number, monitor.receive) for number in heard()}
    try:
        yield monitor
    finally:
        monitor.close()
        for number, handler in before.items():
            signal.signal(number, handler)


class ConsoleMonitor:
    """Draws a live line on a terminal and writes plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stop_reason = ""
        self._bar: tuple[Progress, TaskID] | None = None
        self._last_line = 0.0
        self._task = ""
        self._run_dir = ""
        self._checkpoint = ""
        self._is_over = False

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self._stop_reason:
            raise Interrupted(number, self.saved())
        self._stop_reason = signal.Signals(number).name
        doing = "the training is over, its report follows" if self._is_over else "saving after this step"
        self._say(f"{self._stop_reason}: {doing}; once more to quit at once")

    def saved(self) -> str:
        """Say what of the run is on disk and how to go on."""
        if not self._run_dir:
            return NOTHING_SAVED
        held = f"{self._checkpoint} is the newest checkpoint" if self._checkpoint else "no checkpoint is saved yet"
        return f"interrupted at once; {held}, and `athanor resume {quote(self._run_dir)}` goes on."

    def stop_requested(self) -> str:
        """Give the name of the signal that came, if any."""
        return self._stop_reason

    def notify(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, RunOpened):
            self._run_dir, self._checkpoint = event.run_dir, event.checkpoint
        elif isinstance(event, CheckpointSaved):
            self._checkpoint = event.name
        elif isinstance(event, RunStarted):
            self._start(event)
        elif isinstance(event, StepCompleted):
            self._step(event)
        elif text := _told(event, self._task):
            if isinstance(event, RunFinished):
                self._is_over = True
                self.close()
            self._say(text)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            bar, self._bar = self._bar, None
            with suppress(OSError, ValueError):
                bar[0].stop()

    def _start(self, event: RunStarted) -> None:
        self._task = event.task
        begun = f", from step {event.first_step}" if event.first_step else ""
        rows = counted(event.num_train_rows, words_of(event.task).fed)
        self._say(
            f"{event.run_id}: {rows} to learn, {event.num_eval_rows:,} to score, "
            f"{_short(event.num_parameters)} parameters, {event.precision} on {event.device}, "
            f"{event.total_steps:,} steps{begun}"
        )
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[facts]}"))
            progress = Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True)
            progress.start()
            task = progress.add_task("training", total=event.total_steps, completed=event.first_step, facts="")
            self._bar = progress, task

    def _step(self, event: StepCompleted) -> None:
        facts = (
            f"epoch {event.epoch + 1}  loss {event.loss_ema:.3f}  lr {event.learning_rate:.1e}  "
            f"{speed_of(words_of(self._task), event.tokens_per_second, event.samples_per_second)}"
        )
        if self._bar is not None:
            progress, task = self._bar
            with suppress(OSError, ValueError):
                progress.update(task, completed=event.step, facts=facts)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES or event.step == event.total_steps:
            self._last_line = time.monotonic()
            self._say(f"step {event.step}/{event.total_steps}  {facts}")

    def _say(self, text: str) -> None:
        # A terminal may be gone, and a signal may come in the middle of a write: neither is worth the run.
        with suppress(OSError, ValueError, RuntimeError):
            self._console.print(harmless(text), soft_wrap=True)


def _short(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 1e5 else f"{number:,}"


def _told(event: Event, task: str) -> str:
    words = words_of(task)
    match event:
        case EvaluationCompleted():
            scores = "  ".join(f"{label} {score}" for label, score in headlines(event.metrics, task).items())
            return f"epoch {event.epoch + 1}, step {event.step}: {scores}{'  (best so far)' if event.is_best else ''}"
        case StepDropped():
            rows = ", ".join(map(str, event.row_ids[:8])) + (" ..." if len(event.row_ids) > 8 else "")
            return f"warning: step {event.step} was dropped, its loss or gradient is not finite; {words.fed} {rows}"
        case RolledBack():
            return (
                f"warning: back from step {event.from_step} to {event.to_step}, "
                f"learning rate now {event.lr_scale:g} of the plan"
            )
        case MicroBatchHalved():
            return (
                f"warning: memory ran out; micro-batches now have {event.micro_batch_size} {words.fed}, "
                "the steps stay equal"
            )
        case Warned():
            return f"warning: {event.message}"
        case RunFinished():
            return f"{event.stop_reason} after {event.step} steps"
        case _:
            return ""
