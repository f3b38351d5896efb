"""A table is read as it stands, repaired only as it was asked to be, or refused with the line of every fault."""

import gzip
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.data.clock.stamps import DAY, SECOND, commonest_step
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.separated import dialect
from infrastructure.data.table import csv_source as table_csv
from infrastructure.data.table import numbers as table_numbers
from infrastructure.data.table import order as table_order
from infrastructure.data.table.table import Table, TableSchema, open_table

DAILY = "date,close\n2024-01-01,1\n2024-01-02,2\n2024-01-04,4\n"


def table_of(directory: Path, content: str | bytes, name: str = "t.csv", **schema: Any) -> Table:
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_table(path, TableSchema(**schema))


def faults_of(directory: Path, content: str | bytes, name: str = "t.csv", **schema: Any) -> list[str]:
    with pytest.raises(DatasetError) as caught:
        table_of(directory, content, name, **schema)
    return str(caught.value).splitlines()


def parquet(columns: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def micros(*texts: str) -> list[int]:
    return [int(np.datetime64(text, "us").astype(np.int64)) for text in texts]


def stamps_of(table: Table) -> list[int]:
    assert table.stamps is not None
    return table.stamps.tolist()


# What is read


def test_a_table_has_the_numbers_the_stamps_and_the_step_that_the_file_has(tmp_path: Path) -> None:
    table = table_of(tmp_path, "date,a,b\n2024-01-01 00:00,1,-2.5\n2024-01-01 01:00,,3e2\n2024-01-01 02:00,NaN,.5\n")
    assert (table.names, table.time_column, table.zone, table.step) == (("a", "b"), "date", "", 3600 * SECOND)
    np.testing.assert_array_equal(table.values, [[1, -2.5], [np.nan, 300], [np.nan, 0.5]])
    assert stamps_of(table) == micros("2024-01-01T00", "2024-01-01T01", "2024-01-01T02")
    assert table.warnings == ("t.csv: missing values, of 3 rows: a 2; they are masked.",)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t.tsv.gz", "t.parquet"])
def test_every_format_gives_the_same_table(tmp_path: Path, name: str) -> None:
    content: bytes = DAILY.replace(",", "\t" if ".tsv" in name else ",").encode()
    if name.endswith(".gz"):
        content = gzip.compress(content)
    if name.endswith(".parquet"):
        content = parquet({"date": [date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 4)], "close": [1, 2, 4]})
    table = table_of(tmp_path, content, name)
    assert stamps_of(table) == micros("2024-01-01", "2024-01-02", "2024-01-04")
    np.testing.assert_array_equal(table.values, [[1], [2], [4]])


def test_blocks_joined_are_what_numpy_parses_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", 1 << 16)
    lines = [f"{1_600_000_000 + 60 * row},{row * 0.37 - 9},{row % 977}" for row in range(50_000)]
    sizes: list[int] = []
    read = table_numbers.read_numbers

    def watched(cells: pyarrow.Array) -> tuple[np.ndarray, np.ndarray]:
        sizes.append(len(cells))
        return read(cells)

    monkeypatch.setattr("infrastructure.data.table.reading.read_numbers", watched)
    table = table_of(tmp_path, "time,a,b\n" + "\n".join(lines) + "\n")
    expected = np.loadtxt(lines, delimiter=",")
    np.testing.assert_array_equal(table.values, expected[:, 1:])
    np.testing.assert_array_equal(table.stamps, expected[:, 0].astype(np.int64) * SECOND)
    assert max(sizes) < 5_000
    assert isinstance(table.values, np.memmap)


