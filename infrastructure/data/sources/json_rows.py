"""Rows of JSON: an array of objects, an object a line, or objects that follow one another."""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, TextIO

from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.files.opening import is_unicode, row_too_large
from infrastructure.data.files.row import LastFault, Row, RowFault
from infrastructure.data.sources.json_wrapped import refuse_wrapped

CHUNK_CHARACTERS = 1 << 20
LONGEST_TOKEN = 16  # characters: -Infinity, or a pair of \\uXXXX
_BLANKS = re.compile(r"\s*")
_OPENS_ARRAY = re.compile(r"\s*\[\s*\{")
_OPENS_OBJECT = re.compile(r"\s*\{[ \t]*\r?\n")  # as indented JSON does


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


def json_shape(head: str, is_lines: bool) -> str:
    """Tell what the first characters of a text begin: an "array", "lines" or "objects".

    `is_lines` says that its ending means lines; they are taken for something else only where no line could be right.
    """
    if is_lines:
        return "array" if _OPENS_ARRAY.match(head) else "objects" if _OPENS_OBJECT.match(head) else "lines"
    if not head.lstrip().startswith("{"):
        return "array"
    first, _, others = head.lstrip().partition("\n")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return "objects"
    return "lines" if others.strip() else "objects"


def json_lines(file: TextIO, name: str, reading: Reading) -> Iterator[Row | RowFault]:
    """Decode an object a line."""
    # What json.loads does, without its two searches for blanks: half of its time.
    scan = _DECODER.scan_once  # type: ignore[attr-defined]  # which typeshed leaves out
    for number, line in single_lines(file, name, reading):
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


def json_array(file: TextIO, name: str, reading: Reading) -> Iterator[Row | RowFault]:
    """Decode one element of the array at a time. Raises: DatasetError when there is none."""
    window = _Window(file, name, reading)
    if window.sign() != "[":
        raise DatasetError(
            f"{name} holds no JSON array, but must hold an array of objects: [{{...}}, ...].",
            remedy="Write the rows so, or as JSON Lines, an object a line.",
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
        yield _last_fault(window, error)


def json_objects(file: TextIO, name: str, reading: Reading) -> Iterator[Row | RowFault]:
    """Decode objects that follow one another, each on a line, on several, or without a line end between them.

    Raises: DatasetError for a single one that wraps the rows.
    """
    window = _Window(file, name, reading)
    try:
        first = _first_value(window, name, reading)
        if not window.sign() and isinstance(first[1], dict):
            refuse_wrapped(name, first[1])
        yield _object(*first)
        while window.sign():
            yield _object(*window.value())
    except UnicodeDecodeError:
        raise  # a ValueError too, but a fault of the file and not of a row
    except (ValueError, RecursionError) as error:
        yield _last_fault(window, error)


def _first_value(window: "_Window", name: str, reading: Reading) -> tuple[int, Any, bool]:
    try:
        return window.value()
    except DatasetError as error:
        raise DatasetError(
            f"{name} begins with a JSON object of more than {reading.max_row_mib} MiB.",
            remedy="If it wraps the rows, write their array alone, [{...}, ...]; else --set max_row_mib=NUMBER.",
        ) from error


def _last_fault(window: "_Window", error: Exception) -> LastFault:
    problem = f"is not JSON ({getattr(error, 'msg', error)})"
    return LastFault(window.line, problem, "Check the brackets and commas around this line.")


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


def single_lines(file: TextIO, name: str, reading: Reading) -> Iterator[tuple[int, str]]:
    """Give lines with their number. Raises: DatasetError for one that is too long."""
    most = reading.row_characters
    for number, line in enumerate(iter(partial(file.readline, most + 1), ""), 1):
        if len(line) > most:
            raise row_too_large(name, number, reading)
        yield number, line
