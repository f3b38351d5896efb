"""The reader for each format of files that keep their cells by column."""

from pathlib import Path

from domain.reading import Reading
from infrastructure.data.arrow_file import ArrowFile
from infrastructure.data.columnar import Columnar
from infrastructure.data.content_kind import HEAD_BYTES, disguised
from infrastructure.data.formats import EXCEL, PARQUET, ending_of
from infrastructure.data.opening import open_unpacked, told_of
from infrastructure.data.parquet_file import ParquetFile
from infrastructure.data.saved_dataset import open_saved_dataset


def open_columnar(path: Path, name: str, reading: Reading) -> Columnar:
    """Open a file or a directory of columns. Raises: DatasetError when it cannot be read or unpacks to too much."""
    if path.is_dir():
        return open_saved_dataset(path, name, reading)
    kind = ending_of(path)
    with told_of(path), open_unpacked(path, reading) as file:
        error = disguised(name, file.peek(HEAD_BYTES)[:HEAD_BYTES], kind)
    if error is not None:
        raise error
    if kind in EXCEL:
        from infrastructure.data.workbook import Workbook  # only where there is one

        return Workbook(path, name, reading)
    return (ParquetFile if kind == PARQUET else ArrowFile)(path, name, reading)
