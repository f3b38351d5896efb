"""A model that is worth no more than its rivals is told so, and one that is worth more is left in peace."""

import math

import pytest

from domain.interval import Interval
from domain.rivals import rival_told
from domain.words import Words

RANGE = Interval(0.70, 0.90)


@pytest.mark.parametrize("reached", [0.80, 0.95])
def test_a_rival_that_does_as_well_is_named(reached: float) -> None:
    told = rival_told("macro_f1", 0.80, {"majority": 0.1, "bag of words": reached}, Words(), RANGE)
    assert told == (
        f"bag of words reaches macro F1 {reached:.4f}, and this model 0.8000:"
        " something so simple does as well or better."
    )


def test_a_rival_within_the_range_cannot_be_told_apart() -> None:
    assert "do not tell the two apart" in rival_told("accuracy", 0.80, {"bag of words": 0.75}, Words(), RANGE)
    assert rival_told("accuracy", 0.80, {"bag of words": 0.75}, Words()) == ""


def test_less_is_better_of_a_loss() -> None:
    assert "repeat last reaches loss 0.3000" in rival_told("loss", 0.4, {"repeat last": 0.3}, Words())
    assert rival_told("loss", 0.2, {"repeat last": 0.3}, Words()) == ""


@pytest.mark.parametrize("rivals", [{}, {"majority": math.nan}, {"majority": 0.2}])
def test_nothing_is_said_of_a_model_that_is_worth_more(rivals: dict[str, float]) -> None:
    assert rival_told("accuracy", 0.80, rivals, Words(), RANGE) == ""


def test_a_model_without_a_score_is_worth_no_more() -> None:
    assert "does as well" in rival_told("accuracy", math.nan, {"majority": 0.2}, Words())
