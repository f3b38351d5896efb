"""Keeps the plan of a backtest, its picture and its result beside the runs of its folds."""

from dataclasses import replace
from pathlib import Path

from domain.backtest import Backtest
from domain.exceptions import RunError
from domain.showing import json_text
from infrastructure.files import write_whole
from infrastructure.planned_directory import OTHER, PlannedDirectory, cannot_write
from infrastructure.reports.fold_scores import draw_folds

RESULT, PICTURE = "backtest.json", "backtest.png"


class BacktestFiles(PlannedDirectory):
    """Writes each file aside and renames it; the result last, so that it stands for all of them."""

    def __init__(self) -> None:
        super().__init__("backtest")

    def require_place(self, output: str) -> None:
        """Find fault with a place before anything is read for it, a finished backtest too. Raises: RunError."""
        try:
            if (result := Path(output) / RESULT).exists():
                raise RunError(f"{output} holds a finished backtest: {result}.", remedy=OTHER)
        except (OSError, ValueError) as error:
            raise cannot_write(output, error) from error
        super().require_place(output)

    def finish(self, result: Backtest) -> Backtest:
        """Draw the picture and keep the result. Raises: RunError when the disk refuses."""
        place = Path(result.output_dir)
        told = replace(result, picture=str(place / PICTURE))
        try:
            draw_folds(result, place / PICTURE)
            write_whole(place / RESULT, json_text(told.to_json(), indent=2) + "\n")
        except OSError as error:
            raise cannot_write(result.output_dir, error) from error
        return told
