"""Rows of a file in any of the formats we take, one at a time and with their line."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, MAX_FIELDS, Reading
from infrastructure.data.formats import COLUMNAR, is_saved_dataset
from infrastructure.data.opening import (
    BoundedLines,
    is_unicode,
    open_text,
    require_unicode,
    row_too_large,
    size_of,
    told_of,
)

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


Reader = Callable[[TextIO, str, Reading], Iterator[Row | RowFault]]


def read_rows(path: Path, reading: Reading = AS_FOUND) -> Iterator[Row | RowFault]:
    """Read a file or a directory of text files; a directory gives one row a file, labelled by its sub-directory.

    Memory does not grow with the file. Raises: DatasetError when the file as a whole cannot be read.
    """
    if path.is_dir() and not is_saved_dataset(path):
        yield from _directory(path, reading)
        return
    kind = COLUMNAR[0] if path.is_dir() else format_of(path)
    if kind in COLUMNAR:
        from infrastructure.data.columnar import open_columnar
        from infrastructure.data.columnar_rows import columnar_rows

        yield from columnar_rows(open_columnar(path, path.name, reading))
        return
    with told_of(path), open_text(path, reading) as file:
        yield from _READERS[kind](file, path.name, reading)


def format_of(path: Path) -> str:
    """Give the suffix that decides how a file is read, `.gz` set aside. Raises: DatasetError for an unknown one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in COLUMNAR and suffix not in _READERS:
        known = ", ".join((*_READERS, *COLUMNAR))
        raise DatasetError(
            f"{path.name} has the ending {suffix!r}, but must have one of {known} (or that and .gz).",
            remedy="Convert or rename the file.",
        )
    return suffix


def _json_lines(file: TextIO, name: str, reading: Reading) -> Iterator[Row | RowFault]:
    for number, line in _single_lines(file, name, reading):
        if line.strip():
            try:
                values = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield RowFault(number, f"is not JSON ({error})", "Write one JSON object a line.")
                continue
            yield _object(number, values, "\\u" in line)


def _json_array(file: TextIO, name: str, reading: Reading) -> Iterator[Row | RowFault]:
    """Decode one element of the array at a time."""
    window = _Window(file, name, reading)
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

    def __init__(self, file: TextIO, name: str, reading: Reading) -> None:
        self._file, self._name, self._reading = file, name, reading
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

    def value(self) -> tuple[int, Any, bool]:
        """Decode the next value, reading on while it is cut off; gives the line it begins on and whether it escapes.

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
                    line, at = self.line, self._at
                    self._move(at + size)
                    return line, value, self._text.find("\\u", at, at + size) >= 0
            chunk *= 2

    def _is_cut(self, error: json.JSONDecodeError) -> bool:
        """Tell whether more text could cure the fault, so that one bad row does not read a whole file into memory."""
        return error.msg.startswith("Unterminated string") or error.pos + LONGEST_TOKEN >= len(self._text)

    def _move(self, to: int) -> None:
        self.line += self._text.count("\n", self._at, to)
        self._at = to

    def _read(self, count: int) -> bool:
        if len(self._text) - self._at > self._reading.row_characters:
            raise row_too_large(self._name, self.line, self._reading)
        more = self._file.read(count)
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)


def _object(line: int, values: Any, has_escapes: bool) -> Row | RowFault:
    if isinstance(values, dict):
        # The file is UTF-8, so that only an escape can have made half a character.
        bad = next((name for name in values if not is_unicode(name)), None) if has_escapes else None
        if bad is None:
            return Row(line, values)
        return RowFault(line, f"the field {ascii(bad)[:40]} has no valid Unicode as its name", "Rename the field.")
    return RowFault(line, f"is {_kind(values)}, but must be an object", 'Write {"field": value, ...}.')


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _separated(delimiter: str) -> Reader:
    def read(file: TextIO, name: str, reading: Reading) -> Iterator[Row | RowFault]:
        csv.field_size_limit(1 << 30)  # ours comes first
        lines = BoundedLines(file, name, reading)
        reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
        names: list[str] = []
        line = 1
        try:
            for fields in reader:
                if fields and not names:
                    names = fields
                    refuse_many_fields(name, line, len(names))
                elif fields and len(fields) != len(names):
                    yield RowFault(line, f"has not {len(names)} columns", "Quote fields that hold a separator.")
                elif fields:
                    yield Row(line, dict(zip(names, fields, strict=True)))
                line = reader.line_num + 1  # a quoted field may have taken several lines
                lines.row_begins(line)
        except csv.Error as error:
            yield RowFault(line, f"cannot be read ({error})", "Check the quotes of this line.")

    return read


def _plain_lines(file: TextIO, name: str, reading: Reading) -> Iterator[Row | RowFault]:
    for number, line in _single_lines(file, name, reading):
        if line.strip():
            yield Row(number, {"text": line.rstrip("\r\n")})


def _single_lines(file: TextIO, name: str, reading: Reading) -> Iterator[tuple[int, str]]:
    most = reading.row_characters
    for number, line in enumerate(iter(partial(file.readline, most + 1), ""), 1):
        if len(line) > most:
            raise row_too_large(name, number, reading)
        yield number, line


def refuse_many_fields(name: str, line: int, count: int) -> None:
    """Refuse a header that names more fields than a row may have. Raises: DatasetError."""
    if count > MAX_FIELDS:
        raise DatasetError(
            f"{name}:{line}: has {count:,} columns, but at most {MAX_FIELDS:,} are read.", remedy="Remove columns."
        )


def text_files(path: Path) -> list[Path]:
    """List the text and code files below a directory. Raises: DatasetError when there are none."""
    named = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in TEXT_SUFFIXES]
    files = [file for file in named if file.is_file()]
    for file in named:
        if file.exists() and not file.is_dir() and not file.is_file():
            size_of(file)  # refuses it: what has the name of a text and is a pipe is not left out without a word
    if not files:
        raise DatasetError(
            f"{path} is a directory without text or code files ({', '.join(TEXT_SUFFIXES)}).",
            remedy="Give a data file, or a directory with one sub-directory of files for each label.",
        )
    return files


def _directory(path: Path, reading: Reading) -> Iterator[Row | RowFault]:
    require_unicode(path)
    for number, file in enumerate(text_files(path), 1):
        with told_of(file), file.open(encoding="utf-8-sig") as opened:
            text = opened.read(reading.row_characters + 1)
        if len(text) > reading.row_characters:
            raise row_too_large(file.relative_to(path).as_posix(), 1, reading)
        yield Row(number, {"text": text, "label": file.relative_to(path).parts[0] if file.parent != path else None})


_READERS: Mapping[str, Reader] = {
    ".json": _json_array,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".txt": _plain_lines,
}
