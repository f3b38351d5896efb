"""The reader of a table for each format."""

from pathlib import Path

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.files.formats import COLUMNAR, ending_of, is_saved_dataset
from infrastructure.data.table.columnar_source import ColumnarSource
from infrastructure.data.table.csv_source import CsvSource

SEPARATED = (".csv", ".tsv")


def source_of(path: Path, name: str, reading: Reading = AS_FOUND) -> CsvSource | ColumnarSource:
    """Find out how a file is read. Raises: DatasetError for a directory or an ending that no table has."""
    if path.is_dir() and not is_saved_dataset(path):
        raise DatasetError(f"{path} is a directory.", remedy="Give a CSV or Parquet file.")
    kind = ending_of(path)
    if path.is_dir() or kind in COLUMNAR:
        return ColumnarSource(path, name, reading)
    if kind not in SEPARATED:
        raise DatasetError(
            f"{name} has the ending {kind!r}, but a table has one of "
            f"{', '.join((*SEPARATED, *COLUMNAR))} (or that and .gz).",
            remedy="Convert or rename the file.",
        )
    return CsvSource(path, name, reading)
