"""Tables of numbers with a clock or none: checked, put in order, kept on disk and mapped into memory."""

import json
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from application.phases import advance, phase
from domain.reading import AS_FOUND, Reading
from infrastructure.data.clock.clock_json import clock_json, clock_of
from infrastructure.data.clock.finding import FoundClock, find_clock
from infrastructure.data.clock.stamps import commonest_step
from infrastructure.data.clock.time_zones import from_instants, instants, wall_clock
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.files.opening import size_of
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.labels.rows import content_sha256
from infrastructure.data.table.choice import YEARS, TableSchema, choose_columns, unnamed
from infrastructure.data.table.columnar_source import ColumnarSource
from infrastructure.data.table.columns import Header
from infrastructure.data.table.csv_source import CsvSource
from infrastructure.data.table.long_format import NAMES_OF_SERIES, long_format, named_series
from infrastructure.data.table.numbers import read_numbers
from infrastructure.data.table.order import StampedRows
from infrastructure.data.table.reading import TableReading
from infrastructure.data.table.row_counters import left_out, told
from infrastructure.data.table.sources import source_of
from infrastructure.data.table.typed import as_file
from infrastructure.data.table.values import append_rows, keep_columns, map_rows
from infrastructure.data.time_column.column import StampColumn

__all__ = ["Table", "TableSchema", "open_table"]

# Counted up when the checks or the files change: what an older version kept is not taken for checked.
FORMAT = "table 7"
FIRST_YEAR, LAST_YEAR = 1700, 2200  # of a column that may be a clock


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
    usual_format: str | None = None
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
    with as_file(path) as (file, name):
        return _open(file, name, Path(path), schema, reading)


def _open(file: Path, name: str, path: Path, schema: TableSchema, reading: Reading) -> Table:
    if not file.is_dir():
        size_of(file)
    source = source_of(file, name, reading)
    sha256 = content_sha256(file)
    key = key_of(FORMAT, sha256, file.suffixes, astuple(schema), reading.decisive)
    with phase(f"reading {name}"):
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
        usual_format=facts["usual_format"],
        entry=entry,
    )


def _keep(source: CsvSource | ColumnarSource, schema: TableSchema, reading: Reading, directory: Path) -> None:
    header = source.header()
    faults = TableFaults()
    time, columns = choose_columns(header, schema, isinstance(source, CsvSource), faults)
    faults.raise_any(source.name, source.lines_of)
    written = dict(zip(reversed(header.names), reversed(header.written), strict=True))  # the first of a name
    if time is None and schema.time_column is None and len(columns) > 1 and _counts_years(source, header):
        time, columns = columns[0], columns[1:]
    numbers = TableReading(columns, schema.needed, schema.missing_values, faults)
    column = None if time is None else StampColumn(time, reading, faults, schema.usual_format)
    path = directory / "values.bin"
    with path.open("wb") as file:
        read = [*columns] if time is None else [*columns, time]
        for block in source.blocks([written[name] for name in read]):
            append_rows(file, numbers.numbers(block[: len(columns)]))
            if column is not None:
                column.block(block[-1])
            numbers.rows += len(block[0])
            advance(len(block[0]))
    source.add_ragged(faults)
    numbers.judge_columns()
    stamps, zone = (None, "") if column is None or not numbers.rows else column.finish()
    gone = _left_out(schema, numbers, path, stamps, zone) if not faults.count else {}
    if "" in columns and "" not in gone:
        faults.add(*unnamed(header.names.index("") + 1))
    kept = tuple(name for name in columns if name not in gone)
    if gone:
        keep_columns(path, len(columns), [columns.index(name) for name in kept])
    notes, as_read, clock, series = [] if column is None else column.notes, True, None, None
    if stamps is not None and len(stamps):
        rows = StampedRows(path, len(kept), stamps, faults, zone)
        rows.put_in_order(schema)
        if faults.count_of("backwards") or faults.count_of("repeats"):
            readable = [name for name in dict.fromkeys(header.names) if name != time and name not in header.no_numbers]
            series = long_format(source, [(name, written[name]) for name in readable], stamps)
        stamps, as_read, clock = rows.stamps, rows.as_read, rows.clock
        notes = [*notes, *rows.notes]
        np.save(directory / "stamps.npy", stamps)
    if series is None and not (faults.count_of("backwards") or faults.count_of("repeats")):
        names = [(name, written[name]) for name in header.names if name.lower() in NAMES_OF_SERIES and name != time]
        series = named_series(source, names, numbers.rows) if names else None
    if series is not None:
        raise series.error(source.name, str(time))
    faults.raise_any(source.name, source.lines_of)
    facts = {
        "names": kept,
        "time_column": time,
        "zone": zone,
        "step": None if stamps is None else commonest_step(stamps),
        "warnings": [*dict.fromkeys(source.notes), *notes, *told(gone), *numbers.warnings(without=gone)],
        "as_read": as_read,
        "usual_format": None if column is None else column.found_format,
        "clock": clock
        and {"clock": clock_json(clock.clock), "beside": clock.beside, "doubt": clock.doubt, "loose": clock.loose},
    }
    (directory / "table.json").write_text(json.dumps(facts, allow_nan=False), encoding="utf-8")


def _left_out(
    schema: TableSchema, numbers: TableReading, path: Path, stamps: np.ndarray | None, zone: str
) -> dict[str, str]:
    """Find the columns of a table that were not asked for and tell nothing."""
    if schema.columns is not None:
        return {}
    wall = None if stamps is None else wall_clock(stamps, zone)
    found = left_out(numbers.columns, numbers.counters, numbers.empty, path, wall, stamps)
    return {name: what for name, what in found.items() if name not in schema.needed}


def _counts_years(source: CsvSource | ColumnarSource, header: Header) -> bool:
    """Tell whether the first column is a year for each row, and so a clock."""
    if header.names[0].lower() not in YEARS:
        return False
    last: float | None = None
    for (cells,) in source.blocks([header.written[0]]):
        years, _ = read_numbers(cells)
        steps = np.diff(years) if last is None else np.diff(years, prepend=last)
        if not np.all(steps == 1) or not np.all((years >= FIRST_YEAR) & (years <= LAST_YEAR)):
            return False
        last = float(years[-1])
    return True


def _clock(kept: dict[str, Any] | None) -> FoundClock | None:
    return FoundClock(**{**kept, "clock": clock_of(kept["clock"])}) if kept else None
