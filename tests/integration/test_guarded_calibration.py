"""What is known of a held-out part is a matter of its independent blocks, not of its points."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from infrastructure.tasks.series.scoring.calibration import Calibration
from infrastructure.tasks.series.scoring.guarded import Guard, groups_of
from infrastructure.tasks.series.scoring.held_out import HeldOut

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
STEPS = 10
Floats = NDArray[np.floating[Any]]


def fitted(target: Floats, width: Floats | float = 1.0) -> Calibration:
    """Fit on windows [N, T, H], one row apart, whose forecasts are normal with mean 0 and a width."""
    forecast = norm.ppf(LEVELS) * np.broadcast_to(width, target.shape)[..., None]
    held_out = HeldOut(LEVELS)
    held_out.add(forecast, target)
    return Guard(LEVELS, range(1, target.shape[2] + 1), overlap=target.shape[2]).fitted(held_out)


def windows_of(series: Floats, num_steps: int = STEPS) -> Floats:
    """Cut series [T, rows] into every window of what follows: [N, T, H]."""
    return np.lib.stride_tricks.sliding_window_view(series, num_steps, axis=1).swapaxes(0, 1)


def noise(rows: int, seed: int = 0, num_targets: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(size=(num_targets, rows))


def test_a_level_that_drifts_back_and_forth_moves_no_quantile_by_itself() -> None:
    """Each block lies to one side: by points the quantiles of the last one are all wrong."""
    drift = np.repeat([1.0, 1.0, -1.0], 3 * STEPS)
    target = windows_of(0.3 * noise(len(drift)) + drift)
    found = fitted(target)
    assert max(abs(factor - 1.0) for factor in found.factors) < 0.2
    assert "independent blocks" in found.told


def test_bands_that_are_too_narrow_throughout_are_widened_the_more_the_more_blocks_say_so() -> None:
    few, many = (fitted(windows_of(2.0 * noise(blocks * STEPS))).factors[-1] for blocks in (4, 100))
    assert 1.1 < few < 1.8 < many < 2.2


def test_one_block_is_not_enough_to_check_anything() -> None:
    found = fitted(windows_of(3.0 * noise(2 * STEPS - 2)))
    assert found.changes_nothing
    assert "cannot check it" in found.told


def test_bands_that_are_right_stay_nearly_as_they_are() -> None:
    for seed in range(5):
        found = fitted(windows_of(noise(20 * STEPS, seed, 2)))
        for by in (found.factors, found.by_target, found.by_step):
            assert all(abs(factor - 1.0) < 0.2 for factor in by)


def test_targets_and_horizons_that_differ_are_moved_by_their_own() -> None:
    target = windows_of(noise(150 * STEPS, num_targets=2))
    wide_later = np.where(np.arange(STEPS) < STEPS // 2, 1.0, 0.5) * np.array([[1.0], [0.6]])
    found = fitted(target, wide_later)
    by_target, by_step = np.array(found.by_target), np.array(found.by_step)
    assert by_target[1] / by_target[0] == pytest.approx(1 / 0.6, rel=0.1)
    assert by_step[-1] / by_step[2] == pytest.approx(2.0, rel=0.15)
    moved = found.applied(norm.ppf(LEVELS) * wide_later[..., None])
    assert moved[..., -1] == pytest.approx(np.full((2, STEPS), norm.ppf(0.95)), rel=0.2)


@pytest.mark.parametrize("num_steps", [1, 2, 5, 28, 96])
def test_groups_of_horizons_hold_each_once(num_steps: int) -> None:
    groups = groups_of(num_steps)
    assert [step for group in groups for step in range(num_steps)[group]] == list(range(num_steps))
    assert len(groups) <= 4
