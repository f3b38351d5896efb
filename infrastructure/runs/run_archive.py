"""The runs on this disk, as they are looked at: nothing here changes one."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from shlex import quote
from typing import Any

from application.groups.known import NAMES
from domain.exceptions import RunError
from domain.run_layout import CARD, RUN_FILE, RunLayout
from domain.runs import RunFacts
from infrastructure.plain_files import read_plain
from infrastructure.runs.run_file import read_request
from infrastructure.runs.run_glance import glance, name_of, status_of
from infrastructure.runs.run_summary import read_summary
from infrastructure.staging import STAGING_PREFIX

LARGEST_CARD = 64 << 20
LONGEST_NAME_COMPARED = 80  # comparing long names takes minutes


class RunArchive:
    """Looks at run directories; one that moved is known by the place where it is now."""

    def runs(self, root: str) -> Sequence[RunFacts]:
        """Tell of each run directly below a directory, in no order. Raises: RunError when it is none."""
        seen = ((path, glance(path)) for path in run_directories(Path(root)))
        return [facts for path, facts in seen if is_run(path)]  # it may have gone while it was looked at

    def find(self, name: str, root: str) -> str:
        """Give the directory of a run named by its path, or by its name below `root`. Raises: RunError."""
        return str(run_at(name, root))

    def find_all(self, names: Sequence[str], root: str) -> Sequence[str]:
        """Find several, each once however it is named. Raises: RunError with every name that is none."""
        paths: dict[Path, str] = {}
        faults = []
        for name in names:
            try:
                path = run_at(name, root)
                paths.setdefault(path.resolve(), str(path))
            except RunError as error:
                faults.append(str(error))
        if faults:
            raise RunError.of(faults)
        return list(paths.values())

    def facts(self, path: str) -> RunFacts:
        """Tell what a list says of one run."""
        return glance(Path(path))

    def summary(self, path: str) -> Mapping[str, Any]:
        """Give what a run told at its end, with the places where it is now. Raises: RunError when it is damaged."""
        directory = Path(path)
        layout, known = RunLayout(directory), dict(read_summary(directory))
        status = status_of(directory, known)
        if known.get("model_path") is not None:
            known["model_path"] = str(layout.model)
        if known.get("metrics_file") is not None:
            known["metrics_file"] = str(layout.metrics_summary)
        return {**known, "run_id": name_of(directory), "run_dir": path, "status": status}

    def settings(self, path: str) -> Mapping[str, Any]:
        """Give the settings that the run file of a run names. Raises: ConfigurationError."""
        known = read_request(RunLayout(Path(path)).run_file).model_dump(exclude_unset=True)
        return {name: known[name] for name in NAMES if name in known}

    def data(self, path: str) -> Mapping[str, str]:
        """Give the digests of the data that a run has read, by what they were for; none for one without a model."""
        try:
            told = json.loads(read_plain(RunLayout(Path(path)).model / CARD, LARGEST_CARD))["data"]
            digests = {"training": told["sha256"], "evaluation": told["eval_sha256"]}
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return {}
        return {name: digest for name, digest in digests.items() if isinstance(digest, str)}


def run_directories(root: Path) -> list[Path]:
    """List the runs directly below a directory. Raises: RunError when it is no directory of runs."""
    try:
        names = sorted(os.listdir(root))
    except (OSError, ValueError) as error:
        refusal = getattr(error, "strerror", None) or error
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be listed: {refusal}"
        if isinstance(error, NotADirectoryError):
            reason = "is a file"
        raise RunError(f"{root} {reason}.", remedy="Name the directory that holds your runs with --root.") from error
    if is_run(root):
        raise RunError(
            f"{root} is a run itself and holds none.",
            remedy=f"Use `athanor runs show {quote(str(root))}`, or --root {quote(str(root.absolute().parent))}.",
        )
    # What a killed `runs delete` left has the prefix, and is no run any more.
    return [root / name for name in names if not name.startswith(STAGING_PREFIX) and is_run(root / name)]


def is_run(directory: Path) -> bool:
    """Tell whether a directory holds a run file."""
    try:
        return RunLayout(directory).run_file.is_file()
    except (OSError, ValueError):  # no permission to look, a name that is too long, a NUL in it
        return False


def run_at(name: str, root: str = "") -> Path:
    """Give the directory of a run: at the path `name`, else of that name below `root`. Raises: RunError."""
    places = [Path(name), *([Path(root, name)] if root and len(Path(name).parts) == 1 else [])]
    for place in places:
        if is_run(place):
            return place
    raise RunError(f"{name} holds no run ({RUN_FILE} is missing).", remedy=_nearest(name, root))


def _nearest(name: str, root: str) -> str:
    path = Path(name)
    for parent in (path.parent, Path(root)):
        with suppress(RunError):
            known = [place.name for place in run_directories(parent)]
            for near in get_close_matches(path.name[:LONGEST_NAME_COMPARED], known, n=1):
                return f"Did you mean {quote(str(parent / near))}?"
    return "Name a run directory; see `runs list`."
