"""Opening data files: only what is a file, whose name can be written down, and no more of it than the limits say."""

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from domain.exceptions import DatasetError
from domain.reading import MIB, Reading

UNPACKED_AT_ONCE = 1 << 18
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def size_of(path: Path) -> int:
    """Give the size of a data file without opening it, for a pipe or a device may never end.

    Raises: DatasetError when it is missing, no file, empty, or has a name that is no valid Unicode.
    """
    require_unicode(path)
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist.", remedy="Check the path.") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:  # a NUL in the path
        raise DatasetError(f"{str(path)!r} cannot be a path ({error}).", remedy="Check the path.") from error
    if stat.S_ISDIR(found.st_mode):
        raise DatasetError(f"{path} is a directory.", remedy="Give a file.")
    if not stat.S_ISREG(found.st_mode):
        kind = next((kind for test, kind in _KINDS if test(found.st_mode)), "no file")
        raise DatasetError(f"{path} is {kind}, but must be a file.", remedy="Copy what comes out of it into a file.")
    if not found.st_size:  # so are those of /proc, which may wait for ever
        raise DatasetError(f"{path} is empty.", remedy="Give a file with rows.")
    return found.st_size


def refuse_stream(path: str) -> None:
    """Refuse a pipe or device that has no ending to tell its format. Raises: DatasetError."""
    place = Path(path)
    if place.suffix or place.is_dir() or not (path.startswith(("/dev/", "/proc/")) or place.is_fifo()):
        return
    raise DatasetError(
        f"{path} is a stream, and no ending tells what it holds.",
        remedy="Pipe into --input - instead, a text or JSON object a line (a table as CSV), or copy it into a file.",
    )


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written down: half a surrogate pair cannot."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def mended(text: str) -> str:
    """Replace each half of a surrogate pair, so that the text can be written down."""
    if is_unicode(text):
        return text
    return text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")


def require_unicode(path: Path) -> None:
    """Refuse a path that no card and no log can hold. Raises: DatasetError."""
    if not is_unicode(str(path)):
        raise DatasetError(
            f"the name {str(path)!a} is no valid Unicode, so that no report could hold it.", remedy="Rename it."
        )


def open_text(path: Path, reading: Reading, encoding: str, newline: str = "") -> TextIO:
    """Open a plain or gzipped file as text. Raises: DatasetError when it is missing, empty or refused."""
    return io.TextIOWrapper(open_unpacked(path, reading), encoding=encoding, newline=newline)


def open_unpacked(path: Path, reading: Reading) -> io.BufferedReader:
    """Open a plain or gzipped file of any content. Raises: DatasetError when it is missing, empty or refused."""
    size = size_of(path)
    try:
        # Between asking what it is and opening it another may stand there: this must not wait for a pipe either.
        raw = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        head = raw.peek(4096)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not head:
        raise DatasetError(f"{path} is empty.", remedy="Give a file with rows.")
    if path.suffix.lower() != ".gz":
        return raw
    if not head.startswith(b"\x1f\x8b"):
        raise DatasetError(f"{path.name} is not gzip.", remedy="Rename it without .gz or compress it.")
    return io.BufferedReader(_Unpacked(path, raw, reading.unpacked_bytes(size)), UNPACKED_AT_ONCE)


def _unreadable(path: Path, error: OSError) -> DatasetError:
    return DatasetError(f"{path} cannot be read: {error.strerror or error}.", remedy="Check its permissions.")


class _Unpacked(io.RawIOBase):
    """What comes out of a gzipped file, up to a limit. Raises: DatasetError beyond it."""

    def __init__(self, path: Path, packed: BinaryIO, most: int) -> None:
        self._path, self._packed, self._most = path, packed, most
        self._file = gzip.GzipFile(fileobj=packed)
        self._taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # as BufferedReader calls it
        count = self._file.readinto(buffer)
        self._taken += count
        if self._taken > self._most:
            raise grown_too_large(self._path.name, self._most)
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            self._packed.close()
        super().close()


def grown_too_large(name: str, most: int) -> DatasetError:
    """Say that a compressed file holds more than it may."""
    return DatasetError(
        f"{name} unpacks to more than {most // MIB:,} MiB, which its size of a compressed file does not suggest.",
        remedy="Unpack it and look, or allow as much with --set max_unpacked_mib=NUMBER.",
    )


def row_too_large(name: str, line: int, reading: Reading) -> DatasetError:
    """Say that a row is longer than it may be."""
    return DatasetError(
        f"{name}:{line}: the row that begins here is longer than {reading.max_row_mib} MiB.",
        remedy="Split it, close a quote that was left open, or allow it with --set max_row_mib=NUMBER.",
    )


def undecodable(name: str, error: UnicodeDecodeError) -> DatasetError:
    """Say which byte of a text does not belong to its encoding."""
    known = error.encoding.upper()
    return DatasetError(
        f"{name} is not {known}: byte 0x{error.object[error.start]:02x} cannot be decoded ({error.reason}).",
        remedy=f"Name its encoding, for example --set encoding=windows-1252, or write it as {known}.",
    )


@contextmanager
def told_of(path: Path, name: str = "") -> Iterator[None]:
    """Say in our words what stops the reading of a file within the block. Raises: DatasetError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise undecodable(name or path.name, error) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(
            f"{name or path.name} is damaged or cut off: {error}.", remedy="Copy or download the file again."
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error


class BoundedLines:
    """Lines of a text, none of them and no row of several longer than the limit.

    `row_begins` is told where a row begins. Raises: DatasetError.
    """

    def __init__(self, file: TextIO, name: str, reading: Reading) -> None:
        self._file, self._name, self._reading = file, name, reading
        self._taken = 0
        self._line = 1

    def row_begins(self, line: int) -> None:
        """Count from here, the line of the file that comes next."""
        self._taken = 0
        self._line = line

    def __iter__(self) -> Iterator[str]:
        most = self._reading.row_characters
        readline = self._file.readline
        while line := readline(most + 1):
            self._taken += len(line)
            if self._taken > most:
                raise row_too_large(self._name, self._line, self._reading)
            yield line
