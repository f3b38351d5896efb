"""Answers as an Excel workbook, whose texts stay texts: none of them is a formula."""

import datetime
import errno
import math
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pyarrow

from application.answers import Answers, cell_text, exact, flat_cells
from domain.exceptions import ConfigurationError
from infrastructure.answers.stamps_of_answers import timestamps
from infrastructure.data.files.opening import mended

# What a sheet of Excel holds. Source: "Excel specifications and limits", support.microsoft.com.
MOST_ROWS, MOST_COLUMNS, MOST_CHARACTERS = 1_048_576, 16_384, 32_767
COLUMN_WIDTH = 20  # characters; a time has 19
_WHOLE = 1 << 53
_FIRST_DAY = datetime.date(1900, 3, 1)  # before it Excel counts a day that never was
# Excel reads _x0041_ in a text as the letter of that number, and XML knows no other way to write these.
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\r")


def require_workbooks(path: str) -> None:
    """Want the library that writes workbooks. Raises: ConfigurationError."""
    try:
        import openpyxl  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"--output {path} is a workbook, which takes a library to write that is not installed.",
            remedy="Install it with pip install 'athanor[excel]', or write .csv.",
        ) from error


def write_workbook(staging: Path, answers: Answers, path: str) -> None:
    """Write one sheet row by row, and freeze its header. Raises: ConfigurationError beyond what a sheet holds."""
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter
    from openpyxl.writer.excel import ExcelWriter

    _require_room(path, answers.num_rows or 0, len(answers.columns))
    book = Workbook(write_only=True)
    sheet = book.create_sheet("answers")
    sheet.freeze_panes = "A2"
    names, rows = _header_and_rows(answers)
    write = _Cells(sheet)
    with _let_go(sheet):
        for place in range(1, len(names) + 1):  # in a usual one a time is shown as ########
            sheet.column_dimensions[get_column_letter(place)].width = COLUMN_WIDTH
        sheet.append([write.text(name) for name in names])
        for number, row in enumerate(rows, 1):
            _require_room(path, number, 0)
            sheet.append([write.cell(row.get(name)) for name in names])
        # `book.save` leaves its archive open where a disk is full, which tries to write again once it is forgotten.
        with ZipFile(staging, "w", ZIP_DEFLATED) as archive:
            ExcelWriter(book, archive).save()
    if write.num_cut:
        cells = "1 cell is" if write.num_cut == 1 else f"{write.num_cut:,} cells are"
        answers.say(f"{cells} longer than the {MOST_CHARACTERS:,} characters that Excel holds, and cut.")


@contextmanager
def _let_go(sheet: Any) -> Iterator[None]:
    """Let go of the file that a sheet is prepared in when the block fails, so that nothing complains later.

    Raises: OSError instead of what lxml says of a full disk.
    """
    try:
        yield
    except BaseException as error:
        for close in (lambda: sheet._rows.close(), lambda: sheet._writer.close(), lambda: sheet._writer.cleanup()):
            with suppress(Exception):  # some of them may be closed, or never have been
                close()
        if (told := _disk_error(error)) is not None:
            raise told from error
        raise


def _disk_error(error: BaseException | None) -> OSError | None:
    """Translate IO_ENOSPC and the like, which lxml may have hidden behind a fault of its own."""
    while error is not None and not isinstance(error, OSError):
        if str(error).startswith("IO_"):
            code = getattr(errno, str(error).removeprefix("IO_"), errno.EIO)
            said = f"{os.strerror(code)} in {tempfile.gettempdir()}, where a workbook is prepared"
            return OSError(code, said)
        error = error.__context__
    return None


def _require_room(path: str, num_rows: int, num_columns: int) -> None:
    if num_rows >= MOST_ROWS:
        raise ConfigurationError(
            f"--output {path} cannot hold all rows: a sheet of Excel has {MOST_ROWS:,} with its header.",
            remedy="Write .csv or .parquet.",
        )
    if num_columns > MOST_COLUMNS:
        raise ConfigurationError(
            f"--output {path} cannot hold {num_columns:,} columns: a sheet of Excel has {MOST_COLUMNS:,}.",
            remedy="Name those to keep with --keep, or write .csv or .parquet.",
        )


def _header_and_rows(answers: Answers) -> tuple[list[str], Iterable[Mapping[str, Any]]]:
    if answers.columns:
        return [column.name for column in answers.columns], answers
    rows = iter([flat_cells(row) for row in answers])
    first = next(rows, None)
    if first is None:
        return [], ()
    return list(first), _with_times(list(chain([first], rows)), next(iter(first)))


def _with_times(rows: list[dict[str, Any]], name: str) -> Iterator[Mapping[str, Any]]:
    """Give the rows of a forecast with times of the wall clock as such; Excel knows no zones, which stay texts."""
    stamps = timestamps(pyarrow.array([row[name] for row in rows]))
    if stamps is None or stamps.type.tz is not None:
        yield from rows
        return
    for row, stamp in zip(rows, stamps.to_pylist(), strict=True):
        yield {**row, name: stamp}


class _Cells:
    """Makes cells of a sheet, and counts those that were cut."""

    def __init__(self, sheet: Any) -> None:
        from openpyxl.cell import WriteOnlyCell

        self._sheet = sheet
        self._new: Callable[..., Any] = WriteOnlyCell
        self.num_cut = 0

    def cell(self, value: Any) -> Any:
        """Give what stands for a cell: a number, a truth value or a time where Excel holds it whole, else a text."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Decimal):
            value = exact(value)
        if isinstance(value, int) and abs(value) <= _WHOLE:
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else self.text(str(value))
        if isinstance(value, datetime.datetime):
            return value if value.tzinfo is None and value.date() >= _FIRST_DAY else self.text(str(value))
        if isinstance(value, datetime.date):
            return value if value >= _FIRST_DAY else self.text(str(value))
        return self.text(cell_text(value) or "")

    def text(self, text: str) -> Any:
        """Give a cell that is a text whatever it begins with."""
        escaped = _ESCAPED.sub(_escape, mended(text))
        if len(text) > MOST_CHARACTERS:
            self.num_cut += 1
            escaped = _ESCAPED.sub(_escape, mended(text[:MOST_CHARACTERS]))
        cell = self._new(self._sheet)
        # Set behind its back: what begins with = would become a formula, and #N/A an error.
        cell._value, cell.data_type = escaped, "s"
        return cell


def _escape(found: re.Match[str]) -> str:
    return "_x005F_" if found.group() == "_" else f"_x{ord(found.group()):04X}_"
