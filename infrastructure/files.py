"""Files that survive: written aside, synced, then renamed into place."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STAGING_PREFIX = ".staging-"


@contextmanager
def staged_directory(target: Path) -> Iterator[Path]:
    """Give an empty directory that becomes `target` when the block ends well, and vanishes otherwise.

    After a kill at any instant `target` is whole, as it was before, or absent: everything is synced before the
    rename. An existing `target` is replaced.
    Raises: OSError of the disk, with nothing left behind.
    """
    restore_replaced(target)
    staging = target.parent / f"{STAGING_PREFIX}{target.name}-{os.getpid()}"
    try:
        staging.mkdir(parents=True)
        yield staging
        for path in sorted(staging.rglob("*")):
            if path.is_file():
                sync(path)
        for directory in (*(path for path in staging.rglob("*") if path.is_dir()), staging):
            sync(directory)
        _put_in_place(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _put_in_place(staging: Path, target: Path) -> None:
    if target.exists():
        # A directory cannot be renamed over a full one; between the two renames the old one waits under this name.
        replaced = target.parent / f"{STAGING_PREFIX}replaced-{target.name}"
        shutil.rmtree(replaced, ignore_errors=True)
        target.rename(replaced)
        try:
            staging.rename(target)
        except OSError:
            replaced.rename(target)
            raise
        shutil.rmtree(replaced, ignore_errors=True)
    else:
        staging.rename(target)
    sync(target.parent)


def restore_replaced(target: Path) -> None:
    """Undo a replacement that was killed between its two renames, and remove what killed writers left."""
    if not target.parent.is_dir():
        return
    replaced = target.parent / f"{STAGING_PREFIX}replaced-{target.name}"
    if replaced.exists() and not target.exists():
        replaced.rename(target)
    shutil.rmtree(replaced, ignore_errors=True)
    for leftover in target.parent.glob(f"{STAGING_PREFIX}{target.name}-*"):
        if _is_alive(leftover.name.rpartition("-")[2]):
            continue  # somebody writes there now
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _is_alive(process_id: str) -> bool:
    if not process_id.isdecimal() or int(process_id) == os.getpid():
        return False
    try:
        os.kill(int(process_id), 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:  # there, but somebody else's
        return True
    return True


def write_whole(path: Path, text: str) -> None:
    """Replace a text file so that a reader sees the old or the new one, never a part. Raises: OSError."""
    with staged_file(path) as staging:
        staging.write_text(text, encoding="utf-8")


@contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """Give the place of a file that becomes `target` when the block ends well, and vanishes otherwise.

    A reader sees the old file or the new one, never a part. Raises: OSError of the disk, with nothing left behind.
    """
    restore_replaced(target)
    staging = target.with_name(f"{STAGING_PREFIX}{target.name}-{os.getpid()}")
    try:
        yield staging
        sync(staging)
        staging.rename(target)
    except BaseException:
        staging.unlink(missing_ok=True)
        raise
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
