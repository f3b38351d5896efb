"""A few rows of many, and what is told of rows that were cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.data.some_rows import SomeRows, spread
from infrastructure.data.splitting import TwoParts
from infrastructure.data.tokens.tokenization import cut_told


@given(st.integers(1, 500), st.integers(1, 80))
def test_a_few_places_are_spread_evenly_up_to_the_last_one(length: int, count: int) -> None:
    places = spread(length, count)
    assert len(places) == min(length, count)
    assert places[-1] == length - 1
    assert count == 1 or places[0] == 0
    assert np.ptp(np.diff(places)) <= 1 if len(places) > 1 else True


def test_some_rows_are_the_rows_at_these_places() -> None:
    some = SomeRows("abcdefgh", np.arange(8), 3)
    assert [some[index] for index in range(len(some))] == ["a", "d", "h"]
    assert some.lengths.tolist() == [0, 3, 7]


def test_a_split_counts_its_parts() -> None:
    split = TwoParts(train="abc", evaluation="d")
    assert (split.num_train, split.num_eval, split.warnings) == (3, 1, ())


@pytest.mark.parametrize(
    ("num_cut", "lost", "told"),
    [
        (0, "the end", ()),
        (1, "", ("1 of 4 rows (25%) of a.csv are longer than max_length 8 and were cut.",)),
        (
            1,
            "the end is lost",
            ("1 of 4 rows (25%) of a.csv are longer than max_length 8 and were cut; the end is lost.",),
        ),
    ],
    ids=["none", "plain", "with its cost"],
)
def test_rows_that_were_cut_are_counted(num_cut: int, lost: str, told: tuple[str, ...]) -> None:
    assert cut_told(num_cut, 4, "a.csv", 8, lost) == told
