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
from infrastructure.data.content_kind import disguised
from infrastructure.data.opening import open_unpacked, told_of

Say = Callable[[str], None]

CHUNK_BYTES = 1 << 17  # larger ones leave the cache of the processor
SAMPLE_BYTES = 1 << 16
WINDOWS = "windows-1252"
_ASCII = bytes(range(128))
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AROUND = 200  # bytes beside what is not ASCII: words and their neighbours
_HIGH = re.compile(rb"[\x80-\xff]+")
_FOREIGN_WORD = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
_LONE_RETURN = re.compile(rb"\r(?!\n|\Z)")
_NO_WINDOWS = frozenset(b"\x81\x8d\x8f\x90\x9d")
_LEAST_COHERENCE = 0.25  # of charset-normalizer, which finds a language for almost anything below
_LEAST_LEAD = 0.1
_USUAL = ("cp1250", "cp1251", "cp1253", "cp1255", "cp1256", "cp1257", "koi8_r", "big5", "gb18030", "cp949", "cp932")
# What Western European text in Windows-1252 does not do: four accented letters on end, a sign within a word, a
# capital with an accent behind a small letter, Turkish or Czech letters.
_RUNS = re.compile("[À-ÿ]{4,}")
_MARKS_AND_SIGNS = bytes([*range(0x82, 0x85), *range(0x86, 0x8A), 0x8B, 0x93, 0x94, 0x95, 0x98, 0x99, 0x9B])
_MARKS_AND_SIGNS += bytes(
    [*range(0xA1, 0xAA), 0xAC, 0xAE, 0xAF, *range(0xB1, 0xB4), 0xB6, 0xB8, 0xB9, *range(0xBB, 0xC0)]
)
_LETTER = r"[^\W\d_]"
_SIGNS = re.compile(
    f"(?<={_LETTER})[{_MARKS_AND_SIGNS.decode('cp1252')}](?={_LETTER})|(?<={_LETTER})[¡¿]|[£¥¤º](?=[a-zà-ÿ])"
)
_CAPITALS = re.compile("(?<=[a-z])[ŠŽŸÀ-ÖØ-Þ]")
_TURKISH = re.compile("[ðÐþÞýÝ]")
_ICELANDIC = re.compile("[áíúÁÍÚæö]")
_CZECH = re.compile("ø")
_NORDIC = re.compile("[åæÅÆ]")


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
            text = _Legacy(iter(lambda: file.read(CHUNK_BYTES), b""))
        encoding = _legacy(text, name, is_marked=encoding is not None)
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
            self.lone_returns = bool(_LONE_RETURN.search(chunk))
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


