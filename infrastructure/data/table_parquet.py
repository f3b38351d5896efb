"""Columns of Parquet files in blocks, so that memory does not grow with the file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.parquet_rows import BoundedParquet
from infrastructure.data.table_columns import UNREADABLE, Header, damaged
from infrastructure.data.table_faults import TableFaults

BLOCK_ROWS = 1 << 16


class ParquetSource:
    """A Parquet file; what is a line elsewhere is the number of the row here, counted from 1."""

    def __init__(self, path: Path, name: str, reading: Reading = AS_FOUND) -> None:
        self.path, self.name = path, name
        self._file = BoundedParquet(path, name, reading)

    def header(self) -> Header:
        """Read the names and the first row. Raises: DatasetError when there is none."""
        names = tuple(self._file.schema.names)
        if not len(self._file):
            raise DatasetError(f"{self.name} has no rows.", remedy="Give a file with rows.")
        try:
            batch = next(self._file.batches(None, 1))
        except UNREADABLE as error:
            raise damaged(self.name, error) from error
        texts = (column[0].as_py() if pyarrow.types.is_string(column.type) else None for column in batch.columns)
        clock = (field.name for field in batch.schema if pyarrow.types.is_temporal(field.type))
        return Header(names, names, tuple(texts), tuple(clock))

    def blocks(self, written: Sequence[str]) -> Iterator[list[pyarrow.Array]]:
        """Read some columns. Raises: DatasetError."""
        try:
            for batch in self._file.batches(list(written), BLOCK_ROWS):
                yield [batch.column(name) for name in written]
        except UNREADABLE as error:
            raise damaged(self.name, error) from error

    def add_ragged(self, faults: TableFaults) -> None:
        """Say nothing: columns of Parquet are as long as each other."""

    def lines_of(self, rows: list[int]) -> dict[int, int]:
        """Give the numbers of rows, counted from 1."""
        return {row: row + 1 for row in rows}
