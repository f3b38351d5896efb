"""Tables of numbers with a clock or none: checked, put in order, kept on disk and mapped into memory."""

import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from domain.exceptions import ConfigurationError, DatasetError
from domain.reading import AS_FOUND, MAX_COLUMNS, Reading
from infrastructure.data.cache import cached, key_of
from infrastructure.data.cache_entry import CacheEntry
from infrastructure.data.clock_finding import FoundClock, find_clock
from infrastructure.data.clock_json import clock_json, clock_of
from infrastructure.data.opening import is_unicode, size_of
from infrastructure.data.rows import content_sha256
from infrastructure.data.stamp_column import StampColumn
from infrastructure.data.stamp_forms import form_of
from infrastructure.data.stamp_writing import stamp_texts
from infrastructure.data.table_columnar import ColumnarSource
from infrastructure.data.table_columns import Header
from infrastructure.data.table_csv import CsvSource
from infrastructure.data.table_faults import TableFaults
from infrastructure.data.table_numbers import is_number
from infrastructure.data.table_order import StampedRows, map_rows
from infrastructure.data.table_reading import TableReading, columns_setting
from infrastructure.data.table_sources import source_of
from infrastructure.data.time_stamps import commonest_step
from infrastructure.data.time_zones import from_instants, instants, wall_clock

STANDARD_INPUT = "-"
NO_CLOCK = "none"
TIME_NAMES = ("date", "time", "timestamp", "datetime", "date_time", "ds", "__index_level_0__")
# Counted up when the checks or the files change: what an older version kept is not taken for checked.
FORMAT = "table 4"
POLICIES = {
    "unsorted_stamps": ("refuse", "sort"),
    "duplicate_stamps": ("refuse", "first", "last", "mean"),
    "gaps": ("keep", "fill", "refuse"),
    "missing_values": ("mask", "refuse"),
}


@dataclass(frozen=True)
class TableSchema:
    """Which columns are read, and what is done about stamps and values that are not as they should be.

    `time_column` None guesses and "none" says there is none. `columns` None takes every column but the time.
    `needed` columns must be among those read and hold values. Stamps are first sorted, then repeated ones merged, then
    gaps treated. A `settled` one belongs to a finished model: the table has to follow it.
    Raises: ConfigurationError for a policy that does not exist.
    """

    time_column: str | None = None
    columns: tuple[str, ...] | None = None
    needed: tuple[str, ...] = ()
    unsorted_stamps: str = "refuse"
    duplicate_stamps: str = "refuse"
    gaps: str = "keep"
    missing_values: str = "mask"
    settled: bool = False

    def __post_init__(self) -> None:
        faults = [
            f"{name} is {getattr(self, name)!r}, but must be {' or '.join(known)}."
            for name, known in POLICIES.items()
            if getattr(self, name) not in known
        ]
        if faults:
            raise ConfigurationError.of(faults)


@dataclass(frozen=True)
class Table:
    """Numbers of a table in the order of time.

    `values` [N, C] float64 are mapped from disk, NaN where one is missing; `names` [C]. `stamps` [N] int64 are
    microseconds since 1970, strictly ascending, None without a clock: on the wall clock, behind which the `zone`
    stands, or instants where that has a name. `step` is their most frequent distance and `clock` what they follow,
    None for one row. `as_read` is False where a policy moved, merged or added rows, so that a row's number is no longer
    that of the file.
    """

    path: Path
    sha256: str
    names: tuple[str, ...]
    values: np.ndarray
    stamps: np.ndarray | None
    zone: str
    time_column: str | None
    step: int | None
    warnings: tuple[str, ...]
    as_read: bool = True
    clock: FoundClock | None = None
    entry: CacheEntry | None = None

    @cached_property
    def wall(self) -> np.ndarray | None:
        """What clocks where the table is from show at its stamps [N]."""
        return self.stamps if self.stamps is None else wall_clock(self.stamps, self.zone)

    def in_zone(self, zone: str) -> "Table":
        """Copy with the stamps of another zone, if both have one."""
        if self.stamps is None or not zone or self.zone in ("", zone):
            return self
        stamps = from_instants(instants(self.stamps, self.zone), zone)
        return replace(self, stamps=stamps, zone=zone, clock=find_clock(stamps, zone))

    def time_of(self, row: int) -> str:
        """Write the stamp of a row of a table with a clock."""
        assert self.stamps is not None
        return stamp_texts(self.stamps[row : row + 1], self.zone, self.step)[0]


