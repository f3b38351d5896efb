"""Trackio: a store beside the run directories or where TRACKIO_DIR says, without a server and without a network."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infrastructure.trackers.tracker import Beginning, Ending, Point

ELSEWHERE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")


class TrackioTracker:
    """Keeps runs of one task in one project. A step that comes again stands there a second time."""

    _library: Any
    _run: Any

    def __init__(self) -> None:
        # It says with a warning what it could not do, and goes on.
        self._complaints: list[str] = []
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = self._heard

    def begin(self, beginning: Beginning) -> str:
        """Open the store and the run, which is known there by its name."""
        # Read when the library is loaded, which therefore is loaded here.
        os.environ.setdefault("TRACKIO_DIR", str(Path(beginning.directory).parent / "trackio"))
        if not any(map(os.environ.get, ELSEWHERE)):
            os.environ["HF_HUB_OFFLINE"] = "1"  # it would ask who is logged in
        import trackio

        self._library = trackio
        self._run = trackio.init(
            project=beginning.project,
            name=beginning.run_id,
            config={**beginning.settings, **beginning.tags},
            resume="allow" if beginning.known_id else "never",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        self._complain()
        return str(self._run.id)

    def add(self, points: Sequence[Point]) -> None:
        """Hand over; the library writes twice a second."""
        for point in points:
            self._run.log(dict(point.values), step=point.step)
        self._complain()

    def go_back(self, step: int) -> None:
        """Do nothing: both stay."""

    def end(self, ending: Ending) -> None:
        """Keep scores, places and pictures with the last step."""
        pictures = {f"pictures/{path.stem}": self._library.Image(str(path)) for path in map(Path, ending.pictures)}
        self._run.log({**ending.scores, **ending.facts, "status": ending.status, **pictures}, step=ending.step)
        self._run.finish()
        self._complain()

    def _heard(self, message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if category is UserWarning:
            self._complaints.append(str(message))

    def _complain(self) -> None:
        if self._complaints:
            raise RuntimeError(self._complaints[0])
