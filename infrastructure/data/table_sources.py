"""The reader of a table for each format."""

from pathlib import Path

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.table_columnar import ColumnarSource
from infrastructure.data.table_csv import CsvSource

DELIMITERS = {".csv": ",", ".tsv": "\t"}


def source_of(path: Path, name: str, reading: Reading = AS_FOUND) -> CsvSource | ColumnarSource:
    """Find out how a file is read. Raises: DatasetError for a directory or an ending that no table has."""
    if path.is_dir():
        raise DatasetError(f"{path} is a directory.", remedy="Give a CSV or Parquet file.")
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = suffixes[-1] if suffixes else ""
    if kind == ".parquet":
        return ColumnarSource(path, name, reading)
    if kind not in DELIMITERS:
        raise DatasetError(
            f"{name} has the ending {kind!r}, but a table has one of .csv, .tsv (or that and .gz), .parquet.",
            remedy="Convert or rename the file.",
        )
    return CsvSource(path, name, DELIMITERS[kind], reading)