@settings(max_examples=25)
@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=20))
def test_numbers_survive_a_file_bit_by_bit(values: list[float]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        content = ("a\n" + "".join(f"{value!r}\n" for value in values)).encode()
        patch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        table = open_table("-", TableSchema())
    np.testing.assert_array_equal(table.values[:, 0], values)
    assert str(table.path) == "-"


def test_columns_are_read_in_the_order_asked_for_and_others_may_hold_anything(tmp_path: Path) -> None:
    table = table_of(tmp_path, 'a,text,b\n1,"x\ny",2\n3,z,4\n', columns=("b", "a"), needed=("a",))
    np.testing.assert_array_equal(table.values, [[2, 1], [4, 3]])
    assert (table.stamps, table.time_column, table.step, table.zone) == (None, None, None, "")


@pytest.mark.parametrize("word", ["", "NaN", "nan", "NA", "null", "None", " n/a ", "nUlL", "<NA>", "#N/A", ".", "?"])
def test_many_words_say_that_a_value_is_missing(tmp_path: Path, word: str) -> None:
    np.testing.assert_array_equal(table_of(tmp_path, f"a,b\n1,2\n{word},4\n").values, [[1, 2], [np.nan, 4]])


def test_blanks_and_plus_signs_around_numbers_are_read(tmp_path: Path) -> None:
    np.testing.assert_array_equal(
        table_of(tmp_path, "\ufeff a , b\r\n +1 ,2\r\n\r\n3 , +4\r\n").values, [[1, 2], [3, 4]]
    )


def test_what_is_read_once_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = table_of(tmp_path, DAILY)
    monkeypatch.setattr("infrastructure.data.table.table.TableReading", None)
    again = table_of(tmp_path, DAILY, "other.csv")
    np.testing.assert_array_equal(first.values, again.values)
    assert (first.sha256, stamps_of(first)) == (again.sha256, stamps_of(again))
    assert again.warnings[0].startswith("other.csv: ")


@pytest.mark.parametrize("kind", [pyarrow.int8(), pyarrow.uint64(), pyarrow.float32(), pyarrow.decimal128(21, 2)])
def test_parquet_numbers_of_any_type_are_read(tmp_path: Path, kind: pyarrow.DataType) -> None:
    column = pyarrow.array([1, None, 3], pyarrow.int64()).cast(kind)
    np.testing.assert_array_equal(table_of(tmp_path, parquet({"a": column}), "t.parquet").values[:, 0], [1, np.nan, 3])


# The clock


@pytest.mark.parametrize("name", ["date", "Date", "TIMESTAMP", "ds", "datetime"])
def test_a_time_column_is_known_by_its_name(tmp_path: Path, name: str) -> None:
    assert table_of(tmp_path, f"a,{name}\n1,2024-01-01\n").time_column == name


def test_a_first_column_of_stamps_is_the_time_and_one_of_numbers_is_not(tmp_path: Path) -> None:
    assert table_of(tmp_path, "when,a\n2024-01-01,1\n").time_column == "when"
    assert table_of(tmp_path, "when,a\n1700000000,1\n").time_column is None
    assert table_of(tmp_path, "date,a\n1,1\n", time_column="none").names == ("date", "a")


@pytest.mark.parametrize(
    ("text", "expected", "zone"),
    [
        ("2024-02-29", "2024-02-29", ""),
        ("2024/02/29", "2024-02-29", ""),
        ("2024/2/9 7:05", "2024-02-09T07:05", ""),
        ("2024-02-29T13:45:10", "2024-02-29T13:45:10", ""),
        ("2024-02-29 13:45:10.25", "2024-02-29T13:45:10.25", ""),
        ("2024-02-29 13:45:10.123456789", "2024-02-29T13:45:10.123456", ""),
        ("2024-02-29T13:45:10Z", "2024-02-29T13:45:10", "Z"),
        ("2024-02-29 13:45:10+00:00", "2024-02-29T13:45:10", "Z"),
        ("2024-02-29 13:45+0530", "2024-02-29T13:45", "+05:30"),
        ("2024-02-29 13:45-03", "2024-02-29T13:45", "-03:00"),
        ("1709214310", "2024-02-29T13:45:10", "Z"),
        ("1709214310123", "2024-02-29T13:45:10.123", "Z"),
        ("1600-01-01", "1600-01-01", ""),
        ("9999-12-31 23:59:59", "9999-12-31T23:59:59", ""),
    ],
)
def test_stamps_are_read_in_many_forms(tmp_path: Path, text: str, expected: str, zone: str) -> None:
    table = table_of(tmp_path, f"date,a\n{text},1\n")
    assert (stamps_of(table), table.zone) == (micros(expected), zone)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(("zone", "hour", "told"), [(None, 0, ""), ("UTC", 0, "Z"), ("+02:00", 2, "+02:00")])
def test_parquet_stamps_are_read_in_every_unit(
    tmp_path: Path, unit: str, zone: str | None, hour: int, told: str
) -> None:
    seconds = pyarrow.array([1_700_000_000, 1_700_003_600], pyarrow.int64()).cast(pyarrow.timestamp("s"))
    column = seconds.cast(pyarrow.timestamp(unit)).cast(pyarrow.int64()).cast(pyarrow.timestamp(unit, zone))
    table = table_of(tmp_path, parquet({"a": [1, 2], "when": column}), "t.parquet")
    start = (1_700_000_000 + 3600 * hour) * SECOND
    assert (stamps_of(table), table.zone) == ([start, start + 3600 * SECOND], told)


@pytest.mark.parametrize(
    "text", ["soon", "31.01.2024", "2024-02-30", "20240131", "17", "0000-01-01", "2024-01-01 25:00"]
)
def test_what_is_no_stamp_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    (fault,) = faults_of(tmp_path, f"date,a\n2024-01-01,1\n{text},2\n2024-01-03,1\n")
    assert fault.startswith(f"t.csv:3: date is '{text}', which is no stamp: Write it as 2024-01-31")


def test_a_year_beyond_what_fits_is_refused_and_does_not_overflow(tmp_path: Path) -> None:
    far = pyarrow.array([0, 2**55], pyarrow.int64()).cast(pyarrow.timestamp("ms"))
    (fault,) = faults_of(tmp_path, parquet({"date": far, "a": [1, 2]}), "t.parquet")
    assert fault.startswith("t.parquet:2: date is ")


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("2024-01-01 00:00", "2024-01-01 03:00Z", ("zone Z", "without a time zone")),
        ("2024-01-01 00:00+02:00", "2024-01-01 03:00", ("zone +02:00", "without a time zone")),
    ],
)
def test_stamps_of_two_clocks_are_refused(tmp_path: Path, first: str, second: str, words: Sequence[str]) -> None:
    (fault,) = faults_of(tmp_path, f"date,a\n{first},1\n{second},2\n")
    assert fault.startswith("t.csv:3: date is written")
    assert all(word in fault for word in words)


