"""How the bytes of a text stand for characters: found once, from all of them."""

import codecs
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.files.content_kind import disguised
from infrastructure.data.files.legacy_encodings import WINDOWS, LegacyText, legacy_encoding
from infrastructure.data.files.opening import open_unpacked, told_of

Say = Callable[[str], None]

CHUNK_BYTES = 1 << 17  # larger ones leave the cache of the processor
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Survey:
    """What all bytes of a text tell: how they are decoded, and what a reader of cells has to know.

    `blank_tail` counts the empty lines behind the last other one; `lone_returns` tells of carriage returns without a
    line feed behind them, `marks` whether there is a quotation mark at all.
    """

    encoding: str
    marks: bool
    line_feeds: bool
    lone_returns: bool
    blank_tail: int
    ends_in_return: bool

    @property
    def newline(self) -> str:
        """Give what `open` takes for a line end: in a file of line feeds a carriage return is none."""
        return "\n" if self.line_feeds else ""


def survey(path: Path, name: str, reading: Reading, say: Say) -> Survey:
    """Look at a whole plain or gzipped text once.

    Raises: DatasetError when it is no text, or not certain enough in which encoding.
    """
    with told_of(path, name):
        return survey_of(lambda: open_unpacked(path, reading), name, reading, say)


def survey_of(opened: Callable[[], BinaryIO], name: str, reading: Reading, say: Say) -> Survey:
    """Look at a whole text, as `survey` does. Raises: DatasetError."""
    with opened() as file:
        encoding, seen = _seen_of(file, name, reading)
    if encoding in (None, "utf-8-sig") and not seen.is_utf8:
        with opened() as file:
            text = LegacyText(iter(lambda: file.read(CHUNK_BYTES), b""))
        if reading.encoding is not None:
            raise DatasetError(
                f"{name} is not UTF-8, as encoding says: {text.place} cannot be decoded.",
                remedy=f"Leave encoding out, so that it is found, or name another, such as {WINDOWS}.",
            )
        encoding = legacy_encoding(text, name, is_marked=encoding is not None)
        say(f"{name}: the text is not UTF-8; it was read as {encoding.upper()}.")
    elif encoding == "latin-1" and seen.has_controls:
        encoding = WINDOWS
        say(f"{name}: bytes from 0x80 to 0x9f are no letters of latin-1; it was read as {encoding.upper()}.")
    elif encoding is not None and encoding != "utf-8-sig" and reading.encoding is None:
        say(f"{name}: the text was read as {encoding.upper()}.")
    return Survey(
        encoding=encoding or "utf-8-sig",
        marks=seen.marks,
        line_feeds=seen.line_feeds,
        lone_returns=seen.lone_returns or seen.ends_in_return,
        blank_tail=max(0, seen.tail_ends - seen.is_ended),  # the first ends the last line that says something
        ends_in_return=seen.ends_in_return,
    )


def _seen_of(file: BinaryIO, name: str, reading: Reading) -> tuple[str | None, "_Seen"]:
    """Look at all chunks; gives the encoding that is set or that a mark tells. Raises: DatasetError."""
    first = file.read(CHUNK_BYTES)
    encoding = _set_encoding(reading) or encoding_by_mark(first)
    chunks: Iterable[bytes] = _with_rest(first, file)
    if encoding is not None and _is_wide(encoding):
        chunks = _transcoded(chunks, encoding)
    else:
        _refuse_binary(first[:4096], name)
    seen = _Seen(name)
    try:
        for chunk in chunks:
            seen.take(chunk)
        seen.close()
    except (EOFError, OSError, zlib.error):
        pass  # whoever reads up to the damage tells of it
    return encoding, seen


def encoding_by_mark(head: bytes) -> str | None:
    """Give the encoding that a byte order mark tells."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def _set_encoding(reading: Reading) -> str | None:
    if reading.encoding is None:
        return None
    name = codecs.lookup(reading.encoding).name
    return {"utf-8": "utf-8-sig", "iso8859-1": "latin-1"}.get(name, name)


def _is_wide(encoding: str) -> bool:
    return "\n".encode(encoding) != b"\n" and encoding != "utf-8-sig"


def _with_rest(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    while first:
        yield first
        first = file.read(CHUNK_BYTES)


def _transcoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", errors="surrogatepass")
    decoder.decode(b"", final=True)


def is_binary(head: bytes) -> bool:
    """Tell whether bytes are no text in any encoding, by the NULs among them."""
    return b"\0" in head and not encoding_by_mark(head) and not _order_without_mark(head)


def _order_without_mark(head: bytes) -> str | None:
    """Give the order of bytes that UTF-16 without a mark has, which shows where most letters are ASCII."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) < 8 or max(even, odd) * 4 < len(head) or min(even, odd):
        return None
    return "utf-16-le" if odd else "utf-16-be"


