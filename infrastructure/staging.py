"""Places where writers work aside: whose they are, whether anybody still works there, and how they go."""

import fcntl
import hashlib
import os
import platform
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STAGING_PREFIX = ".staging-"
REPLACED, DELETED = "replaced", "deleted"
LONGEST_LABEL = 100  # bytes of a target's name; with all that is added it stays below the 255 of most file systems
_SHOWN_OF_HOST = 24


def name_aside(target: Path, role: str = "") -> Path:
    """Name a place beside `target` that no other host, process or thread names, nor this one a second time.

    `role` is empty for work in progress, else what has become of a former `target`. The part between the last dashes
    holds none itself, so that a name can be taken apart again.
    """
    host = re.sub(r"[^A-Za-z0-9.]", "_", platform.node())[:_SHOWN_OF_HOST]
    unique = f"{host}_{os.getpid()}_{threading.get_ident()}_{secrets.token_hex(4)}"
    return target.with_name("-".join((f"{STAGING_PREFIX}{_label(target.name)}", unique, *filter(None, (role,)))))


def _label(name: str) -> str:
    encoded = os.fsencode(name)
    if len(encoded) <= LONGEST_LABEL:
        return name
    return os.fsdecode(encoded[: LONGEST_LABEL - 17]) + "~" + hashlib.sha256(encoded).hexdigest()[:16]


@contextmanager
def locked_directory(target: Path) -> Iterator[Path]:
    """Make an empty directory beside `target` and hold its lock; whoever can take that lock knows it to be left over.

    The lock belongs to this opening of the directory and ends with it, so neither a process number that is used
    again nor a second thread is taken for the writer. Raises: OSError.
    """
    while True:
        directory = name_aside(target)
        directory.mkdir()
        try:
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        # Between its making and its locking somebody may have found it unlocked, and removed it.
        if _lock(descriptor) is not False and is_still(directory, descriptor):
            break
        os.close(descriptor)
    try:
        yield directory
    finally:
        os.close(descriptor)


def replaced_ones(target: Path) -> list[Path]:
    """List what killed writers moved out of the way of `target`, the newest first."""
    found = [path for path in _aside(target.parent, target) if _role(path) == REPLACED]
    return sorted(found, key=lambda path: path.lstat().st_mtime if os.path.lexists(path) else 0.0, reverse=True)


def remove_dead(directory: Path, target: Path | None = None) -> None:
    """Remove what nobody works on any more: of one target, or of all in a directory.

    What was replaced stays as long as nothing stands in its place. Where the file system knows no locks nobody can
    tell, and work in progress stays.
    """
    for path in _aside(directory, target):
        role = _role(path)
        if role == DELETED or (role == REPLACED and os.path.lexists(directory / _label_of(path))):
            remove(path)
        elif not role:
            _remove_if_dead(path)


def remove(path: Path) -> None:
    """Remove a directory with all in it, a file or a link, as far as the system lets us."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def targets_of_replaced(directory: Path) -> list[Path]:
    """Tell which targets in a directory have something that was moved out of their way."""
    return [directory / _label_of(path) for path in _aside(directory, None) if _role(path) == REPLACED]


def deleted_ones(directory: Path) -> list[Path]:
    """List what is on its way out of a directory, or was when its process was killed."""
    return [path for path in _aside(directory, None) if _role(path) == DELETED]


def _aside(directory: Path, target: Path | None) -> list[Path]:
    try:
        names = os.listdir(directory)
    except OSError:  # what comes next meets it too and tells of it
        return []
    found = [directory / name for name in names if name.startswith(STAGING_PREFIX)]
    return [path for path in found if target is None or _label_of(path) == _label(target.name)]


def _role(path: Path) -> str:
    last = path.name.rpartition("-")[2]
    return last if last in (REPLACED, DELETED) else ""


def _label_of(path: Path) -> str:
    name = path.name.removeprefix(STAGING_PREFIX)
    if role := _role(path):
        name = name.removesuffix(f"-{role}")
    return name.rpartition("-")[0]


def _remove_if_dead(path: Path) -> None:
    descriptor = _opened(path)
    if descriptor is None:
        return
    try:
        # Whoever finished meanwhile has renamed it: then nothing is at its old name.
        if _lock(descriptor) and is_still(path, descriptor):
            remove(path)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int | None:
    try:
        # What is in our way by such a name may be a pipe, on which opening would wait, or a link to elsewhere.
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None


def _lock(descriptor: int) -> bool | None:
    """Try to lock; False when somebody else holds it, None where the file system knows no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_still(path: Path, descriptor: int) -> bool:
    """Tell whether a file that is open is the one at a path: a lock on one that was replaced or removed is none."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except OSError:
        return False
