"""Rows of a file in any of the formats we take, one at a time and with their line."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from domain.exceptions import DatasetError

CHUNK_CHARACTERS = 1 << 20
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
        raw = gzip.GzipFile(fileobj=raw)  # type: ignore[assignment]  # reads like the file it wraps
    elif b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError(f"{path.name} is binary, not text.", remedy="Give a text, JSON, CSV or Parquet file.")
    return io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")


def not_utf8(path: Path, error: UnicodeDecodeError) -> DatasetError:
    """Say which byte of the file is not UTF-8."""
    byte = error.object[error.start]
    return DatasetError(
        f"{path.name} is not UTF-8: byte 0x{byte:02x} cannot be decoded.",
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
    """Decode one element of the array at a time out of a growing window of text."""
    decoder = json.JSONDecoder()
    text, line = _skip_blank(file.read(CHUNK_CHARACTERS), 1)
    if not text.startswith("["):
        kind = "a JSON object" if text.startswith("{") else "no JSON array"
        raise DatasetError(
            f"the file holds {kind}, but must hold an array of objects: [{{...}}, ...].",
            remedy="Wrap the rows in [ ], or name the file .jsonl if it holds one object a line.",
        )
    text = text[1:]
    chunk = CHUNK_CHARACTERS
    separated = True
    while True:
        text, line = _skip_blank(text, line)
        if text.startswith(","):
            text, separated = text[1:], True
            continue
        if text.startswith("]"):
            return
        try:
            if not text:
                raise ValueError("the array is not closed")
            if not separated:
                raise ValueError("a comma is missing before this element")
            values, end = decoder.raw_decode(text)
        except (ValueError, RecursionError) as error:
            more = file.read(chunk)
            if not more:
                yield RowFault(line, f"is not JSON ({error})", "Check the brackets and commas around this line.")
                return
            text, chunk = text + more, chunk * 2
            continue
        yield _object(line, values)
        separated = False
        line += text.count("\n", 0, end)
        text = text[end:]
        if len(text) < CHUNK_CHARACTERS // 2:
            text += file.read(CHUNK_CHARACTERS)


def _skip_blank(text: str, line: int) -> tuple[str, int]:
    rest = text.lstrip()
    return rest, line + text.count("\n", 0, len(text) - len(rest))


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
        reader = csv.DictReader(file, delimiter=delimiter, strict=True)
        try:
            for values in reader:
                if None in values or None in values.values():
                    wanted = len(reader.fieldnames or ())
                    yield RowFault(reader.line_num, f"has not {wanted} columns", "Quote fields that hold a separator.")
                else:
                    yield Row(reader.line_num, values)
        except csv.Error as error:
            yield RowFault(reader.line_num, f"cannot be read ({error})", "Check the quotes of this line.")

    return read


def _plain_lines(file: TextIO) -> Iterator[Row | RowFault]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield Row(number, {"text": line.rstrip("\r\n")})


def _parquet(path: Path) -> Iterator[Row | RowFault]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path)
        number = 0
        for batch in table.iter_batches(batch_size=4096):
            for values in batch.to_pylist():
                number += 1
                yield Row(number, values)
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist.", remedy="Check the path.") from error
    except (pyarrow.ArrowException, OSError) as error:
        raise DatasetError(f"{path.name} is no readable Parquet file: {error}.", remedy="Write it again.") from error


def _directory(path: Path) -> Iterator[Row | RowFault]:
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and file.suffix.lower() in TEXT_SUFFIXES]
    if not files:
        raise DatasetError(
            f"{path} is a directory without text or code files ({', '.join(TEXT_SUFFIXES)}).",
            remedy="Give a data file, or a directory with one sub-directory of files for each label.",
        )
    for number, file in enumerate(files, 1):
        try:
            text = file.read_text(encoding="utf-8")
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
