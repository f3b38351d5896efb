"""Rows of a file one at a time, each checked: what is good goes on, and all faults are told together."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any, Protocol, TypeVar

from application.phases import counting
from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.files.row import MAX_FAULTS_SHOWN, Row, RowFault
from infrastructure.data.sources.fields import Say, Sought, columns_of
from infrastructure.data.sources.label_names import name_of
from infrastructure.data.sources.readers import read_rows

MAX_ALIKE_SHOWN = 3  # where there are many
ROWS_LOOKED_AT = 20  # for the names of fields, which each JSON object brings anew
BETWEEN_COLUMNS = "\n"

Item = TypeVar("Item", covariant=True)
Faults = list[RowFault]


class RowCheck(Protocol[Item]):
    """What the rows of a file are read for."""

    def look(self, fields: Sequence[str], say: Say) -> None:
        """Find the columns by the names of the fields. Raises: DatasetError."""

    def __call__(self, row: Row) -> "Item | Faults":
        """Give what a row holds, or the list of all that is wrong with it."""

    def last_faults(self) -> Faults:
        """Say what is wrong with all rows together."""

    def words(self) -> Sequence[str]:
        """Say what was unusual in good rows."""


def good_rows(path: Path, check: RowCheck[Item], reading: Reading, say: Say, nested: bool = False) -> Iterator[Item]:
    """Yield what each good row holds; rows that are blank in every cell are skipped, with a word.

    With `nested`, cells of files of columns may be lists and objects, as in JSON.
    Raises: DatasetError after the last row when there were faults, or no rows.
    """
    shown: list[RowFault] = []
    num_faults = num_good = num_blank = first_blank = 0
    rows = read_rows(path, reading, say, nested=nested)
    for row in counting(looked_at(rows, check, say)):
        found: Any = check(row) if type(row) is Row else [row]
        if type(found) is not list:
            num_good += 1
            yield found
            continue
        if type(row) is Row and is_blank(row):
            num_blank += 1
            first_blank = first_blank or row.line
            continue
        num_faults += len(found)
        shown += found[: MAX_FAULTS_SHOWN - len(shown)]
    found = check.last_faults()
    num_faults += len(found)
    if num_faults > MAX_FAULTS_SHOWN:
        shown = list(_few_alike(shown))
    faults = [_sentence(path, fault) for fault in (*shown, *found)]
    if num_faults > len(faults):
        faults.append(f"{path.name}: {num_faults} faults in all, the first of each kind are shown.")
    if faults:
        raise DatasetError.of(faults)
    if not num_good:
        raise DatasetError(f"{path} has no rows.", remedy="Give a file with rows.")
    if num_blank:
        are = "row is" if num_blank == 1 else "rows are"
        say(f"{path.name}: {num_blank:,} {are} blank in every cell and left out, the first at line {first_blank}.")
    for word in check.words():
        say(word)


def _few_alike(faults: Sequence[RowFault]) -> Iterator[RowFault]:
    """Give the first faults of each kind: one cause may spoil every row of a file."""
    counts: Counter[str] = Counter()
    for fault in faults:
        counts[fault.problem] += 1
        if counts[fault.problem] <= MAX_ALIKE_SHOWN:
            yield fault


def looked_at(rows: Iterator[Row | RowFault], check: RowCheck[Any], say: Say) -> Iterator[Row | RowFault]:
    """Show the check the fields of the first row, and of the next ones as long as something is missing."""
    head: list[Row | RowFault] = []
    fields: dict[str, None] = {}
    fault: DatasetError | None = None
    for row in rows:
        head.append(row)
        if isinstance(row, Row):
            fields.update(dict.fromkeys(map(str, row.values)))
            try:
                check.look(list(fields), say)
                return chain(head, rows)
            except DatasetError as error:
                fault = error
        if len(head) >= ROWS_LOOKED_AT and fault is not None:
            break
    if fault is not None:
        raise _without_header(fault, head)
    return iter(head)


def _without_header(fault: DatasetError, head: Sequence[Row | RowFault]) -> DatasetError:
    """Tell of a first row that is no header where a value of it comes again in its column."""
    rows = [row.values for row in head if isinstance(row, Row)]
    again = next((name for name in rows[0] if name.strip() and any(row.get(name) == name for row in rows)), None)
    if again is None:
        return fault
    return DatasetError(
        f"{fault.problem.rstrip('.')}; the first row seems to be no header, as {again[:40]!r} comes again below.",
        remedy="Write the names of the columns above it, such as text and label.",
    )


def is_blank(row: Row) -> bool:
    """Tell whether a row has cells, and nothing in any of them."""
    try:
        return bool(row.values) and all(map(_is_nothing, row.values.values()))
    except DatasetError:  # a column that nobody asked for, and that cannot be read, is not blank
        return False


def _is_nothing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str | float) and not name_of(cell))


def _sentence(path: Path, fault: RowFault) -> str:
    return f"{path.name}:{fault.line}: {fault.problem}: {fault.remedy}"


class TextCells:
    """Takes the text of a row from its columns, which hold it together when they are several, else from `single`.

    Numbers and truth values are taken as they are written, and counted.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.single: Any = self.columns[0] if len(self.columns) == 1 else None
        self._num_numbers = 0

    def of(self, row: Row) -> str | RowFault:
        """Give the text of a row, or say why it has none."""
        parts: list[str] = []
        for column in self.columns:
            part = self._part(row, column)
            if isinstance(part, RowFault):
                return part
            if part.strip():
                parts.append(part)
        if parts:
            return BETWEEN_COLUMNS.join(parts)
        one = len(self.columns) == 1
        problem = f"{' and '.join(self.columns)} {'is' if one else 'are'} empty"
        return RowFault(row.line, problem, f"Fill {'it' if one else 'one'} in or remove the row.")

    def words(self, file: str) -> list[str]:
        """Say how many cells were no texts."""
        if not self._num_numbers:
            return []
        where = " and ".join(map(repr, self.columns))
        are = "cell of {} is a number and was" if self._num_numbers == 1 else "cells of {} are numbers and were"
        return [f"{file}: {self._num_numbers:,} {are.format(where)} read as text."]

    def _part(self, row: Row, column: str) -> str | RowFault:
        cell = row.values.get(column)
        if isinstance(cell, str):
            return cell
        if column not in row.values:
            return RowFault(row.line, f"field {column!r} is missing", "Add it or remove the row.")
        if cell is None and self.single is None:
            return ""
        if isinstance(cell, int) or (isinstance(cell, float) and isfinite(cell)):
            self._num_numbers += 1
            return str(cell)
        return RowFault(row.line, f"{column} is {shown_cell(cell)}, not a string", "Write a string or remove the row.")


