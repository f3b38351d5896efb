"""Which columns of a table are read, and which of them is its clock."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from domain.exceptions import ConfigurationError
from domain.reading import MAX_COLUMNS
from infrastructure.data.clock.forms import form_of
from infrastructure.data.files.opening import is_unicode
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.table.columns import Header
from infrastructure.data.table.numbers import is_number
from infrastructure.data.table.reading import columns_setting

NO_CLOCK = "none"
TIME_NAMES = (
    "date", "time", "timestamp", "datetime", "date_time", "ds", "time_stamp", "datum", "yyyymmdd", "yyyymm",
)  # fmt: skip
YEARS = ("year", "jahr")
_TIME_NAME = re.compile(r"(.*[\W_])?(date|time|timestamp|datetime|epoch|unix(time)?|ts|dt)([\W_].*)?", re.IGNORECASE)
_SINCE_1970 = re.compile(r"\s*1\d{9}(\d{3}){0,3}(\.\d*)?\s*")  # seconds or parts of them, 2001 to 2033
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
    gaps treated. A `settled` one belongs to a finished model: the table has to follow it, and stamps that could be
    read in two ways are read by `usual_format`, as those of training were.
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
    usual_format: str | None = None

    def __post_init__(self) -> None:
        faults = [
            f"{name} is {getattr(self, name)!r}, but must be {' or '.join(known)}."
            for name, known in POLICIES.items()
            if getattr(self, name) not in known
        ]
        if faults:
            raise ConfigurationError.of(faults)


def choose_columns(
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
            if names.count("") > 1 or schema.columns is not None:
                faults.add(*unnamed(number))
        elif earlier < number:
            faults.add(f"two columns are named {name!r} ({earlier} and {number})", "Rename one of them.")
        elif not is_unicode(name):
            faults.add(f"the name of column {number}, {name!a}, is no valid Unicode", "Rename it.")
    time = _time_column(header, schema)
    if time is not None and time not in first:
        _unknown("the time column", time, schema, names, faults, "" if schema.settled else ", or time_column=none")
    if time is None and schema.time_column is None and schema.columns is None and (parts := _parts_of_dates(names)):
        faults.add(
            f"the date stands in columns of its parts, {', '.join(parts)}",
            "Write it into one column, such as 2024-01-31 or 2024-01-31 13:00, and take these out, or --set"
            " time_column=none to go without a clock.",
        )
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
        elif name in header.no_numbers:
            numbers = [other for other in columns if other != time and other not in header.no_numbers]
            remedy = f"Leave it out: {columns_setting(numbers)}." if numbers else "Write it as numbers."
            faults.add(f"column {name!r} is of type {header.no_numbers[name]}, which holds no numbers", remedy)
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
    if header.clock_types:
        return header.clock_types[0]
    counts = zip(header.names, header.first_row, strict=False)
    for name, text in counts:
        if text and may_name_clock(name) and _SINCE_1970.fullmatch(text):
            return name
    # Numbers may be anything; a text that reads as a stamp can be nothing else.
    texts = zip(header.names, header.first_row, strict=False)
    return next((name for name, text in texts if text and not is_number(text) and form_of(text)), None)


def may_name_clock(name: str) -> bool:
    """Tell whether numbers beneath a name may be counts of time."""
    return _TIME_NAME.fullmatch(name) is not None


def _parts_of_dates(names: Sequence[str]) -> list[str]:
    """Find the columns of a table without a clock that hold year, month and so on."""
    lower = {name.lower(): name for name in names}
    found = [lower[part] for part in ("year", "month", "day", "hour", "minute") if part in lower]
    return found if {"year", "month"} <= set(lower) else []


def unnamed(number: int) -> tuple[str, str]:
    """Say that a column has no name, and what to do."""
    return f"column {number} has no name", "Name it in the header, or remove it."


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
