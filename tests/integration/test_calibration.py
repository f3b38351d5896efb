"""Calibration is held to its coverage by a binomial bound, to its order exactly, and to its rank by a plain loop."""

import json
import math
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import binom, norm

from domain.exceptions import ConfigurationError
from infrastructure.tasks.series.scoring.calibration import Calibration
from infrastructure.tasks.series.scoring.guarded import Guard, reaching
from infrastructure.tasks.series.scoring.held_out import HeldOut, Points

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
EVEN = (0.1, 0.4, 0.8, 0.9)
ABOVE = (0.6, 0.75, 0.9)
BELOW = (0.1, 0.3)
Floats = NDArray[np.floating[Any]]
ascending = arrays(np.float32, (5, 7), elements=st.floats(-1e6, 1e6, width=32)).map(lambda rows: np.sort(rows, axis=-1))


def told(num: int, width: float, levels: tuple[float, ...] = LEVELS, seed: int = 3) -> tuple[Floats, Floats]:
    """Give forecasts [N, Q] that know the mean and a spread of 1, and targets [N] that spread by `width`."""
    random = np.random.default_rng(seed)
    mean = random.normal(size=num)
    forecast = mean[:, None] + norm.ppf(levels) * random.uniform(0.5, 2.0, size=num)[:, None]
    scale = (forecast[:, -1] - forecast[:, 0]) / (norm.ppf(levels[-1]) - norm.ppf(levels[0]))
    return forecast, mean + width * scale * random.standard_t(4, size=num)


def fitted(forecast: Floats, target: Floats, levels: tuple[float, ...] = LEVELS, **options: int) -> Calibration:
    held_out = HeldOut(levels, **options)
    held_out.add(forecast, target)
    return Guard(levels, (1,)).fitted(held_out)


@pytest.mark.parametrize("width", [0.4, 1.0, 2.5])
def test_calibrated_quantiles_cover_held_out_points_as_their_levels_say(width: float) -> None:
    num = 4000
    forecast, target = told(2 * num, width)
    calibrated = fitted(forecast[:num], target[:num]).applied(forecast[num:])
    for index, level in enumerate(LEVELS):
        covered = int((target[num:] <= calibrated[:, index]).sum())
        # Both halves are samples, so the difference of two shares is tested: a binomial of half the size.
        low, high = binom.interval(0.9999, num // 2, level)
        assert low <= covered / 2 <= high, level


def test_without_calibration_those_bounds_are_broken() -> None:
    num = 4000
    forecast, target = told(num, 2.5)
    assert (target <= forecast[:, 5]).sum() / 2 < binom.interval(0.9999, num // 2, 0.9)[0]


@pytest.mark.parametrize("levels", [EVEN, (0.25, 0.75), ABOVE, BELOW])
def test_levels_on_both_sides_of_a_median_between_them_are_right_too(levels: tuple[float, ...]) -> None:
    num = 4000
    forecast, target = told(2 * num, 2.0, levels)
    calibration = fitted(forecast[:num], target[:num], levels)
    calibrated = calibration.applied(forecast[num:])
    for index, level in enumerate(levels):
        if level in (0.3, 0.6):
            assert calibration.factors[index] == 1.0, "it stands for the median, which stays"
        else:
            low, high = binom.interval(0.9999, num // 2, level)
            assert low <= (target[num:] <= calibrated[:, index]).sum() / 2 <= high, level


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-9, 9), min_size=1, max_size=60), st.integers(50, 99))
def test_a_factor_is_the_smallest_ratio_that_reaches_its_rank(ratios: list[float], percent: int) -> None:
    rank = min(-(-(len(ratios) + 1) * percent // 100), len(ratios))
    assert reaching(np.array(ratios), percent / 100) == max(0.0, sorted(ratios)[rank - 1])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 200), max_size=6), st.sampled_from([20, 100, 400]), st.integers(0, 2**70))
