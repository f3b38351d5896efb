"""The lock of a run directory: of all processes one at most holds it, and a killed one lets it go."""

import errno
import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from domain.exceptions import RunError
from domain.run_layout import RunLayout
from infrastructure.plain_files import NotPlainError, open_own

# `runs list` holds a lock for the instant in which it asks who holds it: a few tries tell it from a run.
TRIES = 5
SECONDS_BETWEEN_TRIES = 0.01
HELD = (errno.EWOULDBLOCK, errno.EACCES)


class RunLock:
    """A held lock.

    Its file is removed while the lock is held, and whoever takes a lock looks whether the file is still in place: a
    lock on a file that somebody has removed is none. So between any two instructions there is one holder at most.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, directory: Path) -> "RunLock":
        """Take the lock of a run directory, and make the directory where it is missing.

        Raises: RunError when another process holds it or no lock can be had there, OSError of the disk.
        """
        path = RunLayout(directory).lock
        for _ in range(TRIES):
            try:
                directory.mkdir(parents=True, exist_ok=True)
                descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
            except FileNotFoundError:
                continue  # a run that never began has removed its directory just now
            except NotPlainError as error:
                raise RunError(
                    f"{path} cannot serve as a lock: {error.strerror}.", remedy="Remove it, or use another --output."
                ) from error
            if _locked(descriptor, directory) and _is_in_place(path, descriptor):
                return cls(path, descriptor)
            os.close(descriptor)
            time.sleep(SECONDS_BETWEEN_TRIES)
        raise RunError(
            f"{directory} is in use by another process.", remedy="Wait for it, stop it, or use another --output."
        )

    def release(self) -> None:
        """Let another process take it; on a disk that refuses its removal an empty file stays, which harms nobody."""
        with suppress(OSError):
            if _is_in_place(self._path, self._descriptor):
                self._path.unlink()
        os.close(self._descriptor)


def is_held(directory: Path) -> bool:
    """Tell whether a process uses the run; a lock that cannot be opened counts as held by somebody."""
    try:
        descriptor = open_own(RunLayout(directory).lock, os.O_RDONLY)
    except (FileNotFoundError, NotPlainError):
        return False
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in HELD
    finally:
        os.close(descriptor)
    return False


def _locked(descriptor: int, directory: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in HELD:
            return False
        os.close(descriptor)
        raise RunError(
            f"the file system of {directory} has no locks: {error.strerror}.",
            remedy="Choose an --output on another disk, so that no two processes write into one run.",
        ) from error
    return True


def _is_in_place(path: Path, descriptor: int) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))
