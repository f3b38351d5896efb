"""Work that is done once for each content: directories named by what they were made from."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from domain.exceptions import DatasetError
from infrastructure.files import staged_directory

LIMIT_BYTES = 20 * 2**30
FORMAT = 1


def cache_root() -> Path:
    """Give the directory of all cached work: `ATHANOR_CACHE`, else `athanor` in the user's cache directory."""
    named = os.environ.get("ATHANOR_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "athanor"


def key_of(*parts: object) -> str:
    """Name a piece of work by everything that decides its result."""
    return hashlib.sha256(repr((FORMAT, *parts)).encode()).hexdigest()[:32]


def cached(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """Give the directory of a piece of work, calling `make` to fill it the first time.

    A half-made entry never appears; the least recently used entries leave when all take more than `LIMIT_BYTES`.
    Raises: DatasetError when the disk is full or refuses.
    """
    entry = cache_root() / f"{kind}-{key}"
    try:
        if not entry.exists():
            with staged_directory(entry) as staging:
                make(staging)
            _forget_oldest(keep=entry)
        os.utime(entry)
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else str(error.strerror or error)
        raise DatasetError(
            f"the data cache {cache_root()} cannot be written: {reason}.",
            remedy="Make room, or point ATHANOR_CACHE at another directory.",
        ) from error
    return entry


def _forget_oldest(keep: Path) -> None:
    entries = sorted((e for e in cache_root().iterdir() if e.is_dir()), key=lambda e: e.stat().st_mtime, reverse=True)
    total = 0
    for entry in entries:
        total += sum(file.stat().st_size for file in entry.iterdir())
        if total > LIMIT_BYTES and entry != keep:
            shutil.rmtree(entry, ignore_errors=True)
