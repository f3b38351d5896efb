"""The clock of a table is found from its stamps, and goes on as the true one does."""

import calendar
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from infrastructure.data.clock.clock_json import clock_json, clock_of
from infrastructure.data.clock.clocks import Even, MonthDay, Monthly, Weekly, exact_on, following
from infrastructure.data.clock.finding import find_clock
from infrastructure.data.clock.stamps import DAY, SECOND
from infrastructure.tasks.series.clock_fields import ClockFields

HOUR = 3600 * SECOND
AHEAD = 12


def micros(*texts: str) -> list[int]:
    return [int(np.datetime64(text, "us").astype(np.int64)) for text in texts]


def stamps(whens: list[datetime]) -> np.ndarray:
    return np.array(whens, dtype="datetime64[us]").astype(np.int64)


def days_that(fits: Callable[[datetime], bool], start: datetime) -> Iterator[datetime]:
    while True:
        if fits(start):
            yield start
        start += timedelta(days=1)


def on(*weekdays: int) -> Callable[[datetime], Iterator[datetime]]:
    return lambda start: days_that(lambda day: day.weekday() in weekdays, start)


def at(times: list[tuple[int, int]], *weekdays: int) -> Callable[[datetime], Iterator[datetime]]:
    return lambda start: (
        day.replace(hour=hour, minute=minute) for day in on(*weekdays)(start) for hour, minute in times
    )


def monthly(*days: int, every: int = 1, business: bool = False) -> Callable[[datetime], Iterator[datetime]]:
    """Days of the month, 31 the last; business days are sought backwards from its end and forwards from its start."""

    def generate(start: datetime) -> Iterator[datetime]:
        year, month = start.year, start.month
        while True:
            for day in days:
                found = datetime(year, month, min(day, calendar.monthrange(year, month)[1]))
                while business and found.weekday() > 4:
                    found += timedelta(days=1 if day == 1 else -1)
                yield found
            year, month = year + (month + every - 1) // 12, (month + every - 1) % 12 + 1

    return generate


def stepping(**step: int) -> Callable[[datetime], Iterator[datetime]]:
    return lambda start: (start + number * timedelta(**step) for number in range(10_000))


def _is_open(when: datetime) -> bool:
    day = when.weekday()
    return day < 4 or (day == 4 and when.hour < 22) or (day == 6 and when.hour >= 22)


SESSION = [(9, 30), (10, 0), (10, 30), (11, 0), (13, 0), (13, 30), (14, 0)]
CLOCKS: dict[str, Callable[[datetime], Iterator[datetime]]] = {
    "seconds": stepping(seconds=1),
    "seven minutes": stepping(minutes=7),
    "hours": stepping(hours=1),
    "days": stepping(days=1),
    "weeks": stepping(weeks=1),
    "four weeks": stepping(weeks=4),
    "ten days": stepping(days=10),
    "thirty-six hours": stepping(hours=36),
    "Monday to Friday": on(0, 1, 2, 3, 4),
    "six days": on(0, 1, 2, 3, 4, 5),
    "Sunday to Thursday": on(6, 0, 1, 2, 3),
    "Monday, Wednesday, Friday": on(0, 2, 4),
    "weekends": on(5, 6),
    "two times a day": at([(8, 0), (20, 0)], *range(7)),
    "three times a day": at([(8, 0), (12, 0), (20, 0)], *range(7)),
    "hours of weekdays": at([(hour, 0) for hour in range(24)], *range(5)),
    "sessions with a lunch break": at(SESSION, *range(5)),
    "sessions from Sunday to Thursday": at(SESSION, 6, 0, 1, 2, 3),
    "sessions of all days": at(SESSION, *range(7)),
    "month ends": monthly(31),
    "month starts": monthly(1),
    "day 15": monthly(15),
    "quarter ends": monthly(31, every=3),
    "quarter starts": monthly(1, every=3),
    "year ends": monthly(31, every=12),
    "business month ends": monthly(31, business=True),
    "business month starts": monthly(1, business=True),
    "business quarter ends": monthly(31, every=3, business=True),
    "twice a month": monthly(1, 15),
    "mid and end of month": monthly(15, 31),
    "thrice a month": monthly(1, 11, 21),
}


