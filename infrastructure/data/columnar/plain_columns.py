"""Cells of Arrow columns as the few types that rows and tables know, and how long their texts are."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow
import pyarrow.compute
from pyarrow import types

from domain.exceptions import DatasetError
from domain.reading import MIB, Reading
from infrastructure.data.files.opening import grown_too_large, row_too_large

BYTES_AT_ONCE = 64 * MIB
BYTES_OF_ITEM = 8  # of a list, at least


def is_text(kind: pyarrow.DataType) -> bool:
    """Tell whether cells of this type are texts, or bytes that may be some, written out or as numbers of a list."""
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):  # as pandas writes its categories
        return is_text(kind.value_type)
    return _is_utf8(kind) or types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)


def is_utf8(kind: pyarrow.DataType) -> bool:
    """Tell whether cells of this type are said to be texts."""
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return is_utf8(kind.value_type)
    return _is_utf8(kind)


def _is_utf8(kind: pyarrow.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_time(kind: pyarrow.DataType) -> bool:
    """Tell whether cells of this type are points in time."""
    return bool(types.is_timestamp(kind) or types.is_date(kind))


def may_be_numbers(kind: pyarrow.DataType) -> bool:
    """Tell whether cells of this type are numbers, truth values, or texts that may be some."""
    if isinstance(kind, pyarrow.BaseExtensionType):
        return may_be_numbers(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return may_be_numbers(kind.value_type)
    return not (types.is_nested(kind) or types.is_temporal(kind) or types.is_interval(kind))


def is_nested(kind: pyarrow.DataType) -> bool:
    """Tell whether cells of this type are lists or objects, however deep, of a kind that can be measured."""
    if isinstance(kind, pyarrow.BaseExtensionType):
        return is_nested(kind.storage_type)
    inner = [kind.field(number).type for number in range(kind.num_fields)]
    return (_is_list(kind) or bool(types.is_struct(kind))) and all(
        not types.is_nested(t) or is_nested(t) for t in inner
    )


def _is_list(kind: pyarrow.DataType) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def type_name(kind: pyarrow.DataType) -> str:
    """Write down a type, not all of a deep one."""
    name = re.sub(r" \('.*?'\)", "", str(kind))  # what a map calls its entries
    return name if len(name) <= 60 else name[:57] + "..."


def bounded(
    batches: Iterable[pyarrow.RecordBatch], name: str, reading: Reading, most_bytes: int, most_rows: int
) -> Iterator[pyarrow.RecordBatch]:
    """Give plain batches of few rows whose texts fit the limits; they are measured before they are written out.

    Raises: DatasetError for a row or a file too large.
    """
    row = taken = 0
    for batch in batches:
        for start in range(0, batch.num_rows, most_rows):
            part = batch.slice(start, most_rows)
            sizes = _row_sizes(part)
            if sizes.max() > reading.row_characters:
                raise row_too_large(name, row + int(sizes.argmax()) + 1, reading)
            taken += max(int(sizes.sum()), part.num_rows)  # rows of nothing could go on for ever
            if max(taken, _listed_bytes(part)) > most_bytes:
                raise grown_too_large(name, most_bytes)
            row += part.num_rows
            for piece in _pieces(part, sizes):
                names = piece.schema.names
                columns = []
                for column, of in zip(piece.columns, names, strict=True):
                    with naming(name, of):
                        columns.append(plain(column))
                yield pyarrow.RecordBatch.from_arrays(columns, names=names)


@contextmanager
def naming(name: str, of: str) -> Iterator[None]:
    """Say which column holds text that is not UTF-8. Raises: DatasetError."""
    try:
        yield
    except pyarrow.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
        raise DatasetError(
            f"{name}: column {of!r} holds text that is not UTF-8.", remedy="Write it again, or leave the column out."
        ) from error


def plain(column: pyarrow.Array) -> pyarrow.Array:
    """Give the same cells as texts, numbers, truth values or times. Raises: ArrowInvalid for text that is not UTF-8."""
    kind = column.type
    if isinstance(column, pyarrow.ExtensionArray):
        return plain(column.storage)
    if is_nested(kind):  # what is in it becomes texts where it becomes values
        column.validate(full=True)
        return column
    if types.is_dictionary(kind):
        return _taken(column.dictionary, column.indices)
    if types.is_run_end_encoded(kind):
        return _taken(column.values, pyarrow.array(_runs(column)))
    if types.is_string(kind) or types.is_large_string(kind):
        column.validate(full=True)
        return column
    if is_text(kind) or types.is_fixed_size_binary(kind):
        return column.cast(pyarrow.large_string())
    return column.cast(pyarrow.float64()) if types.is_float16(kind) else column


def _taken(values: pyarrow.Array, numbers: pyarrow.Array) -> pyarrow.Array:
    if _is_view(values.type):  # which cannot be taken by numbers
        return plain(values).take(numbers)
    return plain(values.take(numbers))


def _pieces(batch: pyarrow.RecordBatch, sizes: np.ndarray) -> Iterator[pyarrow.RecordBatch]:
    ends = np.cumsum(sizes)
    start = done = 0
    while start < batch.num_rows:
        end = max(start + 1, int(np.searchsorted(ends, done + BYTES_AT_ONCE, side="right")))
        yield batch.slice(start, end - start)
        start, done = end, int(ends[end - 1])


def _row_sizes(batch: pyarrow.RecordBatch) -> np.ndarray:
    """Count the bytes of text in each row [n]."""
    sizes: np.ndarray = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        if is_text(column.type):
            sizes += _lengths(column)
        elif types.is_fixed_size_binary(column.type):
            sizes += column.type.byte_width
        elif is_nested(column.type):
            sizes += _nested_lengths(column)
    return sizes


def _nested_lengths(column: pyarrow.Array) -> np.ndarray:
    """Count the bytes of text below each cell [n], and a few for each item of a list: many of nothing take memory."""
    kind = column.type
    if isinstance(column, pyarrow.ExtensionArray):
        return _nested_lengths(column.storage)
    if types.is_struct(kind):
        fields = [_nested_lengths(field) for field in column.flatten()]
        return np.sum(fields, axis=0) if fields else np.zeros(len(column), dtype=np.int64)
    if _is_list(kind):
        items = _nested_lengths(column.flatten()) + BYTES_OF_ITEM
        parents = pyarrow.compute.list_parent_indices(column).to_numpy(zero_copy_only=False)
        return np.bincount(parents, weights=items, minlength=len(column)).astype(np.int64)
    if types.is_fixed_size_binary(kind):
        return np.full(len(column), kind.byte_width, dtype=np.int64)
    return _lengths(column) if is_text(kind) else np.zeros(len(column), dtype=np.int64)


def _lengths(column: pyarrow.Array) -> np.ndarray:
    kind = column.type
    if types.is_dictionary(kind):
        return _filled(pyarrow.array(_lengths(column.dictionary)).take(column.indices))
    if types.is_run_end_encoded(kind):
        return _lengths(column.values)[_runs(column)]
    if _is_view(kind):
        # Many views may show the same bytes: what they come to is known from the views alone.
        views = np.frombuffer(column.buffers()[1], dtype=np.int32)[4 * column.offset :: 4][: len(column)]
        return np.where(column.is_valid().to_numpy(zero_copy_only=False), views, 0).astype(np.int64)
    return _filled(pyarrow.compute.binary_length(column))


def _runs(column: pyarrow.Array) -> np.ndarray:
    """Give the number of the run that each row [n] is part of."""
    rows = np.arange(column.offset, column.offset + len(column))
    return np.searchsorted(column.run_ends.to_numpy(), rows, side="right")


def _listed_bytes(batch: pyarrow.RecordBatch) -> int:
    """Count the bytes of the views that rows name by numbers, for views are written out before rows are."""
    total = 0
    for column in batch.columns:
        if types.is_dictionary(column.type) and _is_view(column.type.value_type):
            total += int(_lengths(column.dictionary).sum())
        elif types.is_run_end_encoded(column.type) and _is_view(column.type.value_type):
            total += int(_lengths(column.values).sum())
    return total


def _is_view(kind: pyarrow.DataType) -> bool:
    return bool(types.is_string_view(kind) or types.is_binary_view(kind))


def _filled(lengths: pyarrow.Array) -> np.ndarray:
    filled: np.ndarray = lengths.fill_null(0).to_numpy(zero_copy_only=False)
    return filled.astype(np.int64, copy=False)