def open_table(path: str | Path, schema: TableSchema, reading: Reading = AS_FOUND) -> Table:
    """Read and check a CSV or Parquet file, or map what was read before; "-" reads CSV from standard input.

    Memory does not grow with the file but for the stamps. Raises: DatasetError with every fault, the first 20 told.
    """
    if str(path) != STANDARD_INPUT:
        return _open(Path(path), Path(path), schema, reading)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "standard input.csv"
        with file.open("wb") as kept:
            if sys.stdin is None:
                raise DatasetError("standard input is closed.", remedy="Give a file, or pipe a table into it.")
            shutil.copyfileobj(sys.stdin.buffer, kept)
        try:
            return _open(file, Path(STANDARD_INPUT), schema, reading)
        except DatasetError as error:
            said = str(error).replace(str(file), file.stem).replace(file.name, file.stem)
            raise DatasetError(said) from error


def _open(file: Path, path: Path, schema: TableSchema, reading: Reading) -> Table:
    name = "standard input" if str(path) == STANDARD_INPUT else path.name
    if not file.is_dir():
        size_of(file)
    source = source_of(file, name, reading)
    sha256 = content_sha256(file)
    key = key_of(FORMAT, sha256, file.suffixes, astuple(schema), reading.decisive)
    entry = cached("table", key, lambda made: _keep(source, schema, reading, made))
    facts = json.loads((entry / "table.json").read_text(encoding="utf-8"))
    return Table(
        path=path,
        sha256=sha256,
        names=tuple(facts["names"]),
        values=map_rows(entry / "values.bin", len(facts["names"])),
        stamps=np.load(entry / "stamps.npy", mmap_mode="r") if facts["time_column"] is not None else None,
        zone=facts["zone"],
        time_column=facts["time_column"],
        step=facts["step"],
        warnings=tuple(f"{name}: {warning}" for warning in facts["warnings"]),
        as_read=facts["as_read"],
        clock=_clock(facts["clock"]),
        entry=entry,
    )


def _keep(source: CsvSource | ColumnarSource, schema: TableSchema, reading: Reading, directory: Path) -> None:
    header = source.header()
    faults = TableFaults()
    time, columns = _choose(header, schema, isinstance(source, CsvSource), faults)
    faults.raise_any(source.name, source.lines_of)
    numbers = TableReading(columns, schema.needed, schema.missing_values, faults)
    column = None if time is None else StampColumn(time, reading, faults)
    with (directory / "values.bin").open("wb") as file:
        read = [*columns] if time is None else [*columns, time]
        written = dict(zip(reversed(header.names), reversed(header.written), strict=True))  # the first of a name
        for block in source.blocks([written[name] for name in read]):
            numbers.numbers(block[: len(columns)]).tofile(file)
            if column is not None:
                column.block(block[-1])
            numbers.rows += len(block[0])
    source.add_ragged(faults)
    numbers.judge_columns()
    stamps, zone, notes, as_read, clock = None, "", [], True, None
    if column is not None and numbers.rows:
        read_stamps, zone = column.finish()
        notes += column.notes
        if len(read_stamps):
            rows = StampedRows(directory / "values.bin", len(columns), read_stamps, faults, zone)
            rows.sort(schema.unsorted_stamps)
            rows.merge(schema.duplicate_stamps)
            if np.all(np.diff(rows.stamps) > 0):
                rows.treat_gaps(schema.gaps)
            stamps, as_read, clock = rows.stamps, rows.as_read, rows.clock
            notes += rows.notes
            np.save(directory / "stamps.npy", stamps)
    faults.raise_any(source.name, source.lines_of)
    facts = {
        "names": columns,
        "time_column": time,
        "zone": zone,
        "step": None if stamps is None else commonest_step(stamps),
        "warnings": [*source.notes, *notes, *numbers.warnings()],
        "as_read": as_read,
        "clock": clock
        and {"clock": clock_json(clock.clock), "beside": clock.beside, "doubt": clock.doubt, "loose": clock.loose},
    }
    (directory / "table.json").write_text(json.dumps(facts, allow_nan=False), encoding="utf-8")


