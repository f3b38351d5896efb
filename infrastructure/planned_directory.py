"""A directory of several runs with a plan beside them: the same command goes on with it, and no other does."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from domain.exceptions import RunError
from domain.showing import json_text
from infrastructure.files import STAGING_PREFIX, write_whole
from infrastructure.plain_files import read_plain

PLAN = "plan.json"
MAX_BYTES = 64 << 20
OTHER = "Name another --output."


class PlannedDirectory:
    """Begins the directory of `kind`, such as a study; `beside` names files that may be taken back with the plan."""

    def __init__(self, kind: str, beside: Sequence[str] = ()) -> None:
        self._kind = kind
        self._taken_back = (PLAN, *beside)
        self._made: list[Path] = []

    def require_place(self, output: str) -> None:
        """Find fault with a place before anything is done for it. Raises: RunError."""
        place = Path(output)
        try:
            if place.exists() and not place.is_dir():
                raise RunError(f"output {output} is a file.", remedy="Name a directory that does not exist yet.")
            is_empty = not place.exists() or all(path.name.startswith(STAGING_PREFIX) for path in place.iterdir())
            if not is_empty and not (place / PLAN).exists():
                raise RunError(f"{output} holds something else than a {self._kind}.", remedy=OTHER)
        except (OSError, ValueError) as error:
            raise cannot_write(output, error) from error

    def begin(self, output: str, plan: Mapping[str, Any]) -> None:
        """Make the directory with its plan, or take up one with the same plan. Raises: RunError."""
        place = Path(output)
        try:
            if (place / PLAN).exists():
                self._require_same(place, plan)
                return
            self._made = [path for path in (place, *place.parents) if not path.exists()]
            place.mkdir(parents=True, exist_ok=True)
            write_whole(place / PLAN, json_text(plan, indent=2) + "\n")
        except (OSError, ValueError) as error:
            self.withdraw(output)
            raise cannot_write(output, error) from error

    def withdraw(self, output: str) -> None:
        """Remove what `begin` has made, where nothing else has come to it."""
        place = Path(output)
        if place not in self._made:
            return
        with suppress(OSError, ValueError):
            if {path.name for path in place.iterdir()} <= set(self._taken_back):
                for name in self._taken_back:
                    (place / name).unlink(missing_ok=True)
        for path in self._made:
            with suppress(OSError, ValueError):  # something else has come to live there
                path.rmdir()

    def _require_same(self, place: Path, plan: Mapping[str, Any]) -> None:
        try:
            kept = json.loads(read_plain(place / PLAN, MAX_BYTES))
            names = [name for name in {**kept, **plan} if kept.get(name) != plan.get(name)]
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise RunError(f"{place / PLAN} is damaged.", remedy=OTHER) from error
        if names:
            raise RunError(
                f"{place} holds a {self._kind} that differs from this one in: {', '.join(names)}.",
                remedy="Ask as before, or name another --output.",
            )


def cannot_write(output: str, error: Exception) -> RunError:
    """Say that the disk refuses."""
    reason = getattr(error, "strerror", None) or error
    return RunError(f"{output} cannot be written: {reason}.", remedy="Make room or choose another --output.")
