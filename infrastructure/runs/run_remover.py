"""Removes runs, and what of them nobody needs any more."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.exceptions import RunError
from domain.run_layout import RunLayout
from domain.runs import Leftovers
from infrastructure.files import STAGING_PREFIX, remove_directory, sync
from infrastructure.runs.run_archive import is_run
from infrastructure.runs.run_glance import bytes_below
from infrastructure.runs.run_lock import RunLock, is_held
from infrastructure.runs.run_store import remove_work_of_the_dead
from infrastructure.staging import DELETED, deleted_ones, name_aside, remove

MAX_NAMES_TOLD = 3


class RunRemover:
    """Removes nothing that it does not hold the lock of, follows no link, and moves a run aside before it goes."""

    def fault_of(self, path: str) -> str:
        """Say why a run may not be deleted; empty when it may."""
        return _fault(Path(path)) or (f"{path} is in use by a process. Stop it first." if is_held(Path(path)) else "")

    def delete(self, path: str) -> None:
        """Delete a run, and what killed deletions left beside it. Raises: RunError."""
        given = Path(path)
        with _held(given):
            if fault := _fault(given):
                raise RunError(fault)
            directory = given.resolve()
            doomed = name_aside(directory, DELETED)
            try:
                directory.rename(doomed)
                sync(doomed.parent)
            except OSError as error:
                raise RunError(
                    f"{path} cannot be deleted: {error.strerror or error}.",
                    remedy="See whether you may write into the directory that holds it.",
                ) from error
        for left in deleted_ones(doomed.parent):
            remove(left)
        if os.path.lexists(doomed):
            raise RunError(f"{path} is deleted, but a part stays at {doomed}.", remedy="Remove that by hand.")

    def leftovers_of(self, path: str) -> Leftovers:
        """Tell what a finished run would lose by `clean`: training states, a trial export, work of killed processes."""
        directory, layout = Path(path), RunLayout(Path(path))
        if not layout.model.is_dir():
            return _leftovers(directory.resolve().name, path, [])  # the states may be all that there is
        places = [place for place in (layout.checkpoints, layout.rehearsal) if _is_filled(place)]
        for home in (directory, layout.model):
            with suppress(OSError):
                places += [place for place in home.iterdir() if place.name.startswith(STAGING_PREFIX)]
        return _leftovers(directory.resolve().name, path, places)

    def leftovers_beside(self, root: str) -> Leftovers:
        """Tell what killed deletions left in a directory of runs."""
        return _leftovers("", root, deleted_ones(Path(root)))

    def clean(self, leftovers: Leftovers) -> int:
        """Remove leftovers; gives the bytes that are free again. Raises: RunError when a process is at the run."""
        directory = Path(leftovers.run_dir)
        if not leftovers.run_id:
            for place in map(Path, leftovers.places):
                remove(place)
            return leftovers.num_bytes - sum(bytes_below(Path(place)) for place in leftovers.places)
        with _held(directory):
            before = bytes_below(directory)
            try:
                for place in (RunLayout(directory).checkpoints, RunLayout(directory).rehearsal):
                    if _is_filled(place):
                        remove_directory(place)
            except OSError as error:
                raise RunError(f"{directory} cannot be cleaned: {error.strerror or error}.") from error
            remove_work_of_the_dead(directory)
            return before - bytes_below(directory)


def _fault(path: Path) -> str:
    if path.is_symlink():
        return f"{path} is a symbolic link. Delete what it points to by its own name, or remove the link."
    if not is_run(path):
        return f"{path} holds no run. See `athanor runs list`."
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        return f"{path} cannot be looked into: {error.strerror or error}."
    strange = [name for name in names if name not in RunLayout.names() and not name.startswith(STAGING_PREFIX)]
    if not strange:
        return ""
    more = f" and {len(strange) - MAX_NAMES_TOLD:,} more" if len(strange) > MAX_NAMES_TOLD else ""
    return f"{path} also holds {', '.join(strange[:MAX_NAMES_TOLD])}{more}, which no run writes. Move that out first."


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    try:
        lock = RunLock.take(directory)
    except OSError as error:
        raise RunError(f"{directory} cannot be locked: {error.strerror or error}.") from error
    try:
        yield
    finally:
        lock.release()
        if not is_run(directory):  # it went before the lock was taken, which has made the directory anew
            with suppress(OSError):
                directory.rmdir()


def _is_filled(place: Path) -> bool:
    """Tell whether a directory, and no link to one, holds something."""
    try:
        return _is_own(place) and any(place.iterdir())
    except OSError:
        return False


def _is_own(place: Path) -> bool:
    return not place.is_symlink()


def _leftovers(run_id: str, run_dir: str, places: list[Path]) -> Leftovers:
    sizes = (bytes_below(place) if place.is_dir() and _is_own(place) else 0 for place in places)
    return Leftovers(run_id, run_dir, tuple(map(str, places)), sum(sizes))
