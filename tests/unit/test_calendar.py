"""Features of the clock: each stamp for itself, and only what the training part can teach."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import ConfigurationError, DatasetError
from domain.forecast import CALENDAR
from infrastructure.data.clock.stamps import DAY
from infrastructure.data.series.calendar import CYCLES_SEEN, MANY, Calendar, suitable_calendar

HOUR = DAY // 24
EPOCH = datetime(1970, 1, 1)
MONDAY = np.datetime64("2024-01-01", "us").astype(np.int64)
EVERY = Calendar(CALENDAR, session_open=9 * HOUR, session_length=8 * HOUR)
A_STAMP = st.integers(-(50 * 365) * DAY, 100 * 365 * DAY)


def hourly(rows: int, step: int = HOUR) -> np.ndarray:
    return MONDAY + np.arange(rows) * step


@settings(max_examples=30)
@given(st.lists(A_STAMP, min_size=1, max_size=6), st.integers(0, 5), A_STAMP)
def test_a_feature_depends_on_its_own_stamp_alone(stamps: list[int], place: int, other: int) -> None:
    place %= len(stamps)
    alone = EVERY.features(np.array(stamps[place : place + 1]))
    among = np.array([other] * len(stamps))
    among[place] = stamps[place]
    assert EVERY.features(among)[place].tobytes() == alone[0].tobytes()
    assert EVERY.features(np.array(stamps))[place].tobytes() == alone[0].tobytes()
    assert alone.shape == (1, EVERY.width)
    assert np.abs(alone).max() <= 1.0


@settings(max_examples=50)
@given(A_STAMP)
def test_the_features_are_those_of_pythons_own_calendar(stamp: int) -> None:
    moment = EPOCH + timedelta(microseconds=stamp)
    of_day = timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond)
    shares = [of_day / timedelta(days=1), moment.weekday() / 7, (moment.day - 1) / 31, (moment.month - 1) / 12]
    shares.append((moment.timetuple().tm_yday - 1) / 366)
    waves = [wave(2 * np.pi * share) for share in shares for wave in (np.sin, np.cos)]
    session = 2 * min(max((of_day - timedelta(hours=9)) / timedelta(hours=8), 0.0), 1.0) - 1
    np.testing.assert_allclose(EVERY.features(np.array([stamp]))[0], [*waves, session], atol=1e-6)


def test_without_features_there_are_columns_of_none() -> None:
    assert Calendar().features(hourly(5)).shape == (5, 0)


@pytest.mark.parametrize("name", ["hour", "weekday", "day_of_month", "month"])
def test_a_cycle_is_offered_once_it_was_seen_often_enough(name: str) -> None:
    step = {"hour": HOUR, "weekday": DAY, "day_of_month": DAY, "month": 6 * DAY}[name]
    rows = CYCLES_SEEN[name] * {"hour": 24, "weekday": 7, "day_of_month": 31, "month": 61}[name]
    assert name not in suitable_calendar("auto", hourly(rows, step), step).names
    assert name in suitable_calendar("auto", hourly(rows + 1, step), step).names


def test_the_year_is_offered_to_many_series_once_they_have_seen_it_twice() -> None:
    two_years = hourly(2 * 366 + 1, DAY)
    assert "year" not in suitable_calendar("auto", two_years, DAY, num_series=MANY - 1).names
    assert "year" in suitable_calendar("auto", two_years, DAY, num_series=MANY).names


def test_a_cycle_is_not_offered_that_rows_are_too_far_apart_for() -> None:
    assert suitable_calendar("auto", hourly(5000, DAY), DAY).names == ("weekday", "day_of_month", "month")
    assert suitable_calendar("auto", hourly(500, 366 * DAY), 366 * DAY).names == ()


@pytest.mark.parametrize("start", [0, 9, 12, 20])
@pytest.mark.parametrize("rows", [15, 30, 40, 60, 100])
def test_days_that_the_table_cuts_off_are_no_sessions(start: int, rows: int) -> None:
    assert "session" not in suitable_calendar("auto", hourly(rows) + start * HOUR, HOUR).names


def test_sessions_are_found_in_days_that_are_not_whole() -> None:
    half_hours = np.arange(14) * (HOUR // 2) + 9 * HOUR + HOUR // 2
    stamps = (MONDAY + np.arange(10)[:, None] * DAY + half_hours).ravel()
    calendar = suitable_calendar("auto", stamps, HOUR // 2)
    assert (calendar.names[-1], calendar.session_open) == ("session", 9 * HOUR + HOUR // 2)
    place = calendar.features(stamps)[:, -1].reshape(10, 14)
    np.testing.assert_allclose(place, np.broadcast_to(np.linspace(-1, 1, 14), (10, 14)), atol=1e-6)


def test_named_features_are_taken_as_they_are_and_refused_without_a_clock() -> None:
    assert suitable_calendar(("month",), hourly(3), HOUR).names == ("month",)
    assert suitable_calendar("auto", None, None) == Calendar()
    with pytest.raises(ConfigurationError, match="has no time column"):
        suitable_calendar(("month",), None, None)


CHRISTMAS = np.datetime64("2023-12-25", "us").astype(np.int64)


def holidays(*places: str, since: str = "2022-01-01", rows: int = 3 * 365) -> Calendar:
    stamps = np.datetime64(since, "us").astype(np.int64) + np.arange(rows) * DAY
    return suitable_calendar((), stamps, DAY, places)


def test_a_holiday_its_eve_and_what_follows_are_told_by_the_day() -> None:
    days = np.array([-10, -8, -1, 0, 1, 2, 3]) * DAY + CHRISTMAS
    is_one, ahead, behind = holidays("DE").features(days + 13 * HOUR).T
    np.testing.assert_array_equal(is_one, [0, 0, 0, 1, 1, 0, 0])
    np.testing.assert_allclose(ahead, [0, 0, 6 / 7, 1, 1, 2 / 7, 3 / 7], atol=1e-6)  # New Year's Day is in sight
    np.testing.assert_allclose(behind, [0, 0, 0, 1, 1, 6 / 7, 5 / 7], atol=1e-6)


def test_a_holiday_of_the_next_year_is_seen_at_the_end_of_this_one() -> None:
    eve = np.datetime64("2024-12-31", "us").astype(np.int64)
    np.testing.assert_allclose(holidays("DE").features(np.array([eve]))[0, 1], 6 / 7, atol=1e-6)


def test_each_place_has_its_own_holidays() -> None:
    epiphany = np.datetime64("2023-01-06", "us").astype(np.int64)
    calendar = holidays("DE", "DE-BY", "FR")
    assert calendar.width == 9
    assert calendar.features(np.array([epiphany]))[0, ::3].tolist() == [0, 1, 0]


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3 * 365 * 24), min_size=2, max_size=9))
def test_what_is_told_of_holidays_depends_on_its_own_stamp_alone(hours: list[int]) -> None:
    calendar, stamps = holidays("DE-BY", "US"), MONDAY + np.array(hours) * HOUR
    together = calendar.features(stamps)
    np.testing.assert_array_equal(together, [calendar.features(stamp[None])[0] for stamp in stamps])
    assert together.min() >= 0.0
    assert together.max() <= 1.0


def test_holidays_want_a_clock_of_days_and_years_that_are_known() -> None:
    with pytest.raises(ConfigurationError, match="no time column"):
        suitable_calendar("auto", None, None, ("DE",))
    with pytest.raises(ConfigurationError, match="7 days apart"):
        suitable_calendar("auto", hourly(200, 7 * DAY), 7 * DAY, ("DE",))
    with pytest.raises(DatasetError, match="rows of 1950, but holidays"):
        holidays("DE", since="1950-01-01")
    with pytest.raises(DatasetError, match="rows of 2101"):
        holidays("DE").features(np.array([np.datetime64("2101-01-01", "us").astype(np.int64)]))


def test_without_the_package_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="no package that knows them") as refused:
        holidays("DE")
    assert "pip install 'athanor[holidays]'" in str(refused.value.remedy)


def test_another_version_is_told_where_its_dates_differ() -> None:
    known = holidays("DE").holidays
    assert known is not None
    assert known.told() == ""
    assert replace(known, version="0.1").told() == "", "the same dates"
    assert "0.1" in replace(known, version="0.1", digest="other").told()