def test_batching_changes_no_point_by_a_single_bit(cuts: list[int], max_points: int, seed: int) -> None:
    forecast, target = told(400, 1.5)
    forecast, target = forecast.reshape(200, 2, 7), target.reshape(200, 2)
    target[::7, 1] = np.nan
    held_out, whole = (HeldOut(LEVELS, max_points, seed) for _ in range(2))
    whole.add(forecast, target)
    edges = [0, *sorted(cuts), 200]
    for start, end in pairwise(edges):
        held_out.add(forecast[start:end], target[start:end])
    for field, found in vars(held_out.points).items():
        np.testing.assert_array_equal(found, getattr(whole.points, field))
    assert held_out.num_windows == 200
    assert len(held_out.points) == min(max_points, 400 - 29)


def test_of_many_points_a_sample_from_all_of_them_is_kept() -> None:
    num, kept = 20_000, 2000
    forecast = np.tile(norm.ppf(LEVELS), (num, 1))
    ranks = (np.arange(num) + 0.5) / num  # targets ascend: a sample from one end would show
    held_out, other = (HeldOut(LEVELS, kept, seed) for seed in (0, 1))
    for start in range(0, num, 500):
        for sample in (held_out, other):
            sample.add(forecast[start : start + 500], norm.ppf(ranks[start : start + 500]))
    values = held_out.points.values
    for level, below in zip(LEVELS, norm.ppf(LEVELS), strict=True):
        assert abs((values <= below).mean() - level) < 4.5 * math.sqrt(level * (1 - level) / kept), level
    assert len(values) == kept
    assert set(values) != set(other.points.values)


def test_unobserved_targets_weigh_nothing() -> None:
    forecast, target = told(50, 1.5)
    gaps = np.array([np.nan])
    wild = np.full((1, 7), np.nan)
    more = np.concatenate([forecast, wild, forecast]), np.concatenate([target, gaps, target * np.nan])
    assert fitted(*more) == fitted(forecast, target)


def test_forecasts_without_spread_have_no_say_and_stay() -> None:
    forecast, target = told(50, 1.5)
    flat = np.repeat(forecast[:, 3:4], 7, axis=-1)
    partly = forecast.copy()
    partly[:, 4] = partly[:, 3]
    calibration = fitted(np.concatenate([forecast, flat]), np.concatenate([target, target]))
    assert calibration == fitted(forecast, target)
    np.testing.assert_array_equal(calibration.applied(flat), flat)
    assert fitted(flat, target).factors == (1.0,) * 7
    moved = fitted(partly, target).applied(partly)
    np.testing.assert_array_equal(moved[:, 4], partly[:, 4])
    assert (moved[:, 5] > partly[:, 5]).all()


def test_without_any_point_forecasts_stay_as_they_are() -> None:
    assert Guard(LEVELS, (1,)).fitted(HeldOut(LEVELS)) == Calibration(LEVELS, (1.0,) * 7)


@settings(max_examples=150, deadline=None)
@given(ascending, st.lists(st.floats(0.0, 1e6), min_size=7, max_size=7), st.sampled_from([np.float32, np.float64]))
def test_quantiles_never_cross_whatever_the_factors(forecast: Floats, factors: list[float], kind: type) -> None:
    for levels in (LEVELS, (0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7), (0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 0.95)):
        given_as: Floats = forecast.astype(kind)
        calibrated = Calibration(levels, tuple(factors)).applied(given_as)
        assert calibrated.dtype == given_as.dtype
        assert (np.diff(calibrated) >= 0).all()
        if 0.5 in levels:
            np.testing.assert_array_equal(calibrated[:, 3], given_as[:, 3])


