"""Parts that follow each other in time, and the windows that belong to each."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.data.series.split import anchors_of, part_ends
from infrastructure.data.table.table import Table

DAY = 86_400_000_000
FIRST = int(np.datetime64("2024-01-01", "us").astype(np.int64))


def table(rows: int = 100, clock: bool = True) -> Table:
    stamps = FIRST + np.arange(rows) * DAY if clock else None
    return Table(
        Path("days.csv"), "", ("a",), np.zeros((rows, 1)), stamps, "", "date" if clock else None,
        DAY if clock else None, (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("split", "ends"),
    [
        ((0.7, 0.1, 0.2), (70, 80, 100)),
        ((0.6, 0.2), (60, 80)),
        ((50, 20, 10), (50, 70, 80)),
        ((99, 1), (99, 100)),
        (("2024-01-11", "2024-01-21"), (10, 20)),
        (("2024-01-11", "2024-02-01", "2024-03-01"), (10, 31, 60)),
        (("2024-01-11", "2024-04-10"), (10, 100)),  # the day behind the last one
    ],
    ids=str,
)
def test_the_ends_of_parts(split: Any, ends: tuple[int, ...]) -> None:
    assert part_ends(table(), split) == ends


@pytest.mark.parametrize("rows", [10, 37, 1001])
def test_shares_that_sum_to_one_use_every_row(rows: int) -> None:
    for split in ((0.7, 0.1, 0.2), (0.1, 0.2, 0.7), (1 / 3, 1 / 3, 1 / 3)):
        assert part_ends(table(rows), split)[-1] == rows


@pytest.mark.parametrize(
    ("split", "error", "told"),
    [
        ((90, 11), DatasetError, "split asks for 101 rows, but days.csv has 100"),
        ((0.001, 0.9), DatasetError, "the training part of days.csv is empty"),
        (("2023-12-31", "2024-02-01"), ConfigurationError, "split has 2023-12-31, but days.csv reaches from"),
        (("2024-02-01", "2025-02-01"), ConfigurationError, "split has 2025-02-01, but days.csv reaches from"),
        (("2024-02-01", "2024-01-11"), ConfigurationError, "dates must ascend"),
        (("2024-02-01", "soon"), ConfigurationError, "split has 'soon', which is no date"),
    ],
    ids=str,
)
def test_a_split_that_cannot_be_is_refused(split: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        part_ends(table(), split)


def test_dates_need_a_clock() -> None:
    with pytest.raises(ConfigurationError, match="has no time column"):
        part_ends(table(clock=False), ("2024-01-11", "2024-01-21"))


@given(st.integers(0, 60), st.integers(1, 60), st.integers(1, 20), st.integers(1, 20), st.integers(1, 5))
def test_anchors_are_all_whose_history_is_whole_and_whose_targets_lie_within_the_part(
    start: int, size: int, context: int, reach: int, stride: int
) -> None:
    end = start + size
    expected = [
        anchor for anchor in range(-1, end) if anchor + 1 >= start and anchor + 1 >= context and anchor + reach < end
    ]
    assert anchors_of(start, end, context, reach, stride).tolist() == expected[::stride]


@pytest.mark.parametrize("borders", [(8640, 11520), (11520, 14400)])
def test_the_usual_months_of_hours_have_2785_windows_of_96_steps(borders: tuple[int, int]) -> None:
    assert len(anchors_of(*borders, 336, 96)) == 2880 - 96 + 1 == 2785
