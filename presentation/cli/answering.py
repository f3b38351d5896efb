"""Say how far the answers of a model are, where they take long enough for somebody to wonder."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from domain.events import Event, PhaseAdvanced, PhaseStarted
from presentation.cli.saying import error_screen

SECONDS_OF_SILENCE = 2.0
SECONDS_BETWEEN_LINES = 5.0
MINUTE = 60


@contextmanager
def progress_of_answers(are_printed: bool) -> Iterator["AnswerProgress"]:
    """Tell of answers on standard error; a terminal on which they are printed needs nobody to count."""
    progress = AnswerProgress(error_screen(), is_told=not (are_printed and sys.stdout.isatty()))
    try:
        yield progress
    finally:
        progress.close()


@contextmanager
def progress_of_phases() -> Iterator[Callable[[Event], None]]:
    """Tell on standard error how far each phase is whose end is known; gives what is told of phases."""
    told: list[AnswerProgress] = []

    def notify(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.total:
            while told:
                told.pop().close()
            told.append(AnswerProgress(error_screen(), unit=event.unit, doing=f"{event.phase}: "))
            told[-1].answered(0, event.total)
        elif isinstance(event, PhaseAdvanced) and event.total and told:
            told[-1].answered(event.done, event.total)

    try:
        yield notify
    finally:
        while told:
            told.pop().close()


class AnswerProgress:
    """Draws a live line on a terminal, and writes a line with the time of day every some seconds elsewhere.

    What is answered within two seconds is not worth a word.
    """

    def __init__(
        self,
        console: Console,
        is_told: bool = True,
        clock: Callable[[], float] = time.monotonic,
        unit: str = "rows",
        doing: str = "",
    ) -> None:
        self.number = 0  # of answers so far
        self._console = console
        self._is_told = is_told
        self._clock = clock
        self._unit, self._doing = unit, doing
        self._is_live = console.is_terminal and not console.is_dumb_terminal
        self._begun: tuple[int, float] | None = None  # how many were answered when the first had come, and when
        self._last = 0.0
        self._bar: tuple[Progress, TaskID] | None = None

    def answered(self, number: int, total: int | None) -> None:
        """Be told after each answer how many there are, and of how many."""
        self.number = number
        if not self._is_told:
            return
        now = self._clock()
        if self._begun is None:
            self._begun, self._last = (number, now), now
            return
        wait = 0.1 if self._bar else SECONDS_OF_SILENCE if self._is_live else SECONDS_BETWEEN_LINES
        if now - self._last < wait:
            return
        self._last = now
        facts = self._facts(number, total, now)
        with suppress(OSError, ValueError):  # a terminal that is gone is not worth the answers
            if self._is_live:
                self._draw(number, total, facts)
            else:
                self._console.print(f"{time.strftime('%H:%M:%S')}  {facts}", soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            with suppress(OSError, ValueError):
                self._bar[0].stop()

    def _draw(self, number: int, total: int | None, facts: str) -> None:
        if self._bar is None:
            columns = (*([BarColumn(bar_width=20)] if total else []), TextColumn("{task.fields[facts]}"))
            bar = Progress(*columns, console=self._console, transient=True)
            bar.start()
            self._bar = bar, bar.add_task("", total=total, facts=facts)
        bar, task = self._bar
        bar.update(task, completed=number, facts=facts)

    def _facts(self, number: int, total: int | None, now: float) -> str:
        assert self._begun is not None
        first, begun = self._begun
        rate = (number - first) / max(now - begun, 1e-9)
        of_all = f" of {total:,} {self._unit} ({number / total:.0%})" if total else f" {self._unit}"
        speed = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
        left = f"  {_duration((total - number) / rate)} left" if total and rate and number < total else ""
        return f"{self._doing}{number:,}{of_all}  {speed} {self._unit}/s{left}"


def _duration(seconds: float) -> str:
    """Write a time that is a guess: seconds, minutes, or hours and minutes."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / MINUTE)
    return f"{minutes} min" if minutes < MINUTE else f"{minutes // MINUTE} h {minutes % MINUTE} min"