def test_a_quantile_is_pushed_outward_only_as_far_as_its_inner_neighbour() -> None:
    forecast = np.array([[-2.0, -1.5, -1.0, 0.0, 1.0, 1.5, 2.0]])
    calibration = Calibration(LEVELS, (1.5, 0.5, 2.0, 1.0, 2.0, 1.5, 0.5))
    np.testing.assert_array_equal(calibration.applied(forecast), [[-3.0, -2.0, -2.0, 0.0, 2.0, 2.25, 2.25]])


@settings(max_examples=50, deadline=None)
@given(ascending, st.integers(0, 6), st.floats(1.0, 50.0))
def test_larger_factors_move_no_quantile_inward(forecast: Floats, index: int, more: float) -> None:
    factors = [0.9, 1.1, 0.8, 1.0, 1.3, 0.7, 1.0]
    before = Calibration(LEVELS, tuple(factors)).applied(forecast)
    factors[index] *= more
    after = Calibration(LEVELS, tuple(factors)).applied(forecast)
    assert (after[:, :3] <= before[:, :3]).all()
    assert (after[:, 4:] >= before[:, 4:]).all()


def test_factors_of_one_give_the_same_bits() -> None:
    forecast = np.array([[[-1e30, -0.0, 0.0, 0.1, 0.1, 3.3, 1e30]]], dtype=np.float32)
    assert Calibration(LEVELS, (1.0,) * 7).applied(forecast).tobytes() == forecast.tobytes()
    one_side = Calibration(LEVELS, (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0)).applied(forecast)
    np.testing.assert_array_equal(one_side[..., :6], forecast[..., :6])


def test_a_calibration_survives_json() -> None:
    calibration = fitted(*told(50, 1.5))
    assert Calibration(**json.loads(json.dumps(asdict(calibration)))) == calibration


@pytest.mark.parametrize("factors", [(1.0, -0.1), (1.0, math.nan), (math.inf, 1.0), (1.0,)])
def test_factors_that_cannot_be_applied_are_refused(factors: tuple[float, ...]) -> None:
    with pytest.raises(ConfigurationError, match="calibration"):
        Calibration((0.1, 0.9), factors)


def test_a_quantile_does_not_cut_through_a_mass_of_equal_targets() -> None:
    """Of twenty targets nineteen are 0, and medians lie about it by a hair: a narrower band would leave out many."""
    draw = np.random.default_rng(5)
    count = 2000
    target = np.where(draw.random(count) < 0.95, 0.0, 5.0 + draw.random(count))
    middle = draw.normal(0, 1e-3, count)
    forecast = np.stack([middle - 1.0, middle, middle + 1.0], axis=-1)
    calibrated = fitted(forecast[:1000], target[:1000], levels=(0.1, 0.5, 0.9)).applied(forecast[1000:])
    zeros = calibrated[target[1000:] == 0.0]
    assert ((zeros[:, 0] <= 0.0) & (zeros[:, 2] >= 0.0)).mean() > 0.95
    assert (zeros[:, 2] - zeros[:, 0]).max() < 0.1


def test_a_mass_is_found_for_each_target_by_itself() -> None:
    draw = np.random.default_rng(6)
    moving, resting = draw.normal(size=(2, 400, 1, 3))
    target = np.concatenate([moving, np.where(draw.random(resting.shape) < 0.7, -0.25, resting)], axis=1)  # [B, T, H]
    held_out = HeldOut((0.5,))
    held_out.add(target[..., None], target)
    points: Points = held_out.points
    assert points.in_mass(0.25).tolist() == ((points.targets == 1) & (points.values == -0.25)).tolist()


def test_what_is_assumed_is_not_calibrated() -> None:
    calibration = Calibration((0.1, 0.5, 0.9), (0.0, 1.0, 3.0))
    forecast = np.array([[[-1.0, 0.0, 1.0]], [[-2.0, 0.0, 2.0]]])
    found = calibration.applied(forecast, np.array([[True], [False]]))
    assert found.tolist() == [[[-1.0, 0.0, 1.0]], [[0.0, 0.0, 6.0]]]
