"""A long table read into a directory of the cache: what is checked, in which order, and what is kept."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from application.phases import advance
from domain.exceptions import DatasetError
from domain.reading import Reading
from domain.showing import counted
from infrastructure.data.clock.clock_json import clock_json
from infrastructure.data.clock.clocks import duration
from infrastructure.data.clock.finding import FoundClock, find_clock
from infrastructure.data.clock.stamps import commonest_step
from infrastructure.data.clock.time_zones import wall_clock
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.panel.categories import CategoryCodes, find_categories
from infrastructure.data.panel.finding import find_series
from infrastructure.data.panel.ids import Id, SeriesNumbers, named
from infrastructure.data.panel.order import SHOWN, PanelRows, counts_of_rows_with_a_value, extremes
from infrastructure.data.panel.schema import PanelSchema, Roles, choose_roles
from infrastructure.data.table.choice import unnamed
from infrastructure.data.table.columnar_source import ColumnarSource
from infrastructure.data.table.columns import Header
from infrastructure.data.table.csv_source import CsvSource
from infrastructure.data.table.long_format import long_format
from infrastructure.data.table.reading import TableReading
from infrastructure.data.table.row_counters import left_out, told
from infrastructure.data.table.values import append_rows
from infrastructure.data.time_column.column import StampColumn

Source = CsvSource | ColumnarSource
Categories = dict[str, tuple[str, ...]]
TAKE_OUT = "Take it out of static_columns, or correct it."


def keep_panel(source: Source, schema: PanelSchema, reading: Reading, directory: Path) -> None:
    """Write the arrays of a panel and its facts. Raises: DatasetError with every fault of a step, the first 20 told."""
    header = source.header()
    written = dict(zip(reversed(header.names), reversed(header.written), strict=True))  # the first of a name
    roles = _roles(source, header, schema, reading)
    categories = _categories(source, roles, written, schema)
    read = _read(source, roles, categories, written, schema, reading, directory / "values.bin")
    gone = _left_out(roles, read, directory / "values.bin") if schema.table.columns is None else {}
    if "" in roles.others and "" not in gone:
        raise DatasetError("{}: {}: {}".format(source.name, *unnamed(header.names.index("") + 1)))

    rows, notes = read.rows, read.notes
    rows.group(schema.table, [number for number, name in enumerate(roles.read) if name in categories])
    if rows.faults.count and not roles.series:  # a model of one series may have been given many
        readable = [
            name for name in dict.fromkeys(header.names) if name != roles.time and name not in header.no_numbers
        ]
        found = long_format(source, [(name, written[name]) for name in readable], rows.stamps)
        if found is not None:
            raise found.error(source.name, roles.time)
    rows.faults.raise_any(source.name, source.lines_of)
    notes += [*told(gone), *read.numbers.warnings(without=(*gone, *roles.static)), *read.codes.warnings()]
    roles, static = _settled(rows, roles, gone, categories, schema.table.settled)
    rows.faults.raise_any(source.name, source.lines_of)
    counts = counts_of_rows_with_a_value(rows.values, rows.offsets, len(roles.targets))
    kept = counts >= schema.least_rows
    left = [(series, int(count)) for series, count in zip(rows.ids, counts, strict=True) if count < schema.least_rows]
    if left:
        notes.append(_told_short(left, len(rows.ids), schema.least_rows, roles))
    if not kept.any():
        raise DatasetError(f"{source.name}: {notes[-1]}", remedy="Give longer series, or lower context_length.")
    rows.keep(kept)
    step, clock = _clock(rows, read.zone, schema.table.gaps)
    rows.faults.raise_any(source.name, source.lines_of)

    np.save(directory / "stamps.npy", rows.stamps)
    np.save(directory / "offsets.npy", rows.offsets)
    np.save(directory / "static.npy", static[kept])
    names = (*roles.targets, *roles.others, *roles.known)
    facts = {
        "series_columns": roles.series,
        "ids": rows.ids,
        "names": names,
        "num_targets": len(roles.targets),
        "num_known": len(roles.known),
        "static_names": roles.static,
        "categories": {name: texts for name, texts in categories.items() if name in (*names, *roles.static)},
        "zone": read.zone,
        "time_column": roles.time,
        "step": step,
        "clock": clock
        and {"clock": clock_json(clock.clock), "beside": clock.beside, "doubt": clock.doubt, "loose": clock.loose},
        "left_out": left,
        "warnings": [*dict.fromkeys(source.notes), *notes, *rows.notes],
        "usual_format": read.usual_format,
    }
    (directory / "panel.json").write_text(json.dumps(facts, allow_nan=False), encoding="utf-8")


def _roles(source: Source, header: Header, schema: PanelSchema, reading: Reading) -> Roles:
    series = schema.series_columns
    if series is None:
        series = find_series(source, header, schema.table, reading)
    faults = TableFaults()
    roles = choose_roles(header, schema, series, isinstance(source, CsvSource), faults)
    faults.raise_any(source.name, source.lines_of)
    assert roles is not None
    return roles


def _categories(source: Source, roles: Roles, written: dict[str, str], schema: PanelSchema) -> Categories:
    """Take the categories that are known, or find them in a reading of their own."""
    names = [name for name in roles.read if name not in roles.targets]
    if schema.categories is not None or not names:
        return dict(schema.categories or ())
    faults = TableFaults()
    found = find_categories(names, source.blocks([written[name] for name in names]), faults)
    faults.raise_any(source.name, source.lines_of)
    return found


@dataclass(frozen=True)
class _ReadRows:
    """The rows as they stand in the file, and what became known while they passed."""

    rows: PanelRows
    numbers: TableReading
    codes: CategoryCodes
    zone: str
    usual_format: str | None
    notes: list[str]


def _read(
    source: Source,
    roles: Roles,
    categories: Categories,
    written: dict[str, str],
    schema: PanelSchema,
    reading: Reading,
    path: Path,
) -> _ReadRows:
    faults, codes = TableFaults(), CategoryCodes(categories)
    numbers = TableReading(roles.read, roles.targets, schema.table.missing_values, faults)
    stamps_of = StampColumn(roles.time, reading, faults, schema.table.usual_format)
    series_of = SeriesNumbers(roles.series, faults)
    with path.open("wb") as file:
        for block in source.blocks([written[name] for name in (*roles.read, *roles.series, roles.time)]):
            cells = [codes.coded(name, column) for name, column in zip(roles.read, block, strict=False)]
            append_rows(file, numbers.numbers(cells))
            series_of.block(block[len(cells) : -1], len(block[-1]))
            stamps_of.block(block[-1])
            numbers.rows += len(block[-1])
            advance(len(block[-1]))
    source.add_ragged(faults)
    numbers.judge_columns()
    series = series_of.finish()
    stamps, zone = stamps_of.finish(series) if numbers.rows else (np.zeros(0, dtype=np.int64), "")
    faults.raise_any(source.name, source.lines_of)
    if not numbers.rows:
        raise DatasetError(f"{source.name} has no rows.", remedy="Give a file with rows.")
    rows = PanelRows(path, len(roles.read), stamps, series, series_of.ids, zone)
    return _ReadRows(rows, numbers, codes, zone, stamps_of.found_format, stamps_of.notes)


def _left_out(roles: Roles, read: _ReadRows, path: Path) -> dict[str, str]:
    """Find the columns that were not asked for and tell nothing, as in a table of one series."""
    numbers, stamps = read.numbers, read.rows.stamps
    wall = wall_clock(stamps, read.zone)
    found = left_out(numbers.columns, numbers.counters, numbers.empty, path, wall, stamps)
    return {name: what for name, what in found.items() if name in roles.others}


def _settled(
    rows: PanelRows,
    roles: Roles,
    gone: dict[str, str],
    categories: Categories,
    is_settled: bool,
) -> tuple[Roles, np.ndarray]:
    """Take what stays the same in each series out of the rows, and decide what is a target where none is named.

    Gives the roles as they are kept, and the static values [S, A].
    """
    low, high = extremes(rows.values, rows.offsets)
    place = {name: number for number, name in enumerate(roles.read)}
    for name in roles.static:
        remedy = "The model learnt that it does not: correct it." if is_settled else TAKE_OUT
        rows.refuse_change(place[name], name, low[:, place[name]], high[:, place[name]], remedy)
    static = list(roles.static)
    others = [name for name in roles.others if name not in gone]
    if not is_settled and len(rows.ids) > 1 and np.any(np.diff(rows.offsets) > 1):
        same = [name for name in others if not np.any(low[:, place[name]] < high[:, place[name]])]
        others = [name for name in others if name not in same]
        static += same
    targets = list(roles.targets) or [name for name in others if name not in categories]
    if not targets and not rows.faults.count:
        rows.faults.add("has no column of numbers that changes", "Add one beside the time column.")
    others = [name for name in others if name not in targets]
    settled = replace(roles, targets=tuple(targets), others=tuple(others), static=tuple(static))
    kept = [place[name] for name in (*targets, *others, *roles.known)]
    if not rows.faults.count and kept != list(range(len(place))):
        rows.keep_columns(kept)
    return settled, low[:, [place[name] for name in static]]


def _told_short(left: Sequence[tuple[Id, int]], total: int, least: int, roles: Roles) -> str:
    if not roles.series:
        return f"it has {left[0][1]:,} rows with a value of {' or '.join(roles.targets)}, but takes {least:,}."
    shown = "; ".join(f"{named(series)} ({count:,})" for series, count in islice(left, SHOWN))
    has, are = ("has", "is") if len(left) == 1 else ("have", "are")
    return (
        f"{len(left):,} of {total:,} series {has} fewer than {counted(least, 'row')} with a value of"
        f" {' or '.join(roles.targets)} and {are} left out: {shown}{'; ...' if len(left) > SHOWN else ''}."
    )


def _clock(rows: PanelRows, zone: str, gaps: str) -> tuple[int | None, FoundClock | None]:
    """Find the most frequent step within series and the clock of all stamps together, and treat gaps by it."""
    within = np.ones(len(rows.stamps) - 1, dtype=bool)
    within[rows.offsets[1:-1] - 1] = False
    steps, counts = np.unique(np.diff(rows.stamps)[within], return_counts=True)
    if not len(steps):
        return None, None
    step, all_stamps = int(steps[counts.argmax()]), np.unique(rows.stamps)
    clock = find_clock(all_stamps, zone)
    if clock is None or (commonest_step(all_stamps) or step) < step:
        if gaps != "keep":
            said = f"rows of a series are mostly {duration(step)} apart, but those of others stand between them"
            rows.faults.add(said, "Bring the series onto one clock, or set gaps=keep.")
        return step, None
    if not clock.loose or gaps != "keep":
        rows.treat_gaps(clock.clock, gaps)
    return step, clock
