"""An accuracy is said to beat chance only when chance is an unlikely reason for it."""

from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from domain.significance import beats_chance, binomial_interval, effective_trials, share_interval, verdict


@settings(max_examples=60)
@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_the_interval_is_that_of_scipy(counts: tuple[int, int], confidence: float) -> None:
    theirs = binomtest(*counts).proportion_ci(confidence, method="wilson")
    assert binomial_interval(*counts, confidence) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)


@settings(max_examples=60)
@given(st.floats(0, 1), st.floats(1e-3, 1e12), st.floats(0.01, 0.999))
def test_fractions_of_trials_keep_the_interval_around_the_share_and_between_0_and_1(
    share: float, num_trials: float, confidence: float
) -> None:
    low, high = binomial_interval(share * num_trials, num_trials, confidence)
    assert 0 <= low <= share * (1 + 1e-12)
    assert share * (1 - 1e-12) <= high <= 1


def test_ends_are_exact_where_nothing_or_everything_was_right() -> None:
    assert binomial_interval(0, 50)[0] == 0
    assert binomial_interval(50, 50)[1] == 1


def test_a_share_near_zero_keeps_its_digits() -> None:
    # The ends solve (share - x)^2 = z^2 x (1 - x) / n; for a share far below z^2 / n the lower one is share^2 n / z^2.
    low, _ = binomial_interval(1e-9, 100)
    assert low == pytest.approx(1e-22 * 100 / 1.959963984540054**2, rel=1e-6)


def test_right_and_wrong_mirror_each_other() -> None:
    low, high = binomial_interval(7, 40)
    assert binomial_interval(33, 40) == pytest.approx((1 - high, 1 - low), rel=1e-14)


def test_no_trials_tell_nothing() -> None:
    assert binomial_interval(0, 0) == (0, 1)
    assert not beats_chance(1.0, 0.0, 0)
    assert effective_trials(0, 5) == 0


@pytest.mark.parametrize("num_trials", [10, 30, 60])
def test_the_interval_holds_the_true_share_about_as_often_as_it_says(num_trials: int) -> None:
    intervals = [binomial_interval(right, num_trials) for right in range(num_trials + 1)]

    def coverage(truth: float) -> float:
        chances = (comb(num_trials, k) * truth**k * (1 - truth) ** (num_trials - k) for k in range(num_trials + 1))
        return sum(chance for chance, (low, high) in zip(chances, intervals, strict=True) if low <= truth <= high)

    found = [coverage(step / 100) for step in range(10, 91)]
    assert min(found) > 0.90
    assert sum(found) / len(found) == pytest.approx(0.95, abs=0.01)


def test_windows_that_overlap_count_together() -> None:
    assert effective_trials(3380, 5) == 676
    assert effective_trials(7, 2) == 3.5
    assert effective_trials(3, 10) == 1
    assert effective_trials(12, 1) == effective_trials(12, 0) == 12
    alone, shared = share_interval(0.4, 1000, 1), share_interval(0.4, 1000, 5)
    assert shared.num_effective == 200
    assert shared.low < alone.low < alone.share < alone.high < shared.high


def test_chance_is_beaten_by_the_lower_end_and_not_by_the_share() -> None:
    low, _ = binomial_interval(60, 100)
    assert beats_chance(0.6, low - 1e-9, 100)
    assert not beats_chance(0.6, low + 1e-9, 100)
    assert not beats_chance(0.6, 0.55, 100)
    assert beats_chance(0.6, 0.55, 10_000)
    assert not beats_chance(0.6, 0.5, 100, confidence=0.99)


def test_the_verdict_of_a_result_within_the_interval_is_chance() -> None:
    assert verdict(0.412, {"majority": 0.405, "random walk": 0.3}, 3380, 5) == (
        "accuracy 0.412 (95 % interval 0.375 to 0.449 over 676 independent windows) "
        "cannot be told from chance: majority 0.405."
    )


def test_the_verdict_of_a_result_above_every_baseline_names_them_all() -> None:
    assert verdict(0.6, {"random walk": 0.3, "majority": 0.405}, 676, 1) == (
        "accuracy 0.600 (95 % interval 0.563 to 0.636 over 676 independent windows) "
        "beats chance: majority 0.405, random walk 0.300."
    )


def test_the_verdict_of_a_result_below_a_baseline_is_not_softened() -> None:
    said = verdict(0.3, {"majority": 0.5, "random walk": 0.2}, 1000, 1, confidence=0.9)
    assert said.startswith("accuracy 0.300 (90 % interval ")
    assert said.endswith("is worse than guessing: majority 0.500.")


def test_the_same_accuracy_beats_chance_only_with_enough_independent_windows() -> None:
    assert "beats chance" in verdict(0.45, {"majority": 0.4}, 2000, 1)
    assert "cannot be told from chance" in verdict(0.45, {"majority": 0.4}, 2000, 20)
    assert "over 1 independent window)" in verdict(1.0, {"majority": 0.4}, 5, 20)


@settings(max_examples=60)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 5000), st.integers(1, 50))
def test_the_verdict_agrees_with_the_test(accuracy: float, chance: float, num_trials: int, overlap: int) -> None:
    said = verdict(accuracy, {"majority": chance, "nothing": 0.0}, num_trials, overlap)
    beaten = beats_chance(accuracy, chance, effective_trials(num_trials, overlap))
    assert ("beats chance" in said) is beaten
    assert ("worse" in said or "cannot be told" in said) is not beaten
