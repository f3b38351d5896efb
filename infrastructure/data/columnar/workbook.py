"""Sheets of Excel workbooks by column."""

from __future__ import annotations

import json
import re
import shlex
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow

from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.columnar.columnar_file import unpacked
from infrastructure.data.columnar.plain_columns import bounded
from infrastructure.data.columnar.sheet_columns import MISSING, Cell, column_of, text_of
from infrastructure.data.columnar.workbook_size import measure_workbook
from infrastructure.data.files.opening import size_of

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

_ZIP = b"PK\x03\x04"
_MOST_SHOWN = 20
_DAMAGE = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, struct.error)
_WORDS_OF_YAML = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")


class Workbook:
    """One sheet of a workbook: the first row that is not empty names the columns, rows have the numbers Excel shows.

    Raises: DatasetError when it cannot be read, unpacks to too much, or does not say which sheet is meant.
    """

    def __init__(self, path: Path, name: str, reading: Reading) -> None:
        self.name, self._reading = name, reading
        self.notes: Sequence[str] = ()
        self._most = reading.unpacked_bytes(size_of(path))
        book, from_1904 = self._opened(path)
        sheet, rows = self._chosen(book)
        top = next(number for number, row in enumerate(rows) if _is_filled(row))
        self._lines, cells = self._without_blanks(rows, top)
        arrays, names = [], []
        for place, title in enumerate(rows[top]):
            column = [row[place] for row in cells]
            if title == MISSING and all(cell == MISSING for cell in column):
                continue
            header = text_of(title).strip()
            if not header and (place or not _is_index(rows[top][1:])):
                raise DatasetError(
                    f"{name}:{top + 1}: column {letters_of(place)} of sheet {sheet!r} has cells, but no name.",
                    remedy="Name it in its first row, or remove what stands above the names.",
                )
            names.append(header)
            array, note = column_of(header, column, from_1904)
            arrays.append(array)
            self._say(note)
        self._table = pyarrow.Table.from_arrays(arrays, names=names)
        self.schema = self._table.schema

    def __len__(self) -> int:
        return len(self._lines)

    def lines(self, start: int, count: int) -> Sequence[int]:
        """Give the numbers of rows as Excel shows them."""
        return self._lines[start : start + count]

    def batches(self, columns: Sequence[str], most_rows: int) -> Iterator[pyarrow.RecordBatch]:
        """Read some columns, at least one. Raises: DatasetError for a cell too large."""
        many = self._table.select(list(columns)).to_batches(max_chunksize=most_rows)
        return bounded(many, self.name, self._reading, self._most, most_rows)

    def _say(self, note: str | None) -> None:
        self.notes = (*self.notes, note) if note else self.notes

    def _opened(self, path: Path) -> tuple[CalamineWorkbook, bool]:
        try:
            import python_calamine
        except ImportError as error:
            raise DatasetError(
                f"{self.name} is a workbook, which takes a library to read that is not installed.",
                remedy="Install it with pip install 'athanor[excel]', or save the sheet as CSV.",
            ) from error
        try:
            file = unpacked(path, self._reading)
            is_zip = file.read(len(_ZIP)) == _ZIP
            from_1904 = is_zip and measure_workbook(file, self.name, self._most, self._reading)
            file.seek(0)
            return python_calamine.CalamineWorkbook.from_filelike(file), from_1904
        except python_calamine.PasswordError as error:
            raise DatasetError(
                f"{self.name} is locked with a password.", remedy="Save it without a password, or as CSV."
            ) from error
        except _DAMAGE as error:
            raise self._unreadable(error) from error
        except python_calamine.CalamineError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: BaseException) -> DatasetError:
        return DatasetError(
            f"{self.name} is no readable workbook: {error}.", remedy="Save it again as .xlsx, or as CSV."
        )

    def _chosen(self, book: CalamineWorkbook) -> tuple[str, list[list[Cell]]]:
        """Give the name and the rows of the sheet that is meant."""
        from python_calamine import CalamineError, SheetTypeEnum, SheetVisibleEnum

        pages = [page for page in book.sheets_metadata if page.typ == SheetTypeEnum.WorkSheet]
        names = [page.name for page in pages]
        asked = self._reading.sheet
        if asked is not None and asked not in names:
            near = get_close_matches(asked, names, n=1)
            raise DatasetError(
                f"{self.name} has no sheet {asked!r}; it has {_listed(names)}.",
                remedy=f"Name one of them: {sheet_setting((near or names or ['NAME'])[0])}",
            )
        try:
            filled = {
                page.name: rows
                for page in pages
                if asked in (None, page.name) and _has_rows(rows := book.get_sheet_by_name(page.name).to_python(False))
            }
        except CalamineError as error:
            raise self._unreadable(error) from error
        if not filled:
            what = f"sheet {asked!r} of {self.name}" if asked is not None else self.name
            raise DatasetError(f"{what} has no rows below a header.", remedy="Give a sheet with a header and rows.")
        shown = [page.name for page in pages if page.name in filled and page.visible == SheetVisibleEnum.Visible]
        chosen = shown or list(filled)
        if len(chosen) > 1:
            raise DatasetError(
                f"{self.name} has rows in {len(chosen)} sheets: {_listed(chosen)}.",
                remedy=f"Name the one to read: {sheet_setting(chosen[0])}",
            )
        if hidden := [name for name in filled if name not in chosen]:
            self._say(f"sheet {chosen[0]!r} is read, the hidden {_listed(hidden)} not.")
        return chosen[0], filled[chosen[0]]

    def _without_blanks(self, rows: list[list[Cell]], top: int) -> tuple[list[int], list[list[Cell]]]:
        filled = [number for number in range(top + 1, len(rows)) if _is_filled(rows[number])]
        width = sum(cell != MISSING for cell in rows[top])
        if width == 1:  # where there is nothing else in a row, a blank one is a missing value
            filled = list(range(top + 1, filled[-1] + 1))
        elif blank := filled[-1] - top - len(filled):
            self._say(f"{blank:,} blank {'row was' if blank == 1 else 'rows were'} skipped.")
        return [number + 1 for number in filled], [rows[number] for number in filled]


def sheet_setting(name: str) -> str:
    """Write the setting that names a sheet, as a shell takes it."""
    if re.fullmatch(r"[A-Za-z]\w*", name) and name.lower() not in _WORDS_OF_YAML:
        return f"--set sheet={name}"
    quoted = json.dumps(name, ensure_ascii=False, allow_nan=False)
    return f"--set {shlex.quote(f'sheet={quoted}')}"


def letters_of(place: int) -> str:
    """Give the letters over a column, counted from 0."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _is_index(others: Sequence[Cell]) -> bool:
    """Tell whether a first column without a name may be the index that pandas writes: all others have one."""
    return bool(others) and all(text_of(title).strip() for title in others)


def _is_filled(row: Sequence[Cell]) -> bool:
    return any(cell != MISSING for cell in row)


def _has_rows(rows: Sequence[Sequence[Cell]]) -> bool:
    return sum(map(_is_filled, rows)) > 1


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_MOST_SHOWN])) + (", ..." if len(names) > _MOST_SHOWN else "")
