"""Answers as Parquet: rows in groups, so that memory does not grow with their number."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from application.answers import INTEGER, NUMBER, TEXT, TRUTH, WORDS, Answers, Column, cell_text, flat_cells
from infrastructure.answers.stamps_of_answers import timestamps
from infrastructure.data.files.opening import mended

ROWS_AT_ONCE = 1 << 16
CHARACTERS_AT_ONCE = 1 << 26
_TYPES = {
    TEXT: pyarrow.string(),
    WORDS: pyarrow.string(),
    INTEGER: pyarrow.int64(),
    NUMBER: pyarrow.float64(),
    TRUTH: pyarrow.bool_(),
}


def write_parquet(path: Path, answers: Answers) -> None:
    """Write the rows as columns of one type each: of the input as they were typed there, texts of CSV as texts."""
    if not answers.columns:
        pyarrow.parquet.write_table(_of_forecast(answers), path)
        return
    writer: Any = None
    schema: Any = None
    for rows in _groups(answers):
        cells = [[row.get(column.name) for row in rows] for column in answers.columns]
        if schema is None:
            fields = [(column.name, _type_of(column, own)) for column, own in zip(answers.columns, cells, strict=True)]
            schema = pyarrow.schema(fields)
            writer = pyarrow.parquet.ParquetWriter(path, schema)
        arrays = [_array(own, kind) for own, kind in zip(cells, schema.types, strict=True)]
        writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
    if writer is not None:
        writer.close()


def _groups(answers: Answers) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Give rows together, few where their texts are long; a group without rows where there are none."""
    group: list[Mapping[str, Any]] = []
    size = 0
    is_first = True
    for row in answers:
        group.append(row)
        size += sum(len(cell) for cell in row.values() if isinstance(cell, str))
        if len(group) >= ROWS_AT_ONCE or size >= CHARACTERS_AT_ONCE:
            yield group
            group, size, is_first = [], 0, False
    if group or is_first:
        yield group


def _type_of(column: Column, cells: Sequence[Any]) -> Any:
    if column.kind is None:
        found = pyarrow.array(cells).type
        return pyarrow.string() if pyarrow.types.is_null(found) else found
    return _TYPES.get(column.kind, column.kind) if isinstance(column.kind, str) else column.kind


def _array(cells: Sequence[Any], kind: Any) -> pyarrow.Array:
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        texts = map(cell_text, cells)
        return pyarrow.array([None if text is None else mended(text) for text in texts], kind)
    return pyarrow.array(cells, kind)


def _of_forecast(answers: Answers) -> pyarrow.Table:
    """Give the rows as columns: numbers as float64 with all their digits, stamps as timestamps."""
    table = pyarrow.Table.from_pylist([flat_cells(row) for row in answers])
    stamps = timestamps(table.column(0).combine_chunks()) if table.num_rows else None
    return table if stamps is None else table.set_column(0, table.column_names[0], stamps)
