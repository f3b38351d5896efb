"""Tokens that an exported model draws: from the likeliest alone, by the seed and the number of a row."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from domain.generation import GenerationSettings
from infrastructure.exported.writing.choosing import choosing

SHARES = np.array([0.5, 0.25, 0.15, 0.1])
SCORES = np.log(SHARES).astype(np.float32)


def drawn(num: int = 4_000, **settings: Any) -> Counter[int]:
    choose = choosing(GenerationSettings(**{"temperature": 1.0, **settings}))
    return Counter(int(choose(SCORES[None], [0])[0]) for _ in range(num))


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    counts = drawn()
    assert [counts[token] / 4_000 for token in range(4)] == pytest.approx(SHARES.tolist(), abs=0.03)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"top_k": 1}, {0}),
        ({"top_k": 3}, {0, 1, 2}),
        ({"top_p": 0.5}, {0}),
        ({"top_p": 0.51}, {0, 1}),
        ({"top_p": 0.8}, {0, 1, 2}),
        ({"top_p": 0.0001}, {0}),
        ({"top_k": 2, "top_p": 0.9}, {0, 1}),  # of two, the first holds two thirds
        ({"top_k": 9}, {0, 1, 2, 3}),
        ({"temperature": 0.01}, {0}),
    ],
)
def test_only_the_likeliest_are_drawn(settings: dict[str, Any], kept: set[int]) -> None:
    assert set(drawn(400, **settings)) == kept


def test_what_is_drawn_for_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    def of(numbers: list[int], seed: int = 1) -> list[list[int]]:
        choose = choosing(GenerationSettings(temperature=1.0, seed=seed))
        steps = [choose(np.tile(SCORES, (len(numbers), 1)), numbers).tolist() for _ in range(20)]
        return [list(row) for row in zip(*steps, strict=True)]

    together = of([0, 5, 7])
    assert together == [*of([0]), *of([5]), *of([7])]
    assert together[0] != together[1]
    assert of([0]) != of([0], seed=2)


def test_without_a_temperature_the_likeliest_is_taken() -> None:
    assert choosing(GenerationSettings())(np.array([SCORES, SCORES[::-1]]), [0, 1]).tolist() == [0, 3]
