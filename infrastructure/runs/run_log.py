"""The log of a run: every event as a line of JSON."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import structlog

from application.ports import Guarded, RunMonitor
from domain.events import Event
from domain.strict_json import finite
from infrastructure.plain_files import open_to_append

LOG_FILE = "log.jsonl"


class RunLog:
    """Passes events on to the monitor of the caller and keeps them in the run directory.

    Raises: OSError when it cannot begin the file.
    """

    def __init__(self, directory: Path, monitor: RunMonitor) -> None:
        self._monitor = Guarded(monitor, tell=lambda fault: self._log.warning("MonitorFailed", message=fault))
        path = directory / LOG_FILE
        open_to_append(path).close()
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(_TolerantFile(path)),  # type: ignore[arg-type]  # it only calls write and flush
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                lambda logger, method, event: finite(event),
                structlog.processors.JSONRenderer(default=str, allow_nan=False),
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
    """Loses lines rather than the run when the disk is full. Open for a line at a time: nobody has to close it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, text: str) -> None:
        with suppress(OSError), open_to_append(self._path) as file:
            file.write(text.encode())

    def flush(self) -> None:
        """Do nothing: each line was closed."""
