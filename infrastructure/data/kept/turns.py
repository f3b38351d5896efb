"""One process at a time makes an entry of the cache; who wants the same waits for it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from application.phases import phase
from infrastructure.staging import is_still

PREFIX = ".making-"
_PLAIN = os.O_NOFOLLOW | os.O_NONBLOCK


@contextmanager
def turn_at(path: Path) -> Iterator[None]:
    """Be the only one inside the block, of all processes and threads that want to make `path`.

    Others wait as long as it takes, and go on when the one inside is done or dead. Where the file system knows no
    locks nobody waits. Raises: OSError when the place cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_name(f"{PREFIX}{path.name}")
    descriptor = _held(place)
    try:
        yield
    finally:
        # Removed while it is held: a lock on a file that is gone is none, and who waited for it looks.
        with suppress(OSError):
            place.unlink()
        os.close(descriptor)


def _held(place: Path) -> int:
    while True:
        descriptor = _opened(place)
        try:
            if not _has_locks(descriptor) or is_still(place, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _opened(place: Path) -> int:
    own = os.O_RDWR | os.O_CREAT | _PLAIN
    try:
        return os.open(place, own, 0o666)
    except PermissionError:
        with suppress(FileNotFoundError):
            return os.open(place, os.O_RDONLY | _PLAIN)  # another user's, in a cache that several share
        return os.open(place, own, 0o666)  # that one is done, or nobody may write here


def _has_locks(descriptor: int) -> bool:
    """Take the lock, waiting for whoever has it; False where there are none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with phase("waiting for another process that prepares the same data"):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return False
    return True
