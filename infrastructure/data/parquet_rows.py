"""Rows of a Parquet file in bounded batches: few bytes of it may stand for very many."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from domain.exceptions import DatasetError
from domain.reading import MAX_FIELDS, MIB, Reading
from infrastructure.data.opening import (
    UNPACKED_AT_ONCE,
    grown_too_large,
    open_unpacked,
    row_too_large,
    size_of,
    told_of,
)

ROWS_AT_ONCE = 4096
BYTES_AT_ONCE = 64 * MIB


class BoundedParquet:
    """A plain or gzipped Parquet file. Raises: DatasetError when it cannot be read or unpacks to more than it may."""

    def __init__(self, path: Path, name: str, reading: Reading) -> None:
        self.name, self._reading = name, reading
        self._most = reading.unpacked_bytes(size_of(path))
        try:
            source = _unpacked(path, reading) if path.suffix.lower() == ".gz" else path
            self._file = pyarrow.parquet.ParquetFile(source)
            self.schema = self._file.schema_arrow
            self._texts = [field.name for field in self.schema if _is_text(field.type)]
            # The same file with each repeated text once: it tells how long they are before they are written out.
            self._once = pyarrow.parquet.ParquetFile(source, read_dictionary=self._texts)
        except UnicodeDecodeError as error:
            raise DatasetError(f"{name} has a column whose name is not UTF-8.", remedy="Rename it.") from error
        except (pyarrow.ArrowException, OSError, EOFError) as error:
            raise DatasetError(f"{name} is no readable Parquet file: {error}.", remedy="Write it again.") from error
        self._groups = [self._file.metadata.row_group(number) for number in range(self._file.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in self._groups) > self._most:
            raise grown_too_large(name, self._most)
        if len(self.schema.names) > MAX_FIELDS:
            said = f"{name} has {len(self.schema.names):,} columns, but at most {MAX_FIELDS:,} are read."
            raise DatasetError(said, remedy="Remove columns.")

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    def batches(self, columns: Sequence[str] | None, most_rows: int) -> Iterator[pyarrow.RecordBatch]:
        """Read some columns, None for all. Raises: DatasetError for a cell too large; what pyarrow raises."""
        row = taken = 0
        for number in range(len(self._groups)):
            size = self._rows_at_once(number, columns, most_rows, row)
            for batch in self._file.iter_batches(batch_size=size, row_groups=[number], columns=columns):
                sizes = _row_sizes(batch)
                if len(sizes) and sizes.max() > self._reading.row_characters:
                    raise row_too_large(self.name, row + int(sizes.argmax()) + 1, self._reading)
                taken += int(sizes.sum())
                if taken > self._most:
                    raise grown_too_large(self.name, self._most)
                row += batch.num_rows
                yield batch

    def _rows_at_once(self, number: int, columns: Sequence[str] | None, most_rows: int, row: int) -> int:
        group = self._groups[number]
        longest = group.total_byte_size // max(group.num_rows, 1)
        for index in range(group.num_columns):
            chunk = group.column(index)
            name = chunk.path_in_schema
            if not chunk.has_dictionary_page or name not in self._texts or (columns and name not in columns):
                continue
            first = next(self._once.iter_batches(batch_size=1, row_groups=[number], columns=[name]), None)
            if first is not None and pyarrow.types.is_dictionary(first.column(0).type):
                lengths = pyarrow.compute.binary_length(first.column(0).dictionary)
                longest = max(longest, pyarrow.compute.max(lengths).as_py() or 0)
        if longest > self._reading.row_characters:
            raise row_too_large(self.name, row + 1, self._reading)
        return int(min(max(BYTES_AT_ONCE // max(longest, 1), 1), most_rows))


def parquet_rows(path: Path, reading: Reading) -> Iterator[Mapping[str, Any]]:
    """Give the values of each row. Raises: DatasetError when the file cannot be read or a cell is too large."""
    file = BoundedParquet(path, path.name, reading)
    flat = [field.name for field in file.schema if not pyarrow.types.is_nested(field.type)]
    # A nested column holds neither a text nor a label; an empty value is enough to say of what kind it is.
    nested = {field.name: _empty(field.type) for field in file.schema if pyarrow.types.is_nested(field.type)}
    try:
        for batch in file.batches(flat if nested else None, ROWS_AT_ONCE):
            for values in batch.to_pylist():
                yield values | nested if nested else values
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path.name} holds text that is not UTF-8.", remedy="Write it again.") from error
    except (pyarrow.ArrowException, OSError, EOFError, ValueError, OverflowError) as error:
        raise DatasetError(f"{path.name} is no readable Parquet file: {error}.", remedy="Write it again.") from error


def _unpacked(path: Path, reading: Reading) -> Any:
    # Parquet is read from its end: a gzipped one has to be unpacked first.
    file = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as what reads from it
    with told_of(path), open_unpacked(path, reading) as packed:
        shutil.copyfileobj(packed, file, UNPACKED_AT_ONCE)
    file.seek(0)
    return file


def _is_text(kind: pyarrow.DataType) -> bool:
    if pyarrow.types.is_dictionary(kind):  # as pandas writes its categories
        return _is_text(kind.value_type) or _is_long_text(kind.value_type)
    return pyarrow.types.is_string(kind) or pyarrow.types.is_binary(kind)


def _is_long_text(kind: pyarrow.DataType) -> bool:
    return pyarrow.types.is_large_string(kind) or pyarrow.types.is_large_binary(kind)


def _empty(kind: pyarrow.DataType) -> Any:
    return {} if pyarrow.types.is_struct(kind) or pyarrow.types.is_map(kind) else []


def _row_sizes(batch: pyarrow.RecordBatch) -> np.ndarray:
    """Count the bytes of text in each row [n]."""
    sizes: np.ndarray = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        if pyarrow.types.is_dictionary(column.type) and _is_text(column.type):
            lengths = pyarrow.compute.binary_length(column.dictionary).take(column.indices)
            sizes += lengths.fill_null(0).to_numpy(zero_copy_only=False)
        elif _is_text(column.type) or _is_long_text(column.type):
            sizes += pyarrow.compute.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    return sizes
