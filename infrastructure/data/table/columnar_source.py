"""Columns of columnar files in blocks, so that memory does not grow with the file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.columnar.columnar_file import unreadable
from infrastructure.data.columnar.formats import open_columnar
from infrastructure.data.columnar.plain_columns import is_time, is_utf8, may_be_numbers, type_name
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.separated.decimal_marks import DecimalMarks
from infrastructure.data.table.choice import may_name_clock
from infrastructure.data.table.columns import UNREADABLE, Header

BLOCK_ROWS = 1 << 16


class ColumnarSource:
    """A file of columns: Parquet, Arrow, a saved data set, a workbook."""

    def __init__(self, path: Path, name: str, reading: Reading = AS_FOUND) -> None:
        self.path, self.name = path, name
        self._file = open_columnar(path, name, reading)
        self.notes = self._file.notes
        self._marks = DecimalMarks(reading.decimal, is_set=reading.decimal is not None)

    def header(self) -> Header:
        """Read the names and the first row. Raises: DatasetError when there is none."""
        schema = self._file.schema
        names = tuple(schema.names)
        if not len(self._file):
            raise DatasetError(f"{self.name} has no rows.", remedy="Give a file with rows.")
        clock = tuple(field.name for field in schema if is_time(field.type))
        others = {field.name: type_name(field.type) for field in schema if not may_be_numbers(field.type)}
        return Header(names, names, tuple(self._first_text(field) for field in schema), clock, others)

    def _first_text(self, field: pyarrow.Field) -> str | None:
        may_count = pyarrow.types.is_integer(field.type) and may_name_clock(field.name)
        is_one_of_two = self._file.schema.get_field_index(field.name) < 0
        if not (is_utf8(field.type) or may_count) or is_one_of_two:
            return None
        try:
            first = next(self._file.batches([field.name], 1)).column(0)[0].as_py()
        except UNREADABLE as error:
            raise unreadable(self.name, error) from error
        return None if first is None else str(first)

    def blocks(self, written: Sequence[str]) -> Iterator[list[pyarrow.Array]]:
        """Read some columns. Raises: DatasetError."""
        try:
            for batch in self._file.batches(list(written), BLOCK_ROWS):
                yield [self._pointed(name, batch.column(name)) for name in written]
        except UNREADABLE as error:
            raise unreadable(self.name, error) from error

    def _pointed(self, name: str, cells: pyarrow.Array) -> pyarrow.Array:
        return self._marks.written_with_points(name, cells) if is_utf8(cells.type) else cells

    def add_ragged(self, faults: TableFaults) -> None:
        """Say nothing: columns of one file are as long as each other."""

    def lines_of(self, rows: list[int]) -> dict[int, int]:
        """Give the numbers of rows, counted from 1."""
        return {row: self._file.lines(row, 1)[0] for row in rows}
