"""A cycle is found in values that have one, and seldom in those that have none."""

import numpy as np
import pytest

from infrastructure.statistics.cycles import PhaseMeans, phase_means

DAYS, HOURS = 30, 24
DAY, HOUR = np.divmod(np.arange(DAYS * HOURS), HOURS)


def means_of(values: np.ndarray, together: int = 1) -> PhaseMeans:
    found = phase_means(values, DAY, HOUR, together)
    assert found is not None
    return found


def drifting(seed: int) -> np.ndarray:
    """Draw values that depend on those before them, as errors of overlapping forecasts do."""
    values = np.random.default_rng(seed).normal(size=DAYS * HOURS)
    for at in range(1, len(values)):
        values[at] += 0.8 * values[at - 1]
    return values


def test_a_cycle_that_is_there_is_found_where_it_is() -> None:
    found = means_of(drifting(0) + 4.0 * (HOUR == 7), together=2)
    assert found.phases[found.stands_out].tolist() == [7]
    assert found.means[7] == pytest.approx(4.0 * 23 / 24, abs=1.0)


def test_a_cycle_that_is_not_there_is_seldom_found() -> None:
    claimed = sum(bool(means_of(drifting(seed), together=2).stands_out.any()) for seed in range(60))
    assert claimed <= 7  # of 60, where 3 are expected


def test_a_level_that_changes_from_day_to_day_is_no_cycle() -> None:
    noise = np.random.default_rng(0).normal(size=len(DAY)) * 0.1
    found = means_of(noise + DAY)
    np.testing.assert_allclose(found.means, means_of(noise).means, atol=1e-12)


def test_values_that_are_missing_and_hours_that_are_closed_count_for_nothing() -> None:
    values = drifting(1)
    values[HOUR < 9] = np.nan
    values[np.random.default_rng(2).random(len(values)) < 0.2] = np.nan
    found = means_of(values)
    assert found.phases.tolist() == list(range(9, 24))
    assert np.isfinite(found.margins).all()


@pytest.mark.parametrize("days", [0, 1, 7])
def test_too_few_cycles_tell_nothing(days: int) -> None:
    values = np.where(np.less(DAY, days), 1.0, np.nan)
    assert phase_means(values, DAY, HOUR) is None


def test_neighbours_that_hang_together_need_as_many_more_days() -> None:
    assert phase_means(drifting(0)[: 8 * HOURS], DAY[: 8 * HOURS], HOUR[: 8 * HOURS], 1) is not None
    assert phase_means(drifting(0)[: 8 * HOURS], DAY[: 8 * HOURS], HOUR[: 8 * HOURS], 2) is None


def test_values_without_any_spread_stand_out_nowhere() -> None:
    assert not means_of(np.zeros(len(DAY))).stands_out.any()
