"""One directory for each run, used by one process at a time."""

import os
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any

from application.groups.data import RunSettings
from application.training_request import TrainModelRequest
from domain.exceptions import AthanorError, RunError
from domain.launch import Launch
from domain.run_layout import RunLayout
from infrastructure.files import STAGING_PREFIX, remove_leftovers, restore_replaced, write_whole
from infrastructure.runs.launched_run import FollowedRun, name_of_launch, written_by
from infrastructure.runs.run_archive import run_at
from infrastructure.runs.run_file import dump_request, read_request
from infrastructure.runs.run_lock import RunLock
from infrastructure.runs.run_place import RunPlace
from infrastructure.runs.run_summary import read_summary, write_summary
from infrastructure.shipped_files import found

RUNS = Path("runs")


class RunDirectory(RunPlace):
    """A run on disk. Nothing is written before `open`."""

    def __init__(self, path: Path, exists: bool, head: str = "") -> None:
        """Know a run; `head` is a comment that the file of a new one begins with."""
        super().__init__(path)
        self._head = head
        self._layout = RunLayout(path)
        self._is_resumed = exists
        self._made = [place for place in (path, *path.parents) if not place.exists()]
        self._foreign: frozenset[Path] = frozenset()
        self._lock: RunLock | None = None

    def open(self, request: RunSettings) -> None:
        """Create the directory with its run file, or take it up again; locked until `close`.

        Raises: RunError when another process uses the run or the disk refuses.
        """
        try:
            _refuse_links(self._path)
            self._lock = self._taken_lock()
            if not self._is_resumed:
                self._refuse_taken_meanwhile()
                self._foreign = frozenset(self._path.iterdir()) - {self._layout.lock}
                write_whole(self._layout.run_file, self._head + dump_request(request))
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def save_summary(self, response: Mapping[str, Any]) -> None:
        """Keep the response of a finished run. Raises: RunError when the disk refuses."""
        try:
            write_summary(self._path, response)
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def save_failure(self, response: Mapping[str, Any], keep: bool) -> None:
        """Keep what a failed run leaves; without `keep` a directory that never held a checkpoint vanishes again."""
        if self._lock is None:
            return
        if keep or self._is_resumed or any(self._layout.checkpoints.glob("step-*")):
            with suppress(RunError):  # the disk that failed the run may fail this too; the checkpoints count
                self.save_summary(response)
        else:
            self._vanish()

    def close(self) -> None:
        """Let another process use the run."""
        if self._lock is not None:
            remove_work_of_the_dead(self._path)
            lock, self._lock = self._lock, None
            lock.release()

    def _vanish(self) -> None:
        """Remove what has come since `open`, the lock last, and the directories that were not there before."""
        with suppress(OSError):  # of a disk that refuses, the failure that is being told is the news
            for entry in set(self._path.iterdir()) - self._foreign - {self._layout.lock}:
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink()
        self.close()
        self._remove_made()

    def _remove_made(self) -> None:
        for place in self._made:
            with suppress(OSError):  # something else has come to live there
                place.rmdir()

    def _taken_lock(self) -> RunLock:
        try:
            return RunLock.take(self._path)
        except RunError:
            self._remove_made()
            raise

    def _refuse_taken_meanwhile(self) -> None:
        try:
            _refuse_taken(self._path)
        except RunError:
            self.close()  # what stands there belongs to another run: `save_failure` must not touch it
            raise


class RunStore:
    """Knows the run directories below the working directory, or wherever `--output` puts one."""

    def __init__(self, launch: Launch | None = None) -> None:
        self._launch = Launch.of(os.environ) if launch is None else launch

    def begun_before(self, request: TrainModelRequest) -> str:
        """Find the run that the same torchrun began before it started all processes anew; empty for a first start.

        Another one that stands in its place is refused by the first process, as at a first start.
        """
        if not self._launch.num_restarts:
            return ""
        run_file = RunLayout(place := _place_of(request.task, request.output_dir, self._launch)).run_file
        if not run_file.exists():
            return ""
        is_own = not self._launch.is_first or run_file.read_text(encoding="utf-8").startswith(written_by(self._launch))
        return str(place) if is_own else ""

    def told_before(self, path: str) -> Mapping[str, Any] | None:
        """Give what a run told when it was finished before its processes were started anew; None for any other."""
        if not self._launch.num_restarts:
            return None
        summary = read_summary(run_at(path))
        return summary if summary.get("success") else None

    def reserve(self, request: RunSettings) -> RunDirectory | FollowedRun:
        """Choose the directory of a new run without creating it. Raises: RunError when it cannot be used."""
        path = _place_of(request.task, request.output_dir, self._launch)
        if not self._launch.is_first:
            return FollowedRun(path)
        _refuse_taken(path)
        _refuse_unwritable(path)
        return RunDirectory(path, exists=False, head=written_by(self._launch))

    def reopen(self, path: str) -> tuple[RunDirectory | FollowedRun, TrainModelRequest]:
        """Find an unfinished run. Raises: RunError when there is none or it is finished."""
        directory = run_at(path)
        if read_summary(directory).get("success"):
            _tidy_up(directory)
            raise RunError(
                f"{path} is finished; there is nothing to resume.",
                remedy=f"To repeat it, use train --config {RunLayout(directory).run_file} --output NEW.",
            )
        run = RunDirectory(directory, exists=True) if self._launch.is_first else FollowedRun(directory)
        return run, read_request(RunLayout(directory).run_file)

    def read_request(self, path: str) -> TrainModelRequest:
        """Read a run file, `configs/NAME.yaml` also from among the shipped ones. Raises: ConfigurationError."""
        return read_request(found(path))


def _place_of(task: str, output_dir: str | None, launch: Launch) -> Path:
    if output_dir:
        return Path(output_dir)
    if launch.is_by_torchrun:
        return RUNS / f"{task}-{name_of_launch(launch)}"
    return RUNS / f"{task}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def _tidy_up(directory: Path) -> None:
    """Do what a kill behind the summary left undone; states that are whole stay, for nobody has said they may go."""
    with suppress(AthanorError, OSError):  # somebody is at it, or the disk refuses: the run is finished all the same
        _refuse_links(directory)
        lock = RunLock.take(directory)
        try:
            remove_work_of_the_dead(directory)
        finally:
            lock.release()


def remove_work_of_the_dead(directory: Path) -> None:
    """Remove what lies aside of files that are in place; the directory may hold more that is not of the run."""
    layout = RunLayout(directory)
    with suppress(OSError):
        own = [path for path in directory.iterdir() if not path.name.startswith(STAGING_PREFIX)]
        for target in (*own, layout.rehearsal):
            restore_replaced(target)
        for place in (layout.checkpoints, layout.model):
            if place.is_dir() and not place.is_symlink():
                remove_leftovers(place)


def _refuse_links(path: Path) -> None:
    # Behind a link what is filled or appended to would be written into somebody else's files. A file that is written
    # aside and renamed replaces a link and not what it points to.
    layout = RunLayout(path)
    places = list(layout.own_places)
    with suppress(OSError):  # there are none yet
        places += layout.checkpoints.iterdir()
    for place in places:
        if place.is_symlink():
            raise RunError(
                f"{place} is a symbolic link, and a run writes into its own directory alone.",
                remedy="Put what it points to in its place, or use another --output.",
            )


def _refuse_taken(path: Path) -> None:
    if RunLayout(path).run_file.exists():
        raise RunError(
            f"{path} holds a run already.",
            remedy=f"Use `athanor resume {quote(str(path))}`, or another --output for a new one.",
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
