"""Rows of a file of columns; only the columns that somebody asks for are read."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import repeat
from typing import Any

import pyarrow
from pyarrow import types

from domain.exceptions import DatasetError
from infrastructure.data.columnar.columnar_file import Columnar, unreadable
from infrastructure.data.columnar.plain_columns import is_nested, is_text, is_time, is_utf8, may_be_numbers, type_name
from infrastructure.data.columnar.saved_dataset import WithLabelNames
from infrastructure.data.files.encodings import Say
from infrastructure.data.files.row import Row

ROWS_AT_ONCE = 4096


def columnar_rows(
    file: Columnar, kept: Sequence[str] = (), say: Say = lambda word: None, nested: bool = False
) -> Iterator[Row]:
    """Give each row; its values are read when they are asked for, and the cells of `kept` columns as they are typed.

    Times among these are those of Python: what is cut off is told to `say`. With `nested` a cell may be a list or an
    object.
    Raises: DatasetError when the file cannot be read, a cell is too large, or a column is asked for whose type holds
    neither text nor number.
    """
    _refuse_repeated_names(file)
    columns = _Columns(WithLabelNames(file), nested)
    cells = columns.typed(kept, say) if kept else repeat(None)
    row = 0
    while row < len(file):
        for block in columns.blocks(row):
            yield from map(Row, file.lines(row, block.rows), block.of_rows(), cells)
            row += block.rows
            if columns.have_grown:
                break


class _Columns:
    """The columns that were asked for so far."""

    def __init__(self, file: Columnar, nested: bool) -> None:
        self.file = file
        self._nested = nested
        self.kinds = {field.name: field.type for field in file.schema}
        self.asked: list[str] = []
        self.have_grown = False

    def blocks(self, start: int) -> Iterator["_Block"]:
        """Read from a row on; the first one stands alone and is what tells which columns are wanted."""
        self.have_grown = False
        if not self.asked:
            yield _Block(self, start, 1 if not start else min(ROWS_AT_ONCE, len(self.file) - start), {})
            return
        for first, batch in self._from(start, self.asked):
            yield _Block(self, first, batch.num_rows, {n: _values(batch.column(n)) for n in batch.schema.names})

    def read(self, name: str, start: int, rows: int) -> list[Any]:
        """Read rows of a column that was not asked for before."""
        self._ask(name)
        values: list[Any] = []
        for _, batch in self._from(start, [name]):
            values += _values(batch.column(0).slice(0, rows - len(values)))
            if len(values) >= rows:
                break
        return values

    def typed(self, names: Sequence[str], say: Say) -> Iterator[Mapping[str, Any]]:
        """Give the cells of some columns row by row, as what they are."""
        for _, batch in self._from(0, names):
            own = [self._plain(name, column, say) for name, column in zip(names, batch.columns, strict=True)]
            yield from (dict(zip(names, cells, strict=True)) for cells in zip(*own, strict=True))

    def _plain(self, name: str, column: pyarrow.Array, say: Say) -> list[Any]:
        try:
            counted, is_cut = _to_microseconds(column)
            cells: list[Any] = counted.to_pylist()
        except (pyarrow.ArrowException, ValueError, OverflowError) as error:
            raise DatasetError(
                f"{self.file.name}: column {name!r} of type {type_name(column.type)} has a cell that cannot be kept "
                f"beside an answer: {str(error).rstrip('.')}.",
                remedy="Name the columns to keep without it, such as --keep id.",
            ) from error
        if is_cut:
            say(f"{self.file.name}: column {name!r} counts nanoseconds; its times are kept to the microsecond.")
        return cells

    def _ask(self, name: str) -> None:
        if name in self.asked:
            return
        kind = self.kinds[name]
        if not (_holds_values(kind) or (self._nested and is_nested(kind))):
            raise DatasetError(
                f"{self.file.name}: column {name!r} is of type {type_name(kind)}, which is neither text nor number.",
                remedy="Write it as text, or name another column.",
            )
        self.asked.append(name)
        self.have_grown = True

    def _from(self, start: int, names: Sequence[str]) -> Iterator[tuple[int, pyarrow.RecordBatch]]:
        first = 0
        try:
            for batch in self.file.batches(names, ROWS_AT_ONCE):
                end = first + batch.num_rows
                if end > start:
                    begin = max(start - first, 0)
                    yield first + begin, batch.slice(begin)
                first = end
        except (pyarrow.ArrowException, OSError, EOFError, ValueError, OverflowError) as error:
            raise unreadable(self.file.name, error) from error


class _Block:
    """Some rows that follow one another."""

    def __init__(self, columns: _Columns, start: int, rows: int, values: dict[str, list[Any]]) -> None:
        self.rows = rows
        self.names = columns.kinds
        self.values = values
        self._columns, self._start = columns, start

    def of_rows(self) -> Iterator[Mapping[str, Any]]:
        """Give the values of each row."""
        if len(self.values) == len(self.names):  # plain ones are quicker
            names = tuple(self.values)
            return (dict(zip(names, cells, strict=True)) for cells in zip(*self.values.values(), strict=True))
        return (_Row(self, number) for number in range(self.rows))

    def column(self, name: str) -> list[Any]:
        """Give the values of a column. Raises: KeyError, DatasetError."""
        if name not in self.values:
            if name not in self.names:
                raise KeyError(name)
            self.values[name] = self._columns.read(name, self._start, self.rows)
        return self.values[name]


class _Row(Mapping[str, Any]):
    """One row of a block."""

    __slots__ = ("_block", "_number", "_read")

    def __init__(self, block: _Block, number: int) -> None:
        self._block, self._number, self._read = block, number, block.values

    def __getitem__(self, name: str) -> Any:
        column = self._read.get(name)
        return (self._block.column(name) if column is None else column)[self._number]

    def get(self, name: str, default: Any = None) -> Any:
        column = self._read.get(name)
        if column is not None:
            return column[self._number]
        return self[name] if name in self._block.names else default

    def __contains__(self, name: object) -> bool:
        return name in self._read or name in self._block.names

    def __iter__(self) -> Iterator[str]:
        return iter(self._block.names)

    def __len__(self) -> int:
        return len(self._block.names)


def _values(column: pyarrow.Array) -> list[Any]:
    kind = column.type
    if types.is_decimal(kind):
        # Without places behind the point they are whole numbers, in whichever format they are kept.
        return [
            None if value is None else int(value) if kind.scale <= 0 else float(value) for value in column.to_pylist()
        ]
    if types.is_temporal(kind):
        column = _without_fraction(column).cast(pyarrow.string())
    values: list[Any] = column.to_pylist()
    return values


def _without_fraction(times: pyarrow.Array) -> pyarrow.Array:
    """Drop the fraction of seconds where none has one, so that a time is written as in other formats."""
    if types.is_timestamp(times.type):
        with suppress(pyarrow.ArrowInvalid):
            return times.cast(pyarrow.timestamp("s", times.type.tz))
    return times


def keepable(file: Columnar) -> Mapping[str, pyarrow.DataType | None]:
    """Give each column with the type that its cells have when they are kept, None where they hold no value."""
    return {
        field.name: _plain_type(field.type) if _holds_values(field.type) and not _is_bytes(field.type) else None
        for field in WithLabelNames(file).schema
    }


def _plain_type(kind: pyarrow.DataType) -> pyarrow.DataType:
    """Give the type that a column has once it is plain."""
    if isinstance(kind, pyarrow.BaseExtensionType):
        return _plain_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _plain_type(kind.value_type)
    if types.is_float16(kind):
        return pyarrow.float64()
    return pyarrow.large_string() if is_text(kind) else _in_microseconds(kind)


def _is_bytes(kind: pyarrow.DataType) -> bool:
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _is_bytes(kind.value_type)
    return bool(types.is_fixed_size_binary(kind)) or (is_text(kind) and not is_utf8(kind))


def _to_microseconds(column: pyarrow.Array) -> tuple[pyarrow.Array, bool]:
    """Count as Python does, and tell whether nanoseconds were lost. Raises: ArrowInvalid for a time out of reach."""
    kind = _in_microseconds(column.type)
    if kind == column.type:
        return column, False
    try:
        return column.cast(kind), False
    except pyarrow.ArrowInvalid:
        if column.type.unit != "ns":
            raise
        return column.cast(kind, safe=False), True


def _in_microseconds(kind: pyarrow.DataType) -> pyarrow.DataType:
    if types.is_timestamp(kind):
        return pyarrow.timestamp("us", kind.tz)
    return pyarrow.time64("us") if types.is_time64(kind) else kind


def _holds_values(kind: pyarrow.DataType) -> bool:
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _holds_values(kind.value_type)
    return may_be_numbers(kind) or is_time(kind) or bool(types.is_time(kind))


def _refuse_repeated_names(file: Columnar) -> None:
    first: dict[str, int] = {}
    for number, name in enumerate(file.schema.names, 1):
        earlier = first.setdefault(name, number)
        if earlier < number:
            raise DatasetError(
                f"{file.name}: two columns are named {name!r} ({earlier} and {number}).", remedy="Rename one of them."
            )