@settings(max_examples=25)
@given(
    st.lists(st.datetimes(datetime(1600, 1, 1), datetime(9999, 12, 30)), min_size=1, max_size=6, unique=True),
    st.sampled_from(["", "Z", "+02:00", "-03:30"]),
    st.sampled_from(["days", "seconds", "microseconds"]),
)
def test_stamps_written_are_read_back_the_same(whens: list[datetime], zone: str, unit: str) -> None:
    size = {"days": DAY, "seconds": SECOND, "microseconds": 1}[unit]
    since = datetime(1970, 1, 1)
    stamps = np.unique([(when - since) // timedelta(microseconds=1) // size * size for when in whens]).astype(np.int64)
    content = "date,a\n" + "".join(f"{text},1\n" for text in stamp_texts(stamps, zone, commonest_step(stamps)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content.encode())))
        table = open_table("-", TableSchema())
    assert (stamps_of(table), table.zone) == (stamps.tolist(), zone)


def test_whole_days_are_written_as_dates_and_hours_at_midnight_are_not() -> None:
    midnight = np.array(micros("2024-01-01"))
    assert stamp_texts(midnight, "", DAY) == ["2024-01-01"]
    assert stamp_texts(midnight, "", 3600 * SECOND) == ["2024-01-01T00:00:00"]
    assert stamp_texts(midnight, "Z", DAY) == ["2024-01-01T00:00:00Z"]


# Policies


def test_rows_run_backwards_until_sorting_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_order, "CHUNK_ROWS", 2)
    content = "date,a\n2024-01-03,3\n2024-01-01,1\n2024-01-04,4\n2024-01-02,2\n"
    faults = faults_of(tmp_path, content)
    assert [fault.split(": ")[0] for fault in faults] == ["t.csv:3", "t.csv:5"]
    assert faults[0].endswith(
        "time runs back from 2024-01-03 to 2024-01-01: Sort the table, or --set unsorted_stamps=sort."
    )
    table = table_of(tmp_path, content, unsorted_stamps="sort")
    assert table.values[:, 0].tolist() == [1, 2, 3, 4]
    assert stamps_of(table) == micros("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04")
    assert "2 stamps ran backwards" in table.warnings[0]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("first", [[1, 2], [3, np.nan], [9, np.nan]]),
        ("last", [[1, 2], [8, 6], [9, np.nan]]),
        ("mean", [[1, 2], [5, 5], [9, np.nan]]),  # (3+4+8)/3; (4+6)/2; a mean of nothing is missing
    ],
)
def test_repeated_stamps_become_one_row(
    tmp_path: Path, policy: str, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_order, "CHUNK_ROWS", 2)
    content = "date,a,b\n2024-01-01,1,2\n2024-01-02,3,\n2024-01-02,4,4\n2024-01-02,8,6\n2024-01-03,9,\n"
    faults = faults_of(tmp_path, content)
    assert [fault.split(": ")[0] for fault in faults] == ["t.csv:4", "t.csv:5"]
    assert "--set duplicate_stamps=last" in faults[0]
    table = table_of(tmp_path, content, duplicate_stamps=policy)
    np.testing.assert_array_equal(table.values, expected)
    assert table.warnings[0].startswith("t.csv: 2 rows repeated the stamp of another")


