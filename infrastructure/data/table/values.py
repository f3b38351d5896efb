"""The numbers of a table on disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

CHUNK_ROWS = 1 << 16


def map_rows(path: Path, num_columns: int) -> np.ndarray:
    """Map a file of float64 rows [N, C] into memory, to be read only."""
    return np.memmap(path, dtype=np.float64, mode="r").reshape(-1, num_columns)


def append_rows(file: BinaryIO, rows: np.ndarray) -> None:
    """Write rows behind those of a file. Raises: OSError, also at a full disk, which `tofile` may not notice."""
    file.write(np.ascontiguousarray(rows, dtype=np.float64).data)


def keep_columns(path: Path, num_columns: int, kept: Sequence[int]) -> None:
    """Leave just some columns in a file of rows."""
    old, aside = map_rows(path, num_columns), path.with_suffix(".new")
    with aside.open("wb") as file:
        for start in range(0, len(old), CHUNK_ROWS):
            append_rows(file, old[start : start + CHUNK_ROWS][:, list(kept)])
    aside.replace(path)
