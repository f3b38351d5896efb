"""What a range test of learning rates reads from its losses, and where it says that it has read nothing."""

import math
import random
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rate_sweep import (
    BAD_STEPS,
    COMPARABLE,
    SMOOTHING,
    RateFound,
    RateSweep,
    SweptLosses,
    faults_of_range,
    middle_of,
    rate_found,
    usual_range,
)

SWEEP = RateSweep(1e-6, 1.0, 121)  # twenty steps for each power of ten


def swept(losses: Iterable[float]) -> SweptLosses:
    taken = SweptLosses()
    for loss in losses:
        taken.take_in(loss)
        if taken.diverged:
            break
    return taken


def found(loss_at: Callable[[float, int], float], sweep: RateSweep = SWEEP) -> RateFound:
    return rate_found(sweep, swept(loss_at(sweep.rate_at(step), step) for step in range(sweep.steps)))


def fall(rate: float, middle: float = 1e-3) -> float:
    """Fall from 2 to 1 around a rate, over about one power of ten."""
    return 2.0 - 1.0 / (1.0 + (middle / rate) ** 2)


def ripple(step: int) -> float:
    return 0.01 * math.sin(2.3 * step)


def test_rates_rise_by_one_factor_from_the_first_to_the_last() -> None:
    rates = [SWEEP.rate_at(step) for step in range(SWEEP.steps)]
    assert [rates[0], rates[-1]] == pytest.approx([1e-6, 1.0])
    factors = [after / before for before, after in pairwise(rates)]
    assert factors == pytest.approx([10 ** (1 / 20)] * 120)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60))
def test_the_smoothed_loss_is_the_weighted_mean_of_those_so_far(losses: list[float]) -> None:
    taken = SweptLosses()
    for loss in losses:
        taken.take_in(loss)
    weights = [SMOOTHING ** (len(losses) - 1 - place) for place in range(len(losses))]
    expected = sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)
    assert taken.smoothed[-1] == pytest.approx(expected, abs=1e-9)
    middle = sum(w * place for place, w in enumerate(weights)) / sum(weights)
    assert middle_of(len(losses) - 1) == pytest.approx(middle, abs=1e-9)


def found_rising_from(rate: float, slope: float = 100.0) -> RateFound:
    """Sweep a loss that falls around 1e-3, stays low, and rises from a rate on."""
    return found(lambda at, step: fall(at) + slope * max(0.0, at - rate) + ripple(step))


def test_it_takes_the_rate_at_which_the_loss_falls_fastest_where_that_is_below_its_rise() -> None:
    told = found_rising_from(1e-2)
    assert told.rate is not None
    assert told.steepest is not None
    assert told.rising is not None
    assert 5e-4 < told.steepest < 2e-3
    assert told.rate == pytest.approx(told.steepest, rel=0.05)
    assert told.rate > told.rising / 10
    assert "fell fastest at" in told.reason


@pytest.mark.parametrize("middle", [1e-5, 1e-4])
def test_it_takes_a_tenth_of_where_the_loss_rises_that_fell_early_and_stayed_low(middle: float) -> None:
    told = found(lambda rate, step: fall(rate, middle) + 30 * max(0.0, rate - 0.03) + 3 * ripple(step * step))
    assert told.rate is not None
    assert told.rising is not None
    assert told.rate == pytest.approx(told.rising / 10, rel=0.05)
    assert 1e-3 < told.rate < 6e-3
    assert "a tenth" in told.reason


def test_it_takes_a_tenth_of_the_end_where_the_loss_fell_early_and_never_rose() -> None:
    told = found(lambda rate, step: fall(rate, 1e-4) + ripple(step))
    assert told.rate == 0.1
    assert "had not risen by 1, the highest rate, of which this is a tenth" in told.reason


def test_the_later_the_loss_rises_the_higher_is_the_rate() -> None:
    rates = [found_rising_from(rate).rate or 0.0 for rate in (2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2)]
    assert rates == sorted(rates)
    assert rates[-1] > 5 * rates[0]


def test_it_stays_at_a_quarter_of_the_lowest_where_the_loss_rises_soon() -> None:
    told = found_rising_from(4e-3, slope=1e3)
    assert told.rate is not None
    assert told.lowest is not None
    assert told.steepest is not None
    assert told.diverged is not None
    assert told.rate == pytest.approx(told.lowest / 4, rel=0.05)
    assert told.rate < told.steepest < told.lowest < told.diverged
    assert "already, of which this is a quarter" in told.reason


def test_a_rate_has_two_digits() -> None:
    told = found(lambda rate, step: fall(rate) + ripple(step))
    assert told.rate is not None
    assert float(f"{told.rate:.1e}") == told.rate


def test_it_ends_where_the_loss_is_four_times_its_best() -> None:
    taken = swept([2.0] * 10 + [1.0] * 40 + [1e3] * 20)
    assert taken.diverged
    assert len(taken.losses) == 51


