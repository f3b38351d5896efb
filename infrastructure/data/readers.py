"""Rows of a file in any of the formats we take, one at a time and with their line."""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from domain.exceptions import DatasetError

CHUNK_CHARACTERS = 1 << 20
LONGEST_TOKEN = 16  # characters: -Infinity, or a pair of \\uXXXX
_BLANKS = re.compile(r"\s*")
TEXT_SUFFIXES = (".txt", ".md", ".rst", ".py", ".c", ".h", ".cc", ".cpp", ".hpp", ".java", ".js", ".ts", ".go", ".rs")


@dataclass(frozen=True)
class Row:
    """Values of one row and the line of the file it begins on, counted from 1."""

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class RowFault:
    """What is wrong with a row, and what to do."""

    line: int
    problem: str
    remedy: str


def read_rows(path: Path) -> Iterator[Row | RowFault]:
    """Read a file or a directory of text files; a directory gives one row a file, labelled by its sub-directory.

    Memory does not grow with the file. Raises: DatasetError when the file as a whole cannot be read.
    """
    if path.is_dir():
        yield from _directory(path)
        return
    kind = format_of(path)
    if kind == ".parquet":
        yield from _parquet(path)
        return
    with open_text(path) as file:
        try:
            yield from _READERS[kind](file)
        except UnicodeDecodeError as error:
            raise not_utf8(path, error) from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DatasetError(
                f"{path.name} is damaged or cut off: {error}.", remedy="Copy or download the file again."
            ) from error


def format_of(path: Path) -> str:
    """Give the suffix that decides how a file is read, `.gz` set aside. Raises: DatasetError for an unknown one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix != ".parquet" and suffix not in _READERS:
        known = ", ".join((*_READERS, ".parquet"))
        raise DatasetError(
            f"{path.name} has the ending {suffix!r}, but must have one of {known} (or that and .gz).",
            remedy="Convert or rename the file.",
        )
    return suffix


def open_text(path: Path) -> TextIO:
    """Open a plain or gzipped file as UTF-8. Raises: DatasetError when it is missing, empty, binary or refused."""
    return io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", newline="")


def open_bytes(path: Path) -> BinaryIO:
    """Open a plain or gzipped file that should hold text. Raises: DatasetError, as `open_text` does."""
    try:
        raw = path.open("rb")
        head = raw.read(4096)
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist.", remedy="Check the path.") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.", remedy="Check its permissions.") from error
    raw.seek(0)
    if not head:
        raise DatasetError(f"{path} is empty.", remedy="Give a file with rows.")
    if path.suffix.lower() == ".gz":
        if not head.startswith(b"\x1f\x8b"):
            raise DatasetError(f"{path.name} is not gzip.", remedy="Rename it without .gz or compress it.")
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]  # reads like the file it wraps
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError(f"{path.name} is binary, not text.", remedy="Give a text, JSON, CSV or Parquet file.")
    return raw


def not_utf8(path: Path, error: UnicodeDecodeError, offset: int | None = None) -> DatasetError:
    """Say which byte of the file is not UTF-8, and where it stands if that is known."""
    byte = error.object[error.start]
    place = "" if offset is None else f" at offset {offset:,}"
    return DatasetError(
        f"{path.name} is not UTF-8: byte 0x{byte:02x}{place} cannot be decoded.",
        remedy=f"Convert it, for example: iconv -f LATIN1 -t UTF-8 {path.name}",
    )


def _json_lines(file: TextIO) -> Iterator[Row | RowFault]:
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                values = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield RowFault(number, f"is not JSON ({error})", "Write one JSON object a line.")
                continue
            yield _object(number, values)


def _json_array(file: TextIO) -> Iterator[Row | RowFault]:
    """Decode one element of the array at a time."""
    window = _Window(file)
    sign = window.sign()
    if sign != "[":
        kind = "a JSON object" if sign == "{" else "no JSON array"
        raise DatasetError(
            f"the file holds {kind}, but must hold an array of objects: [{{...}}, ...].",
            remedy="Wrap the rows in [ ], or name the file .jsonl if it holds one object a line.",
        )
    window.pass_sign()
    try:
        if window.sign() != "]":
            yield _object(*window.value())
        while window.sign() == ",":
            window.pass_sign()
            yield _object(*window.value())
        if window.sign() != "]":
            raise ValueError("a comma is missing before this element" if window.sign() else "the array is not closed")
        window.pass_sign()
        if window.sign():
            raise ValueError("something follows the end of the array")
    except UnicodeDecodeError:
        raise  # a ValueError too, but a fault of the file and not of a row
    except (ValueError, RecursionError) as error:
        problem = f"is not JSON ({getattr(error, 'msg', error)})"
        yield RowFault(window.line, problem, "Check the brackets and commas around this line.")


class _Window:
    """A part of a text and a place in it; what lies behind the place is dropped when more is read."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._decoder = json.JSONDecoder()
        self.line = 1

    def sign(self) -> str:
        """Skip blanks and give the character behind them, empty at the end of the file."""
        while True:
            self._move(_BLANKS.match(self._text, self._at).end())  # type: ignore[union-attr]  # matches anything
            if self._at < len(self._text) or not self._read(CHUNK_CHARACTERS):
                return self._text[self._at : self._at + 1]

    def pass_sign(self) -> None:
        self._at += 1

    def value(self) -> tuple[int, Any]:
        """Decode the next value, reading on while it is cut off; gives the line it begins on, too.

        Raises: ValueError, RecursionError.
        """
        if not self.sign():
            raise ValueError("the array is not closed")
        chunk = CHUNK_CHARACTERS
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._is_cut(error) or not self._read(chunk):
                    raise
            else:
                # A number that touches the end of the window may go on behind it.
                size = end - self._at
                if end < len(self._text) or not self._read(chunk):
                    line = self.line
                    self._move(self._at + size)
                    return line, value
            chunk *= 2

    def _is_cut(self, error: json.JSONDecodeError) -> bool:
        """Tell whether more text could cure the fault, so that one bad row does not read a whole file into memory."""
        return error.msg.startswith("Unterminated string") or error.pos + LONGEST_TOKEN >= len(self._text)

    def _move(self, to: int) -> None:
        self.line += self._text.count("\n", self._at, to)
        self._at = to

    def _read(self, count: int) -> bool:
        more = self._file.read(count)
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)


