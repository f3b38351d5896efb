"""Stamps of a place with summer time are one clock, shown as its clocks show them."""

import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.clock.clocks import following
from infrastructure.data.clock.stamps import SECOND
from infrastructure.data.clock.time_zones import localised, wall_clock
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.series.split import part_ends
from infrastructure.data.table.table import Table, TableSchema, open_table

HOUR = 3600 * SECOND
BERLIN = "Europe/Berlin"
ZONES = (BERLIN, "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Sao_Paulo", "Asia/Kolkata")


def hours(start: str, count: int, zone: str = BERLIN, step: timedelta = timedelta(hours=1)) -> list[datetime]:
    first = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo("UTC"))
    return [(first + number * step).astimezone(ZoneInfo(zone)) for number in range(count)]


def days(start: str, count: int) -> list[datetime]:
    first = datetime.fromisoformat(start)
    return [(first + timedelta(days=number)).replace(tzinfo=ZoneInfo(BERLIN)) for number in range(count)]


def read(directory: Path, stamps: Sequence[str], time_zone: str | None = None, **schema: Any) -> Table:
    path = directory / "t.csv"
    path.write_text("date,a\n" + "".join(f"{stamp},{n * n % 7}\n" for n, stamp in enumerate(stamps)))
    return open_table(path, TableSchema(**schema), Reading(time_zone=time_zone))


