"""Features and directions of a market: nothing of the future in them, and each the value a plain loop finds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import DatasetError
from infrastructure.data.series.market_features import (
    DOWN,
    FLAT,
    UNKNOWN,
    UP,
    MarketColumns,
    directions,
    market_columns,
    market_features,
    past_directions,
    realised_volatility,
    refuse_unusable_prices,
)

OHLCV = MarketColumns(open=0, high=1, low=2, close=3, volume=4)
CLOSE_ONLY = MarketColumns(open=None, high=None, low=None, close=0, volume=None)
CLOSE_BESIDE_MORE = MarketColumns(open=None, high=None, low=None, close=3, volume=None)
REMEDY = "Correct or remove them, or name another column with --set price_column=NAME."
NAMES = ["open", "high", "low", "close", "volume"]


def table(num_rows: int, seed: int, share_missing: float = 0.0) -> np.ndarray:
    """Draw bars that could be: [N, 5] with cells missing at random."""
    draw = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(draw.normal(0, 0.02, num_rows)))
    opening = close * np.exp(draw.normal(0, 0.01, num_rows))
    high = np.maximum(opening, close) * np.exp(draw.random(num_rows) * 0.01)
    low = np.minimum(opening, close) * np.exp(-draw.random(num_rows) * 0.01)
    values = np.stack([opening, high, low, close, draw.integers(0, 10_000, num_rows).astype(float)], axis=1)
    values[draw.random(values.shape) < share_missing] = np.nan
    return values


def looped_volatility(values: np.ndarray, window: int) -> np.ndarray:
    result, squares = np.full(len(values), np.nan), []
    for row in range(len(values)):
        if row and math.isfinite(change := float(values[row] - values[row - 1])):
            squares.append(change**2)
        if len(squares) >= window:
            result[row] = math.sqrt(math.fsum(squares[-window:]) / window)
    return result


def looped_directions(close: np.ndarray, horizon: int, dead_band: float, volatility: np.ndarray) -> list[int]:
    labels = []
    for row in range(len(close)):
        label = UNKNOWN
        if row + horizon < len(close) and not math.isnan(volatility[row] + close[row] + close[row + horizon]):
            change = math.log(close[row + horizon] / close[row])
            band = dead_band * volatility[row] * math.sqrt(horizon)
            label = FLAT if abs(change) <= band else UP if change > 0 else DOWN
        labels.append(label)
    return labels


# What is known of a row


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 12), st.integers(1, 8), st.integers(0, 2**32))
def test_later_rows_change_nothing_of_earlier_ones(
    num_rows: int, cut: int, window: int, horizon: int, seed: int
) -> None:
    before = table(num_rows, seed, share_missing=0.1)
    cut = min(cut, num_rows)
    after = before.copy()
    after[cut:] = table(num_rows, seed + 1, share_missing=0.3)[cut:] * 1000

    def known(values: np.ndarray) -> list[np.ndarray]:
        close = values[:, OHLCV.close]
        volatility = realised_volatility(np.log(close), window)
        features = market_features(values, OHLCV, window)[1]
        return [features, volatility, past_directions(close, horizon, 0.5, volatility)]

    for ours, theirs in zip(known(before), known(after), strict=True):
        np.testing.assert_array_equal(ours[:cut], theirs[:cut])
        assert len(ours) == num_rows


@settings(max_examples=40)
@given(st.integers(0, 60), st.integers(1, 12), st.floats(0, 0.5), st.integers(0, 2**32))
def test_volatility_is_the_root_mean_square_of_the_last_observed_changes(
    num_rows: int, window: int, share_missing: float, seed: int
) -> None:
    values = table(num_rows, seed, share_missing)
    found = realised_volatility(values, window)
    assert found.shape == values.shape
    for column in range(values.shape[1]):
        np.testing.assert_allclose(found[:, column], looped_volatility(values[:, column], window), rtol=1e-13)
        np.testing.assert_array_equal(found[:, column], realised_volatility(values[:, column], window))


def test_volatility_after_a_huge_change_keeps_its_digits() -> None:
    values = np.concatenate([np.arange(20) * 1e-6, [1e12], np.arange(20) * 1e-6])
    found = realised_volatility(values, 4)
    np.testing.assert_allclose(found[-1], 1e-6, rtol=1e-9)
    np.testing.assert_allclose(found, looped_volatility(values, 4), rtol=1e-13)


def test_volatility_of_infinite_and_enormous_values_is_that_of_the_rest() -> None:
    values = np.array([0.0, 1.0, np.inf, 5.0, 7.0, 1e300, -1e300, 3.0, 6.0])
    np.testing.assert_array_equal(realised_volatility(values, 1), [np.nan, 1, 1, 1, 2, 2, 2, 2, 3])


def test_features_are_those_of_the_textbook() -> None:
    values = np.array([[10.0, 12.0, 9.0, 11.0, 0.0], [11.5, 13.0, 11.0, 12.0, 9.0], [12.0, 12.5, 10.0, 10.5, 99.0]])
    names, features = market_features(values, OHLCV, volatility_window=2)
    first, second = math.log(12 / 11), math.log(10.5 / 12)
    expected = {
        "log_return": [math.nan, first, second],
        "gap": [math.nan, math.log(11.5 / 11), 0.0],
        "body": [math.log(11 / 10), math.log(12 / 11.5), math.log(10.5 / 12)],
        "range": [math.log(12 / 9), math.log(13 / 11), math.log(12.5 / 10)],
        "volume_change": [math.nan, math.log(10), math.log(10)],
        "log_volatility": [math.nan, math.nan, math.log(math.sqrt((first**2 + second**2) / 2))],
    }
    assert names == tuple(expected)
    np.testing.assert_allclose(features, np.array(list(expected.values())).T, rtol=1e-12, atol=1e-15)


def test_features_need_no_more_than_a_close() -> None:
    values = table(20, seed=1)
    names, features = market_features(values, CLOSE_BESIDE_MORE, 5)
    assert names == ("log_return", "log_volatility")
    all_names, all_features = market_features(values, OHLCV, 5)
    np.testing.assert_array_equal(features, all_features[:, [all_names.index(name) for name in names]])


def test_a_missing_cell_spoils_only_what_needs_it() -> None:
    values = table(12, seed=2)
    whole = market_features(values, OHLCV, 3)[1]
    values[6, OHLCV.close] = np.nan
    names, holed = market_features(values, OHLCV, 3)
    missing = {
        name: set(np.flatnonzero(np.isnan(holed[:, i]) & ~np.isnan(whole[:, i]))) for i, name in enumerate(names)
    }
    assert missing == {
        "log_return": {6, 7},
        "gap": {7},
        "body": {6},
        "range": set(),
        "volume_change": set(),
        "log_volatility": set(),
    }


def test_a_market_that_stands_still_has_no_logarithm_of_its_volatility() -> None:
    features = market_features(np.full((9, 1), 7.0), CLOSE_ONLY, 3)[1]
    np.testing.assert_array_equal(features[1:, 0], 0.0)
    assert np.isnan(features[:, 1]).all()


@settings(max_examples=30)
@given(st.floats(1e-6, 1e6), st.integers(0, 2**32))
def test_prices_in_another_currency_give_the_same_features_and_directions(factor: float, seed: int) -> None:
    values = table(40, seed, share_missing=0.05)
    scaled = values * [factor, factor, factor, factor, 1.0]
    np.testing.assert_allclose(
        market_features(scaled, OHLCV, 5)[1], market_features(values, OHLCV, 5)[1], rtol=1e-9, atol=1e-12
    )

    def labels(table_: np.ndarray) -> np.ndarray:
        return directions(table_[:, 3], 3, 0.5, realised_volatility(np.log(table_[:, 3]), 5))

    np.testing.assert_array_equal(labels(scaled), labels(values))


# What came of it


@settings(max_examples=40)
@given(st.integers(0, 50), st.integers(1, 9), st.floats(0, 2), st.integers(0, 2**32))
def test_directions_are_those_of_a_plain_loop(num_rows: int, horizon: int, dead_band: float, seed: int) -> None:
    close = table(num_rows, seed, share_missing=0.05)[:, 3]
    volatility = realised_volatility(np.log(close), 4)
    found = directions(close, horizon, dead_band, volatility)
    assert found.dtype == np.int8
    assert found.tolist() == looped_directions(close, horizon, dead_band, volatility)


def test_a_price_that_does_not_move_is_flat_even_without_a_dead_band() -> None:
    close = np.array([5.0, 5.0, 6.0, 5.0, 5.0])
    assert directions(close, 1, 0.0, np.zeros(5)).tolist() == [FLAT, UP, DOWN, FLAT, UNKNOWN]


def test_directions_mirror_when_prices_are_turned_round() -> None:
    close = table(100, seed=4)[:, 3]
    volatility = realised_volatility(np.log(close), 5)
    upright, turned = directions(close, 4, 0.5, volatility), directions(1 / close, 4, 0.5, volatility)
    np.testing.assert_array_equal(np.where(upright == UNKNOWN, UNKNOWN, UP - upright), turned)
    assert {UP, FLAT, DOWN} <= set(upright.tolist())


def test_a_direction_needs_both_prices_and_a_volatility() -> None:
    close = np.array([1.0, 2.0, np.nan, 3.0, 0.0, 4.0, 1e-320, 1e300])
    volatility = np.array([0.1, 0.1, 0.1, np.nan, 0.1, 0.1, 0.1, 0.1])
    found = directions(close, 1, 0.5, volatility)
    assert found.tolist() == [UP, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, DOWN, UNKNOWN, UNKNOWN]


def test_the_past_direction_is_the_latest_that_has_come_true() -> None:
    close = table(40, seed=5)[:, 3]
    volatility = realised_volatility(np.log(close), 4)
    past = past_directions(close, 6, 0.5, volatility)
    for row in range(40):
        expected = directions(close[: row + 1], 6, 0.5, volatility[: row + 1])[row - 6] if row >= 6 else UNKNOWN
        assert past[row] == expected
    assert past_directions(close[:6], 6, 0.5, volatility[:6]).tolist() == [UNKNOWN] * 6


# Which columns, and whether they can be


@pytest.mark.parametrize(
    ("names", "price_column", "expected"),
    [
        (["Open", "HIGH", "low", "Close", "Volume"], None, (0, 1, 2, 3, 4)),
        (["<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"], None, (0, 1, 2, 3, 4)),
        (["1. open", "2. high", "3. low", "4. close", "5. volume"], None, (0, 1, 2, 3, 4)),
        (["o", "h", "l", "c", "v"], None, (0, 1, 2, 3, 4)),
        (["Price", "Open", "High", "Low", "Vol.", "Change %"], None, (1, 2, 3, 0, 4)),
        (["open_price", "close_price"], None, (0, None, None, 1, None)),
        (["Open", "High", "Low", "Close", "Adj Close", "Volume"], None, (0, 1, 2, 3, 5)),
        (["Open", "High", "Low", "Close", "Adj Close", "Volume"], "adj close", (None, None, None, 4, 5)),
        (["Open", "Adj Close"], None, (None, None, None, 1, None)),
        (["adjClose", "adjOpen", "close", "open", "adjVolume", "volume"], "adjClose", (1, None, None, 0, 4)),
        (["BTC_open", "BTC_close", "ETH_open", "ETH_close"], "ETH_close", (2, None, None, 3, None)),
        (["rate", "Last"], None, (None, None, None, 1, None)),
        (["rate", "Last"], "rate", (None, None, None, 0, None)),
        (["temperature", "AAPL close"], None, (None, None, None, 1, None)),
    ],
)
def test_columns_are_found_by_name(
    names: list[str], price_column: str | None, expected: tuple[int | None, ...]
) -> None:
    assert tuple(vars(market_columns(names, price_column)).values()) == expected


@pytest.mark.parametrize(
    ("names", "price_column", "said"),
    [
        (["HUFL", "OT"], None, "Which column holds the price? None could, of the columns of numbers 'HUFL', 'OT'."),
        (["BTC_close", "ETH_close"], None, "'BTC_close', 'ETH_close' could"),
        (["Close", "CLOSE"], None, "'Close', 'CLOSE' could"),
        (["open", "close"], "clsoe", "price_column is 'clsoe', but the columns of numbers are 'open', 'close'."),
    ],
)
def test_a_close_that_cannot_be_told_is_refused(names: list[str], price_column: str | None, said: str) -> None:
    with pytest.raises(DatasetError) as caught:
        market_columns(names, price_column)
    assert said in str(caught.value)
    assert str(caught.value).endswith("--set price_column=NAME.")


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("close", 0.0, "close is 0, but a price must be above zero and finite; close 0 is below low 9"),
        ("open", -3.0, "open is -3, but a price must be above zero and finite"),
        ("high", np.inf, "high is inf, but a price must be above zero and finite"),
        ("close", 12.5, "close 12.5 is above high 12"),
        ("close", 8.5, "close 8.5 is below low 9"),
        ("low", 13.0, "close 11 is below low 13; high 12 is below low 13"),
        ("volume", -1.0, "volume is -1, but cannot be negative"),
    ],
)
def test_a_bar_that_cannot_be_is_named_with_its_line(column: str, value: float, said: str) -> None:
    values = np.tile([10.0, 12.0, 9.0, 11.0, 5.0], (4, 1))
    values[2, NAMES.index(column)] = value
    with pytest.raises(DatasetError) as caught:
        refuse_unusable_prices(values, OHLCV, "bars.csv")
    assert caught.value.problem == f"bars.csv:4: {said}.\nbars.csv: 1 row has a price that cannot be. {REMEDY}"
    with pytest.raises(DatasetError, match=r"^bars\.parquet: row 3: "):
        refuse_unusable_prices(values, OHLCV, "bars.parquet")


def test_many_bad_rows_are_counted_and_twenty_shown() -> None:
    values = np.full((100, 1), -1.0)
    values[:30] = 1.0
    with pytest.raises(DatasetError) as caught:
        refuse_unusable_prices(values, CLOSE_ONLY, "bars.csv")
    *shown, last = caught.value.problem.splitlines()
    assert [line.split(":")[1] for line in shown] == [str(line) for line in range(32, 52)]
    assert last == f"bars.csv: 70 rows have prices that cannot be (the first 20 are shown). {REMEDY}"


def test_bars_that_can_be_pass_with_holes_and_rounding() -> None:
    values = table(50, seed=6, share_missing=0.2)
    values[0] = [10.0, 10.0, 10.0, 10.0 + 1e-7, 0.0]  # above its high, but by rounding only
    before = values.copy()
    refuse_unusable_prices(values, OHLCV, "bars.csv")
    refuse_unusable_prices(values[:0], OHLCV, "bars.csv")
    np.testing.assert_array_equal(values, before)
