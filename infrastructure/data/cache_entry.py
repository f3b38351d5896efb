"""One entry of the cache: what its manifest vouches for, checked before it is used and held while it is."""

import fcntl
import hashlib
import json
import os
import stat
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from infrastructure.files import remove_directory, sha256_of

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 1 << 20
Signature = tuple[tuple[str, int, int, int], ...]

_verified: dict[tuple[Path, str], Signature] = {}
_verified_lock = threading.Lock()


class DamagedEntryError(Exception):
    """An entry is not what was written; says what differs."""


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
    files = {
        file.name: {"size_bytes": file.stat().st_size, "sha256": sha256_of(file)}
        for file in sorted(directory.iterdir())
    }
    (directory / MANIFEST).write_text(_sealed({"name": name, "files": files}), encoding="ascii")


def open_entry(path: Path) -> CacheEntry | None:
    """Open an entry whose files all have the size and the SHA-256 that were written; None when there is none.

    Digests are compared once for each process, and again when a file has changed since.
    Raises: DamagedEntryError; OSError when it cannot be read.
    """
    while True:
        if not os.path.lexists(path):
            return None
        lock = _held(path)
        try:
            # Somebody may have removed it, or put another in its place, before we held it.
            if _is_still(path / MANIFEST, lock):
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
        if _is_still(path / MANIFEST, lock):
            remove_directory(path)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def _held(path: Path) -> int:
    try:
        if path.is_symlink():
            raise DamagedEntryError("it is a link")
        lock = os.open(path / MANIFEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DamagedEntryError(f"{MANIFEST} is missing") from error
    with suppress(OSError):  # a file system without locks; what is mapped survives its removal all the same
        fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except OSError:
        return False


def _checked(path: Path) -> Mapping[str, str]:
    files = _read_manifest(path)
    signature = _signature(path, files)
    digests = {name: str(facts["sha256"]) for name, facts in files.items()}
    key = (path.absolute(), _digest(json.dumps(digests, sort_keys=True)))
    with _verified_lock:
        if _verified.get(key) == signature:
            return digests
    for name, digest in digests.items():
        if sha256_of(path / name) != digest:
            raise DamagedEntryError(f"{name} does not have the SHA-256 that was written")
    with _verified_lock:
        _verified[key] = signature
    return digests


def _signature(path: Path, files: Mapping[str, Any]) -> Signature:
    """Tell the files of an entry from those of a moment before, having compared their names and sizes."""
    found = {name: (path / name).lstat() for name in os.listdir(path) if name != MANIFEST}
    for name in sorted(files.keys() - found.keys()):
        raise DamagedEntryError(f"{name} is missing")
    for name in sorted(found.keys() - files.keys()):
        raise DamagedEntryError(f"{name} does not belong there")
    for name, facts in files.items():
        if not stat.S_ISREG(found[name].st_mode):
            raise DamagedEntryError(f"{name} is no file")
        if found[name].st_size != facts["size_bytes"]:
            raise DamagedEntryError(f"{name} has {found[name].st_size} bytes, but {facts['size_bytes']} were written")
    return tuple((name, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns) for name, facts in sorted(found.items()))


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = path / MANIFEST
        if not stat.S_ISREG(manifest.lstat().st_mode) or manifest.stat().st_size > LARGEST_MANIFEST:
            raise ValueError("it is no manifest")
        text = manifest.read_bytes().decode("ascii")
        body = json.loads(text)
        del body["sha256"]
        if text != _sealed(body):
            raise ValueError("its SHA-256 differs")
        if body["name"] != path.name:
            raise ValueError(f"it is that of {body['name']!r}")
        return dict(body["files"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedEntryError(f"{MANIFEST} cannot be used ({error})") from error


def _sealed(body: Mapping[str, Any]) -> str:
    return json.dumps({**body, "sha256": _digest(json.dumps(body))}, indent=1) + "\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()