def _refuse_binary(head: bytes, name: str) -> None:
    error = disguised(name, head, Path(name).suffix.lower())
    if error is not None:
        raise error
    if b"\0" not in head:
        return
    order = _order_without_mark(head)
    if order is None and head.count(0) * 16 < len(head) and head.count(0) < 4:
        return  # its place is told by whoever looks at all of the text
    if order is None:
        raise DatasetError(f"{name} is binary, not text.", remedy="Give a text, JSON, CSV or Parquet file.")
    raise DatasetError(
        f"{name} seems to be UTF-16 without the mark that tells so.",
        remedy=f"Say so with --set encoding={order}, or write it as UTF-8.",
    )


class _Seen:
    """What the chunks of a text have told so far."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._before = b""
        self._offset = 0
        self._pending = False
        self.is_utf8 = True
        self.marks = self.has_controls = self.line_feeds = self.lone_returns = False
        self.tail_ends = 0

    @property
    def is_ended(self) -> bool:
        return self._before in (b"\n", b"\r")

    @property
    def ends_in_return(self) -> bool:
        return self._before == b"\r"

    def take(self, chunk: bytes) -> None:
        """Look at the next chunk. Raises: DatasetError for a NUL, which no text has."""
        zero = chunk.find(0)
        if zero >= 0:
            raise DatasetError(
                f"{self._name} holds a NUL byte at offset {self._offset + zero:,}, which no text has.",
                remedy=f"Copy or write the file again, or remove them: tr -d '\\000' < {self._name} > new",
            )
        self._offset += len(chunk)
        if self._pending or not chunk.isascii():
            self._decode(chunk)
        self.marks = self.marks or b'"' in chunk
        self.line_feeds = self.line_feeds or b"\n" in chunk
        if self._before == b"\r" and not chunk.startswith(b"\n"):
            self.lone_returns = True
        elif b"\r" in chunk and not self.lone_returns:
            self.lone_returns = chunk.count(b"\r") - chunk.endswith(b"\r") > chunk.count(b"\r\n")
        self._before = chunk[-1:]
        stripped = len(chunk.rstrip(b"\r\n"))
        ends = chunk.count(b"\n", stripped) or chunk.count(b"\r", stripped)
        self.tail_ends = ends if stripped else self.tail_ends + ends

    def close(self) -> None:
        """Say that nothing follows. Raises: DatasetError when the text ends within a character."""
        left = self._decoder.getstate()[0] if self.is_utf8 else b""
        if left:
            raise DatasetError(
                f"{self._name} is not UTF-8: byte 0x{left[0]:02x} at offset {self._offset - len(left):,} cannot be"
                " decoded, for the file ends within a character.",
                remedy=f"Copy the file again, or name its encoding, for example --set encoding={WINDOWS}.",
            )

    def _decode(self, chunk: bytes) -> None:
        self.has_controls = self.has_controls or bool(re.search(b"[\x80-\x9f]", chunk))
        if self.is_utf8:
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError:
                self.is_utf8 = False
        self._pending = self.is_utf8 and bool(self._decoder.getstate()[0])


def decoded(stream: BinaryIO, name: str, reading: Reading = AS_FOUND, say: Say = lambda word: None) -> TextIO:
    """Decode a stream while it comes: its mark tells how, else the first line that is not ASCII.

    Bytes that do not belong there are halves of surrogate pairs, as `surrogateescape` has them; where the encoding is
    set or is of several bytes a letter they raise UnicodeDecodeError while it is read.
    """
    raw = stream if hasattr(stream, "peek") else io.BufferedReader(cast(io.RawIOBase, stream))
    encoding = _set_encoding(reading) or encoding_by_mark(raw.peek(4)[:4])
    if encoding is not None:
        is_free = reading.encoding is None and not _is_wide(encoding)
        errors = "surrogateescape" if is_free else "strict"
        return io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline="")
    return cast(TextIO, _FoundWhileRead(raw, name, say))


class _FoundWhileRead(io.TextIOBase):
    """Lines of a stream without a mark."""

    def __init__(self, stream: BinaryIO, name: str, say: Say) -> None:
        self._stream, self._name, self._say = stream, name, say
        self._encoding = ""
        self._has_said = False

    def readline(self, size: int = -1) -> str:  # type: ignore[override]  # as TextIOWrapper has it
        most = size * 4  # bytes of as many characters
        line = self._stream.readline(most)
        if line.isascii():
            return line.decode("ascii")
        is_cut = len(line) == most  # it is refused, and may end within a character
        if not self._encoding:
            self._encoding = "utf-8" if is_cut else self._found(line)
        return line.decode(self._encoding or "utf-8", errors="ignore" if is_cut else "surrogateescape")

    def _found(self, line: bytes) -> str:
        """Find the encoding of a line; none where it is not certain, and the next may tell."""
        try:
            line.decode("utf-8")
            return "utf-8"
        except UnicodeDecodeError:
            pass
        try:
            encoding = legacy_encoding(LegacyText(iter([line])), self._name)
        except DatasetError as error:
            if not self._has_said:
                self._say(error.problem)
            self._has_said = True
            return ""
        self._say(f"{self._name}: the text is not UTF-8; it was read as {encoding.upper()}.")
        return encoding
