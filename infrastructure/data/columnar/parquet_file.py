"""A Parquet file in bounded batches: few bytes of it may stand for very many."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.parquet

from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.columnar import plain_columns
from infrastructure.data.columnar.columnar_file import refuse_many_columns, refuse_many_rows, unpacked
from infrastructure.data.files.opening import grown_too_large, row_too_large, size_of


class ParquetFile:
    """A plain or gzipped Parquet file. Raises: DatasetError when it cannot be read or unpacks to more than it may."""

    def __init__(self, path: Path, name: str, reading: Reading) -> None:
        self.name, self._reading = name, reading
        self.notes: Sequence[str] = ()
        self._most = reading.unpacked_bytes(size_of(path))
        try:
            self._source = unpacked(path, reading)
            self._file = pyarrow.parquet.ParquetFile(self._source.name)
            leaves = [field for field in self._file.schema_arrow for _ in range(_leaves(field.type))]
            self._column_of = [field.name for field in leaves]
            # Texts within lists stay numbers of a list of texts until they are measured: see `plain_columns`.
            nested = [number for number, field in enumerate(leaves) if plain_columns.is_nested(field.type)]
            if nested:
                self._file = pyarrow.parquet.ParquetFile(self._source.name, read_dictionary=nested)
            self.schema = self._file.schema_arrow
            self._texts = [field.name for field in self.schema if plain_columns.is_text(field.type)]
            # The same file with each repeated text once: it tells how long they are before they are written out.
            self._once = pyarrow.parquet.ParquetFile(self._source.name, read_dictionary=self._texts)
        except UnicodeDecodeError as error:
            raise DatasetError(f"{name} has a column whose name is not UTF-8.", remedy="Rename it.") from error
        except (pyarrow.ArrowException, OSError, EOFError) as error:
            raise DatasetError(f"{name} is no readable Parquet file: {error}.", remedy="Write it again.") from error
        self._groups = [self._file.metadata.row_group(number) for number in range(self._file.metadata.num_row_groups)]
        refuse_many_columns(name, self.schema)
        refuse_many_rows(name, len(self), self._most)

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    def lines(self, start: int, count: int) -> Sequence[int]:
        """Count rows from 1."""
        return range(start + 1, start + 1 + count)

    def batches(self, columns: Sequence[str], most_rows: int) -> Iterator[pyarrow.RecordBatch]:
        """Read some columns, at least one. Raises: DatasetError for a cell too large; what pyarrow raises."""
        return plain_columns.bounded(self._stored(columns, most_rows), self.name, self._reading, self._most, most_rows)

    def _stored(self, columns: Sequence[str], most_rows: int) -> Iterator[pyarrow.RecordBatch]:
        read = [self._chunks(number, columns) for number in range(len(self._groups))]
        if sum(_least_bytes(chunk) for chunks in read for _, chunk in chunks) > self._most:
            raise grown_too_large(self.name, self._most)
        row = 0
        for number, chunks in enumerate(read):
            rows = self._groups[number].num_rows
            size = self._rows_at_once(number, rows, chunks, most_rows, row)
            for batch in self._file.iter_batches(batch_size=size, row_groups=[number], columns=list(columns)):
                yield batch.select(list(columns))
            row += rows

    def _chunks(self, number: int, columns: Sequence[str]) -> list[tuple[str, Any]]:
        """Give what is stored of some columns, each with the name of its column: several of one that is nested."""
        group = self._groups[number]
        return [(name, group.column(leaf)) for leaf, name in enumerate(self._column_of) if name in columns]

    def _rows_at_once(self, number: int, rows: int, chunks: Sequence[tuple[str, Any]], most_rows: int, row: int) -> int:
        longest = sum(_least_bytes(chunk) for _, chunk in chunks) // max(rows, 1)
        for name, chunk in chunks:
            kind = self.schema.field(name).type
            if pyarrow.types.is_fixed_size_binary(kind):
                longest = max(longest, kind.byte_width)
            if not chunk.has_dictionary_page or name not in self._texts:
                continue
            first = next(self._once.iter_batches(batch_size=1, row_groups=[number], columns=[name]), None)
            if first is not None and pyarrow.types.is_dictionary(first.column(0).type):
                lengths = pyarrow.compute.binary_length(first.column(0).dictionary)
                longest = max(longest, pyarrow.compute.max(lengths).as_py() or 0)
        if longest > self._reading.row_characters:
            raise row_too_large(self.name, row + 1, self._reading)
        return int(min(max(plain_columns.BYTES_AT_ONCE // max(longest, 1), 1), most_rows))


def _leaves(kind: pyarrow.DataType) -> int:
    """Count the columns that Parquet keeps for one of this type."""
    if isinstance(kind, pyarrow.BaseExtensionType):
        return _leaves(kind.storage_type)
    if not pyarrow.types.is_nested(kind):
        return 1
    return sum(_leaves(kind.field(number).type) for number in range(kind.num_fields))


def _least_bytes(chunk: Any) -> int:
    """Give what a chunk takes at least; many empty lists or missing values take no bytes in a file."""
    nested = chunk.num_values * plain_columns.BYTES_OF_ITEM if "." in chunk.path_in_schema else 0
    return int(max(chunk.total_uncompressed_size, nested))