def test_repeats_found_by_sorting_are_told_by_the_line_they_stand_in(tmp_path: Path) -> None:
    content = "date,a\n2024-01-02,1\n2024-01-03,2\n2024-01-02,3\n"
    (fault,) = faults_of(tmp_path, content, unsorted_stamps="sort")
    assert fault.startswith("t.csv:4: 2024-01-02 repeats")


def test_gaps_are_kept_and_told_filled_or_refused(tmp_path: Path) -> None:
    content = DAILY.replace("2024-01-04", "2024-01-06")
    kept = table_of(tmp_path, content)
    assert len(kept.values) == 3
    assert "1 gap in the stamps, the largest of 3 rows between 2024-01-02 and 2024-01-06" in kept.warnings[0]
    filled = table_of(tmp_path, content, gaps="fill")
    np.testing.assert_array_equal(filled.values[:, 0], [1, 2, np.nan, np.nan, np.nan, 4])
    np.testing.assert_array_equal(np.diff(stamps_of(filled)), DAY)
    (fault,) = faults_of(tmp_path, content, gaps="refuse")
    assert fault.startswith("t.csv:4: rows are missing between 2024-01-02 and 2024-01-06")


def test_weekends_of_a_table_of_weekdays_and_long_months_are_no_gaps(tmp_path: Path) -> None:
    weekdays = "date,a\n2024-01-04,1\n2024-01-05,2\n2024-01-08,3\n2024-01-09,4\n"
    assert table_of(tmp_path, weekdays, gaps="refuse").warnings == ()
    months = "date,a\n2023-11-30,1\n2023-12-31,2\n2024-01-31,3\n2024-02-29,4\n"
    assert table_of(tmp_path, months, gaps="refuse").warnings == ()


def test_filling_refuses_stamps_off_the_clock_and_gaps_of_a_century(tmp_path: Path) -> None:
    off = "date,a\n2024-01-01 00:00,1\n2024-01-01 01:00,2\n2024-01-01 02:00,3\n2024-01-01 05:30,3\n"
    (fault,) = faults_of(tmp_path, off, gaps="fill")
    assert fault.startswith("t.csv:5: 2024-01-01T05:30:00 is no whole number of steps")
    (fault,) = faults_of(tmp_path, DAILY.replace("2024-01-04", "2424-01-04"), gaps="fill")
    assert "filling would add" in fault


def test_missing_values_are_refused_on_demand(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, "a,b\n1,2\n,2\n3,NA\n", missing_values="refuse")
    assert [fault[:19] for fault in faults] == ["t.csv:3: a has no v", "t.csv:4: b has no v"]


def test_a_policy_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="gaps is 'ignore', but must be keep or fill or refuse"):
        TableSchema(gaps="ignore")


