"""Keeps the plan of a study, the run file of its best settings, its page and its result beside its runs."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from application.training_request import TrainModelRequest
from domain.exceptions import RunError
from domain.run_layout import RunLayout
from domain.showing import json_text
from domain.study import Study
from infrastructure.files import STAGING_PREFIX, write_whole
from infrastructure.plain_files import read_plain
from infrastructure.reports.page.html import write_page
from infrastructure.runs.run_file import dump_request, read_request, read_settings
from infrastructure.tuning.database import DATABASE
from infrastructure.tuning.page import study_page

PLAN, RESULT, RUN_FILE = "plan.json", "study.json", "best.yaml"
MAX_BYTES = 64 << 20
OTHER = "Name another --output."


class StudyFiles:
    """Writes each file aside and renames it; the result last, so that it stands for all of them."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def require_place(self, output: str) -> None:
        """Find fault with a place before anything is done for it. Raises: RunError."""
        place = Path(output)
        try:
            if place.exists() and not place.is_dir():
                raise RunError(f"output {output} is a file.", remedy="Name a directory that does not exist yet.")
            is_empty = not place.exists() or all(path.name.startswith(STAGING_PREFIX) for path in place.iterdir())
            if not is_empty and not (place / PLAN).exists():
                raise RunError(f"{output} holds something else than a study.", remedy=OTHER)
        except (OSError, ValueError) as error:
            raise _cannot_write(output, error) from error

    def begin(self, output: str, plan: Mapping[str, Any]) -> None:
        """Make the directory with its plan, or take up one with the same plan. Raises: RunError."""
        place = Path(output)
        try:
            if (place / PLAN).exists():
                _require_same(place, plan)
                return
            self._made = [path for path in (place, *place.parents) if not path.exists()]
            place.mkdir(parents=True, exist_ok=True)
            write_whole(place / PLAN, json_text(plan, indent=2) + "\n")
        except (OSError, ValueError) as error:
            self.withdraw(output)
            raise _cannot_write(output, error) from error

    def withdraw(self, output: str) -> None:
        """Remove what `begin` has made, and a database in which there is nothing, where nothing else has come to it."""
        place = Path(output)
        if place not in self._made:
            return
        with suppress(OSError, ValueError):
            if {path.name for path in place.iterdir()} <= {PLAN, DATABASE}:
                for name in (PLAN, DATABASE):
                    (place / name).unlink(missing_ok=True)
        for path in self._made:
            with suppress(OSError, ValueError):  # something else has come to live there
                path.rmdir()

    def read_space(self, path: str) -> Mapping[str, Any]:
        """Read a search space as it is written. Raises: ConfigurationError."""
        return read_settings(Path(path), "search space")

    def run_file(self, output: str) -> TrainModelRequest | None:
        """Read the run file of the best settings; None where there is none yet. Raises: ConfigurationError."""
        path = Path(output) / RUN_FILE
        return read_request(path) if path.exists() else None

    def keep_run_file(self, output: str, request: TrainModelRequest) -> str:
        """Write the run file of the best settings; gives its path. Raises: RunError when the disk refuses."""
        path = Path(output) / RUN_FILE
        try:
            write_whole(path, dump_request(request))
        except OSError as error:
            raise _cannot_write(output, error) from error
        return str(path)

    def finish(self, study: Study) -> Study:
        """Write the page and the result; gives it with the place of the page. Raises: RunError."""
        place = Path(study.output_dir)
        page = RunLayout(place).report  # called as the page of a run is
        told = replace(study, report=str(page))
        try:
            write_page(page, study_page(told))
            write_whole(place / RESULT, json_text(told.to_json(), indent=2) + "\n")
        except OSError as error:
            raise _cannot_write(study.output_dir, error) from error
        return told


def _require_same(place: Path, plan: Mapping[str, Any]) -> None:
    try:
        kept = json.loads(read_plain(place / PLAN, MAX_BYTES))
        names = [name for name in {**kept, **plan} if kept.get(name) != plan.get(name)]
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise RunError(f"{place / PLAN} is damaged.", remedy=OTHER) from error
    if names:
        raise RunError(
            f"{place} holds a study that differs from this one in: {', '.join(names)}.",
            remedy="Ask as before, or name another --output.",
        )


def _cannot_write(output: str, error: Exception) -> RunError:
    reason = getattr(error, "strerror", None) or error
    return RunError(f"{output} cannot be written: {reason}.", remedy="Make room or choose another --output.")
