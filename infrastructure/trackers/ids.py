"""By what name a tracker knows a run: a line in the run directory, kept by the tracker's own process.

Whoever trains may be killed before it hears of the name, and its run would then begin a second time.
"""

import re
from contextlib import suppress
from pathlib import Path

from domain.run_layout import RunLayout
from infrastructure.files import write_whole
from infrastructure.plain_files import read_plain

MAX_BYTES = 1 << 12
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,128}")


def kept_id(directory: str, tracker: str) -> str:
    """Give the name; empty where the tracker does not know the run, and where the file is damaged."""
    try:
        name = read_plain(_place(directory, tracker), MAX_BYTES).strip()
    except (OSError, ValueError):
        return ""
    return name if _PLAIN.fullmatch(name) else ""


def keep_id(directory: str, tracker: str, name: str) -> None:
    """Keep the name; where the disk refuses, a resume is a new run to the tracker."""
    with suppress(OSError):
        write_whole(_place(directory, tracker), f"{name}\n")


def _place(directory: str, tracker: str) -> Path:
    return RunLayout(Path(directory)).trackers / f"{tracker}.id"
