"""A table that comes through standard input is read as a file."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.exceptions import DatasetError

STANDARD_INPUT = "-"


@contextmanager
def as_file(path: str | Path) -> Iterator[tuple[Path, str]]:
    """Give the file of a table and its name; "-" is CSV from standard input. Raises: DatasetError."""
    if str(path) != STANDARD_INPUT:
        yield Path(path), Path(path).name
        return
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "standard input.csv"
        with file.open("wb") as kept:
            if sys.stdin is None:
                raise DatasetError("standard input is closed.", remedy="Give a file, or pipe a table into it.")
            shutil.copyfileobj(sys.stdin.buffer, kept)
        try:
            yield file, file.stem
        except DatasetError as error:
            said = str(error).replace(str(file), file.stem).replace(file.name, file.stem)
            raise DatasetError(said) from error