def _object(line: int, values: Any) -> Row | RowFault:
    if isinstance(values, dict):
        return Row(line, values)
    return RowFault(line, f"is {_kind(values)}, but must be an object", 'Write {"field": value, ...}.')


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _separated(delimiter: str) -> Callable[[TextIO], Iterator[Row | RowFault]]:
    def read(file: TextIO) -> Iterator[Row | RowFault]:
        csv.field_size_limit(1 << 30)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        names: list[str] = []
        line = 1
        try:
            for fields in reader:
                if fields and not names:
                    names = fields
                elif fields and len(fields) != len(names):
                    yield RowFault(line, f"has not {len(names)} columns", "Quote fields that hold a separator.")
                elif fields:
                    yield Row(line, dict(zip(names, fields, strict=True)))
                line = reader.line_num + 1  # a quoted field may have taken several lines
        except csv.Error as error:
            yield RowFault(line, f"cannot be read ({error})", "Check the quotes of this line.")

    return read


def _plain_lines(file: TextIO) -> Iterator[Row | RowFault]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield Row(number, {"text": line.rstrip("\r\n")})


def _parquet(path: Path) -> Iterator[Row | RowFault]:
    import pyarrow
    import pyarrow.parquet

    try:
        # Parquet is read from its end: a gzipped one has to be unpacked first.
        packed = path.suffix.lower() == ".gz"
        source = pyarrow.BufferReader(gzip.decompress(path.read_bytes())) if packed else path
        table = pyarrow.parquet.ParquetFile(source)
        number = 0
        for batch in table.iter_batches(batch_size=4096):
            for values in batch.to_pylist():
                number += 1
                yield Row(number, values)
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path.name} holds text that is not UTF-8.", remedy="Write it again.") from error
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist.", remedy="Check the path.") from error
    except (pyarrow.ArrowException, OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path.name} is no readable Parquet file: {error}.", remedy="Write it again.") from error


def text_files(path: Path) -> list[Path]:
    """List the text and code files below a directory. Raises: DatasetError when there are none."""
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and file.suffix.lower() in TEXT_SUFFIXES]
    if not files:
        raise DatasetError(
            f"{path} is a directory without text or code files ({', '.join(TEXT_SUFFIXES)}).",
            remedy="Give a data file, or a directory with one sub-directory of files for each label.",
        )
    return files


def _directory(path: Path) -> Iterator[Row | RowFault]:
    for number, file in enumerate(text_files(path), 1):
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise not_utf8(file, error) from error
        yield Row(number, {"text": text, "label": file.relative_to(path).parts[0] if file.parent != path else None})


_READERS: Mapping[str, Callable[[TextIO], Iterator[Row | RowFault]]] = {
    ".json": _json_array,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".txt": _plain_lines,
}
