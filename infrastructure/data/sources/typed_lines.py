"""Standard input as it arrives: whoever reads a line can ask whether the next one is there already."""

import io
import re
import select
import sys
from typing import BinaryIO, cast

from domain.exceptions import DatasetError

TYPED = "standard input"
_AT_ONCE = 1 << 16
_LINE = re.compile(rb"\S[^\n]*\n")


def standard_input() -> "Arriving":
    """Open standard input. Raises: DatasetError when it is closed, as a service may be started."""
    if sys.stdin is None:
        raise DatasetError("standard input is closed.", remedy="Give a file, or pipe rows into it.")
    return Arriving(sys.stdin.buffer)


class Arriving(io.BufferedIOBase):
    """Bytes of a stream, which may stay open for long between two lines."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._held = bytearray()
        self._has_ended = False

    def has_line(self) -> bool:
        """Tell whether a line that is not blank has come, or the end; takes what is there and waits for nothing."""
        while not (found := _LINE.search(self._held)) and not self._has_ended and self._may_read():
            self._take()
        return bool(found) or self._has_ended

    def readable(self) -> bool:
        """Tell that it can be read, as whoever decodes it asks."""
        return True

    def peek(self, size: int = 1) -> bytes:
        """Give what comes next and leave it there, at least a byte unless the stream has ended."""
        if not self._held and not self._has_ended:
            self._take()
        return bytes(self._held)

    def readline(self, size: int | None = -1) -> bytes:
        """Read to the end of a line, `size` bytes at most."""
        most = sys.maxsize if size is None or size < 0 else size
        looked = 0
        while (end := self._held.find(b"\n", looked)) < 0 and len(self._held) < most and not self._has_ended:
            looked = len(self._held)
            self._take()
        return self._given(min(end + 1 if end >= 0 else len(self._held), most))

    def read(self, size: int | None = -1) -> bytes:
        """Read to the end, or `size` bytes."""
        most = sys.maxsize if size is None or size < 0 else size
        while len(self._held) < most and not self._has_ended:
            self._take()
        return self._given(min(len(self._held), most))

    def read1(self, size: int = -1) -> bytes:
        """Read what one look brings."""
        if not self._held and not self._has_ended:
            self._take()
        return self._given(len(self._held) if size < 0 else min(size, len(self._held)))

    def _given(self, count: int) -> bytes:
        given = bytes(self._held[:count])
        del self._held[:count]
        return given

    def _take(self) -> None:
        read = getattr(self._stream, "read1", self._stream.read)
        more = cast(bytes, read(_AT_ONCE))
        self._has_ended = not more
        self._held += more

    def _may_read(self) -> bool:
        try:
            return bool(select.select([self._stream.fileno()], [], [], 0)[0])
        except (OSError, ValueError):  # no file of the system: it never keeps anybody waiting
            return True
