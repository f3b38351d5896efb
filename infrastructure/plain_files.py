"""Files that are what they seem: read within a limit, appended to and never through a link, a pipe or a device."""

import errno
import os
import stat
from pathlib import Path
from typing import IO

# Without O_NONBLOCK the opening of a named pipe waits for its other end, perhaps for ever.
_CAREFULLY = os.O_NONBLOCK | os.O_CLOEXEC
NEW_FILE_MODE = 0o666


class NotPlainError(OSError):
    """What stands there is no plain file, or is larger than any that was written here."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EINVAL, reason)


def read_plain(path: Path, limit: int) -> str:
    """Read a UTF-8 text of at most `limit` bytes.

    Raises: NotPlainError for a directory, a pipe, a device and a file that is too large, other OSErrors of the disk,
    UnicodeDecodeError.
    """
    with os.fdopen(_opened(path, os.O_RDONLY), "rb") as file:
        content: bytes = file.read(limit + 1)
    if len(content) > limit:
        raise NotPlainError(f"it has more than {limit >> 20} MiB")
    return content.decode("utf-8")


def open_to_read(path: Path) -> IO[bytes]:
    """Open the bytes of a plain file. Raises: NotPlainError for anything else, other OSErrors of the disk."""
    return os.fdopen(_opened(path, os.O_RDONLY), "rb")


def open_to_append(path: Path) -> IO[bytes]:
    """Open a file of ours, new or not, so that each write goes to its end and to the operating system at once.

    Raises: NotPlainError for a symbolic link, a pipe or a device, other OSErrors of the disk.
    """
    return os.fdopen(open_own(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), "ab", buffering=0)


def open_own(path: Path, flags: int) -> int:
    """Open a plain file that stands at `path` itself, not behind a link; gives the descriptor.

    Raises: NotPlainError, other OSErrors of the disk.
    """
    try:
        return _opened(path, flags | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotPlainError("it is a symbolic link") from error
        if error.errno == errno.EISDIR:  # what writing into one gives, before anybody could look
            raise NotPlainError("it is a directory") from error
        raise


def _opened(path: Path, flags: int) -> int:
    if path.exists():
        _refuse_other_than_files(path.stat().st_mode)  # before it is opened: a device may act on that alone
    descriptor = os.open(path, flags | _CAREFULLY, NEW_FILE_MODE)
    try:
        _refuse_other_than_files(os.fstat(descriptor).st_mode)
    except NotPlainError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_other_than_files(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise NotPlainError("it is a directory" if stat.S_ISDIR(mode) else "it is a pipe or a device and no file")
