"""One entry of the cache: what its manifest vouches for, checked before it is used and held while it is."""

import fcntl
import hashlib
import json
import os
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from infrastructure.files import remove_directory
from infrastructure.manifest import MANIFEST, DamageError, Files, listed, read_manifest, require_digests, write_manifest
from infrastructure.staging import is_still

Signature = tuple[tuple[str, int, int, int], ...]

_verified: dict[tuple[Path, str], Signature] = {}
_verified_lock = threading.Lock()


class CacheEntry:
    """A whole entry; as long as this object lives nobody evicts it.

    `digests` are the SHA-256 of its files by name, as they were compared with the bytes on disk.
    """

    def __init__(self, path: Path, digests: Mapping[str, str], lock: int) -> None:
        self.path = path
        self.digests = digests
        weakref.finalize(self, os.close, lock)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def digest_of(self, *names: str) -> str:
        """Give what differs when the content of any of these files does."""
        return hashlib.sha256(" ".join(self.digests[name] for name in names).encode()).hexdigest()


def seal(directory: Path, name: str) -> None:
    """Write the manifest of an entry that is otherwise complete. Raises: OSError."""
    write_manifest(directory, listed(directory), name=name)


def open_entry(path: Path) -> CacheEntry | None:
    """Open an entry whose files all have the size and the SHA-256 that were written; None when there is none.

    Digests are compared once for each process, and again when a file has changed since.
    Raises: DamageError; OSError when it cannot be read.
    """
    while True:
        if not os.path.lexists(path):
            return None
        lock = _held(path)
        try:
            # Somebody may have removed it, or put another in its place, before we held it.
            if is_still(path / MANIFEST, lock):
                return CacheEntry(path, _checked(path), lock)
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def evict(path: Path) -> bool:
    """Remove an entry unless somebody uses it, so that a kill leaves no half of it. Raises: OSError."""
    try:
        lock = os.open(path / MANIFEST, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        remove_directory(path)  # no manifest, no user
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_still(path / MANIFEST, lock):
            remove_directory(path)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def _held(path: Path) -> int:
    try:
        if path.is_symlink():
            raise DamageError("it is a link")
        lock = os.open(path / MANIFEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DamageError(f"{MANIFEST} is missing") from error
    with suppress(OSError):  # a file system without locks; what is mapped survives its removal all the same
        fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def _checked(path: Path) -> Mapping[str, str]:
    facts, files = read_manifest(path)
    if facts.get("name") != path.name:
        raise DamageError(f"its manifest is that of {facts.get('name')!r}")
    digests = {name: file.sha256 for name, file in files.items()}
    key = (path.absolute(), hashlib.sha256(json.dumps(digests, sort_keys=True, allow_nan=False).encode()).hexdigest())
    signature = _signature(path, files)
    with _verified_lock:
        if _verified.get(key) == signature:
            return digests
    require_digests(path, files)
    with _verified_lock:
        _verified[key] = signature
    return digests


def _signature(path: Path, files: Files) -> Signature:
    """Tell the files of an entry from those of a moment before."""
    found = ((name, (path / name).lstat()) for name in sorted(files))
    return tuple((name, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns) for name, facts in found)
