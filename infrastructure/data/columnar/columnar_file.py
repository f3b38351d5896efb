"""What files that keep their cells by column have in common, whatever their format."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow

from domain.exceptions import DatasetError
from domain.reading import MAX_FIELDS, Reading
from infrastructure.data.files.opening import UNPACKED_AT_ONCE, grown_too_large, open_unpacked, told_of

# What a row counts for at least: one of nothing takes no room in a file, and as much time as any other.
LEAST_BYTES_OF_ROW = 32


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


def unpacked(path: Path, reading: Reading) -> Any:
    """Open a file by a name under which one may seek in it: its own, or that of what it holds gzipped.

    Raises: DatasetError when it is missing, empty or unpacks to more than it may.
    """
    with told_of(path), open_unpacked(path, reading) as packed:
        if path.suffix.lower() != ".gz":
            return path.open("rb")
        file = tempfile.NamedTemporaryFile()  # noqa: SIM115  # lives as long as what reads from it
        shutil.copyfileobj(packed, file, UNPACKED_AT_ONCE)
    file.seek(0)
    return file


def unreadable(name: str, error: BaseException) -> DatasetError:
    """Say in our words what stopped the reading of columns."""
    return DatasetError(f"{name} is damaged or cut off: {error}.", remedy="Write, copy or download it again.")


def refuse_many_rows(name: str, count: int, most_bytes: int) -> None:
    """Refuse a file of more rows than it may have, of which few bytes can tell. Raises: DatasetError."""
    if count * LEAST_BYTES_OF_ROW > most_bytes:
        raise grown_too_large(name, most_bytes)


def refuse_many_columns(name: str, schema: pyarrow.Schema) -> None:
    """Refuse a file of more columns than a row may have. Raises: DatasetError."""
    if len(schema.names) > MAX_FIELDS:
        said = f"{name} has {len(schema.names):,} columns, but at most {MAX_FIELDS:,} are read."
        raise DatasetError(said, remedy="Remove columns.")
