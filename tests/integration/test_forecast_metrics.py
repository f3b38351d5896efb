"""Every figure is compared with scikit-learn, with the losses in torch, with scipy or with a plain loop."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_squared_error

from infrastructure.tasks.series.scoring.metrics import (
    ForecastScores,
    crps_weights,
    median_of,
    metric_names,
    symmetric_pairs,
)
from infrastructure.tasks.series.scoring.quantile_losses import pinball_losses
from infrastructure.training.losses import CombinedQuantileLoss

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
HORIZONS = (1, 3, 24)
NAMES = ("load", "price")
SCALES = (2.0, 50.0)
Floats = NDArray[np.floating[Any]]
Batch = tuple[Floats, Floats, Floats]


def windows(num: int = 30, seed: int = 1, levels: tuple[float, ...] = LEVELS) -> Batch:
    """Give forecast [B, T, H, Q], target [B, T, H] and last [B, T] with a few that are missing."""
    random = np.random.default_rng(seed)
    shape = num, len(NAMES), len(HORIZONS)
    forecast = np.sort(random.normal(size=(*shape, len(levels))), axis=-1).astype(np.float32)
    target, last = random.normal(size=shape).astype(np.float32), random.normal(size=shape[:2]).astype(np.float32)
    target[random.random(shape) < 0.2] = np.nan
    last[random.random(shape[:2]) < 0.2] = np.nan
    return forecast, target, last


def scores_of(*batches: Batch, levels: tuple[float, ...] = LEVELS) -> dict[str, Any]:
    scores = ForecastScores(levels, HORIZONS, NAMES, SCALES)
    for batch in batches:
        scores.add(*batch)
    return scores.metrics()


def flat(result: dict[str, Any]) -> dict[str, float]:
    """Give all numbers, those of targets and horizons too, under names of their own."""
    numbers: dict[str, float] = {}
    for name, value in result.items():
        if isinstance(value, dict):
            numbers |= {f"{name}/{key}": inner for key, inner in flat(value).items()}
        elif isinstance(value, list):
            numbers |= {f"{name}/{index}": inner for index, inner in enumerate(value)}
        else:
            numbers[name] = value
    return numbers


def test_pinball_losses_and_those_of_the_median_are_those_of_scikit_learn() -> None:
    forecast, target, last = windows()
    result, seen = scores_of((forecast, target, last)), ~np.isnan(target)
    pinballs = [mean_pinball_loss(target[seen], forecast[seen][:, i], alpha=q) for i, q in enumerate(LEVELS)]
    assert result["loss"] == pytest.approx(np.mean(pinballs))
    assert [result[f"loss_q{name}"] for name in ("05", "10", "25", "50", "75", "90", "95")] == pytest.approx(pinballs)
    assert result["mse"] == pytest.approx(mean_squared_error(target[seen], forecast[seen][:, 3]))
    assert result["mae"] == pytest.approx(mean_absolute_error(target[seen], forecast[seen][:, 3]))
    known = seen & ~np.isnan(last)[..., None]
    repeated = np.broadcast_to(last[..., None], target.shape)[known]
    assert result["repeat_last_mse"] == pytest.approx(mean_squared_error(target[known], repeated))
    assert result["repeat_last_mae"] == pytest.approx(mean_absolute_error(target[known], repeated))
    expected = np.mean([mean_pinball_loss(target[known], repeated, alpha=level) for level in (0.2, 0.3, 0.9)])
    uneven = scores_of((forecast[..., :3], target, last), levels=(0.2, 0.3, 0.9))
    assert uneven["repeat_last_loss"] == pytest.approx(expected)
    counts = [result[name] for name in ("num_windows", "num_points", "num_points_repeat_last")]
    assert counts == [30, seen.sum(), known.sum()]


def test_the_slope_of_a_pinball_loss_is_that_of_the_larger_of_both_sides_and_their_mean_where_they_meet() -> None:
    forecast, target, _ = (torch.tensor(each) for each in windows())
    forecast[:9, 0, 0, 3] = target[:9, 0, 0].nan_to_num()  # as a constant series is forecast
    levels = torch.tensor(LEVELS)
    given, known = (forecast.clone().requires_grad_() for _ in range(2))
    losses, observed = pinball_losses(given, target, levels)
    short = target.nan_to_num()[..., None] - known
    expected = torch.maximum(levels * short, (levels - 1) * short) * ~target.isnan()[..., None]
    assert torch.equal(observed, ~target.isnan())
    torch.testing.assert_close(losses, expected)
    for each in (losses, expected):
        (each + each.square()).sum().backward()
    torch.testing.assert_close(given.grad, known.grad)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([LEVELS, (0.1, 0.9), (0.025, 0.3, 0.5, 0.6, 0.7), (0.8,)]))
def test_what_the_loss_of_training_reports_is_the_same(seed: int, levels: tuple[float, ...]) -> None:
    forecast, target, last = windows(9, seed, levels)
    result = scores_of((forecast, target, last), levels=levels)
    rows = len(target) * len(NAMES), len(HORIZONS)
    loss = CombinedQuantileLoss(levels, horizons=HORIZONS)
    reference = loss.get_metrics(
        torch.tensor(forecast.reshape(*rows, -1), dtype=torch.float64),
        torch.tensor(target.reshape(rows), dtype=torch.float64),
    )
    assert set(reference) <= set(result)
    assert [result[name] for name in reference] == pytest.approx(list(reference.values()), rel=1e-6)


def test_targets_and_horizons_alone_are_the_loop_over_their_points() -> None:
    forecast, target, last = windows()
    result = scores_of((forecast, target, last))
    seen = ~np.isnan(target)
    for index, name in enumerate(NAMES):
        here, told = target[:, index][seen[:, index]], forecast[:, index][seen[:, index]]
        known = seen[:, index] & ~np.isnan(last[:, index])[:, None]
        moves = (target - last[..., None])[:, index][known]
        expected = {
            "mse": np.mean((here - told[:, 3]) ** 2),
            "mae": np.mean(np.abs(here - told[:, 3])),
            "loss": np.mean([mean_pinball_loss(here, told[:, i], alpha=q) for i, q in enumerate(LEVELS)]),
            "picp_90": np.mean((told[:, 0] <= here) & (here <= told[:, 6])),
            "picp_80": np.mean((told[:, 1] <= here) & (here <= told[:, 5])),
            "picp_50": np.mean((told[:, 2] <= here) & (here <= told[:, 4])),
            "repeat_last_mse": np.mean(moves**2),
            "repeat_last_mae": np.mean(np.abs(moves)),
        }
        assert result["per_target"][name] == pytest.approx(expected, rel=1e-5)
    errors = [(target - forecast[..., 3])[:, :, index][seen[:, :, index]] for index in range(len(HORIZONS))]
    assert result["per_horizon"]["mse"] == pytest.approx([np.mean(error**2) for error in errors], rel=1e-5)
    assert result["per_horizon"]["mae"] == pytest.approx([np.mean(np.abs(error)) for error in errors], rel=1e-5)


def test_the_original_scale_is_what_scoring_values_in_their_own_unit_gives() -> None:
    forecast, target, last = windows()
    scales = np.array(SCALES, dtype=np.float32)
    result = scores_of((forecast, target, last))
    own = scores_of((forecast * scales[:, None, None], target * scales[:, None], last * scales))
    originals = {name.removesuffix("_original"): value for name, value in result.items() if name.endswith("_original")}
    assert {"loss", "crps", "mse", "mae", "interval_80_mean", "repeat_last_mse", "repeat_last_mae"} <= set(originals)
    assert originals == pytest.approx({name: own[name] for name in originals}, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 30), max_size=6))
def test_batching_changes_no_metric(seed: int, cuts: list[int]) -> None:
    batch = windows(30, seed)
    edges = [0, *sorted(cuts), 30]
    parts = [(batch[0][start:end], batch[1][start:end], batch[2][start:end]) for start, end in pairwise(edges)]
    assert flat(scores_of(*parts)) == pytest.approx(flat(scores_of(batch)), rel=1e-12, nan_ok=True)


def test_unobserved_targets_weigh_nothing_whatever_is_forecast_for_them() -> None:
    forecast, target, last = windows()
    wild = np.where(np.isnan(target)[..., None], np.float32(np.nan), forecast)
    assert scores_of((wild, target, last)) == scores_of((forecast, target, last))
    nothing = np.full_like(target, np.nan)
    result = scores_of((forecast, target, last), (forecast, nothing, last))
    assert result == scores_of((forecast, target, last)) | {"num_windows": 60}


def test_where_nothing_was_observed_metrics_are_not_a_number_rather_than_perfect() -> None:
    forecast, target, last = windows(3)
    result = scores_of((forecast, target * np.nan, last))
    counts = {"num_windows": 3, "num_points": 0, "num_points_repeat_last": 0}
    assert {name: result.pop(name) for name in counts} == counts
    assert all(math.isnan(value) for value in flat(result).values())
    unknown = scores_of((forecast, target, last * np.nan))
    assert math.isnan(unknown["repeat_last_mse"])
    assert math.isfinite(unknown["mse"])


def test_a_diverged_forecast_is_not_scored_as_if_it_were_one() -> None:
    forecast, target, last = windows()
    assert math.isnan(scores_of((forecast * np.nan, target, last))["loss"])


@pytest.mark.parametrize(("mean", "spread"), [(0.0, 1.0), (2.0, 0.7)])
def test_crps_nears_the_closed_form_of_a_normal_as_levels_become_dense(mean: float, spread: float) -> None:
    levels = tuple((np.arange(2000) + 0.5) / 2000)
    targets = np.linspace(-3.0, 4.0, 12).reshape(2, 2, 3)
    forecast = np.broadcast_to(mean + spread * norm.ppf(levels), (*targets.shape, len(levels)))
    result = scores_of((forecast, targets, targets[..., 0]), levels=levels)
    away = (targets - mean) / spread
    closed = spread * (away * (2 * norm.cdf(away) - 1) + 2 * norm.pdf(away) - 1 / math.sqrt(math.pi))
    assert result["crps"] == pytest.approx(closed.mean(), rel=1e-3)


@pytest.mark.parametrize("levels", [LEVELS, (0.1, 0.9), (0.5,), (0.2, 0.4, 0.6, 0.8)])
def test_crps_of_a_point_forecast_is_its_absolute_error(levels: tuple[float, ...]) -> None:
    forecast, target, last = windows(levels=levels)
    points = np.repeat(forecast[..., :1], len(levels), axis=-1)
    result = scores_of((points, target, last), levels=levels)
    assert crps_weights(levels).sum() == pytest.approx(1.0)
    assert result["crps"] == pytest.approx(result["mae"], rel=1e-12)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((0.1, 0.5, 0.9), 20.0),
        ((0.2, 0.4, 0.8), 22.5),  # a quarter of the way from 20 to 30
        ((0.6, 0.7, 0.8), 10.0),
        ((0.1, 0.2, 0.4), 30.0),
    ],
)
def test_the_median_is_its_level_or_lies_between_its_neighbours_or_is_the_nearest(
    levels: tuple[float, ...], expected: float
) -> None:
    forecast = np.array([[10.0, 20.0, 30.0]], dtype=np.float32)
    assert median_of(forecast, levels) == pytest.approx([expected])


def test_pairs_are_equally_far_from_the_middle_although_floats_are_not() -> None:
    assert symmetric_pairs(LEVELS) == [(0, 6), (1, 5), (2, 4)]
    assert symmetric_pairs((0.1, 0.3, 0.5, 0.7)) == [(1, 3)]
    assert symmetric_pairs((0.5, 0.6)) == []


def test_a_run_can_be_judged_by_metrics_that_exist_and_are_better_when_smaller() -> None:
    batch = windows()
    perfect = np.repeat(batch[1][..., None], len(LEVELS), axis=-1)
    worse, best = scores_of(batch), scores_of((perfect, *batch[1:]))
    names = metric_names(LEVELS, HORIZONS)
    assert len(set(names)) == len(names) == 8 + len(LEVELS) + len(HORIZONS)
    for name in names:
        assert best[name] == 0.0 < worse[name]


def test_what_lies_at_the_ends_of_an_interval_is_told_apart_where_anything_does() -> None:
    forecast, target, last = windows()
    assert not any(name.startswith("between_") for name in scores_of((forecast, target, last)))
    whole, counts = np.rint(2 * forecast), np.rint(2 * target)
    observed = ~np.isnan(counts)
    inside = (whole[..., 1] < counts) & (counts < whole[..., 5])
    found = scores_of((whole, counts, last))
    assert found["between_80"] == pytest.approx(inside[observed].mean())
    assert found["between_80"] < found["picp_80"]
