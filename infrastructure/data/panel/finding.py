"""Which columns of a long table tell its series apart."""

from dataclasses import replace

import numpy as np

from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.table.choice import TableSchema, choose_columns
from infrastructure.data.table.columnar_source import ColumnarSource
from infrastructure.data.table.columns import Header
from infrastructure.data.table.csv_source import CsvSource
from infrastructure.data.table.long_format import NAMES_OF_SERIES, long_format, named_series
from infrastructure.data.time_column.column import StampColumn

Source = CsvSource | ColumnarSource


def find_series(source: Source, header: Header, schema: TableSchema, reading: Reading) -> tuple[str, ...]:
    """Find the columns that explain why stamps repeat, none where they do not. Raises: DatasetError where none does."""
    faults = TableFaults()
    time, _ = choose_columns(header, schema, isinstance(source, CsvSource), faults)
    faults.raise_any(source.name, source.lines_of)
    if time is None:
        raise DatasetError(
            f"{source.name} has no time column, which many series, known_columns and holidays need.",
            remedy="Name it with time_column, or drop holidays and known_columns.",
        )
    written = dict(zip(reversed(header.names), reversed(header.written), strict=True))
    # On the wall: an hour that clocks show twice is told apart when series are known, and is too short to matter here.
    column = StampColumn(time, replace(reading, time_zone=None), faults, schema.usual_format)
    for (cells,) in source.blocks([written[time]]):
        column.block(cells)
    stamps, _ = column.finish() if column.rows else (np.zeros(0, dtype=np.int64), "")
    faults.raise_any(source.name, source.lines_of)
    readable = [name for name in dict.fromkeys(header.names) if name != time and name not in header.no_numbers]
    names = [(name, written[name]) for name in readable]
    found = None
    if len(stamps):
        found = long_format(source, names, stamps)
        if found is None:
            said = [(name, also) for name, also in names if name.lower() in NAMES_OF_SERIES]
            found = named_series(source, said, len(stamps)) if said else None
    if found is not None and not found.is_time:
        return found.columns
    if found is not None:
        raise DatasetError("{}: {}: {}".format(source.name, *found.fault(time)))
    if len(np.unique(stamps)) == len(stamps):
        return ()
    raise DatasetError(
        f"{source.name}: no column tells series apart.",
        remedy="Name the column, or several that do so together, with series_column; a table of one series needs none.",
    )
