"""Rows of a Parquet file in bounded batches: few bytes of it may stand for very many."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from domain.exceptions import DatasetError
from domain.limits import MAX_FIELDS, MIB, ReadingLimits
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


def open_parquet(path: Path, name: str, limits: ReadingLimits) -> pyarrow.parquet.ParquetFile:
    """Open a plain or gzipped file, its repeated texts kept once in memory. Raises: DatasetError."""
    size = size_of(path)
    try:
        source: Any = path
        if path.suffix.lower() == ".gz":
            # Parquet is read from its end: a gzipped one has to be unpacked first.
            source = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the file that reads it
            with told_of(path), open_unpacked(path, limits) as packed:
                shutil.copyfileobj(packed, source, UNPACKED_AT_ONCE)
            source.seek(0)
        schema = pyarrow.parquet.read_schema(source)
        texts = [field.name for field in schema if _is_text(field.type)]
        file = pyarrow.parquet.ParquetFile(source, read_dictionary=texts, buffer_size=MIB)
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in groups) > limits.unpacked_bytes(size):
            raise grown_too_large(name, limits.unpacked_bytes(size))
        if len(schema.names) > MAX_FIELDS:
            raise DatasetError(f"{name} has {len(schema.names):,} columns, at most {MAX_FIELDS:,} are read.")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{name} has a column whose name is not UTF-8.", remedy="Rename it.") from error
    except (pyarrow.ArrowException, OSError, EOFError) as error:
        raise DatasetError(f"{name} is no readable Parquet file: {error}.", remedy="Write it again.") from error
    return file


def parquet_rows(path: Path, limits: ReadingLimits) -> Iterator[Mapping[str, Any]]:
    """Give the values of each row. Raises: DatasetError when the file cannot be read or a cell is too large."""
    file = open_parquet(path, path.name, limits)
    flat = [field.name for field in file.schema_arrow if not pyarrow.types.is_nested(field.type)]
    # A nested column holds neither a text nor a label; an empty value is enough to say of what kind it is.
    nested = {field.name: _empty(field.type) for field in file.schema_arrow if pyarrow.types.is_nested(field.type)}
    most = limits.unpacked_bytes(size_of(path))
    row, taken = 0, 0
    try:
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=flat if nested else None):
            sizes = _row_sizes(batch)
            if len(sizes) and sizes.max() > limits.row_characters:
                raise row_too_large(path.name, row + int(sizes.argmax()) + 1, limits)
            taken += int(sizes.sum())
            if taken > most:
                raise grown_too_large(path.name, most)
            for start, end in _stretches(sizes):
                for values in pyarrow.RecordBatch.to_pylist(_decoded(batch.slice(start, end - start))):
                    yield values | nested if nested else values
            row += len(sizes)
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path.name} holds text that is not UTF-8.", remedy="Write it again.") from error
    except (pyarrow.ArrowException, OSError, EOFError, ValueError, OverflowError) as error:
        raise DatasetError(f"{path.name} is no readable Parquet file: {error}.", remedy="Write it again.") from error


def _is_text(kind: pyarrow.DataType) -> bool:
    return pyarrow.types.is_string(kind) or pyarrow.types.is_binary(kind)


def _empty(kind: pyarrow.DataType) -> Any:
    return {} if pyarrow.types.is_struct(kind) or pyarrow.types.is_map(kind) else []


def _row_sizes(batch: pyarrow.RecordBatch) -> np.ndarray:
    """Give the bytes that each row will take [n], counted before its repeated texts are written out."""
    sizes: np.ndarray = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        if pyarrow.types.is_dictionary(column.type):
            lengths = pyarrow.compute.binary_length(column.dictionary)
            sizes += pyarrow.compute.take(lengths, column.indices).fill_null(0).to_numpy(zero_copy_only=False)
        elif pyarrow.types.is_large_string(column.type) or pyarrow.types.is_large_binary(column.type):
            sizes += pyarrow.compute.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    return sizes


def _stretches(sizes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Cut rows [n] so that no stretch takes much more than BYTES_AT_ONCE."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, before + BYTES_AT_ONCE, side="right")))
        yield start, end
        start = end


def _decoded(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    columns = [
        column.dictionary_decode() if pyarrow.types.is_dictionary(column.type) else column for column in batch.columns
    ]
    return pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names)
