"""The reader for each format of files that keep their cells by column."""

from pathlib import Path

from domain.reading import Reading
from infrastructure.data.columnar.arrow_file import ArrowFile
from infrastructure.data.columnar.columnar_file import Columnar
from infrastructure.data.columnar.parquet_file import ParquetFile
from infrastructure.data.columnar.saved_dataset import open_saved_dataset
from infrastructure.data.files.content_kind import HEAD_BYTES, disguised
from infrastructure.data.files.formats import EXCEL, PARQUET, ending_of
from infrastructure.data.files.opening import open_unpacked, told_of


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
        from infrastructure.data.columnar.workbook import Workbook  # only where there is one

        return Workbook(path, name, reading)
    return (ParquetFile if kind == PARQUET else ArrowFile)(path, name, reading)
