"""The time column of a table: how it is meant shows in the whole column, which is read block by block."""

import re
from collections.abc import Callable
from typing import Protocol

import numpy as np
import pyarrow

from domain.reading import Reading
from domain.time_format import WORDS
from infrastructure.data.clock.forms import (
    ISO,
    NAIVE,
    SHORT_YEARS,
    TWO_WAYS,
    Stamps,
    form_of,
    formats_of,
    pattern_of,
    read_texts,
)
from infrastructure.data.clock.stamps import KNOWN_FORMS
from infrastructure.data.columnar.plain_columns import is_utf8, plain
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.time_column.count_column import CountColumn, is_count
from infrastructure.data.time_column.quick import arrow_stamps, quick_stamps
from infrastructure.data.time_column.two_way_column import TwoWayColumn
from infrastructure.data.time_column.zones import on_one_clock, zone_text

STAMPS = "stamps"  # the kind of faults that leaves rows without a place in time


class ColumnReader(Protocol):
    """Reads the blocks of a column of one kind; `in_utc` says that its stamps are instants."""

    @property
    def in_utc(self) -> bool: ...  # noqa: D102

    @property
    def found_format(self) -> str | None: ...  # noqa: D102

    def add(self, cells: pyarrow.Array) -> tuple[np.ndarray, int | np.ndarray]:
        """Read a block: which cells [n] may be stamps, and how many minutes ahead of UTC they stand."""
        ...

    def finish(self, faults: TableFaults, notes: list[str]) -> np.ndarray:
        """Give the stamps [N] as they are meant, in microseconds; what cannot be decided is a fault."""
        ...


