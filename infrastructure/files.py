"""Files that survive: written aside, synced, then renamed into place."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from infrastructure.staging import (
    DELETED,
    REPLACED,
    STAGING_PREFIX,
    locked_directory,
    name_aside,
    remove,
    remove_dead,
    replaced_ones,
    targets_of_replaced,
)

__all__ = [
    "STAGING_PREFIX",
    "remove_directory",
    "remove_leftovers",
    "restore_replaced",
    "sha256_of",
    "staged_directory",
    "staged_file",
    "sync",
    "write_whole",
]

# What a rename says when somebody else has put something there since we looked.
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)


@contextmanager
def staged_directory(target: Path, *, keep_existing: bool = False) -> Iterator[Path]:
    """Give an empty directory that becomes `target` when the block ends well, and vanishes otherwise.

    After a kill at any instant `target` is whole, as it was before, or absent: everything is synced before the
    rename. An existing `target` is replaced, by the last of several writers; with `keep_existing` the first one
    stays, for callers who would all write the same. A link at `target` is replaced and not followed.
    Raises: OSError of the disk, with nothing left behind.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    restore_replaced(target)
    with locked_directory(target) as staging:
        try:
            yield staging
            for path in sorted(staging.rglob("*")):
                if path.is_file():
                    sync(path)
            for directory in (*(path for path in staging.rglob("*") if path.is_dir()), staging):
                sync(directory)
            _put_in_place(staging, target, keep_existing)
        finally:
            remove(staging)  # gone already when it became the target


def _put_in_place(staging: Path, target: Path, keep_existing: bool) -> None:
    # A directory cannot be renamed over a full one; between the two renames the old one waits under another name.
    # Two writers of one target may meet there: who finds the place taken again moves that out of the way, too.
    while not (keep_existing and target.is_dir()):
        replaced = name_aside(target, REPLACED)
        if os.path.lexists(target):
            with suppress(FileNotFoundError):  # another writer has just moved it
                target.rename(replaced)
        try:
            staging.rename(target)
        except OSError as error:
            if error.errno in _TAKEN and os.path.lexists(target):
                remove(replaced)
                continue
            with suppress(FileNotFoundError):
                replaced.rename(target)
            raise
        remove(replaced)
        break
    sync(target.parent)


def restore_replaced(target: Path) -> None:
    """Undo a replacement that was killed between its two renames, and remove what killed writers left."""
    for replaced in replaced_ones(target):
        if not os.path.lexists(target):
            with suppress(OSError):  # its writer lives and was faster
                replaced.rename(target)
    remove_dead(target.parent, target)


def remove_leftovers(directory: Path) -> None:
    """Do for everything in a directory what `restore_replaced` does for one target."""
    for target in targets_of_replaced(directory):
        restore_replaced(target)
    remove_dead(directory)


def remove_directory(directory: Path) -> None:
    """Remove a directory so that a kill leaves no half of it under its name. Raises: OSError when it cannot go."""
    doomed = name_aside(directory, DELETED)
    directory.rename(doomed)
    remove(doomed)


def write_whole(path: Path, text: str) -> None:
    """Replace a text file so that a reader sees the old or the new one, never a part. Raises: OSError."""
    with staged_file(path) as staging:
        staging.write_text(text, encoding="utf-8")


@contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """Give the place of a file that becomes `target` when the block ends well, and vanishes otherwise.

    A reader sees the old file or the new one, never a part; a link at `target` is replaced and not followed.
    Raises: OSError of the disk, with nothing left behind.
    """
    restore_replaced(target)
    with locked_directory(target) as directory:
        staging = directory / target.name
        try:
            yield staging
            sync(staging)
            staging.rename(target)
        finally:
            remove(directory)
    sync(target.parent)


def sync(path: Path) -> None:
    """Ask the disk to keep what was written to a file or directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file's bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
