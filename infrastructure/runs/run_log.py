"""The log of a run: every event as a line of JSON."""

from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import structlog

from application.ports import RunMonitor
from domain.events import Event

LOG_FILE = "log.jsonl"


class RunLog:
    """Passes events on to the monitor of the caller and keeps them in the run directory."""

    def __init__(self, directory: Path, monitor: RunMonitor) -> None:
        self._monitor = monitor
        self._file = _TolerantFile((directory / LOG_FILE).open("a", encoding="utf-8", buffering=1))
        self._log = structlog.wrap_logger(
            structlog.PrintLogger(self._file),  # type: ignore[arg-type]  # it only calls write and flush
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(default=str),
            ],
            wrapper_class=structlog.BoundLogger,
        )

    def notify(self, event: Event) -> None:
        """Keep and pass on."""
        self._log.info(type(event).__name__, **asdict(event))
        self._monitor.notify(event)

    def stop_requested(self) -> str:
        """Ask the monitor of the caller."""
        return self._monitor.stop_requested()


class _TolerantFile:
    """Loses lines rather than the run when the disk is full."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError:
            return

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError:
            return
