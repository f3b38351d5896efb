"""Intervals agree with scipy, hold the true value about as often as they say, and follow from rows and seed alone."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import f1_score

from domain.interval import UNKNOWN
from domain.significance import binomial_interval, share_interval
from infrastructure.statistics import confusions, corrected, ratios
from infrastructure.statistics.confusions import averages, intervals_of_confusion, intervals_of_difference
from infrastructure.statistics.ratios import block_length, interval_of_ratio, interval_of_windows

CHANCES = np.array([[0.30, 0.04, 0.02], [0.03, 0.25, 0.06], [0.02, 0.08, 0.20]])
Integers = NDArray[np.integer[Any]]


def counted(random: np.random.Generator, num_rows: int, chances: NDArray[Any] = CHANCES) -> Integers:
    """Draw a confusion matrix."""
    return random.multinomial(num_rows, chances.ravel()).reshape(chances.shape)


def averages_of(confusion: NDArray[Any]) -> dict[str, float]:
    found = averages(confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0))
    return {name: float(value) for name, value in found.items()}


def test_macro_f1_has_the_interval_that_scipy_finds_by_drawing_rows() -> None:
    confusion = counted(np.random.default_rng(0), 150)
    cells = np.argwhere(confusion >= 0)
    rows = np.repeat(cells, confusion.ravel(), axis=0)

    def macro_f1(true: Integers, predicted: Integers) -> float:
        return float(f1_score(true, predicted, average="macro"))

    theirs = stats.bootstrap(
        (rows[:, 0], rows[:, 1]), macro_f1, paired=True, vectorized=False, n_resamples=600, rng=1
    ).confidence_interval
    ours = intervals_of_confusion(confusion, seed=0)["macro_f1"]
    width = theirs.high - theirs.low
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.15 * width)


def test_a_ratio_has_the_interval_that_scipy_finds() -> None:
    random = np.random.default_rng(0)
    counts = random.integers(1, 30, 80)
    sums = random.gamma(0.5, size=80) * counts

    def ratio(sums: NDArray[Any], counts: NDArray[Any], axis: int) -> Any:
        return sums.sum(axis=axis) / counts.sum(axis=axis)

    theirs = stats.bootstrap((sums, counts), ratio, paired=True, vectorized=True, rng=1).confidence_interval
    width = theirs.high - theirs.low
    assert interval_of_ratio(sums, counts, seed=0) == pytest.approx((theirs.low, theirs.high), abs=0.1 * width)


def test_accuracy_has_the_interval_of_a_share_that_verdicts_on_chance_use() -> None:
    confusion = counted(np.random.default_rng(0), 200)
    right = int(np.trace(confusion))
    assert intervals_of_confusion(confusion, seed=0)["accuracy"] == pytest.approx(binomial_interval(right, 200))
    of_windows = share_interval(right / 200, 200, overlap=10)
    assert intervals_of_confusion(confusion, 0, overlap=10)["accuracy"] == pytest.approx(
        (of_windows.low, of_windows.high)
    )


@pytest.mark.parametrize(("num_classes", "num_rows"), [(3, 60), (3, 400), (12, 120), (77, 400), (300, 1_000)])
def test_the_interval_of_macro_f1_holds_the_true_one_about_as_often_as_it_says(num_classes: int, num_rows: int) -> None:
    random = np.random.default_rng(0)
    chances = np.full((num_classes, num_classes), 0.25 / num_classes) + 0.75 * np.eye(num_classes)
    chances *= random.dirichlet(np.full(num_classes, 3.0))[:, None]
    chances /= chances.sum()
    truth = averages_of((1e9 * chances).astype(np.int64))["macro_f1"]
    within = 0
    for trial in range(200):
        low, high = intervals_of_confusion(counted(random, num_rows, chances), seed=trial)["macro_f1"]
        within += low <= truth <= high
    assert 0.90 <= within / 200 <= 0.99


def test_the_interval_of_a_skewed_loss_holds_the_true_one_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    within = 0
    for trial in range(200):
        low, high = interval_of_ratio(random.exponential(size=60), np.ones(60), seed=trial)
        within += low <= 1.0 <= high
    assert 0.90 <= within / 200 <= 0.99


def test_windows_that_overlap_get_an_interval_as_wide_as_their_dependence_asks() -> None:
    random = np.random.default_rng(0)
    num_windows, overlap = 600, 12
    within = as_if_independent = 0
    for trial in range(200):
        running = np.cumsum(random.normal(size=num_windows + overlap))
        squares = (running[overlap:] - running[:-overlap]) ** 2 / overlap  # each shares steps with its neighbours
        counts = np.ones(num_windows)
        low, high = interval_of_windows(squares, counts, overlap, seed=trial)
        within += low <= 1.0 <= high
        low, high = interval_of_ratio(squares, counts, seed=trial)
        as_if_independent += low <= 1.0 <= high
    assert 0.86 <= within / 200 <= 0.99
    assert as_if_independent / 200 < 0.7


def test_windows_that_share_nothing_are_rows_like_others() -> None:
    sums = np.random.default_rng(0).exponential(size=50)
    assert interval_of_windows(sums, np.ones(50), 1, seed=3) == interval_of_ratio(sums, np.ones(50), seed=3)


def test_the_order_of_rows_decides_nothing() -> None:
    random = np.random.default_rng(0)
    sums, counts = random.exponential(size=90), random.integers(1, 9, 90)
    other = random.permutation(90)
    assert interval_of_ratio(sums[other], counts[other], seed=5) == interval_of_ratio(sums, counts, seed=5)


def test_the_order_of_windows_in_time_does() -> None:
    running = np.cumsum(np.random.default_rng(0).normal(size=400))
    counts = np.ones(400)
    low, high = interval_of_windows(running**2, counts, 8, seed=5)
    mixed = np.random.default_rng(1).permutation(running**2)
    low_mixed, high_mixed = interval_of_windows(mixed, counts, 8, seed=5)
    assert high - low > 2 * (high_mixed - low_mixed)


def test_the_same_seed_gives_the_same_interval_and_another_one_about_the_same() -> None:
    confusion = counted(np.random.default_rng(0), 300)
    first, again, other = (intervals_of_confusion(confusion, seed)["macro_f1"] for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first == pytest.approx(other, abs=0.02)


def test_names_of_classes_in_another_order_leave_the_interval_about_where_it_is() -> None:
    confusion = counted(np.random.default_rng(0), 300)
    turned = confusion[[2, 0, 1]][:, [2, 0, 1]]
    for name, interval in intervals_of_confusion(confusion, seed=0).items():
        assert intervals_of_confusion(turned, seed=0)[name] == pytest.approx(interval, abs=0.02), name


def test_classes_too_many_to_be_resampled_would_have_nearly_the_same_interval_with_many_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    confusion = counted(np.random.default_rng(0), 5_000)
    resampled = intervals_of_confusion(confusion, seed=0)
    monkeypatch.setattr(confusions, "MAX_CLASSES_RESAMPLED", 1)
    for name, interval in intervals_of_confusion(confusion, seed=0).items():
        assert interval == pytest.approx(resampled[name], abs=0.002), name


def test_more_rows_than_are_resampled_give_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    sums, counts = random.exponential(size=4_000), random.integers(1, 9, 4_000)
    resampled = interval_of_ratio(sums, counts, seed=0)
    monkeypatch.setattr(ratios, "MAX_ROWS_RESAMPLED", 100)
    assert interval_of_ratio(sums, counts, seed=0) == pytest.approx(resampled, abs=0.0015)


def test_leaving_out_a_row_of_a_cell_gives_the_averages_of_the_matrix_without_it() -> None:
    confusion = np.array([[3, 1, 0], [0, 1, 0], [2, 0, 1]])
    cells = confusions._Cells.of(confusion)
    found = cells.averages_without_one()
    for number, (true, predicted) in enumerate(zip(cells.true, cells.predicted, strict=True)):
        without = confusion.copy()
        without[true, predicted] -= 1
        assert {name: values[number] for name, values in found.items()} == pytest.approx(averages_of(without))


def test_a_thousand_times_the_rows_take_no_more_draws() -> None:
    confusion = counted(np.random.default_rng(0), 300)
    for name, (low, high) in intervals_of_confusion(confusion, seed=0).items():
        tight_low, tight_high = intervals_of_confusion(confusion * 1_000_000, seed=0)[name]
        assert (high - low) / (tight_high - tight_low) == pytest.approx(1_000, rel=0.15), name


def test_two_models_that_fail_on_the_same_rows_differ_more_surely_than_their_own_intervals_say() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 500)
    second = np.where(random.random(500) < 0.3, (labels + 1) % 3, labels)
    first = np.where(random.random(500) < 0.04, labels, second)  # right where the second is, and in a few rows more
    difference = intervals_of_difference(labels, first, second, 3, seed=0)
    ours = intervals_of_confusion(counted_of(labels, first), seed=0)
    theirs = intervals_of_confusion(counted_of(labels, second), seed=0)
    assert ours["macro_f1"].low < theirs["macro_f1"].high
    assert 0 < difference["macro_f1"].low < difference["macro_f1"].high
    same = intervals_of_difference(labels, first, first, 3, seed=0)
    assert set(same.values()) == {(0.0, 0.0)}


def counted_of(labels: Integers, answers: Integers) -> Integers:
    """Count a confusion matrix of 3 classes."""
    confusion = np.zeros((3, 3), dtype=np.int64)
    np.add.at(confusion, (labels, answers), 1)
    return confusion


def test_the_difference_turned_round_is_the_same_with_the_other_sign() -> None:
    random = np.random.default_rng(0)
    labels, first, second = random.integers(0, 3, (3, 400))
    low, high = intervals_of_difference(labels, first, second, 3, seed=0)["macro_f1"]
    assert intervals_of_difference(labels, second, first, 3, seed=0)["macro_f1"] == pytest.approx(
        (-high, -low), abs=0.015
    )


def test_all_right_is_as_sure_as_that_share_and_not_certain() -> None:
    found = intervals_of_confusion(np.diag([4, 6]), seed=0)
    assert set(found.values()) == {binomial_interval(10, 10)}
    assert found["macro_f1"].low == pytest.approx(0.722, abs=0.001)
    wrong = intervals_of_confusion(np.array([[0, 10], [0, 0]]), seed=0)
    assert set(wrong.values()) == {binomial_interval(0, 10)}


def test_one_row_one_class_and_no_rows_are_answered() -> None:
    one_row = intervals_of_confusion(np.array([[0, 1], [0, 0]]), seed=0)
    assert one_row["accuracy"] == binomial_interval(0, 1)
    one_class = intervals_of_confusion(np.array([[7]]), seed=0)
    assert one_class["macro_f1"] == binomial_interval(7, 7)
    assert intervals_of_confusion(np.zeros((2, 2), dtype=int), seed=0) == {}
    none = np.zeros(0, dtype=int)
    assert intervals_of_difference(none, none, none, 2, seed=0) == {}
    one = np.zeros(1, dtype=int)
    assert not intervals_of_difference(one, one, one, 2, seed=0)["macro_f1"].is_known


def test_every_interval_lies_within_0_and_1_and_around_its_metric() -> None:
    random = np.random.default_rng(0)
    for trial in range(40):
        num_classes = int(random.integers(1, 8))
        confusion = random.poisson(0.8, (num_classes, num_classes))
        if not confusion.sum():
            continue
        found = averages_of(confusion)
        for name, (low, high) in intervals_of_confusion(confusion, seed=trial).items():
            assert 0 <= low <= found[name] + 1e-12, name
            assert found[name] - 1e-12 <= high <= 1, name


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_row_without_a_loss_leaves_none_and_one_that_counts_nothing_is_left_out(bad: float) -> None:
    sums = np.array([1.0, 2.0, bad, 4.0])
    assert interval_of_ratio(sums, np.ones(4), seed=0) is UNKNOWN
    weighs_nothing = np.array([1, 1, 0, 1])
    assert interval_of_ratio(sums, weighs_nothing, seed=0) == interval_of_ratio(sums[[0, 1, 3]], np.ones(3), seed=0)
    long, counts = np.tile(sums, 30), np.tile(weighs_nothing, 30)
    assert interval_of_windows(long, np.ones(120), 2, seed=0) is UNKNOWN
    assert interval_of_windows(long, counts, 2, seed=0).is_known


def test_too_few_rows_or_blocks_have_no_interval() -> None:
    assert interval_of_ratio(np.ones(1), np.ones(1), seed=0) is UNKNOWN
    assert interval_of_ratio(np.ones(0), np.ones(0), seed=0) is UNKNOWN
    assert interval_of_ratio(np.ones(3), np.zeros(3), seed=0) is UNKNOWN
    random = np.random.default_rng(0)
    assert interval_of_windows(random.random(39), np.ones(39), 4, seed=0) is UNKNOWN
    assert interval_of_windows(random.random(40), np.ones(40), 4, seed=0).is_known
    assert interval_of_windows(np.ones(0), np.ones(0), 4, seed=0) is UNKNOWN
    assert interval_of_windows(np.ones(90), np.zeros(90), 4, seed=0) is UNKNOWN


def test_a_loss_that_never_varies_is_certain() -> None:
    assert interval_of_ratio(np.full(20, 2.0), np.full(20, 4), seed=0) == (0.5, 0.5)


def test_what_fp32_makes_of_equal_losses_moves_an_interval_by_no_more() -> None:
    losses = np.repeat([1.4, 1.42, 3.5], [5, 5, 10])  # so few values that many a resample has the mean of all
    rounded = losses + 3e-8
    one, other = (interval_of_ratio(each, np.ones(20), seed=0) for each in (losses, rounded))
    assert other == pytest.approx(one, rel=1e-6)


def test_blocks_are_twice_the_overlap_and_grow_with_the_windows() -> None:
    assert block_length(1_000, 24) == 48
    assert block_length(1_000_000, 24) == 100
    assert block_length(1_000, 2) == 10


@pytest.mark.parametrize("freedom", [4, 9, 30, 1_000])
def test_the_deviation_of_few_blocks_is_that_of_student(freedom: int) -> None:
    assert corrected._t_deviation(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=0.02)
