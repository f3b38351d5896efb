"""Stamps are read as they are meant, whatever their form; what may be meant in two ways is refused with the setting."""

import io
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.clock.forms import pattern_of, read_texts
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.table import columnar_source as table_columnar
from infrastructure.data.table import csv_source as table_csv
from infrastructure.data.table.table import Table, TableSchema, open_table

HOURS = [datetime(2024, 1, 1) + timedelta(hours=number) for number in range(360)]
DAYS = [datetime(2024, 1, 1) + timedelta(days=number) for number in range(60)]


def read(directory: Path, stamps: Sequence[Any], time_format: str | None = None, **schema: Any) -> Table:
    """Read a table with these stamps, as CSV from texts."""
    path = directory / "t.csv"
    path.write_text("date,a\n" + "".join(f'"{stamp}",{n * n % 7}\n' for n, stamp in enumerate(stamps)))
    return open_table(path, TableSchema(**schema), Reading(time_format=time_format))


def read_parquet(directory: Path, stamps: Any, time_format: str | None = None, **schema: Any) -> Table:
    path = directory / "t.parquet"
    column = stamps if isinstance(stamps, pyarrow.Array) else pyarrow.array(stamps)
    pyarrow.parquet.write_table(pyarrow.table({"date": column, "a": [n * n % 7 for n in range(len(column))]}), path)
    return open_table(path, TableSchema(**schema), Reading(time_format=time_format))


