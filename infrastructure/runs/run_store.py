"""One directory for each run, used by one process at a time."""

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import yaml

from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError, RunError
from infrastructure.files import write_whole

RUNS = Path("runs")
RUN_FILE = "run.yaml"
SUMMARY = "summary.json"
LOCK = "run.lock"


class RunDirectory:
    """A run on disk. Nothing is written before `open`."""

    def __init__(self, path: Path, exists: bool) -> None:
        self._path = path
        self._is_resumed = exists
        self._made = [place for place in (path, *path.parents) if not place.exists()]
        self._foreign: frozenset[Path] = frozenset()
        self._lock: IO[str] | None = None

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return self._path.resolve().name

    @property
    def path(self) -> str:
        """Where it is, or will be."""
        return str(self._path)

    def open(self, request: TrainModelRequest) -> None:
        """Create the directory with its run file, or take it up again; locked until `close`.

        Raises: RunError when another process uses the run or the disk refuses.
        """
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            if not self._is_resumed:
                self._refuse_taken_meanwhile()
                self._foreign = frozenset(self._path.iterdir()) - {self._path / LOCK}
                write_whole(self._path / RUN_FILE, dump_request(request))
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def save_summary(self, response: Mapping[str, Any]) -> None:
        """Keep the response of a finished run. Raises: RunError when the disk refuses."""
        try:
            write_whole(self._path / SUMMARY, json.dumps(response, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def save_failure(self, response: Mapping[str, Any], keep: bool) -> None:
        """Keep what a failed run leaves; without `keep` a directory that never held a checkpoint vanishes again."""
        if self._lock is None:
            return
        if keep or self._is_resumed or any(self._path.glob("checkpoints/step-*")):
            with suppress(RunError):  # the disk that failed the run may fail this too; the checkpoints count
                self.save_summary(response)
        else:
            self._vanish()

    def close(self) -> None:
        """Let another process use the run."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            (self._path / LOCK).unlink(missing_ok=True)

    def _vanish(self) -> None:
        """Remove what has come since `open`, and the directories that were not there before."""
        for entry in set(self._path.iterdir()) - self._foreign:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()
        for place in self._made:
            with suppress(OSError):  # something else has come to live there
                place.rmdir()

    def _refuse_taken_meanwhile(self) -> None:
        try:
            _refuse_taken(self._path)
        except RunError:
            self.close()  # what stands there belongs to another run: `save_failure` must not touch it
            raise

    def _take_lock(self) -> None:
        lock = (self._path / LOCK).open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise RunError(
                f"{self._path} is in use by another process.", remedy="Wait for it, stop it, or use another --output."
            ) from error
        self._lock = lock


class RunStore:
    """Knows the run directories below the working directory, or wherever `--output` puts one."""

    def reserve(self, request: TrainModelRequest) -> RunDirectory:
        """Choose the directory of a new run without creating it. Raises: RunError when it cannot be used."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = Path(request.output_dir or RUNS / f"{request.task}-{stamp}-{secrets.token_hex(2)}")
        _refuse_taken(path)
        _refuse_unwritable(path)
        return RunDirectory(path, exists=False)

    def reopen(self, path: str) -> tuple[RunDirectory, TrainModelRequest]:
        """Find an unfinished run. Raises: RunError when there is none or it is finished."""
        directory = Path(path)
        if not (directory / RUN_FILE).is_file():
            raise RunError(
                f"{path} holds no run ({RUN_FILE} is missing).", remedy="Name a run directory; see `runs list`."
            )
        if _read_summary(directory).get("success"):
            raise RunError(
                f"{path} is finished; there is nothing to resume.",
                remedy=f"To repeat it, use train --config {directory / RUN_FILE} --output NEW.",
            )
        return RunDirectory(directory, exists=True), self.read_request(str(directory / RUN_FILE))

    def read_request(self, path: str) -> TrainModelRequest:
        """Read a run file. Raises: ConfigurationError."""
        try:
            values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ConfigurationError(f"run file {path} does not exist.", remedy="Check the path.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"run file {path} cannot be read.", remedy="Give a YAML text file.") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f":{mark.line + 1}" if mark is not None else ""
            raise ConfigurationError(f"{path}{place} is not YAML.", remedy="Write `name: value` lines.") from error
        if not isinstance(values, dict):
            raise ConfigurationError(f"{path} holds no settings.", remedy="Write `name: value` lines.")
        return TrainModelRequest(**{str(name): value for name, value in values.items()})

    def summaries(self, root: str) -> Sequence[Mapping[str, Any]]:
        """List the runs below a directory, oldest first."""
        runs = sorted(Path(root).glob(f"*/{RUN_FILE}"), key=lambda file: file.stat().st_mtime)
        return [self.summary(str(file.parent)) for file in runs]

    def summary(self, path: str) -> Mapping[str, Any]:
        """Tell what is known of one run. Raises: RunError when there is none."""
        directory = Path(path)
        if not (directory / RUN_FILE).is_file():
            raise RunError(
                f"{path} holds no run ({RUN_FILE} is missing).", remedy="Name a run directory; see `runs list`."
            )
        known = {"run_id": directory.resolve().name, "run_dir": str(directory), **_read_summary(directory)}
        if known.get("success"):
            known["status"] = "finished"
        elif _is_locked(directory):
            known["status"] = "running"  # it may have been stopped before and taken up again
        else:
            known["status"] = "stopped" if "success" in known else "interrupted"
        return known


def dump_request(request: TrainModelRequest) -> str:
    """Write a request as YAML that `--config` reads."""
    text: str = yaml.safe_dump(request.model_dump(), sort_keys=False, allow_unicode=True)
    if "\x85" in text:  # PyYAML writes this line end bare and reads it as a blank
        text = yaml.safe_dump(request.model_dump(), sort_keys=False)
    return text


def _read_summary(directory: Path) -> dict[str, Any]:
    try:
        summary = json.loads((directory / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}


def _is_locked(directory: Path) -> bool:
    try:
        with (directory / LOCK).open("r+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _refuse_taken(path: Path) -> None:
    if (path / RUN_FILE).exists():
        raise RunError(
            f"{path} holds a run already.", remedy=f"Use `athanor resume {path}`, or another --output for a new one."
        )


def _refuse_unwritable(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise RunError(f"output {path} is a file.", remedy="Name a directory that does not exist yet.")
    ancestor = path.absolute()
    while not ancestor.exists():
        ancestor = ancestor.parent
    if not ancestor.is_dir() or not os.access(ancestor, os.W_OK | os.X_OK):
        raise RunError(f"output {path} cannot be created below {ancestor}.", remedy="Choose a place you may write to.")


def _cannot_write(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path} cannot be written: {error.strerror or error}.", remedy="Make room or choose another --output."
    )
