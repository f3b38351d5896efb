"""Keeps the plan of a study, the run file of its best settings, its page and its result beside its runs."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from application.training_request import TrainModelRequest
from domain.run_layout import RunLayout
from domain.showing import json_text
from domain.study import Study
from infrastructure.files import write_whole
from infrastructure.planned_directory import PlannedDirectory, cannot_write
from infrastructure.reports.page.html import write_page
from infrastructure.runs.run_file import dump_request, read_request, read_settings
from infrastructure.tuning.database import DATABASE
from infrastructure.tuning.page import study_page

RESULT, RUN_FILE = "study.json", "best.yaml"


class StudyFiles(PlannedDirectory):
    """Writes each file aside and renames it; the result last, so that it stands for all of them.

    A database in which there is nothing is taken back with the plan.
    """

    def __init__(self) -> None:
        super().__init__("study", beside=(DATABASE,))

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
            raise cannot_write(output, error) from error
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
            raise cannot_write(study.output_dir, error) from error
        return told
