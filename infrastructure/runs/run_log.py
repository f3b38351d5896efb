"""The log of a run: every event as a line of JSON."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import structlog

from domain.events import Event
from domain.run_layout import RunLayout
from domain.strict_json import finite
from infrastructure.plain_files import open_to_append


class RunLog:
    """An observer that keeps events in the run directory.

    Raises: OSError when it cannot begin the file.
    """

    def __init__(self, directory: Path) -> None:
        path = RunLayout(directory).log
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
        """Keep."""
        self._log.info(type(event).__name__, **asdict(event))

    def stop_requested(self) -> str:
        """Never stop."""
        return ""


class _TolerantFile:
    """Loses lines rather than the run when the disk is full. Open for a line at a time: nobody has to close it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, text: str) -> None:
        if not self._path.exists():  # a refused run has vanished, and what is told behind that makes no new file
            return
        with suppress(OSError), open_to_append(self._path) as file:
            file.write(text.encode())

    def flush(self) -> None:
        """Do nothing: each line was closed."""