class TextCheck:
    """Takes line and text from a row."""

    def __init__(self, name: str, text: Sought) -> None:
        self._name, self._text = name, text
        self.columns: tuple[str, ...] = ()
        self._cells = TextCells(())

    def look(self, fields: Sequence[str], say: Say) -> None:
        """Find the columns. Raises: DatasetError."""
        (self.columns,) = columns_of(self._name, fields, [self._text], say)
        self._cells = TextCells(self.columns)
        self._single = self._cells.single

    def __call__(self, row: Row) -> tuple[int, str] | Faults:
        """Give line and text of a good row."""
        text: Any = row.values.get(self._single)
        if type(text) is not str or not text or text.isspace():
            text = self._cells.of(row)
        return (row.line, text) if type(text) is str else [text]

    def last_faults(self) -> Faults:
        """Say nothing: each row stands for itself."""
        return []

    def words(self) -> Sequence[str]:
        """Say how many texts were numbers."""
        return self._cells.words(self._name)


def shown_cell(value: Any) -> str:
    """Show a value that may be of any size or depth, or no valid Unicode, in a few characters."""
    if isinstance(value, list | tuple | dict):
        inner = value.values() if isinstance(value, dict) else value
        if len(value) > 3 or any(isinstance(part, list | tuple | dict) for part in inner):
            return "an object" if isinstance(value, dict) else "an array"
    value = value[:40] if isinstance(value, str) else value
    text = json.dumps(value, default=str)  # escapes all but ASCII
    return text if len(text) <= 40 else text[:37] + "..."
