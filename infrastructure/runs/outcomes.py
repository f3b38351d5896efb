"""What became of each row that a finished model was scored on: a Parquet file, by which runs are compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from infrastructure.files import staged_file
from infrastructure.plain_files import open_to_read


def write_outcomes(path: Path, columns: Mapping[str, Any]) -> None:
    """Write a line for each row: its name `row`, its `digest`, equal for equal rows of any run, and its outcome.

    Raises: OSError of the disk.
    """
    with staged_file(path) as staging:
        pyarrow.parquet.write_table(pyarrow.table(dict(columns)), staging)


def read_outcomes(path: Path) -> Mapping[str, Sequence[Any]]:
    """Read them again. Raises: OSError, and ValueError for a file that is none of ours."""
    with open_to_read(path) as file:
        return pyarrow.parquet.read_table(file).to_pydict()