def fault_of(directory: Path, stamps: Sequence[str], time_zone: str | None = None, **schema: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        read(directory, stamps, time_zone, **schema)
    return str(caught.value)


def ahead(table: Table, count: int) -> list[str]:
    assert table.stamps is not None
    assert table.clock is not None
    return stamp_texts(following(table.clock.clock, int(table.stamps[-1]), count), table.zone, table.step)


AUTUMN = hours("2024-10-20T00:00", 24 * 14)
SPRING = hours("2024-03-20T00:00", 24 * 14)


@pytest.mark.parametrize("whens", [AUTUMN, SPRING], ids=["autumn", "spring"])
def test_offsets_that_change_are_one_clock_in_utc(tmp_path: Path, whens: list[datetime]) -> None:
    table = read(tmp_path, [when.isoformat() for when in whens], gaps="refuse")
    assert table.zone == "Z"
    assert table.stamps is not None
    np.testing.assert_array_equal(np.diff(table.stamps), HOUR)
    assert "stamps are +01:00 and +02:00 from UTC and shown in UTC; time_zone names the zone" in table.warnings[0]


@pytest.mark.parametrize("whens", [AUTUMN, SPRING], ids=["autumn", "spring"])
def test_a_named_zone_shows_the_same_stamps_with_their_offsets(tmp_path: Path, whens: list[datetime]) -> None:
    texts = [when.isoformat() for when in whens]
    table = read(tmp_path, texts, BERLIN, gaps="refuse")
    assert table.zone == BERLIN
    assert table.stamps is not None
    assert stamp_texts(table.stamps, table.zone, table.step) == texts
    assert table.warnings == ()
    wall = [when.replace(tzinfo=None) for when in whens]
    assert table.wall is not None
    assert table.wall.astype("datetime64[us]").tolist() == wall


def test_forecasts_pass_the_change_of_clocks_with_the_right_offset(tmp_path: Path) -> None:
    table = read(tmp_path, [when.isoformat() for when in hours("2024-10-20T00:00", 24 * 7)], BERLIN)
    assert ahead(table, 3) == ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00", "2024-10-27T03:00:00+01:00"]


def test_a_doubled_hour_without_a_zone_is_refused_and_its_remedy_reads_it(tmp_path: Path) -> None:
    naive = [when.replace(tzinfo=None).isoformat() for when in AUTUMN]
    fault = fault_of(tmp_path, naive)
    assert "2024-10-27T02:00:00 repeats the stamp of the row before: Clocks are set back there" in fault
    assert "--set time_zone=Europe/Berlin" in fault
    assert "duplicate_stamps" not in fault
    table = read(tmp_path, naive, BERLIN, gaps="refuse")
    assert table.stamps is not None
    assert stamp_texts(table.stamps, table.zone, table.step) == [when.isoformat() for when in AUTUMN]


def test_a_doubled_hour_of_quarters_runs_back_once(tmp_path: Path) -> None:
    whens = hours("2024-10-26T00:00", 4 * 48, step=timedelta(minutes=15))
    naive = [when.replace(tzinfo=None).isoformat() for when in whens]
    fault = fault_of(tmp_path, naive)
    assert "time runs back from 2024-10-27T02:45:00 to 2024-10-27T02:00:00: Clocks are set back there" in fault
    assert "unsorted_stamps" not in fault
    table = read(tmp_path, naive, BERLIN, gaps="refuse")
    assert table.stamps is not None
    assert stamp_texts(table.stamps, table.zone, table.step) == [when.isoformat() for when in whens]


def test_a_doubled_hour_newest_first_is_told_apart_as_well(tmp_path: Path) -> None:
    naive = [when.replace(tzinfo=None).isoformat() for when in reversed(AUTUMN)]
    table = read(tmp_path, naive, BERLIN, gaps="refuse", unsorted_stamps="sort")
    assert table.stamps is not None
    assert stamp_texts(table.stamps, table.zone, table.step) == [when.isoformat() for when in AUTUMN]


def test_doubled_stamps_whose_order_tells_nothing_are_refused(tmp_path: Path) -> None:
    whens = hours("2024-10-26T00:00", 4 * 48, step=timedelta(minutes=15))
    mixed = sorted(when.replace(tzinfo=None).isoformat() for when in whens)
    assert "an hour that clocks of Europe/Berlin show twice" in fault_of(tmp_path, mixed, BERLIN)


def test_an_hour_that_clocks_never_show_is_refused(tmp_path: Path) -> None:
    naive = [f"2024-03-31T0{hour}:00" for hour in range(5)]
    fault = fault_of(tmp_path, naive, BERLIN)
    assert fault.startswith("t.csv:4: date is 2024-03-31T02:00:00, which clocks of Europe/Berlin never show")
    assert read(tmp_path, naive, "UTC").zone == "Z"


def test_a_doubled_hour_that_stands_once_is_told(tmp_path: Path) -> None:
    table = read(tmp_path, [f"2024-10-{day}T02:30" for day in range(20, 31)], BERLIN)
    assert "date: 1 stamp lies in an hour that Europe/Berlin shows twice; the first is taken." in table.warnings[0]


def test_days_of_a_place_go_on_by_its_clocks_once_it_is_named(tmp_path: Path) -> None:
    texts = [when.isoformat() for when in days("2024-03-01T00:00", 60)]
    fault = fault_of(tmp_path, texts)
    assert "days of a place whose distance from UTC changes (+01:00 and +02:00)" in fault
    assert "--set time_zone=Europe/Berlin" in fault
    table = read(tmp_path, texts, BERLIN, gaps="refuse")
    assert ahead(table, 2) == ["2024-04-30T00:00:00+02:00", "2024-05-01T00:00:00+02:00"]
    table = read(tmp_path, texts[:29], BERLIN)
    assert ahead(table, 4)[1:] == [
        "2024-03-31T00:00:00+01:00",
        "2024-04-01T00:00:00+02:00",
        "2024-04-02T00:00:00+02:00",
    ]


def test_a_zone_of_parquet_is_kept(tmp_path: Path) -> None:
    column = pyarrow.array([when.replace(tzinfo=None) for when in hours("2024-10-26T00:00", 60, "UTC")])
    for zone, kept in ((BERLIN, BERLIN), ("UTC", "Z"), ("Etc/UTC", "Z")):
        file = io.BytesIO()
        stamps = column.cast(pyarrow.timestamp("ns")).cast(pyarrow.timestamp("ns", zone))
        pyarrow.parquet.write_table(pyarrow.table({"a": range(60), "when": stamps}), file)
        (tmp_path / "t.parquet").write_bytes(file.getvalue())
        table = open_table(tmp_path / "t.parquet", TableSchema(columns=("a",)))
        assert table.zone == kept
    assert open_table(tmp_path / "t.parquet", TableSchema(), Reading(time_zone=BERLIN)).zone == BERLIN


@pytest.mark.parametrize(("of_table", "of_model"), [("Z", BERLIN), (BERLIN, "Z"), ("+02:00", "Z"), ("Z", "-03:30")])
def test_a_table_is_shown_in_the_zone_of_the_model(tmp_path: Path, of_table: str, of_model: str) -> None:
    whens = hours("2024-06-01T00:00", 48, "UTC")
    shown = [stamp_texts(np.array([int(when.timestamp()) * SECOND]), BERLIN, HOUR)[0] for when in whens]
    texts = shown if of_table in (BERLIN, "+02:00") else [when.isoformat() for when in whens]
    table = read(tmp_path, texts, BERLIN if of_table == BERLIN else None)
    assert table.zone == of_table
    moved = table.in_zone(of_model)
    assert moved.zone == of_model
    assert moved.stamps is not None
    first = datetime.fromisoformat(stamp_texts(moved.stamps[:1], moved.zone, HOUR)[0])
    assert first == whens[0]
    assert moved.in_zone(of_table).stamps.tolist() == table.stamps.tolist()  # type: ignore[union-attr]


def test_a_split_names_dates_in_the_zone_of_the_table(tmp_path: Path) -> None:
    table = read(tmp_path, [when.isoformat() for when in hours("2024-06-01T00:00", 480)], BERLIN)
    assert table.stamps is not None
    ends = part_ends(table, ["2024-06-10", "2024-06-15T00:00+02:00"])
    starts = stamp_texts(table.stamps[np.array(ends)], table.zone, HOUR)
    assert starts == ["2024-06-10T00:00:00+02:00", "2024-06-15T00:00:00+02:00"]


@given(st.sampled_from(ZONES), st.lists(st.integers(-(10**9), 3 * 10**9), min_size=1, max_size=20))
def test_instants_survive_the_wall_clock_but_for_doubled_hours(zone: str, seconds: list[int]) -> None:
    instants = np.array(seconds, dtype=np.int64) * SECOND
    wall = wall_clock(instants, zone)
    shown = [datetime.fromtimestamp(second, ZoneInfo(zone)).replace(tzinfo=None) for second in seconds]
    assert wall.astype("datetime64[us]").tolist() == shown
    again, doubled, never = localised(wall, zone)
    assert not never.any()
    np.testing.assert_array_equal(again[~doubled], instants[~doubled])


@pytest.mark.parametrize("zone", ZONES)
def test_every_quarter_of_an_hour_of_a_year_survives(zone: str) -> None:
    instants = (np.datetime64("2015-01-01", "us") + np.arange(96 * 366) * 15 * 60 * SECOND).astype(np.int64)
    again, doubled, never = localised(wall_clock(instants, zone), zone)
    assert not never.any()
    np.testing.assert_array_equal(again[~doubled], instants[~doubled])


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        (BERLIN, "2024-03-20T00:00"),
        ("America/New_York", "2024-03-01T00:00"),
        ("Australia/Sydney", "2024-09-25T00:00"),
        ("America/Santiago", "2024-09-01T00:00"),
        ("Africa/Cairo", "2024-04-20T00:00"),
    ],
)
@pytest.mark.parametrize("minutes", [60, 15])
def test_a_gap_where_clocks_are_set_forward_is_told_as_such_and_the_zone_closes_it(
    tmp_path: Path, zone: str, start: str, minutes: int
) -> None:
    stamps = [str(stamp.replace(tzinfo=None)) for stamp in hours(start, 1500, zone, timedelta(minutes=minutes))]
    told = [warning for warning in read(tmp_path, stamps).warnings if "set forward for the summer" in warning]
    assert len(told) == 1
    assert "name the zone of these clocks, --set time_zone=Europe/Berlin" in told[0]
    assert read(tmp_path, stamps, zone).warnings == ()


def test_other_gaps_of_an_hour_are_no_summer_time(tmp_path: Path) -> None:
    stamps = [str(stamp.replace(tzinfo=None)) for stamp in hours("2024-01-20T00:00", 100)]
    del stamps[30]
    assert [warning.endswith("they were kept.") for warning in read(tmp_path, stamps).warnings] == [True]


@pytest.mark.parametrize(
    ("zone", "start"), [("America/Santiago", "2024-03-25T00:00"), ("Africa/Cairo", "2024-10-20T00:00")]
)
def test_clocks_that_are_set_back_on_another_day_than_sunday_are_told(tmp_path: Path, zone: str, start: str) -> None:
    stamps = [str(stamp.replace(tzinfo=None)) for stamp in hours(start, 24 * 20, zone)]
    assert "Clocks are set back there" in fault_of(tmp_path, stamps)
    assert len(read(tmp_path, stamps, zone).values) == 24 * 20


def test_a_day_that_repeats_is_no_summer_time(tmp_path: Path) -> None:
    stamps = [f"2024-10-{day:02}" for day in (*range(1, 28), 27, 28)]
    assert "duplicate_stamps=last" in fault_of(tmp_path, stamps)
