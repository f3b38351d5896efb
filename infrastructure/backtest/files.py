"""Keeps the plan of a backtest, its picture and its result beside the runs of its folds."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from domain.backtest import Backtest
from domain.exceptions import RunError
from domain.showing import json_text
from infrastructure.files import STAGING_PREFIX, write_whole
from infrastructure.plain_files import read_plain
from infrastructure.reports.fold_scores import draw_folds

PLAN, RESULT, PICTURE = "plan.json", "backtest.json", "backtest.png"
MAX_BYTES = 64 << 20
OTHER = "Name another --output."


class BacktestFiles:
    """Writes each file aside and renames it; the result last, so that it stands for all of them."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def require_place(self, output: str) -> None:
        """Find fault with a place before anything is read for it. Raises: RunError."""
        place = Path(output)
        try:
            if place.exists() and not place.is_dir():
                raise RunError(f"output {output} is a file.", remedy="Name a directory that does not exist yet.")
            if (place / RESULT).exists():
                raise RunError(f"{output} holds a finished backtest: {place / RESULT}.", remedy=OTHER)
            is_empty = not place.exists() or all(path.name.startswith(STAGING_PREFIX) for path in place.iterdir())
            if not is_empty and not (place / PLAN).exists():
                raise RunError(f"{output} holds something else than a backtest.", remedy=OTHER)
        except (OSError, ValueError) as error:
            raise _cannot_write(output, error) from error

    def begin(self, output: str, plan: Mapping[str, Any]) -> None:
        """Make the directory with its plan, or take up an unfinished one of the same plan. Raises: RunError."""
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
        """Remove what `begin` has made, where nothing has come to it."""
        place = Path(output)
        if place not in self._made:
            return
        with suppress(OSError, ValueError):
            if {path.name for path in place.iterdir()} == {PLAN}:
                (place / PLAN).unlink()
        for path in self._made:
            with suppress(OSError, ValueError):  # something else has come to live there
                path.rmdir()

    def finish(self, result: Backtest) -> Backtest:
        """Draw the picture and keep the result. Raises: RunError when the disk refuses."""
        place = Path(result.output_dir)
        told = replace(result, picture=str(place / PICTURE))
        try:
            draw_folds(result, place / PICTURE)
            write_whole(place / RESULT, json_text(told.to_json(), indent=2) + "\n")
        except OSError as error:
            raise _cannot_write(result.output_dir, error) from error
        return told


def _require_same(place: Path, plan: Mapping[str, Any]) -> None:
    try:
        kept = json.loads(read_plain(place / PLAN, MAX_BYTES))
        names = [name for name in plan if kept.get(name) != plan[name]]
    except (ValueError, AttributeError, RecursionError) as error:
        raise RunError(f"{place / PLAN} is damaged.", remedy=OTHER) from error
    if names:
        raise RunError(
            f"{place} holds a backtest that differs from this one in: {', '.join(names)}.",
            remedy="Ask as before, or name another --output.",
        )


def _cannot_write(output: str, error: Exception) -> RunError:
    reason = getattr(error, "strerror", None) or error
    return RunError(f"{output} cannot be written: {reason}.", remedy="Make room or choose another --output.")
