"""Files and streams of Arrow's own format, which Feather is another name of, in bounded batches."""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.ipc

from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.columnar.arrow_sizes import MAGIC, unpacked_sizes
from infrastructure.data.columnar.columnar_file import refuse_many_columns, refuse_many_rows, unpacked
from infrastructure.data.columnar.plain_columns import bounded, naming
from infrastructure.data.files.opening import grown_too_large, size_of

FEATHER_1 = b"FEA1"


class ArrowFile:
    """A file or stream, plain or gzipped. Raises: DatasetError when it cannot be read or unpacks to too much."""

    def __init__(self, path: Path, name: str, reading: Reading) -> None:
        self.name, self._reading = name, reading
        self.notes: Sequence[str] = ()
        self._most = reading.unpacked_bytes(size_of(path))
        self._source = unpacked(path, reading)
        head = self._source.read(len(MAGIC))
        if head.startswith(FEATHER_1):
            raise DatasetError(
                f"{name} is a Feather file of version 1, which is no longer written.",
                remedy="Read it with the library that wrote it, and write it again as Parquet.",
            )
        self._is_file = head == MAGIC
        try:
            sizes = list(unpacked_sizes(self._source))
            if sum(size for _, size in sizes) > self._most:
                raise grown_too_large(name, self._most)
            with self._opened([]) as opened:  # none is all
                self.schema = opened.schema
            refuse_many_columns(name, self.schema)
            refuse_many_rows(name, sum(rows for rows, _ in sizes), self._most)
        except UnicodeDecodeError as error:
            raise DatasetError(f"{name} has a column whose name is not UTF-8.", remedy="Rename it.") from error
        except (pyarrow.ArrowException, OSError, ValueError, struct.error) as error:
            raise DatasetError(f"{name} is no readable Arrow file: {error}.", remedy="Write it again.") from error
        self._count = sum(rows for rows, _ in sizes)

    def __len__(self) -> int:
        return self._count

    def lines(self, start: int, count: int) -> Sequence[int]:
        """Count rows from 1."""
        return range(start + 1, start + 1 + count)

    def batches(self, columns: Sequence[str], most_rows: int) -> Iterator[pyarrow.RecordBatch]:
        """Read some columns, at least one. Raises: DatasetError for a cell too large; what pyarrow raises."""
        return bounded(self._stored(columns), self.name, self._reading, self._most, most_rows)

    def _stored(self, columns: Sequence[str]) -> Iterator[pyarrow.RecordBatch]:
        with self._opened([self.schema.names.index(name) for name in columns]) as opened:
            many = map(opened.get_batch, range(opened.num_record_batches)) if self._is_file else iter(opened)
            for batch in many:
                chosen = batch.select(list(columns))
                for name, column in zip(columns, chosen.columns, strict=True):
                    with naming(self.name, name):
                        column.validate(full=True)  # nothing else keeps a column from pointing outside of itself
                yield chosen

    def _opened(self, fields: list[int]) -> Any:
        # Each reading has a place of its own in the file.
        source = pyarrow.OSFile(self._source.name)
        options = pyarrow.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        return (pyarrow.ipc.open_file if self._is_file else pyarrow.ipc.open_stream)(source, options=options)
