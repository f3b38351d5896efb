"""Two models on the same rows are told apart as often as chance allows, and not more."""

from math import comb

import numpy as np
import pytest

from domain.comparison import holm
from infrastructure.statistics.confusions import averages
from infrastructure.statistics.paired import averages_of, difference_of_means, mcnemar


def heads(number: int, total: int) -> float:
    """Give the probability of so many heads."""
    return comb(total, number) / 2**total


def at_most_heads(number: int, total: int) -> float:
    """Give the probability of so many heads or fewer, of whole numbers."""
    ways, there = 1, 1
    for count in range(1, number + 1):
        ways = ways * (total - count + 1) // count
        there += ways
    return there / 2**total


@pytest.mark.parametrize(("one", "other"), [(0, 1), (3, 9), (9, 3), (22, 57), (1, 400), (5_000, 5_200)])
def test_mcnemar_is_the_exact_test_less_half_of_what_came(one: int, other: int) -> None:
    fewer, total = min(one, other), one + other
    exact = 2 * at_most_heads(fewer, total)
    assert mcnemar(one, other) == pytest.approx(exact - heads(fewer, total), rel=1e-9)


def test_mcnemar_of_what_does_not_differ_is_one_or_near_it() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(4, 4) == pytest.approx(1 - heads(4, 8) / 2)
    assert mcnemar(10**6, 10**6) == pytest.approx(1.0, abs=1e-3)


def test_mcnemar_of_equal_classifiers_is_below_five_in_a_hundred_about_that_often() -> None:
    random = np.random.default_rng(0)
    only_first = random.binomial(60, 0.5, 4_000)
    found = np.array([mcnemar(one, 60 - one) for one in range(61)])
    assert 0.03 < (found[only_first] < 0.05).mean() <= 0.055


def test_mcnemar_of_millions_is_finite_and_symmetric() -> None:
    found = mcnemar(1_000_000, 1_006_000)
    assert found == mcnemar(1_006_000, 1_000_000)
    assert 0 < found < 1e-4


def test_averages_are_those_of_the_confusion_matrix() -> None:
    random = np.random.default_rng(1)
    labels, answers = random.integers(0, 5, 200), random.integers(0, 4, 200)
    confusion = np.zeros((5, 5), dtype=int)
    np.add.at(confusion, (labels, answers), 1)
    expected = averages(confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0))
    assert averages_of(labels, answers, 5) == expected


def test_a_difference_is_sharper_than_its_two_means_and_shifts_with_it() -> None:
    random = np.random.default_rng(2)
    hardness = random.gamma(2.0, 1.0, 300)
    first, second = hardness + random.normal(0, 0.05, 300), hardness + 0.1 + random.normal(0, 0.05, 300)
    low, high = difference_of_means(first, second, np.ones(300), 0)
    assert 0.08 < low < 0.1 < high < 0.12
    assert difference_of_means(second, first, np.ones(300), 0).high == pytest.approx(-low, abs=0.002)


def test_a_row_that_counts_nothing_changes_nothing() -> None:
    random = np.random.default_rng(3)
    first, second, counts = random.random(50), random.random(50), random.integers(1, 9, 50).astype(float)
    known = difference_of_means(first, second, counts, 0)
    more = [np.append(values, value) for values, value in ((first, np.nan), (second, 1e9), (counts, 0.0))]
    assert difference_of_means(more[0], more[1], more[2], 0) == known


def test_holm_multiplies_the_smallest_most_and_keeps_the_order() -> None:
    assert holm((0.01, 0.04, 0.03)) == pytest.approx((0.03, 0.06, 0.06))
    assert holm((0.5, 0.9)) == (1.0, 1.0)
    assert holm(()) == ()
    assert holm((0.02,)) == (0.02,)
