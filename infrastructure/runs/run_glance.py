"""What a list says of a run, read from the ends of its files: a thousand runs are looked through in seconds."""

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from domain.exceptions import AthanorError
from domain.run_layout import RunLayout
from domain.runs import FINISHED, INTERRUPTED, RUNNING, STOPPED, UNREADABLE, RunFacts
from infrastructure.plain_files import open_to_read
from infrastructure.runs.run_file import MAX_DEPTH
from infrastructure.runs.run_lock import is_held
from infrastructure.runs.run_summary import read_summary

FIRST_LINE_BYTES = 4 << 10
HEAD_BYTES = 32 << 10
TAIL_BYTES = 64 << 10
MAX_COUNT = 10**15
RUN_FILE_BYTES = 64 << 10
OF_START = ("num_train_rows", "num_eval_rows", "total_steps")
OF_STEP = ("step", "total_steps")
ASKED = ("task", "dataset_path", "model_name", "metric_name")
# Five times as fast as the one in Python, and it makes the same events.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def glance(directory: Path) -> RunFacts:
    """Tell what a list says of a run, whatever state its files are in."""
    settings = _settings(RunLayout(directory).run_file)
    known: dict[str, Any] = {
        "run_id": name_of(directory),
        "run_dir": str(directory),
        "task": settings.get("task"),
        "data": settings.get("dataset_path"),
        "model": settings.get("model_name"),
        "metric_name": settings.get("metric_name"),
        "size_bytes": bytes_below(directory),
        "is_link": directory.is_symlink(),
    }
    try:
        summary = read_summary(directory)
    except AthanorError as error:
        return RunFacts(**known, status=UNREADABLE, began=_began(directory), error=str(error))
    status = status_of(directory, summary)
    known |= {name: summary[name] for name in ("task", "metric_name") if summary.get(name)}
    known |= {name: _count(summary.get(name)) for name in ("num_train_rows", "num_eval_rows")}
    known["stop_reason"] = summary.get("stop_reason")
    if status == FINISHED:
        return RunFacts(**known, status=status, began=_began(directory), metric=_number(summary.get("best_metric")))
    if status == RUNNING:
        known["stop_reason"] = None  # that of an earlier start
    progress = _progress(directory, known["metric_name"])
    if summary.get("best_metric") is not None and status != RUNNING:
        progress["metric"] = _number(summary["best_metric"])
    return RunFacts(**{**known, **progress}, status=status)


def name_of(directory: Path) -> str:
    """Give the name by which a run is found where it stands; that of a link is its own and not that of its target."""
    return directory.name if directory.is_symlink() else directory.resolve().name


def status_of(directory: Path, summary: Mapping[str, Any]) -> str:
    """Give the state of a run, by what it told at its end and whether a process uses it."""
    if summary.get("success"):
        return FINISHED
    if is_held(directory):
        return RUNNING  # it may have been stopped before and taken up again
    return STOPPED if "success" in summary else INTERRUPTED


def bytes_below(directory: Path) -> int:
    """Add up the sizes of all files below a directory; links count as themselves, what has gone as nothing."""
    total = 0
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    total += bytes_below(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def _settings(path: Path) -> Mapping[str, str | None]:
    """Pick some settings out of a run file; nothing is built of what else it holds, and nothing has to be right."""
    found: dict[str, str | None] = {}
    with suppress(OSError, ValueError, yaml.YAMLError):
        depth, name = 0, None
        for event in yaml.parse(_part(path, RUN_FILE_BYTES), Loader=_LOADER):
            if depth == 1 and name is None:
                name = event.value if isinstance(event, yaml.ScalarEvent) else ""
            elif depth == 1:
                if name in ASKED and isinstance(event, yaml.ScalarEvent):
                    found[name] = None if event.implicit[0] and event.value in ("null", "~", "") else event.value
                name = None
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            # Time of the parser grows with the square of the depth, and what is this deep is none of ours.
            if len(found) == len(ASKED) or depth > MAX_DEPTH:
                break
    return found


def _began(directory: Path) -> str | None:
    """Give the time of the first event, else that of the run file, which a copy may have made younger."""
    layout = RunLayout(directory)
    for event in _events(layout.log, FIRST_LINE_BYTES):
        if stamp := _stamp(event.get("timestamp")):
            return stamp
    with suppress(OSError, OverflowError, ValueError):
        return datetime.fromtimestamp(layout.run_file.stat().st_mtime, UTC).isoformat()
    return None


def _stamp(value: Any) -> str | None:
    """Read a time as the log writes it; None for anything else."""
    with suppress(TypeError, ValueError, OverflowError):
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    return None


def _progress(directory: Path, metric_name: str | None) -> dict[str, Any]:
    """Tell how far a run came that has not told so itself: how it began, and what its files say last."""
    layout = RunLayout(directory)
    found: dict[str, Any] = {"began": _began(directory)}
    found |= _first_of(OF_START, _events(layout.log, HEAD_BYTES))
    found |= _first_of(OF_STEP, _events(layout.log, -TAIL_BYTES))
    evaluated = f"eval_{(metric_name or '').removeprefix('eval_')}"
    for entry in _events(layout.metrics, -TAIL_BYTES):
        if entry.get("name") == evaluated:
            found["metric"] = _number(entry.get("value"))
            break
    return found


def _first_of(names: Collection[str], events: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Take each count from the first event that has it, and look no further than needed."""
    found: dict[str, int] = {}
    for event in events:
        for name in names:
            if name not in found and (count := _count(event.get(name))) is not None:
                found[name] = count
        if len(found) == len(names):
            break
    return found


def _count(value: Any) -> int | None:
    """Take a count that can be one; JSON has whole numbers of thousands of digits, which nothing can write."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_COUNT else None


def _number(value: Any) -> float | None:
    with suppress(OverflowError):
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return None


def _events(path: Path, limit: int) -> Iterator[Mapping[str, Any]]:
    """Read whole lines of a file of JSON lines: the first ones, or for a limit below 0 the last ones, from the end."""
    with suppress(OSError):
        lines = _part(path, limit).splitlines()
        for line in reversed(lines) if limit < 0 else lines:
            with suppress(ValueError, RecursionError):  # cut by the limit, or no JSON
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event


def _part(path: Path, limit: int) -> bytes:
    with open_to_read(path) as file:
        if limit < 0:
            file.seek(max(0, file.seek(0, os.SEEK_END) + limit))
        return file.read(abs(limit))
