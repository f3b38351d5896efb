"""A season is found where there is one, on the clock or without it, and never where chance alone would bring it."""

from itertools import accumulate

import numpy as np
import pytest

from infrastructure.data.series.season import DAY, Season, find_season, naive_errors, places_of
from tests.support.shops import sales

HOUR = DAY // 24
WEEK = Season(7, 7, "week")
STEPS = range(1, 15)


def found(values: np.ndarray, step: int | None = DAY, places: np.ndarray | None = None) -> Season | None:
    return find_season(values, np.arange(len(values)) if places is None else places, step, STEPS)


def test_the_week_of_three_shops_is_found_by_the_clock_and_without_it() -> None:
    assert found(sales(300)) == WEEK
    assert found(sales(300), step=None) == Season(7, 7)


def test_a_day_is_found_among_hours_and_a_year_among_months() -> None:
    draw = np.random.default_rng(3)
    hours = np.sin(np.arange(24 * 40) * np.pi / 12)[:, None] + np.cumsum(draw.normal(0, 0.1, (24 * 40, 1)), axis=0)
    assert found(hours, HOUR) == Season(24, 24, "day")
    months = np.exp(0.01 * np.arange(72) + 0.2 * np.sin(np.arange(72) * np.pi / 6) + draw.normal(0, 0.05, 72))[:, None]
    assert found(months, 31 * DAY) == Season(12, 12, "year")


def test_a_week_of_business_days_has_five_rows_and_missing_days_move_nothing() -> None:
    values, days = sales(400), np.arange(400)
    business = days[days % 7 < 5]
    assert found(values[business], places=business) == Season(7, 5, "week")
    some = np.random.default_rng(0).permutation(400)[:300]
    some.sort()
    season = found(values[some], places=some)
    assert season is not None
    assert season.length == 7


@pytest.mark.parametrize("kind", ["noise", "walk", "walk with a drift", "trend", "swings", "bursts"])
def test_no_season_is_found_where_there_is_none(kind: str) -> None:
    """With one in a thousand by chance for each of three suggestions, 2 in 100 would come once in twenty times."""
    num_found = 0
    for seed in range(100):
        noise = np.random.default_rng(seed).normal(size=240)
        values = {
            "noise": noise,
            "walk": np.cumsum(noise),
            "walk with a drift": np.cumsum(noise + 0.3),
            "trend": noise + 0.1 * np.arange(240),
            "swings": np.array(
                list(accumulate(noise, lambda last, new: new - 0.5 * last))
            ),  # to and fro, and not for long
            "bursts": noise**5,
        }[kind]
        num_found += found(values[:, None]) is not None
    assert num_found <= 2


def test_two_equal_spikes_are_no_season_and_a_constant_has_none() -> None:
    values = np.random.default_rng(1).normal(size=(200, 1))
    values[[50, 57]] = 100.0
    assert found(values) is None
    assert found(np.ones((200, 1))) is None
    assert found(np.full((200, 1), np.nan)) is None
    assert found(np.ones((1, 1))) is None


def test_a_clock_with_gaps_counts_time_and_one_that_is_none_counts_rows() -> None:
    days = np.array([0, 1, 2, 5, 6, 9]) * DAY
    assert places_of(days, DAY, 6).tolist() == [0, 1, 2, 5, 6, 9]
    assert places_of(None, None, 3).tolist() == [0, 1, 2]
    assert places_of(days * 1000, DAY, 6).tolist() == list(range(6))  # far more gaps than rows
    assert places_of(np.array([0, 31, 59, 90]) * DAY, 31 * DAY, 4).tolist() == [0, 1, 2, 3]
    assert places_of(np.array([0, 1, 2]) * HOUR, DAY, 3).tolist() == [0, 1, 2]  # two rows of one place


def test_the_scale_of_the_mase_is_the_mean_change_over_a_season() -> None:
    values = sales(120)
    values[10, 0] = np.nan
    expected = [np.nanmean(np.abs(values[7:, shop] - values[:-7, shop])) for shop in range(3)]
    assert naive_errors(values, np.arange(120), WEEK, (2.0, 2.0, 2.0)) == pytest.approx(np.array(expected) / 2)
    expected = [np.nanmean(np.abs(np.diff(values[:, shop]))) for shop in range(3)]
    assert naive_errors(values, np.arange(120), None, (1.0, 1.0, 1.0)) == pytest.approx(expected)
