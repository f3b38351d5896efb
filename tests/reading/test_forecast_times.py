"""Forecasts are dated by the clock of training where a table follows it, else by its own, and a guess is said."""

from pathlib import Path

import numpy as np
import pytest

from infrastructure.data.clock.clocks import Even, Weekly
from infrastructure.data.clock.finding import FoundClock, find_clock
from infrastructure.data.clock.stamps import DAY, SECOND
from infrastructure.data.table.choice import TableSchema
from infrastructure.data.table.table import Table, open_table
from infrastructure.tasks.series.times import times_ahead

HOUR = 3600 * SECOND
SESSIONS = FoundClock(Weekly.of((np.arange(5)[:, None] * DAY + np.array([9, 10, 11, 14, 15]) * HOUR).reshape(-1), HOUR))


def table(directory: Path, *stamps: str) -> Table:
    path = directory / "t.csv"
    path.write_text("date,a\n" + "".join(f"{stamp},{number % 3}\n" for number, stamp in enumerate(stamps)))
    return open_table(path, TableSchema())


def ahead(table: Table, known: FoundClock | None, step: int, count: int = 3) -> tuple[list[str], list[str]]:
    notes: list[str] = []
    return times_ahead(table, known, step, range(1, count + 1), notes.append), notes


def test_a_short_table_goes_on_by_the_clock_of_training(tmp_path: Path) -> None:
    given = table(tmp_path, "2024-01-05 11:00", "2024-01-05 14:00")
    times, notes = ahead(given, SESSIONS, HOUR)
    assert times == ["2024-01-05T15:00:00", "2024-01-08T09:00:00", "2024-01-08T10:00:00"]
    assert notes == []


def test_a_table_that_does_not_follow_it_goes_on_by_its_own(tmp_path: Path) -> None:
    given = table(tmp_path, *(f"2024-01-06 {hour:02}:00" for hour in range(20)))
    times, notes = ahead(given, SESSIONS, HOUR)
    assert times[0] == "2024-01-06T20:00:00"
    assert notes == []


def test_steps_of_training_need_no_second_look(tmp_path: Path) -> None:
    given = table(tmp_path, "2024-01-04", "2024-01-05")
    assert ahead(given, FoundClock(Even(0, DAY)), DAY) == (["2024-01-06", "2024-01-07", "2024-01-08"], [])
    times, notes = ahead(given, None, DAY)
    assert times == ["2024-01-08", "2024-01-09", "2024-01-10"]
    assert notes == [
        "t.csv: forecasts are dated by a clock that is a guess (Monday to Friday): 2 stamps tell little."
        " The first is 2024-01-08."
    ]


@pytest.mark.parametrize("known", [None, FoundClock(Even(0, HOUR))])
def test_irregular_stamps_go_on_by_steps_from_the_last_and_are_a_guess(
    tmp_path: Path, known: FoundClock | None
) -> None:
    minutes = (0, 60, 121, 180, 242, 301, 359, 420, 483, 540, 601, 659)
    given = table(tmp_path, *(f"2024-01-01 {minute // 60:02}:{minute % 60:02}" for minute in minutes))
    times, notes = ahead(given, known, given.step or 0)
    assert "stamps lie beside it" in notes[0]
    assert given.warnings[0].startswith("t.csv: ")
    assert "do not lie on a regular clock" in given.warnings[0]
    assert times[0].startswith("2024-01-01T1")


def test_a_doubt_of_training_is_told_again(tmp_path: Path) -> None:
    months = ["2022-01-31", "2022-02-28", "2022-03-31", "2022-05-31", "2022-06-30", "2022-08-31", "2022-09-30",
              "2022-10-31", "2022-11-30"]  # fmt: skip
    given = table(tmp_path, *months)
    assert given.stamps is not None
    times, notes = ahead(given, find_clock(given.stamps), given.step or 0)
    assert times[1] == "2023-01-31"
    assert "the stamps go as well with the last weekday of every month" in notes[0]


def test_forecasts_behind_an_earlier_row_go_on_from_it(tmp_path: Path) -> None:
    given = table(tmp_path, *(f"2024-01-{day:02}" for day in range(1, 20)))
    assert times_ahead(given, None, DAY, (1, 3), lambda note: None, behind=-3) == ["2024-01-18", "2024-01-20"]