def _clock(kept: dict[str, Any] | None) -> FoundClock | None:
    return FoundClock(**{**kept, "clock": clock_of(kept["clock"])}) if kept else None


def _choose(
    header: Header, schema: TableSchema, is_text: bool, faults: TableFaults
) -> tuple[str | None, tuple[str, ...]]:
    """Find the time column and the columns to read; what stands in the way goes to `faults`."""
    names = header.names
    if is_text and any(map(is_number, names)) and all(is_number(name) or form_of(name) for name in names):
        faults.add("the first line holds numbers, but must hold the names of the columns", "Write a header above it.")
        return None, ()
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        earlier = first.setdefault(name, number)
        if not name:
            faults.add(f"column {number} has no name", "Name it in the header, or remove it.")
        elif earlier < number:
            faults.add(f"two columns are named {name!r} ({earlier} and {number})", "Rename one of them.")
        elif not is_unicode(name):
            faults.add(f"the name of column {number}, {name!a}, is no valid Unicode", "Rename it.")
    time = _time_column(header, schema)
    if time is not None and time not in first:
        _unknown("the time column", time, schema, names, faults, "" if schema.settled else ", or time_column=none")
    columns = tuple(name for name in names if name != time) if schema.columns is None else schema.columns
    if len(columns) > MAX_COLUMNS:
        remedy = f"Name those to read: {columns_setting(columns[:2])}."
        faults.add(f"has {len(columns):,} columns to read, but at most {MAX_COLUMNS:,} are taken", remedy)
        return time, columns
    counts = Counter(columns)
    for name in counts:
        if name == time:
            faults.add(f"{name!r} is the time column and no number", "Take it out of columns, or set time_column=none.")
        elif name not in first:
            _unknown("column", name, schema, names, faults)
        if schema.columns is not None and counts[name] > 1:
            faults.add(f"columns names {name!r} {counts[name]} times", "Name it once.")
    for name in dict.fromkeys(schema.needed):
        if schema.needed.count(name) > 1:
            faults.add(f"the target {name!r} is named {schema.needed.count(name)} times", "Name it once.")
        if name not in first:
            _unknown("the target", name, schema, names, faults)
        elif name == time:
            faults.add(f"the target {name!r} is the time column", "Name a column of numbers as the target.")
        elif name not in counts:
            faults.add(
                f"the target {name!r} is not among the columns to read", f"Add it: {columns_setting((*columns, name))}."
            )
    if not columns and not faults.count:
        faults.add("has no column of numbers", "Add one beside the time column.")
    return time, columns


def _time_column(header: Header, schema: TableSchema) -> str | None:
    if schema.time_column is not None:
        return None if schema.time_column == NO_CLOCK else schema.time_column
    for known in TIME_NAMES:
        for name in header.names:
            if name.lower() == known:
                return name
    # A first column of numbers may be anything; a text that reads as a stamp can be nothing else.
    if header.clock_types:
        return header.clock_types[0]
    first = header.first_row[0] if header.first_row else None
    return header.names[0] if first and not is_number(first) and form_of(first) else None


def _unknown(
    what: str, name: str, schema: TableSchema, names: Sequence[str], faults: TableFaults, also: str = ""
) -> None:
    nearest = get_close_matches(name.lower(), [known.lower() for known in names[:1_000]], n=1)
    meant = next((known for known in names if nearest and known.lower() == nearest[0]), None)
    shown = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
    if schema.settled:
        learnt = "The model learnt from it: add it or rename a column"
        remedy = f"{learnt}, perhaps {meant!r}" if meant else f"{learnt}; there are {shown}"
    else:
        remedy = f"Did you mean {meant!r}? The columns are {shown}" if meant else f"Name one of {shown}"
    faults.add(f"{what} {name!r} does not exist", f"{remedy}{also}.")