def fault_of(directory: Path, stamps: Sequence[Any], time_format: str | None = None, **schema: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        read(directory, stamps, time_format, **schema)
    (fault,) = str(caught.value).splitlines()
    return fault


def whens(table: Table) -> list[datetime]:
    assert table.stamps is not None
    return table.stamps.astype("datetime64[us]").tolist()


def written(times: Sequence[datetime], form: str) -> list[str]:
    return [time.strftime(form) for time in times]


@pytest.mark.parametrize(
    ("form", "times"),
    [
        ("%Y%m%d%H", HOURS),
        ("%Y%m%d%H%M", HOURS),
        ("%Y%m%d%H%M%S", HOURS),
        ("%Y%m%d%H%M%S000", HOURS),
        ("%Y%m%d", DAYS),
        ("%Y%m", [datetime(2020 + n // 12, n % 12 + 1, 1) for n in range(40)]),
        ("%Y", [datetime(1990 + n, 1, 1) for n in range(30)]),
    ],
)
def test_digits_are_dates_in_texts_and_in_numbers(tmp_path: Path, form: str, times: list[datetime]) -> None:
    texts = written(times, form)
    assert whens(read(tmp_path, texts)) == times
    assert whens(read(tmp_path, [f"{text}.0" for text in texts])) == times
    assert whens(read_parquet(tmp_path, texts)) == times
    assert whens(read_parquet(tmp_path, pyarrow.array(texts).cast(pyarrow.large_string()))) == times
    table = read_parquet(tmp_path, [int(text) for text in texts])
    assert (whens(table), table.zone) == (times, "")
    if len(form) <= 14:  # a float64 holds no more digits
        assert whens(read_parquet(tmp_path, [float(text) for text in texts])) == times


@pytest.mark.parametrize(("unit", "size"), [("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)])
@pytest.mark.parametrize("start", [1_700_000_000, 315_532_800])
def test_counts_since_1970_are_read_where_they_can_be_nothing_else(
    tmp_path: Path, unit: str, size: int, start: int
) -> None:
    counts = [(start + 3600 * number) * size for number in range(60)]
    for table in (read(tmp_path, counts), read_parquet(tmp_path, counts)):
        assert table.zone == "Z"
        assert whens(table)[0] == datetime(1970, 1, 1) + timedelta(seconds=start)
        assert table.warnings[0].endswith(f"date is read as unix_{unit}.")
    assert whens(read(tmp_path, counts, f"unix_{unit}")) == whens(table)


def test_seconds_with_a_fraction_keep_it(tmp_path: Path) -> None:
    expected = [datetime(2023, 11, 14, 22, 13, 20, 250_000), datetime(2023, 11, 14, 22, 13, 21, 500_000)]
    assert whens(read(tmp_path, ["1700000000.25", "1700000001.5"])) == expected
    assert whens(read_parquet(tmp_path, [1700000000.25, 1700000001.5])) == expected


def test_digits_with_two_plausible_readings_are_refused_and_either_setting_reads_them(tmp_path: Path) -> None:
    texts = written([datetime(2024, 1, 1 + number) for number in range(20)], "%Y%m%d%H")
    fault = fault_of(tmp_path, texts)
    assert "date is 2024010100, which can be read as %Y%m%d%H (2024-01-01T00:00:00) and as unix_s (2034-" in fault
    first, second = re.findall(r"--set time_format=(\S+?)[ .]", fault + " ")
    assert whens(read(tmp_path, texts, first))[0] == datetime(2024, 1, 1)
    assert whens(read(tmp_path, texts, second))[0].year == 2034


@pytest.mark.parametrize("form", ["%Y%m%d%H", "%d/%m/%Y", "%m/%d/%Y"])
def test_a_short_table_is_read_as_that_of_training_was(tmp_path: Path, form: str) -> None:
    long, short = (HOURS, HOURS[:20]) if "H" in form else (DAYS, DAYS[:10])
    fault_of(tmp_path, written(short, form))
    usual = read(tmp_path, written(long, form)).usual_format
    assert whens(read(tmp_path, written(short, form), usual_format=usual)) == short


def test_a_mistake_among_dates_of_digits_is_told_by_its_line(tmp_path: Path) -> None:
    texts = written(HOURS, "%Y%m%d%H")
    texts[30] = "2024010224"
    assert fault_of(tmp_path, texts).startswith("t.csv:32: date is 2024010224, which is no stamp in the form %Y%m%d%H")


@pytest.mark.parametrize(
    ("counts", "setting"),
    [
        ([45292 + number for number in range(30)], "spreadsheet"),
        ([1990 + 10 * number for number in range(9)], "%Y"),
    ],
)
def test_small_counts_are_refused_with_the_setting_that_reads_them(
    tmp_path: Path, counts: list[int], setting: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("time,a\n" + "".join(f"{count},{n * n % 7}\n" for n, count in enumerate(counts)))
    with pytest.raises(DatasetError, match=f"--set time_format={setting}"):
        open_table(path, TableSchema())
    table = open_table(path, TableSchema(), Reading(time_format=setting))
    assert whens(table)[0] == (datetime(2024, 1, 1) if setting == "spreadsheet" else datetime(1990, 1, 1))


@pytest.mark.parametrize(
    "form",
    [
        "%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y", "%m/%d/%Y %I:%M:%S %p",
        "%d/%m/%Y, %H:%M", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y %H:%M", "%a, %d %b %Y %H:%M:%S",
        "%A, %B %d, %Y", "%a %b %d %H:%M:%S %Y", "%d/%b/%Y:%H:%M:%S", "%Y-%b-%d", "%Y.%m.%d %H:%M", "%Y/%m/%d",
        "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M", "%Y%m%dT%H%M", "%Y%m%d %H:%M:%S", "%G-W%V-%u", "%Y-%m-%d %H",
        "%Y-%m-%d %I:%M %p", "%a %d.%m.%Y", "%Y-%j",
    ],
)  # fmt: skip
def test_dates_are_read_in_the_forms_that_people_write(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", 1 << 9)
    times = HOURS if "%H" in form or "%I" in form else DAYS
    texts = written(times, form)
    table = read(tmp_path, texts)
    assert (whens(table), table.zone) == (times, "")
    assert whens(read(tmp_path, texts, form)) == times


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-W05", "2024-W06"], ["2024-01-29", "2024-02-05"]),
        (["2020W53", "2021W01"], ["2020-12-28", "2021-01-04"]),
        (["2024Q1", "2024Q2"], ["2024-01-01", "2024-04-01"]),
        (["2024-Q1", "2024-Q2"], ["2024-01-01", "2024-04-01"]),
        (["Q4 2023", "Q1 2024"], ["2023-10-01", "2024-01-01"]),
        (["2024-01", "2024-02"], ["2024-01-01", "2024-02-01"]),
        (["2024M01", "2024M02"], ["2024-01-01", "2024-02-01"]),
        (["01/2024", "02/2024"], ["2024-01-01", "2024-02-01"]),
        (["Jan 2024", "Feb 2024"], ["2024-01-01", "2024-02-01"]),
        (["2024-001", "2024-366"], ["2024-01-01", "2024-12-31"]),
        (["1st January 2024", "2nd January 2024"], ["2024-01-01", "2024-01-02"]),
    ],
)
def test_weeks_months_and_quarters_are_their_first_day(tmp_path: Path, texts: list[str], expected: list[str]) -> None:
    assert [time.date().isoformat() for time in whens(read(tmp_path, texts))] == expected


def test_a_day_beyond_the_twelfth_says_which_comes_first_and_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", 1 << 9)
    table = read(tmp_path, written(DAYS, "%d/%m/%Y"))
    assert table.warnings[0] == "t.csv: date is read with the day first, as 13/01/2024 allows nothing else."
    table = read(tmp_path, written(DAYS, "%m/%d/%Y"))
    assert table.warnings[0] == "t.csv: date is read with the month first, as 01/13/2024 allows nothing else."


@pytest.mark.parametrize("behind", ["", " %H:%M", " %I:%M:%S %p", "T%H:%M:%S%z"])
@pytest.mark.parametrize("separator", ["/", ".", "-"])
def test_dates_that_can_be_read_both_ways_are_refused_and_either_setting_reads_them(
    tmp_path: Path, separator: str, behind: str
) -> None:
    times = [datetime(2024, month, 1, 15) for month in range(1, 13)]
    texts = [text + ("Z" if "z" in behind else "") for text in written(times, f"%d{separator}%m{separator}%Y{behind}")]
    fault = fault_of(tmp_path, texts)
    day_first, month_first = re.findall("--set time_format='(.*?)'", fault)
    assert day_first == f"%d{separator}%m{separator}%Y{behind}"
    assert [when.month for when in whens(read(tmp_path, texts, day_first))] == list(range(1, 13))
    assert [when.day for when in whens(read(tmp_path, texts, month_first))] == list(range(1, 13))


def test_dates_in_both_orders_are_refused_by_line(tmp_path: Path) -> None:
    fault = fault_of(tmp_path, ["01/02/2024", "13/02/2024", "02/14/2024"])
    assert fault.startswith("t.csv:4: date is 02/14/2024, which has the month first, but 13/02/2024 has the day first")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("31.01.24", "%d.%m.%y"),
        ("31-Jan-24", "%d-%b-%y"),
        ("31/01/24 00:00", "%d/%m/%y %H:%M"),
        ("01/31/24 12:00:00 AM", "%m/%d/%y %I:%M:%S %p"),
        ("Wed 31.01.24", "%a %d.%m.%y"),
    ],
)
def test_a_year_of_two_digits_is_refused_until_its_form_is_named(tmp_path: Path, text: str, form: str) -> None:
    assert f"--set time_format='{form}'" in fault_of(tmp_path, [text])
    assert whens(read(tmp_path, [text], form)) == [datetime(2024, 1, 31)]


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("31012024", "%d%m%Y", datetime(2024, 1, 31)),
        ("2024-031", "%Y-%j", datetime(2024, 1, 31)),
        ("20240131 5pm", "%Y%m%d %I%p", datetime(2024, 1, 31, 17)),
        ("12 AM on 1 Feb 69", "%I %p on %e %b %y", datetime(1969, 2, 1)),
        ("100% 2024-01-31", "100%% %F", datetime(2024, 1, 31)),
        ("13:45 31/01/24", "%R %d/%m/%y", datetime(2024, 1, 31, 13, 45)),
        ("2024-01-31 13:45:00.123456", "%Y-%m-%d %H:%M:%S.%f", datetime(2024, 1, 31, 13, 45, 0, 123_456)),
        ("1700000000", "%s", datetime(2023, 11, 14, 22, 13, 20)),
    ],
)
def test_a_format_reads_what_it_says(tmp_path: Path, text: str, form: str, expected: datetime) -> None:
    assert whens(read(tmp_path, [text], form)) == [expected]


def test_a_format_refuses_the_rest_by_line_and_reads_numbers_by_their_digits(tmp_path: Path) -> None:
    fault = fault_of(tmp_path, ["31.01.2024", "2024-02-01"], "%d.%m.%Y")
    assert fault.startswith("t.csv:3: date is '2024-02-01', which is not written as time_format '%d.%m.%Y' says")
    assert whens(read_parquet(tmp_path, [31012024, 10022024], "%d%m%Y"))[1] == datetime(2024, 2, 10)
    with pytest.raises(DatasetError, match="1022024"):  # its first zero is lost: day 10 of month 2, or day 1?
        read_parquet(tmp_path, [31012024, 1022024], "%d%m%Y")


@pytest.mark.parametrize(
    ("time_format", "words"),
    [
        ("yyyy-mm-dd", "names no part of a time"),
        ("%d.%m.", "names no year"),
        ("%Q", "%Q, which is not known"),
        ("%Y-%m-%d %", "which is not known"),
        ("%Y %y", "twice"),
        ("unix", "choose one of unix_s"),
    ],
)
def test_a_format_that_cannot_be_is_refused(time_format: str, words: str) -> None:
    (fault,) = Reading(time_format=time_format).faults()
    assert words in fault


@pytest.mark.parametrize("good", ["%s", "unix_ms", "spreadsheet", "%d.%m.%Y %H:%M", "%F %T", "%G-W%V-%u", "%Y%j"])
def test_a_format_that_can_be_is_taken(good: str) -> None:
    assert list(Reading(time_format=good).faults()) == []


@settings(max_examples=30)
@given(
    st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 30)), min_size=1, max_size=8, unique=True),
    st.sampled_from(["%Y-%m-%d %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S.%f", "%b %d, %Y %I:%M:%S.%f %p", "%Y%m%d%H%M%S%f"]),
)
def test_a_format_reads_back_what_it_wrote(times: list[datetime], form: str) -> None:
    times = [time.replace(microsecond=time.microsecond // 1000 * 1000) for time in sorted(times)]
    stamps = read_texts(pyarrow.array(written(times, form)), pattern_of(form))
    assert stamps.valid.all()
    assert stamps.micros.astype("datetime64[us]").tolist() == times


def test_blocks_do_not_change_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = written(HOURS, "%Y%m%d%H")
    whole = whens(read_parquet(tmp_path, texts))
    monkeypatch.setattr(table_columnar, "BLOCK_ROWS", 7)
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "other"))
    assert whens(read_parquet(tmp_path, texts)) == whole == HOURS


def test_stamps_of_digits_are_written_in_iso() -> None:
    assert stamp_texts(np.array([0]), "", None) == ["1970-01-01"]


def test_columns_of_no_kind_of_stamp_are_refused_once(tmp_path: Path) -> None:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"date": [True, False], "a": [1, 2]}), file)
    (tmp_path / "t.parquet").write_bytes(file.getvalue())
    with pytest.raises(DatasetError, match="no cell of date is a stamp"):
        open_table(tmp_path / "t.parquet", TableSchema())
