"""Work that is done once for each content: directories named by what they were made from."""

import errno
import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from domain.exceptions import DatasetError
from infrastructure.data.kept.cache_entry import CacheEntry, evict, open_entry, seal
from infrastructure.data.kept.turns import turn_at
from infrastructure.files import remove_directory, remove_leftovers, staged_directory
from infrastructure.manifest import MANIFEST, DamageError
from infrastructure.staging import STAGING_PREFIX, locked_directory, remove, remove_dead

LIMIT_BYTES = 20 * 2**30
FORMAT = 3
_ATTEMPTS = 10

_aside: ContextVar[Path | None] = ContextVar("aside", default=None)
_words: ContextVar[list[str] | None] = ContextVar("words", default=None)


def cache_root() -> Path:
    """Give the directory of all cached work: `ATHANOR_CACHE`, else `athanor` in the user's cache directory.

    Raises: DatasetError when neither can be told.
    """
    if (place := _aside.get()) is not None:
        return place / "cache"
    named = os.environ.get("ATHANOR_CACHE")
    if named:
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "athanor"
    except RuntimeError as error:  # a user without a home, as in a container that runs under any number
        raise DatasetError(
            "there is no home directory for the data cache.", remedy="Point ATHANOR_CACHE at a directory."
        ) from error


@contextmanager
def cached_aside() -> Iterator[Path]:
    """Cache in a directory of its own within the block, which is gone behind it: the usual one is not even read.

    What a killed process left there goes before that.
    """
    target = Path(tempfile.gettempdir(), "athanor-dry-run")
    remove_dead(target.parent, target)
    with locked_directory(target) as directory:
        token = _aside.set(directory)
        try:
            directory.chmod(0o700)  # texts of the data lie in it, and others may look into the place of all
            yield directory
        finally:
            _aside.reset(token)
            remove(directory)


def aside() -> Path | None:
    """Give that directory, None where work is cached as usual."""
    return _aside.get()


def key_of(*parts: object) -> str:
    """Name a piece of work by everything that decides its result."""
    return hashlib.sha256(repr((FORMAT, *parts)).encode()).hexdigest()[:32]


@contextmanager
def collected_words() -> Iterator[list[str]]:
    """Collect what the cache has to tell within the block, for the log and summary of a run.

    Outside of any such block it goes to the logger `athanor`, which by default means standard error.
    """
    words: list[str] = []
    token = _words.set(words)
    try:
        yield words
    finally:
        _words.reset(token)


def cached(kind: str, key: str, make: Callable[[Path], None]) -> CacheEntry:
    """Give a piece of work, calling `make` to fill its directory the first time: of several processes one does.

    A half-made entry never appears, and one that is not as it was written is made anew, with a word. The least
    recently used entries leave when all take more than `LIMIT_BYTES`, but none that is in use.
    Raises: DatasetError when the disk is full or refuses.
    """
    path = cache_root() / f"{kind}-{key}"
    try:
        for _ in range(_ATTEMPTS):
            entry = _whole(path)
            if entry is not None:
                with suppress(OSError):  # a cache that cannot be written serves all the same
                    os.utime(path)
                return entry
            with turn_at(path):
                if not _came_meanwhile(path):
                    # Where there are no locks two may make the same: the first one's is taken.
                    with staged_directory(path, keep_existing=True) as staging:
                        make(staging)
                        seal(staging, path.name)
            _forget_oldest(keep=path)
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else str(error.strerror or error)
        raise DatasetError(
            f"the data cache {cache_root()} cannot be written: {reason}.",
            remedy="Make room, or point ATHANOR_CACHE at another directory.",
        ) from error
    raise DatasetError(
        f"entry {path.name} of the data cache {cache_root()} is damaged whenever it is made.",
        remedy="Check the disk, or point ATHANOR_CACHE at another directory.",
    )


def _whole(path: Path) -> CacheEntry | None:
    """Open an entry; one that is damaged is removed, with a word. Raises: OSError."""
    try:
        return open_entry(path)
    except DamageError as error:
        _tell(f"data cache: entry {path.name} is damaged ({error}); it was removed and made anew.")
    with suppress(FileNotFoundError):  # somebody else met it, too
        remove_directory(path)
    return None


def _came_meanwhile(path: Path) -> bool:
    """Tell whether somebody else has made an entry; whether it is whole is asked when it is opened."""
    return (path / MANIFEST).exists()


def _tell(word: str) -> None:
    words = _words.get()
    if words is None:
        logging.getLogger("athanor").warning(word)
    else:
        words.append(word)


def _forget_oldest(keep: Path) -> None:
    root = cache_root()
    remove_leftovers(root)
    entries = [(path.lstat().st_mtime, path) for path in root.iterdir() if _is_entry(path)]
    total = 0
    for _, path in sorted(entries, reverse=True):
        total += _size_of(path)
        if total > LIMIT_BYTES and path != keep:
            with suppress(OSError):  # one too many on disk is no reason to end a training
                evict(path)


def _is_entry(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not path.name.startswith(STAGING_PREFIX)


def _size_of(path: Path) -> int:
    with suppress(OSError):  # another process may have removed it
        return sum(file.lstat().st_size for file in path.iterdir())
    return 0