# Faults


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("abc", "close is 'abc', but must be a number: Correct the cell"),
        ("true", "close is 'true', but must be a number: Write 1 and 0"),
        ('"1,5"', "close is '1,5', but must be a number: Write a decimal point, 1.5."),
        ('"1,234.5"', "close is '1,234.5', but must be a number: Write it without marks between thousands, 1234.5."),
        ("12.5%", "close is '12.5%', but must be a number: Write the number alone, 12.5."),
        ("$ 7", "close is '$ 7', but must be a number: Write the number alone, 7."),
        ("3 €", "close is '3 €', but must be a number: Write the number alone, 3."),
        ("(56.9)", "close is '(56.9)', but must be a number: Write the number alone, -56.9."),
        (
            "\u0665\u0669\u066b\u0665",
            "close is '\u0665\u0669\u066b\u0665', but must be a number: Write it with the digits 0 to 9, 59.5.",
        ),
        (
            "\uff15\uff0e\uff11",
            "close is '\uff15\uff0e\uff11', but must be a number: Write it with the digits 0 to 9, 5.1.",
        ),
        ("-", "close is '-', but must be a number: Correct the cell, or leave it empty"),
        ("(56.9", "close is '(56.9', but must be a number: Correct the cell"),
        ("0x10", "close is '0x10'"),
        ("inf", "close is infinite"),
        ("-Infinity", "close is infinite"),
        ("1e999", "close is infinite"),
    ],
)
def test_a_cell_that_is_no_number_is_told_with_its_line(tmp_path: Path, cell: str, words: str) -> None:
    (fault,) = faults_of(tmp_path, f'note,close\n"a\nb",1\n\nc,2\nd,{cell}\n', columns=("close",))
    assert fault.startswith(f"t.csv:6: {words}")


def test_a_minus_as_typesetters_write_it_is_one(tmp_path: Path) -> None:
    table = table_of(tmp_path, "y\n1\n\u22122.5\n-3\n")
    np.testing.assert_array_equal(table.values[:, 0], [1, -2.5, -3])


def test_every_fault_is_told_in_the_order_of_lines_twenty_at_most(tmp_path: Path) -> None:
    content = "date,a,b\n2024-01-02,x,1\n2024-01-01,2,inf\n2024-01-03\n2024-01-04,,y\n"
    faults = faults_of(tmp_path, content)
    assert [fault.split(": ")[0] for fault in faults] == ["t.csv:2", "t.csv:3", "t.csv:3", "t.csv:4", "t.csv:5"]
    assert "has 1 cell, but the header has 3" in faults[3]
    many = faults_of(tmp_path, "a\n1\n" + "x\n" * 30)
    assert len(many) == 21
    assert many[-1] == "t.csv: 30 faults in all, the first 20 are shown."


def test_a_column_of_texts_is_told_once_with_the_columns_that_may_be_read(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, "date,symbol,a,b\n2024-01-01,X,1,2\n2024-01-02,Y,3,4\n")
    assert fault.startswith("t.csv:2: no cell of symbol is a number (2 are text; here symbol is 'X')")
    assert fault.endswith("--set columns=[a,b].")


@pytest.mark.parametrize(
    ("content", "schema", "words"),
    [
        (
            "date,close\n2024-01-01,1\n",
            {"needed": ("Closs",)},
            "the target 'Closs' does not exist: Did you mean 'close'?",
        ),
        (
            "date,close\n2024-01-01,1\n",
            {"columns": ("opn",)},
            "column 'opn' does not exist: Name one of 'date', 'close'",
        ),
        ("date,close\n2024-01-01,1\n", {"time_column": "dat"}, "Did you mean 'date'?"),
        ("date,close\n2024-01-01,1\n", {"needed": ("date",)}, "'date' is the time column"),
        ("date,close\n2024-01-01,1\n", {"columns": ("date",)}, "'date' is the time column and no number"),
        ("a,b\n1,2\n", {"columns": ("a",), "needed": ("b",)}, "Add it: --set columns=[a,b]."),
        ("a,b\n1,2\n", {"columns": ("a", "a")}, "columns names 'a' 2 times"),
        ("a,b\n1,\n2,\n", {"needed": ("b",)}, "the target 'b' has no values"),
        ("a,b,a\n1,2,3\n", {}, "two columns are named 'a' (1 and 3)"),
        (",b\n5,2\n1,3\n", {}, "column 1 has no name"),
        ("1,2\n3,4\n", {}, "the first line holds numbers"),
        ("2024-01-01,2\n2024-01-02,4\n", {}, "the first line holds numbers"),
        ("date\n2024-01-01\n", {}, "has no column of numbers"),
        ("a,b\n", {}, "has a header and no rows"),
        ("", {}, "is empty"),
        (b"a,b\n1,\x81\n", {}, "is not UTF-8: byte 0x81"),
        (b"a\0,b\n1,2\n", {}, "is binary"),
        ("a,b\n1,2\n1,2,3\n", {}, "t.csv:3: has 3 cells, but the header has 2"),
        (
            'a,b\n1,2\n3,"4\n5,6\n',
            {},
            "t.csv:3: cannot be read (the quote that opens here is never closed; lines 3 to 4). Close that quote",
        ),
        ("date,a\n2024-01-01,1\n,2\n", {}, "t.csv:3: date is empty"),
    ],
)
def test_a_bad_table_has_a_sentence_of_its_own(
    tmp_path: Path, content: str | bytes, schema: dict[str, Any], words: str
) -> None:
    (fault,) = faults_of(tmp_path, content, **schema)
    assert words in fault