class StampColumn:
    """The stamps of a table, each `block` of it in turn, and at the end all of them.

    Faults go to `faults`, by row where they are of one; `notes` tells what a person might have meant otherwise.
    """

    def __init__(self, name: str, reading: Reading, faults: TableFaults, usual: str | None = None) -> None:
        self.any_valid = False
        self.rows = 0
        self.notes: list[str] = []
        self._name, self._reading, self._faults, self._usual = name, reading, faults, usual
        self._reader: ColumnReader | None = None
        self._zone = ""  # a name that the file gives
        self._minutes: list[tuple[int | np.ndarray, int]] = []
        self._frame: tuple[int, int] | None = None  # the first row and how it is written

    @property
    def found_format(self) -> str | None:
        """How stamps were read that alone could have been read otherwise; None where each says it."""
        return None if self._reader is None else self._reader.found_format

    def block(self, cells: pyarrow.Array) -> None:
        """Read the stamps of a block."""
        cells = plain(cells)
        if pyarrow.types.is_decimal(cells.type):  # as databases export whole numbers
            cells = cells.cast(pyarrow.int64() if cells.type.scale == 0 else pyarrow.float64(), safe=False)
        self._reader = self._reader or self._choose(cells)
        if self._reader is None:
            valid, minutes = np.zeros(len(cells), dtype=bool), np.array(NAIVE)
        else:
            valid, ahead = self._reader.add(cells)
            minutes = np.asarray(ahead, dtype=np.int16)
        bad = np.flatnonzero(~valid)
        self._faults.add_rows(STAMPS, bad + self.rows, lambda number: self._fault(cells[int(bad[number])]))
        self._compare(np.flatnonzero(valid), minutes)
        self.any_valid |= bool(valid.any())
        self._minutes.append((minutes, len(cells)))
        self.rows += len(cells)

    def finish(self, series: np.ndarray | None = None) -> tuple[np.ndarray, str]:
        """Give the stamps [N] and the zone that stands behind each, none where there is a fault.

        An hour that clocks show twice is told apart by the order of its rows in their `series` [N], numbered from 0.
        """
        if self._reader is None or not self.any_valid:
            self._say_that_none_is_a_stamp()
        before = self._faults.count
        unreadable = self._faults.count_of(STAMPS) or self._faults.count_of("frames")
        if self._reader is not None and not unreadable:
            micros = self._reader.finish(self._faults, self.notes)
            if self._faults.count == before:
                zone = self._zone or ("Z" if self._reader.in_utc else "")
                stamps, zone = on_one_clock(
                    self._name,
                    micros,
                    self._joined_minutes(),
                    zone,
                    self._reading.time_zone,
                    self._faults,
                    self.notes,
                    series,
                )
                if self._faults.count == before:
                    return stamps, zone
        return np.zeros(0, dtype=np.int64), ""

    def _choose(self, cells: pyarrow.Array) -> ColumnReader | None:
        """Choose how the column is read by its setting, its type and its first cell."""
        time_format = "unix_s" if self._reading.time_format == "%s" else self._reading.time_format
        kind = cells.type
        if pyarrow.types.is_timestamp(kind) or pyarrow.types.is_date(kind):
            self._zone = _name_of_zone(kind)
            return _Readable(arrow_stamps)
        is_number = pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind)
        if not is_number and not is_utf8(kind):
            return None
        if time_format in WORDS or (is_number and time_format is None):
            return CountColumn(self._name, time_format, self._usual)
        if time_format is not None:
            pattern = pattern_of(time_format)
            return _Readable(lambda cells: read_texts(_as_texts(cells), pattern))
        first = next((text for text in (cell.as_py() for cell in cells) if text and text.strip()), None)
        if first is None:
            return None
        if is_count(first):
            return CountColumn(self._name, None, self._usual)
        form = form_of(first)
        if form == TWO_WAYS:
            return TwoWayColumn(self._name, first.strip(), self._usual)
        return _Readable(_read_iso) if form in (None, ISO) else _Readable(lambda cells: read_texts(cells, form))

    def _compare(self, good: np.ndarray, minutes: np.ndarray) -> None:
        """Want all stamps with a zone or none; one sentence for the table, as no side is the wrong one."""
        if not len(good) or self._faults.count_of("frames"):
            return
        here = np.broadcast_to(minutes, good.max() + 1)[good]
        if self._frame is None:
            self._frame = self.rows + int(good[0]), int(here[0])
        first, known = self._frame
        other = np.flatnonzero((here == NAIVE) != (known == NAIVE))
        if len(other):
            row, found = self.rows + int(good[other[0]]), int(here[other[0]])
            problem = (
                f"{self._name} is written {_written(found)}, but {row - first:,} rows before {_written(known)}",
                "Write all stamps in one way, for example in UTC with Z.",
            )
            self._faults.add_rows("frames", np.array([row]), lambda _: problem)

    def _say_that_none_is_a_stamp(self) -> None:
        first = self._faults.forget(STAMPS)
        if first is not None:
            said = f"no cell of {self._name} is a stamp ({self.rows:,} are none; here {first[1]})"
            self._faults.add_rows(STAMPS, np.array([first[0]]), lambda _: (said, first[2]))

    def _joined_minutes(self) -> int | np.ndarray:
        known = {int(number) for minutes, _ in self._minutes for number in np.unique(minutes)}
        if len(known) == 1:
            return known.pop()
        return np.concatenate([np.broadcast_to(minutes, length) for minutes, length in self._minutes])

    def _fault(self, cell: pyarrow.Scalar) -> tuple[str, str]:
        # A date beyond the years of Python has no text, only the number it is kept as.
        text = str(cell.value if pyarrow.types.is_temporal(cell.type) else cell.as_py()).strip()
        if not cell.is_valid or text in ("", "nan"):
            return f"{self._name} is empty", "Fill in the stamp or remove the row."
        shown = repr(text) if len(text) <= 40 else repr(text[:37] + "...")
        if self._reading.time_format is not None:
            return (
                f"{self._name} is {shown}, which is not written as time_format {self._reading.time_format!r} says",
                "Correct it, or set another time_format.",
            )
        short = next((form for form in SHORT_YEARS if re.fullmatch(form, text)), None)
        if short:
            settings = " or ".join(f"--set time_format='{form}'" for form in formats_of(text, short))
            return f"{self._name} is {shown}, which is no stamp", f"Its year has two digits: name its form, {settings}."
        remedy = (
            f"Write it as {KNOWN_FORMS}, name its form with time_format, such as --set time_format='%d.%m.%Y %H:%M',"
            " name another time_column, or --set time_column=none."
        )
        return f"{self._name} is {shown}, which is no stamp", remedy


class _Readable:
    """A column each of whose cells says what it means."""

    in_utc = False
    found_format = None

    def __init__(self, read: Callable[[pyarrow.Array], Stamps]) -> None:
        self._read = read
        self._micros: list[np.ndarray] = []

    def add(self, cells: pyarrow.Array) -> tuple[np.ndarray, int | np.ndarray]:
        stamps = self._read(cells)
        self._micros.append(stamps.micros)
        return stamps.valid, stamps.minutes

    def finish(self, faults: TableFaults, notes: list[str]) -> np.ndarray:
        return np.concatenate(self._micros)


def _read_iso(cells: pyarrow.Array) -> Stamps:
    quick = quick_stamps(cells)
    return read_texts(cells, ISO) if quick is None else quick


def _as_texts(cells: pyarrow.Array) -> pyarrow.Array:
    """Write numbers as the digits that a format reads."""
    if is_utf8(cells.type):
        return cells
    if pyarrow.types.is_floating(cells.type):
        cells = cells.cast(pyarrow.int64(), safe=False)
    return cells.cast(pyarrow.string())


def _name_of_zone(kind: pyarrow.DataType) -> str:
    zone = getattr(kind, "tz", None) or ""
    return "" if re.fullmatch(r"[+-]\d{2}:?\d{2}", zone) else zone


def _written(minutes: int) -> str:
    return f"with the time zone {zone_text(minutes)}" if minutes != NAIVE else "without a time zone"
