"""Numbers of a table on disk."""

import resource
from pathlib import Path

import numpy as np
import pytest

from infrastructure.data.table.values import append_rows, keep_columns, map_rows


def test_rows_come_back_as_they_were_written_and_some_columns_of_them(tmp_path: Path) -> None:
    path, rows = tmp_path / "values.bin", np.arange(30.0).reshape(10, 3)
    with path.open("wb") as file:
        append_rows(file, rows[:4])
        append_rows(file, rows[4:4])
        append_rows(file, np.asfortranarray(rows[4:]))
    assert np.array_equal(map_rows(path, 3), rows)
    keep_columns(path, 3, (2, 0))
    assert np.array_equal(map_rows(path, 2), rows[:, [2, 0]])


@pytest.mark.parametrize("num_rows", [240, 24_000])
def test_rows_that_a_full_disk_cuts_off_are_told_and_never_taken_for_all(tmp_path: Path, num_rows: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(OSError, match="too large"), (tmp_path / "values.bin").open("wb") as file:
            append_rows(file, np.zeros((num_rows, 2)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