def test_a_quote_that_is_never_closed_is_told_by_the_line_it_begins_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", 1 << 10)
    (fault,) = faults_of(tmp_path, "a,b\n1,2\n" + '3,"4\n' + "5,6\n" * 1000)
    assert fault.startswith("t.csv:3: cannot be read")
    assert "Close that quote" in fault or "Close the quote" in fault


def test_a_file_that_is_no_table_has_a_sentence_of_its_own(tmp_path: Path) -> None:
    assert "damaged or cut off" in faults_of(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 9)[:-9], "t.csv.gz")[0]
    assert "is not gzip" in faults_of(tmp_path, DAILY, "t.csv.gz")[0]
    assert "Rename it to t.csv" in faults_of(tmp_path, DAILY, "t.parquet")[0]
    assert "no readable Parquet" in faults_of(tmp_path, b"PAR1 and no more", "t.parquet")[0]
    assert "has no rows" in faults_of(tmp_path, parquet({"a": pyarrow.array([], pyarrow.int64())}), "t.parquet")[0]
    assert "has the ending '.docx'" in faults_of(tmp_path, DAILY, "t.docx")[0]
    assert "a table has one of .csv" in faults_of(tmp_path, DAILY, "t.json")[0]
    assert "Write 1 and 0" in faults_of(tmp_path, parquet({"a": [True], "b": [1]}), "t.parquet", columns=("a",))[0]
    for missing in ("none.csv", "none.parquet"):
        with pytest.raises(DatasetError, match="does not exist"):
            open_table(tmp_path / missing, TableSchema())
    with pytest.raises(DatasetError, match="is a directory"):
        open_table(tmp_path, TableSchema())


def test_constant_and_empty_columns_are_told(tmp_path: Path) -> None:
    warnings = table_of(tmp_path, "a,b,c\n1,,1\n1,,2\n").warnings
    assert any("a: always the same value" in warning for warning in warnings)
    assert any("b: no values at all" in warning for warning in warnings)


def test_a_column_without_a_name_is_left_out_only_where_it_is_empty_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "SAMPLE_CHARACTERS", 200)
    lines = [f"2024-01-{day:02},{day * day % 7}," for day in range(1, 32)]
    assert table_of(tmp_path, "\n".join(["date,a,", *lines])).names == ("a",)
    lines[-1] += "17"
    assert faults_of(tmp_path, "\n".join(["date,a,", *lines])) == [
        "t.csv: column 3 has no name: Name it in the header, or remove it."
    ]


def test_lines_of_white_space_are_blank_rows(tmp_path: Path) -> None:
    table = table_of(tmp_path, "date,a\n2024-01-01,1\n  \n2024-01-02,2\n\t\n2024-01-03,4\n")
    assert (len(table.values), table.warnings) == (3, ("t.csv: 2 rows are blank in every cell and left out.",))
    assert faults_of(tmp_path, "date,a\n2024-01-01,1\n  \n2024-01-02,2\nx\n")[0].startswith("t.csv:5: has 1 cell")
