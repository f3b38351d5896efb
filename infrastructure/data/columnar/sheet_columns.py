"""Cells of a sheet as columns of one type each: a sheet knows texts, numbers, truth values and times, cell by cell."""

import datetime
import re
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow

Cell: TypeAlias = str | float | int | bool | datetime.date | datetime.datetime | datetime.time | datetime.timedelta
MISSING = ""  # also a formula that failed: #N/A, #REF!
SECOND = 1_000_000
NEARLY = 1_000  # microseconds: a part of a day is no whole number of them
EPOCHS = {False: np.datetime64("1899-12-30"), True: np.datetime64("1904-01-01")}
# Days from 1954 to 2119: what stands in a column named like a date and counts up is hardly anything else.
FIRST_SERIAL, LAST_SERIAL = 20_000, 80_000
_DATE_NAME = re.compile(r"(.*[\W_])?(date|date_?time|timestamp|datum|fecha|day|ds)([\W_].*)?", re.IGNORECASE)
_WHOLE_BELOW = 2**53


def column_of(name: str, cells: Sequence[Cell], from_1904: bool) -> tuple[pyarrow.Array, str | None]:
    """Give a column the type that all its cells have, else that of texts; say what was not taken as it stood.

    Whole numbers are integers, for a sheet knows floats alone; numbers of days beneath the name of a date are dates.
    """
    kinds = {type(cell) for cell in cells if cell != MISSING}
    values = [None if cell == MISSING else cell for cell in cells]
    if not kinds:
        return pyarrow.nulls(len(cells)), None
    if kinds <= {float, int}:
        return _numbers(name, pyarrow.array(values, pyarrow.float64()), from_1904)
    if kinds == {bool}:
        return pyarrow.array(values, pyarrow.bool_()), None
    if kinds == {datetime.date}:
        return pyarrow.array(values, pyarrow.date32()), None
    if kinds <= {datetime.date, datetime.datetime}:
        stamps = [
            datetime.datetime(value.year, value.month, value.day) if type(value) is datetime.date else value
            for value in values
        ]
        return _to_the_second(pyarrow.array(stamps, pyarrow.timestamp("us"))), None
    return pyarrow.array([None if value is None else text_of(value) for value in values], pyarrow.string()), None


def text_of(cell: Cell) -> str:
    """Write a cell as other formats do."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _WHOLE_BELOW:
        return str(int(cell))
    return cell.isoformat(" ") if isinstance(cell, datetime.datetime) else str(cell)


def _numbers(name: str, numbers: pyarrow.Array, from_1904: bool) -> tuple[pyarrow.Array, str | None]:
    known = numbers.drop_null().to_numpy()
    if _DATE_NAME.fullmatch(name) and not numbers.null_count and _are_serials(known):
        micros = np.round(known * 86_400).astype(np.int64) * SECOND
        stamps = EPOCHS[from_1904].astype("datetime64[us]") + micros.astype("timedelta64[us]")
        shown = str(stamps[0])[: 10 if not micros[0] % (86_400 * SECOND) else 19].replace("T", " ")
        note = f"the numbers of {name!r} were read as Excel's days, {known[0]:.10g} as {shown}."
        array = pyarrow.array(stamps, pyarrow.timestamp("us"))
        return (array.cast(pyarrow.date32()) if np.all(known == np.floor(known)) else array), note
    if np.all(known == np.floor(known)) and np.all(np.abs(known) < _WHOLE_BELOW):
        return numbers.cast(pyarrow.int64()), None
    return numbers, None


def _are_serials(numbers: np.ndarray) -> bool:
    """Tell whether numbers may be days since 1900: they ascend, most of them by no more than a year."""
    if len(numbers) < 2 or numbers.min() < FIRST_SERIAL or numbers.max() > LAST_SERIAL:
        return False
    steps = np.round(np.diff(numbers) * 86_400).astype(np.int64)
    return bool(np.all(steps > 0) and np.median(steps) <= 366 * 86_400)


def _to_the_second(stamps: pyarrow.Array) -> pyarrow.Array:
    micros = stamps.cast(pyarrow.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    nearest = (micros + SECOND // 2) // SECOND * SECOND
    mended = np.where(np.abs(micros - nearest) <= NEARLY, nearest, micros)
    return pyarrow.array(mended, mask=stamps.is_null().to_numpy(zero_copy_only=False)).cast(pyarrow.timestamp("us"))
