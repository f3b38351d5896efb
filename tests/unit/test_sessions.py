"""Sessions of prices: where they end, and that nothing is learnt or measured across their ends."""

from datetime import timedelta

import numpy as np
import pytest

from infrastructure.data.series.market_features import (
    DOWN,
    FLAT,
    UNKNOWN,
    UP,
    MarketColumns,
    directions,
    market_features,
    past_directions,
    realised_volatility,
)
from infrastructure.data.series.sessions import HOUR, ends_elsewhere, least_break, session_numbers

MINUTE = HOUR // 60
CLOSE = MarketColumns(open=None, high=None, low=None, close=0, volume=None)


def numbered(minutes: list[int], step: int, missing: tuple[int, ...] = ()) -> list[int]:
    has_price = ~np.isin(np.arange(len(minutes)), missing)
    found: list[int] = session_numbers(np.array(minutes) * MINUTE, has_price, step * MINUTE).tolist()
    return found


def test_a_night_and_a_week_end_end_a_session_and_a_break_at_noon_does_not() -> None:
    noon = [0, 5, 10, 100, 105]  # an hour and a half without a row
    night, week_end = [24 * 60 + minute for minute in noon], [96 * 60 + minute for minute in noon]
    assert numbered([*noon, *night, *week_end], step=5) == [0] * 5 + [1] * 5 + [2] * 5


def test_of_rows_that_are_hours_apart_a_missing_one_ends_no_session() -> None:
    hours = [0, 4, 12, 16, 28, 32]
    assert numbered([60 * hour for hour in hours], step=240) == [0, 0, 0, 0, 1, 1]
    assert least_break(240 * MINUTE) == 12 * HOUR


def test_rows_filled_in_overnight_hold_no_price_and_bridge_no_night() -> None:
    filled = list(range(0, 24 * 60, 60))  # a row each hour, prices in the first and the last four
    assert numbered(filled, step=60, missing=tuple(range(4, 20))) == [0] * 20 + [1] * 4


def test_a_session_is_told_by_the_rows_up_to_its_own() -> None:
    stamps = np.cumsum(np.random.default_rng(0).choice([5, 5, 5, 1000], 60)) * MINUTE
    has_price = np.random.default_rng(1).random(60) > 0.2
    whole = session_numbers(stamps, has_price, 5 * MINUTE)
    for cut in range(61):
        np.testing.assert_array_equal(session_numbers(stamps[:cut], has_price[:cut], 5 * MINUTE), whole[:cut])


def test_a_night_makes_no_volatility() -> None:
    prices = np.log([100.0, 101.0, 100.0, 150.0, 151.5, 150.0])
    sessions = np.array([0, 0, 0, 1, 1, 1])
    found = realised_volatility(prices, 2, sessions)
    small = np.log(1.01)
    np.testing.assert_allclose(found, [np.nan, np.nan, small, small, small, small], rtol=1e-12)
    assert realised_volatility(prices, 2)[3] == pytest.approx(np.sqrt((small**2 + np.log(1.5) ** 2) / 2))
    names, features = market_features(np.exp(prices)[:, None], CLOSE, 2, sessions)
    assert names == ("log_return", "log_volatility")
    np.testing.assert_allclose(features[2:, 1], np.log(small), rtol=1e-12)
    assert features[3, 0] == pytest.approx(np.log(1.5)), "what came overnight is seen"


def test_no_direction_reaches_beyond_a_session() -> None:
    close = np.array([100.0, 102.0, 102.0, 80.0, 80.0, 90.0])
    sessions, volatility = np.array([0, 0, 0, 1, 1, 1]), np.full(6, 0.01)
    assert directions(close, 1, 0.5, volatility).tolist() == [UP, FLAT, DOWN, FLAT, UP, UNKNOWN]
    within = [UP, FLAT, UNKNOWN, FLAT, UP, UNKNOWN]
    assert directions(close, 1, 0.5, volatility, sessions).tolist() == within
    assert past_directions(close, 1, 0.5, volatility, sessions).tolist() == [UNKNOWN, *within[:-1]]
    assert ends_elsewhere(sessions, 2).tolist() == [False, True, True, False, False, False]


def test_a_step_as_long_as_a_session_is_a_break_of_none() -> None:
    assert least_break(None) == 4 * HOUR == timedelta(hours=4) // timedelta(microseconds=1)
    assert numbered([0], step=5) == [0]
    assert numbered([], step=5) == []
