"""Weights & Biases: files in the run directory, sent by nobody unless WANDB_MODE says online."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wandb

from domain.run_layout import RunLayout
from infrastructure.trackers.tracker import KILLED, Beginning, Ending, Point

EXIT_CODES = {"finished": 0, "stopped": 130, KILLED: 137}
FAILED = 1


class WandbTracker:
    """Keeps a run in `trackers/wandb`; `wandb sync` sends it.

    The library knows rows, which only grow: steps that come again after a rollback are new rows, and the charts are
    drawn over the metric `step`.
    """

    _run: Any
    _row: int
    _step: int

    def begin(self, beginning: Beginning) -> str:
        """Open the run; offline, each start of it has files of its own under the same id."""
        directory = os.environ.get("WANDB_DIR") or str(RunLayout(Path(beginning.directory)).trackers)
        Path(directory).mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or beginning.project,
            name=beginning.run_id,
            id=beginning.known_id or None,
            resume="allow" if beginning.known_id else None,
            dir=directory,
            config=dict(beginning.settings),
            tags=[beginning.task[:64]],
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                # It would measure this process, which is not the one that trains.
                x_disable_stats=True,
                x_disable_meta=True,
                x_save_requirements=False,
            ),
        )
        self._run.config.update(beginning.tags, allow_val_change=True)
        self._run.define_metric("*", step_metric="step")
        self._row = self._step = beginning.first_step
        return str(self._run.id)

    def add(self, points: Sequence[Point]) -> None:
        """Keep; what belongs to one step is one row."""
        for point in points:
            self._log(point.step, dict(point.values))

    def go_back(self, step: int) -> None:
        """Begin a new row for the steps that come again."""
        self._step = -1

    def end(self, ending: Ending) -> None:
        """Keep scores and places in the summary, and pictures in the last row."""
        pictures = {f"pictures/{path.stem}": wandb.Image(str(path)) for path in map(Path, ending.pictures)}
        if pictures:
            self._log(ending.step, pictures)
        self._run.summary.update({**ending.scores, **ending.facts, "status": ending.status})
        self._run.finish(exit_code=EXIT_CODES.get(ending.status, FAILED))

    def _log(self, step: int, values: dict[str, Any]) -> None:
        if step != self._step:
            self._row, self._step = max(self._row + 1, step), step
        self._run.log({**values, "step": step}, step=self._row)