@pytest.mark.parametrize("kind", CLOCKS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_the_next_stamps_are_those_of_the_true_clock(kind: str, data: st.DataObject) -> None:
    start = datetime(data.draw(st.integers(1950, 2040), "year"), data.draw(st.integers(1, 12), "month"), 1)
    length = 60 if "month" in kind or "quarter" in kind or "year" in kind else 200
    whole = stamps(list(islice(CLOCKS[kind](start), length + AHEAD)))
    known, true = whole[:length], whole[length:]
    missing = data.draw(st.sets(st.integers(1, length - 2), max_size=length // 50), "missing")
    found = find_clock(np.delete(known, list(missing)))
    assert found is not None
    assert following(found.clock, int(known[-1]), AHEAD).tolist() == true.tolist()
    assert (found.beside, found.loose) == (0, False)
    kept = json.loads(json.dumps(clock_json(found.clock), allow_nan=False))
    assert clock_of(TypeAdapter(ClockFields).validate_python(kept).model_dump()) == found.clock
    np.testing.assert_array_equal(np.diff(found.clock.places(known)), 1)


def test_a_week_of_the_foreign_exchange_is_learnt_with_its_odd_ends() -> None:
    hours = (when for when in at([(hour, 0) for hour in range(24)], *range(7))(datetime(2024, 1, 1)) if _is_open(when))
    whole = stamps(list(islice(hours, 1200)))
    found = find_clock(whole[:-150])
    assert found is not None
    assert following(found.clock, int(whole[-151]), 150).tolist() == whole[-150:].tolist()


@pytest.mark.parametrize(
    ("known", "following_ones"),
    [
        (["2024-01-01T22", "2024-01-01T23"], ["2024-01-02T00", "2024-01-02T01"]),
        (["2024-01-04", "2024-01-05"], ["2024-01-08", "2024-01-09"]),
        (["2024-01-05", "2024-01-06"], ["2024-01-07", "2024-01-08"]),
        (["2023-11-30", "2023-12-31"], ["2024-01-31", "2024-02-29"]),
        (["2024-01-01", "2024-02-01"], ["2024-03-01", "2024-04-01"]),
        (["2023-09-30", "2023-12-31"], ["2024-03-31", "2024-06-30"]),
        (["2023-01-01T06", "2024-01-01T06"], ["2025-01-01T06", "2026-01-01T06"]),
        (["2024-01-01", "2024-01-31"], ["2024-03-01", "2024-03-31"]),
        (["1969-12-30", "1969-12-31"], ["1970-01-01", "1970-01-02"]),
        (["2024-01-31", "2024-02-29", "2024-03-29"], ["2024-04-30", "2024-05-31"]),
    ],
)
def test_few_stamps_go_on_as_is_usual_and_are_said_to_be_few(known: list[str], following_ones: list[str]) -> None:
    stamps = np.array(micros(*known))
    found = find_clock(stamps)
    assert found is not None
    assert following(found.clock, int(stamps[-1]), 2).tolist() == micros(*following_ones)
    assert found.doubt == f"{len(stamps)} stamps tell little" or str(found.clock) == "every hour"


def test_holidays_and_extra_rows_do_not_break_a_clock_and_are_counted() -> None:
    days = stamps(list(islice(on(0, 1, 2, 3, 4)(datetime(2023, 1, 2)), 300)))
    holidays = np.delete(days, [0, 69, 85, 99, 170, 256, 257])
    found = find_clock(holidays)
    assert found is not None
    assert str(found.clock) == "Monday to Friday"
    saturday = days[24] + DAY
    found = find_clock(np.sort(np.append(holidays, [saturday, saturday + 7 * DAY])))
    assert found is not None
    assert (str(found.clock), found.beside, found.loose) == ("Monday to Friday", 2, False)
    assert following(found.clock, int(saturday + 14 * DAY), 1).tolist() == [int(saturday + 16 * DAY)]


def test_a_month_end_that_is_a_holiday_still_is_the_one_of_its_month() -> None:
    months = stamps(list(islice(monthly(31, business=True)(datetime(2010, 1, 1)), 60)))
    months[-1] -= DAY
    found = find_clock(months)
    assert found is not None
    assert found.beside == 1
    assert following(found.clock, int(months[-1]), 1).tolist() == micros("2015-01-30")


def test_stamps_of_chance_are_said_to_be_a_guess() -> None:
    chance = np.unique(np.random.default_rng(0).integers(0, 400 * HOUR, 300))
    found = find_clock(chance)
    assert found is not None
    assert found.loose
    assert "stamps lie beside it" in found.doubt


def test_stamps_that_tremble_go_on_by_the_step_that_people_would_name() -> None:
    trembling = np.arange(400) * HOUR + np.arange(400) * 37 % 7 * SECOND
    found = find_clock(trembling)
    assert found is not None
    assert (str(found.clock), found.loose) == ("every hour", True)


def test_days_of_utc_in_another_zone_stay_those_of_utc() -> None:
    days = np.array(micros("2024-01-01")) + np.arange(300) * DAY
    found = find_clock(days, "America/New_York")
    assert found is not None
    assert (found.clock, found.beside) == (Even(int(days[0]), DAY), 0)


def test_clocks_that_explain_all_rows_and_go_on_differently_are_a_guess() -> None:
    ends = np.array(micros(*(f"{year}-{month:02}-{day}" for year, month, day in [
        (2022, 1, 31), (2022, 2, 28), (2022, 3, 31), (2022, 5, 31), (2022, 6, 30), (2022, 8, 31), (2022, 9, 30),
        (2022, 10, 31), (2022, 11, 30),
    ])))  # fmt: skip
    found = find_clock(ends)
    assert found is not None
    assert "the last weekday of every month" in found.doubt


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        (Even(0, HOUR), "every hour"),
        (Even(0, 15 * 60 * SECOND), "every 15 minutes"),
        (Weekly.of(np.arange(5) * DAY, DAY), "Monday to Friday"),
        (Weekly.of(np.array([0, 1, 2, 3, 6]) * DAY, DAY), "Sunday to Thursday"),
        (Weekly.of(np.array([0, 2, 4]) * DAY, 2 * DAY), "Monday, Wednesday, Friday"),
        (Monthly(1, 0, (MonthDay(-1, (0, 1, 2, 3, 4)),)), "the last weekday of every month"),
        (Monthly(1, 0, (MonthDay(3, (4,)),)), "the third Friday of every month"),
        (Monthly(3, 2, (MonthDay(-1),)), "every quarter on the last day"),
    ],
)
def test_a_clock_says_when_it_is(clock: Any, said: str) -> None:
    assert str(clock) == said
    wanted = np.array([-9, 0, 3, 500])
    assert clock.places(clock.stamps(wanted)).tolist() == wanted.tolist()
    assert exact_on(clock, clock.stamps(wanted)).all()


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "even", "origin": 0, "step": 0},
        {"kind": "weekly", "step": DAY, "runs": []},
        {"kind": "weekly", "step": DAY, "runs": [[0, 8]]},
        {"kind": "weekly", "step": 1, "runs": [[0, 10**7]]},
        {"kind": "weekly", "step": DAY, "runs": [[2 * DAY, 2], [0, 1]]},
        {"kind": "monthly", "months": 0, "phase": 0, "days": [{"number": 1, "weekdays": [0]}], "time": 0},
        {"kind": "monthly", "months": 1, "phase": 0, "days": [{"number": 0, "weekdays": [0]}], "time": 0},
        {"kind": "even", "origin": 0, "step": 1, "zone": "Nowhere/Land"},
    ],
)
def test_a_clock_that_cannot_be_is_refused_in_a_card(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ClockFields).validate_python(values)
