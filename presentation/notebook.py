"""Show a run below the cell of a notebook that started it."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import escape
from types import FrameType
from typing import Any

from domain.events import Event, PhaseAdvanced, PhaseEnded, PhaseStarted, RunFinished, RunStarted, StepCompleted
from domain.showing import harmless
from presentation.cli import telling

SECONDS_BETWEEN_PICTURES = 0.25
MAX_LINES = 200


def is_notebook() -> bool:
    """Tell whether this program is the kernel of a notebook; asks nothing that is not loaded already."""
    import sys

    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


@contextmanager
def watched() -> Iterator["NotebookMonitor"]:
    """Watch one run; the button that interrupts a cell asks it to save and stop, once more insists."""
    monitor = NotebookMonitor()
    in_main = threading.current_thread() is threading.main_thread()  # only there can signals be taken
    before: Any = signal.signal(signal.SIGINT, monitor.interrupt) if in_main else None
    try:
        yield monitor
    finally:
        monitor.close()
        if in_main:
            signal.signal(signal.SIGINT, before)


class NotebookMonitor:
    """Writes what is told of a run, and below it one line with a bar that moves."""

    def __init__(self) -> None:
        from IPython.display import HTML, display

        self._html = HTML
        self._handle: Any = display(HTML(""), display_id=True)
        self._teller = telling.Teller()
        self._lines: list[str] = []
        self._doing = ""
        self._share: float | None = None
        self._is_training = self._is_over = False
        self._stop_reason = ""
        self._drawn_at = 0.0

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Take the wish to stop: a training ends behind its step, anything before it at once."""
        if self._stop_reason or not (self._is_training or self._is_over):
            raise KeyboardInterrupt
        self._stop_reason = signal.Signals(number).name
        doing = "the training is over, its report follows" if self._is_over else "saving after this step"
        self._say(f"{self._stop_reason}: {doing}; once more to quit at once")

    def stop_requested(self) -> str:
        """Give the name of the signal that came, if any."""
        return self._stop_reason

    def notify(self, event: Event) -> None:
        """Show an event."""
        self._teller.take_in(event, time.monotonic())
        match event:
            case PhaseStarted() | PhaseAdvanced():
                self._move(telling.so_far(event), None)
            case PhaseEnded():
                self._move("", None)
            case StepCompleted():
                told = "  ".join(self._teller.facts(event).values())
                self._move(f"step {event.step:,} of {event.total_steps:,}  {told}", event.step / event.total_steps)
            case _:
                if isinstance(event, RunStarted | RunFinished):
                    self._is_training = isinstance(event, RunStarted)
                    self._is_over = not self._is_training
                if text := self._teller.sentence(event):
                    self._say(text)

    def close(self) -> None:
        """Leave what was told, and no bar."""
        self._doing, self._share = "", None
        self._draw()

    def _move(self, doing: str, share: float | None) -> None:
        self._doing, self._share = doing, share
        if time.monotonic() - self._drawn_at >= SECONDS_BETWEEN_PICTURES:
            self._draw()

    def _say(self, text: str) -> None:
        self._lines.append(text)
        self._draw()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        told = "<br>".join(escape(harmless(line)) for line in self._lines[-MAX_LINES:])
        doing = f"<div>{self._bar()} {escape(harmless(self._doing))}</div>" if self._doing else ""
        with suppress(OSError, ValueError, RuntimeError):  # a notebook may be gone, which is not worth the run
            self._handle.update(self._html(f"<div style='white-space:pre-wrap'>{told}</div>{doing}"))

    def _bar(self) -> str:
        return "" if self._share is None else f"<progress value='{self._share:.4f}' max='1'></progress>"
