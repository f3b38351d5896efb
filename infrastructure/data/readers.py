"""Rows of a file in any of the formats we take, one at a time and with their line."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.dialect import SeparatedFile
from infrastructure.data.encodings import Say, survey, survey_of
from infrastructure.data.formats import COLUMNAR, is_saved_dataset
from infrastructure.data.opening import is_unicode, mended, open_text, require_unicode, row_too_large, told_of
from infrastructure.data.row import LastFault
from infrastructure.data.row import Row as Row
from infrastructure.data.row import RowFault as RowFault
from infrastructure.data.separated_rows import separated_rows
from infrastructure.data.text_folders import text_files

CHUNK_CHARACTERS = 1 << 20
LONGEST_TOKEN = 16  # characters: -Infinity, or a pair of \\uXXXX
_BLANKS = re.compile(r"\s*")


def read_rows(path: Path, reading: Reading = AS_FOUND, say: Say = lambda word: None) -> Iterator[Row | RowFault]:
    """Read a file or a directory of text files; a directory gives one row a file, labelled by its sub-directory.

    What is unusual about the file as a whole is told to `say`, a sentence at a time. Memory does not grow with the
    file. Raises: DatasetError when the file as a whole cannot be read.
    """
    if path.is_dir() and not is_saved_dataset(path):
        yield from _directory(path, reading, say)
        return
    kind = COLUMNAR[0] if path.is_dir() else format_of(path)
    if kind in COLUMNAR:
        from infrastructure.data.columnar_formats import open_columnar
        from infrastructure.data.columnar_rows import columnar_rows

        columns = open_columnar(path, path.name, reading)
        for note in columns.notes:
            say(f"{path.name}: {note}")
        yield from columnar_rows(columns)
    elif kind in SEPARATED:
        yield from separated_rows(SeparatedFile(path, path.name, reading, say))
    else:
        encoding = survey(path, path.name, reading, say).encoding
        with told_of(path), open_text(path, reading, encoding) as file:
            yield from _READERS[kind](file, path.name, reading)


def format_of(path: Path) -> str:
    """Give the suffix that decides how a file is read, `.gz` set aside. Raises: DatasetError for an unknown one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise DatasetError(
            f"{path.name} has the ending {suffix!r}, but must have one of {known} (or that and .gz).",
            remedy="Convert or rename the file.",
        )
    return suffix


class _RepeatedKeyError(ValueError):
    """An object names a key twice: one of the values would be lost in silence."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedKeyError(next(name for name in names if names.count(name) > 1))
    return values


_DECODER = json.JSONDecoder(object_pairs_hook=_without_repeats)
_LAX_DECODER = json.JSONDecoder()


def _json_lines(file: TextIO, name: str, reading: Reading) -> Iterator[Row | RowFault]:
    # What json.loads does, without its two searches for blanks: half of its time.
    scan = _DECODER.scan_once  # type: ignore[attr-defined]  # which typeshed leaves out
    for number, line in _single_lines(file, name, reading):
        try:
            values, end = scan(line, 0)
            if line[end:].isspace() or end == len(line):
                yield _object(number, values, "\\u" in line)
                continue
        except (ValueError, RecursionError, StopIteration):
            pass  # told of below, by a decoder that finds its words
        if line.strip():
            yield _line_in_words(number, line)


def _line_in_words(number: int, line: str) -> Row | RowFault:
    """Read a line that begins with blanks, or say what is wrong with it."""
    try:
        return _object(number, _DECODER.decode(line), "\\u" in line)
    except _RepeatedKeyError as error:
        return _repeated(number, error)
    except (ValueError, RecursionError) as error:
        return RowFault(number, f"is not JSON ({error})", "Write one JSON object a line.")


def _repeated(line: int, error: _RepeatedKeyError) -> RowFault:
    return RowFault(line, f"has the key {str(error)[:40]!a} twice in an object", "Rename one of them.")


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
        yield LastFault(window.line, problem, "Check the brackets and commas around this line.")


class _Window:
    """A part of a text and a place in it; what lies behind the place is dropped when more is read."""

    def __init__(self, file: TextIO, name: str, reading: Reading) -> None:
        self._file, self._name, self._reading = file, name, reading
        self._text = ""
        self._at = 0
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
                value, end = self._decoded()
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

    def _decoded(self) -> tuple[Any, int]:
        try:
            return _DECODER.raw_decode(self._text, self._at)
        except _RepeatedKeyError as error:
            return error, _LAX_DECODER.raw_decode(self._text, self._at)[1]

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
    if isinstance(values, _RepeatedKeyError):
        return _repeated(line, values)
    return RowFault(line, f"is {_kind(values)}, but must be an object", 'Write {"field": value, ...}.')


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


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


def _directory(path: Path, reading: Reading, say: Say) -> Iterator[Row | RowFault]:
    require_unicode(path)
    for number, file in enumerate(text_files(path, say), 1):
        name = mended(file.relative_to(path).as_posix())
        with told_of(file, name):
            encoding = survey_of(_binary(file), name, reading, say).encoding
            with file.open(encoding=encoding) as opened:
                text = opened.read(reading.row_characters + 1)
        if len(text) > reading.row_characters:
            raise row_too_large(name, 1, reading)
        yield Row(number, {"text": text, "label": file.relative_to(path).parts[0] if file.parent != path else None})


def _binary(file: Path) -> Callable[[], BinaryIO]:
    return lambda: file.open("rb")


_READERS: Mapping[str, Callable[[TextIO, str, Reading], Iterator[Row | RowFault]]] = {
    ".json": _json_array,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".txt": _plain_lines,
}


SEPARATED = (".csv", ".tsv")
FORMATS = (*_READERS, *SEPARATED, *COLUMNAR)