class _Legacy:
    """The parts of a text that are not ASCII, which is not UTF-8."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.offset = -1
        self.byte = 0
        self.letters: set[int] = set()
        self.good = self.bad = 0
        self.sample = b""
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        offset = 0
        for chunk in chunks:
            kept = len(decoder.getstate()[0])
            if chunk.isascii() and not kept:
                offset += len(chunk)
                continue
            text = decoder.decode(chunk)
            bad = re.search("[\udc80-\udcff]", text)
            if bad and self.offset < 0:
                self.byte = ord(bad.group()) - 0xDC00
                self.offset = offset - kept + len(text[: bad.start()].encode("utf-8", errors="surrogateescape"))
            num_bad = len(re.findall("[\udc80-\udcff]", text))
            self.bad += num_bad
            self.good += len(re.findall("[^\x00-\x7f]", text)) - num_bad
            self.letters.update(chunk.translate(None, _ASCII))
            self._take_sample(chunk)
            offset += len(chunk)

    def _take_sample(self, chunk: bytes) -> None:
        at = 0
        while len(self.sample) < SAMPLE_BYTES and (found := _HIGH.search(chunk, at)):
            at = found.end() + _AROUND
            self.sample += chunk[max(0, found.start() - _AROUND) : at] + b"\n"

    @property
    def place(self) -> str:
        return f"byte 0x{self.byte:02x} at offset {self.offset:,}"


def _legacy(text: _Legacy, name: str, is_marked: bool = False) -> str:
    """Give the encoding of a text that is not UTF-8. Raises: DatasetError where it is not certain enough."""
    if is_marked or text.good >= text.bad:
        raise DatasetError(
            f"{name} is not UTF-8: {text.place} cannot be decoded, but the rest seems to be UTF-8.",
            remedy=f"Write it anew; to leave such bytes out: iconv -f UTF-8 -t UTF-8 -c {name} > new",
        )
    if is_western(text.sample, text.letters):
        return WINDOWS
    certain, perhaps = _guessed(text.sample)
    if certain:
        return certain
    named = f", perhaps {' or '.join(perhaps)}" if perhaps else ""
    raise DatasetError(
        f"{name} is not UTF-8: {text.place} cannot be decoded. It is in another encoding{named}.",
        remedy=f"Name it with --set encoding={(perhaps or [WINDOWS])[0]}, and look at a few rows.",
    )


def is_western(sample: bytes, letters: set[int]) -> bool:
    """Tell whether bytes are Western European text in Windows-1252, of which Latin-1 is a part."""
    if letters & _NO_WINDOWS:
        return False
    text = sample.decode("cp1252", errors="replace")
    high = sum(not letter.isascii() for letter in text)
    odd = sum(len(found) for found in _RUNS.findall(text))
    odd += len(_SIGNS.findall(text)) + len(_CAPITALS.findall(text))
    for foreign, homely in ((_TURKISH, _ICELANDIC), (_CZECH, _NORDIC)):
        strange = len(foreign.findall(text))
        odd += strange if strange > len(homely.findall(text)) else 0
    return odd <= high * 0.05


def _guessed(sample: bytes) -> tuple[str | None, list[str]]:
    """Ask charset-normalizer: one encoding where nothing comes near it, and those that may be."""
    from charset_normalizer import from_bytes

    words = b"\n".join(_FOREIGN_WORD.findall(sample))  # English between them would say nothing
    matches = [m for m in from_bytes(words) if m.chaos < 0.2 and not m.encoding.startswith("mac_")]  # none since 2001
    if not matches:
        return None, []
    best = matches[0]
    near = [match for match in matches if match.chaos < best.chaos + _LEAST_LEAD]
    rivals = [m for m in near if m.coherence > best.coherence - _LEAST_LEAD and str(m) != str(best)]
    if not rivals and best.coherence >= _LEAST_COHERENCE and best.encoding in _USUAL:
        return best.encoding, []
    known = sorted((best, *rivals), key=lambda match: match.encoding not in _USUAL)
    return None, [match.encoding for match in known[:3]]


def decoded(stream: BinaryIO, name: str, reading: Reading = AS_FOUND, say: Say = lambda word: None) -> TextIO:
    """Decode a stream while it comes: its mark tells how, else the first line that is not ASCII.

    Raises: UnicodeDecodeError or DatasetError while it is read.
    """
    raw = stream if hasattr(stream, "peek") else io.BufferedReader(cast(io.RawIOBase, stream))
    encoding = _set_encoding(reading) or encoding_by_mark(raw.peek(4)[:4])
    if encoding is not None:
        return io.TextIOWrapper(raw, encoding=encoding, newline="")
    return cast(TextIO, _FoundWhileRead(raw, name, say))


class _FoundWhileRead(io.TextIOBase):
    """Lines of a stream without a mark."""

    def __init__(self, stream: BinaryIO, name: str, say: Say) -> None:
        self._stream, self._name, self._say = stream, name, say
        self._encoding = ""

    def readline(self, size: int = -1) -> str:  # type: ignore[override]  # as TextIOWrapper has it
        most = size * 4  # bytes of as many characters
        line = self._stream.readline(most)
        if line.isascii():
            return line.decode("ascii")
        if not self._encoding:
            self._encoding = "utf-8"
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                if len(line) != most:  # a longer one is refused, and may be cut within a character
                    self._encoding = _legacy(_Legacy(iter([line])), self._name)
                    self._say(f"{self._name}: the text is not UTF-8; it was read as {self._encoding.upper()}.")
        return line.decode(self._encoding, errors="ignore" if len(line) == most else "strict")