def test_a_loss_near_zero_may_be_many_times_its_best_as_long_as_it_is_below_its_beginning() -> None:
    assert not swept([2.0] * 10 + [1e-6] * 80 + [0.5] * 20).diverged


def test_a_loss_below_zero_ends_where_it_rises_above_its_beginning() -> None:
    taken = swept([-1.0] * 10 + [-3.0] * 20 + [2.0] * 40)
    assert taken.diverged
    assert len(taken.losses) < 50


def test_losses_that_are_not_finite_end_it_when_they_follow_each_other() -> None:
    assert not swept([2.0, math.nan, 1.9, math.inf, 1.8] * 10).diverged
    taken = swept([2.0] * 30 + [math.nan] * 9)
    assert (taken.diverged, len(taken.losses)) == (True, 30 + BAD_STEPS)
    assert taken.losses[-BAD_STEPS:] == [None] * BAD_STEPS


def test_one_bad_row_moves_no_suggestion_far() -> None:
    def clean(rate: float, step: int) -> float:
        return fall(rate) + 1e3 * max(0.0, rate - 4e-3) + ripple(step)

    whole, bad = found(clean), found(lambda rate, step: math.nan if step == 20 else clean(rate, step))
    assert whole.rate is not None
    assert bad.rate == pytest.approx(whole.rate, rel=0.2)


# Name: the losses, and words of the reason why there is no suggestion.
NOTHING: dict[str, tuple[Callable[[float, int], float], str]] = {
    "only NaN": (lambda rate, step: math.nan, "not finite at 1e-06 already"),
    "a rise from the first step on": (lambda rate, step: 1.0 + 0.01 * step, "never fell between 1e-06 and 1"),
    "the same loss for ever": (lambda rate, step: 1.0, "never fell"),
    "nothing but noise": (lambda rate, step: 1.0 + 30 * ripple(step * step), "what batches differ by"),
    "a fall at the very end": (lambda rate, step: fall(rate, 2.0) + ripple(step) / 10, "a higher --to"),
    "at once too high": (lambda rate, step: 2.0 * 1.5**step, "a lower --from"),
    "too high and not finite": (lambda rate, step: 2.0 if step < 4 else math.inf, "diverged at"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_it_suggests_nothing_where_there_is_nothing_to_read(name: str) -> None:
    loss_at, words = NOTHING[name]
    told = found(loss_at)
    assert told.rate is None
    assert words in told.reason
    assert told.reason.endswith(".")


def test_noise_alone_hardly_ever_suggests_anything() -> None:
    draw = random.Random(0)
    told = [found(lambda rate, step: draw.gauss(1.0, 0.2), RateSweep(1e-6, 1.0)) for _ in range(200)]
    assert sum(each.rate is not None for each in told) <= 2


@given(
    st.lists(st.floats(-10, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf]), min_size=1, max_size=150),
    st.integers(20, 150),
)
def test_any_losses_give_a_rate_within_the_sweep_or_a_sentence(losses: list[float], steps: int) -> None:
    sweep = RateSweep(1e-6, 1.0, steps)
    told = rate_found(sweep, swept(losses[:steps]))
    assert told.reason.endswith(".")
    if told.rate is not None:
        assert sweep.start / 5 <= told.rate <= sweep.end
        assert len(losses[:steps]) > COMPARABLE


def test_the_usual_range_lies_around_the_rate_of_the_task() -> None:
    assert usual_range("adamw", 3e-5) == pytest.approx((3e-8, 3e-2))
    assert usual_range("muon", 3e-3) == pytest.approx((3e-6, 3.0))
    assert usual_range("adamw", 0.1)[1] == 10.0
    assert usual_range("sgd", 3e-5) == (1e-5, 10.0)


@pytest.mark.parametrize(
    ("start", "end", "steps", "words"),
    [
        (1.0, 1e-3, 100, "--from is 1 and --to is 0.001"),
        (1e-3, 1e-3, 100, "a sweep rises"),
        (0.0, None, 100, "--from is 0.0"),
        (-1.0, None, 100, "--from is -1.0"),
        (None, 11.0, 100, "--to is 11.0"),
        (None, math.nan, 100, "--to is nan"),
        (None, math.inf, 100, "--to is inf"),
        (None, None, 0, "--steps is 0"),
        (None, None, 19, "at least 20"),
        (None, None, 10_001, "at most 10,000"),
    ],
)
def test_a_range_that_makes_no_sense_is_told(start: float | None, end: float | None, steps: int, words: str) -> None:
    assert any(words in fault for fault in faults_of_range(start, end, steps))


def test_all_faults_of_a_range_are_told() -> None:
    assert len(list(faults_of_range(-1.0, 11.0, 3))) == 3
    assert not list(faults_of_range(1e-4, 1.0, 20))
