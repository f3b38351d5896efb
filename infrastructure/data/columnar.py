"""Files that keep their cells by column, whatever their format: Parquet, Arrow, saved data sets, workbooks."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow

from domain.exceptions import DatasetError
from domain.reading import Reading

PARQUET = ".parquet"
COLUMNAR = (PARQUET,)


class Columnar(Protocol):
    """An opened file of columns; rows are counted from 0.

    `notes` are sentences about the file as a whole. Cells that come out of `batches` are plain: see `plain_columns`.
    """

    name: str
    schema: pyarrow.Schema
    notes: Sequence[str]

    def __len__(self) -> int: ...

    def batches(self, columns: Sequence[str], most_rows: int) -> Iterator[pyarrow.RecordBatch]:
        """Read some columns, at least one. Raises: DatasetError for a cell too large; what pyarrow raises."""
        ...

    def lines(self, start: int, count: int) -> Sequence[int]:
        """Give the numbers of some rows as whoever opens the file sees them."""
        ...


def open_columnar(path: Path, name: str, reading: Reading) -> Columnar:
    """Open a file by its ending. Raises: DatasetError when it cannot be read or unpacks to more than it may."""
    from infrastructure.data.parquet_file import ParquetFile

    return ParquetFile(path, name, reading)


def unreadable(name: str, error: BaseException) -> DatasetError:
    """Say in our words what stopped the reading of columns."""
    if isinstance(error, UnicodeDecodeError) or "UTF8" in str(error):
        return DatasetError(f"{name} holds text that is not UTF-8.", remedy="Write it again.")
    return DatasetError(f"{name} is damaged or cut off: {error}.", remedy="Write, copy or download it again.")
