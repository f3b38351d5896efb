"""A table of several series below each other is refused with what tells them apart, and each remedy reads it."""

import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from domain.exceptions import DatasetError
from infrastructure.data.table.choice import TableSchema
from infrastructure.data.table.table import Table, open_table

DAYS = [date(2024, 1, 1) + timedelta(days=number) for number in range(40)]
IDS: dict[str, tuple[str, list[Any]]] = {
    "texts": ("unique_id", ["berlin", "paris", "rome"]),
    "numbers": ("unique_id", [0, 1, 2]),
    "store numbers": ("filiale", [17, 4, 1002]),
    "numbers as texts": ("sku", ["00012", "00013", "00014"]),
}


def rows_of(ids: Sequence[Any], by_time: bool = False) -> list[tuple[Any, date, float]]:
    rows = [(name, day, 10.0 + place + n * n % 7) for place, name in enumerate(ids) for n, day in enumerate(DAYS)]
    return sorted(rows, key=lambda row: row[1]) if by_time else rows


def read(directory: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], **schema: Any) -> Table:
    path = directory / "t.csv"
    path.write_text(",".join(header) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return open_table(path, TableSchema(**schema))


def fault_of(directory: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], **schema: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        read(directory, header, rows, **schema)
    return str(caught.value)


@pytest.mark.parametrize("by_time", [False, True], ids=["by id", "by time"])
@pytest.mark.parametrize("kind", IDS)
def test_what_tells_series_apart_is_named_and_no_merging_advised(tmp_path: Path, kind: str, by_time: bool) -> None:
    name, ids = IDS[kind]
    fault = fault_of(tmp_path, [name, "ds", "y"], rows_of(ids, by_time))
    assert fault == (
        f"t.csv: stamps repeat, as this is a table of 3 series in long format, told apart by {name}: Give one table a"
        f" series, the rows with one {name}; or pivot it to one row a stamp and one column a series."
    )


def test_both_remedies_read_the_table(tmp_path: Path) -> None:
    rows = rows_of(["a", "b", "c"])
    one = read(tmp_path, ["ds", "y"], [(day, y) for name, day, y in rows if name == "b"])
    assert one.values[:, 0].tolist() == [y for name, _, y in rows if name == "b"]
    values = {(name, day): y for name, day, y in rows}
    pivoted = read(tmp_path, ["ds", "a", "b", "c"], [(day, *(values[name, day] for name in "abc")) for day in DAYS])
    assert pivoted.names == ("a", "b", "c")
    assert pivoted.values[:, 1].tolist() == one.values[:, 0].tolist()


@pytest.mark.parametrize("schema", [{"columns": ("y",)}, {"needed": ("y",)}, {"unsorted_stamps": "sort"}], ids=str)
def test_it_is_recognised_whatever_is_read(tmp_path: Path, schema: dict[str, Any]) -> None:
    assert "told apart by unique_id" in fault_of(tmp_path, ["unique_id", "ds", "y"], rows_of("abc"), **schema)


def test_two_columns_may_tell_series_apart(tmp_path: Path) -> None:
    rows = [(store, item, day, n % 5) for store in "ab" for item in "xyz" for n, day in enumerate(DAYS)]
    fault = fault_of(tmp_path, ["store", "item", "date", "y"], rows)
    assert "a table of 6 series in long format, told apart by store and item: Give" in fault


def test_series_of_other_lengths_and_a_few_repeated_rows_are_still_long(tmp_path: Path) -> None:
    rows = [row for row in rows_of(["a", "b", "c"]) if row[0] != "c" or row[1] > date(2024, 1, 20)]
    assert "told apart by unique_id" in fault_of(tmp_path, ["unique_id", "ds", "y"], [*rows, rows[-1]])


def test_series_of_other_times_one_behind_the_other_are_long_too(tmp_path: Path) -> None:
    rows = [("b", day, n % 7) for n, day in enumerate(DAYS[20:])] + [
        ("a", day, n % 7) for n, day in enumerate(DAYS[:20])
    ]
    fault = fault_of(tmp_path, ["shop", "ds", "y"], rows)
    assert fault.startswith("t.csv: stamps run back, as this is a table of 2 series in long format, told apart by shop")


def test_a_dictionary_of_parquet_tells_series_apart(tmp_path: Path) -> None:
    rows = rows_of(["a", "b", "c"])
    names, days, values = zip(*rows, strict=True)
    file = io.BytesIO()
    columns = {"shop": pyarrow.array(names).dictionary_encode(), "ds": pyarrow.array(days), "y": pyarrow.array(values)}
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    (tmp_path / "t.parquet").write_bytes(file.getvalue())
    with pytest.raises(DatasetError, match="told apart by shop"):
        open_table(tmp_path / "t.parquet", TableSchema())


def test_columns_that_hold_no_names_do_not_stand_in_the_way(tmp_path: Path) -> None:
    rows = rows_of(["a", "b", "c"])
    names, days, values = zip(*rows, strict=True)
    file = io.BytesIO()
    others = {"tags": [["x"]] * len(rows), "took": pyarrow.array([1] * len(rows), pyarrow.duration("s"))}
    columns = {**others, "none": pyarrow.nulls(len(rows)), "shop": names, "ds": pyarrow.array(days), "y": values}
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    (tmp_path / "t.parquet").write_bytes(file.getvalue())
    with pytest.raises(DatasetError, match="told apart by shop"):
        open_table(tmp_path / "t.parquet", TableSchema(columns=("y",)))


def test_a_few_repeats_and_rows_that_nothing_tells_apart_are_what_they_were(tmp_path: Path) -> None:
    few = [(day, number % 7) for number, day in enumerate([*DAYS, DAYS[-1]])]
    assert "--set duplicate_stamps=last" in fault_of(tmp_path, ["date", "sales"], few)
    twice = [(day, float(number)) for day in DAYS for number in (1.5, 2.5)]
    assert "--set duplicate_stamps=last" in fault_of(tmp_path, ["date", "y"], twice)


@pytest.mark.parametrize(
    ("name", "form"), [("time", "%H:%M"), ("clock", "%H:%M:%S"), ("hour", "%H"), ("start", "%I:%M %p")]
)
def test_a_time_of_day_in_a_column_of_its_own_is_no_series_and_the_remedy_reads_it(
    tmp_path: Path, name: str, form: str
) -> None:
    hours = [datetime(2024, 1, 1) + timedelta(hours=number) for number in range(96)]
    rows = [(when.date(), when.strftime(form), number % 7) for number, when in enumerate(hours)]
    fault = fault_of(tmp_path, ["date", name, "y"], rows)
    assert f"stamps of date repeat, as the time of day stands in a column of its own, {name}" in fault
    joined = read(tmp_path, ["date", "y"], [(when, number % 7) for number, when in enumerate(hours)])
    assert joined.step == 3600 * 10**6


@pytest.mark.parametrize("schema", [{}, {"columns": ("y",)}, {"columns": ("y",), "time_column": "none"}], ids=str)
@pytest.mark.parametrize("name", ["unique_id", "Ticker", "item_id"])
def test_series_with_counted_steps_are_recognised_by_the_name_of_the_column(
    tmp_path: Path, name: str, schema: dict[str, Any]
) -> None:
    rows = [(series, step, step * step % 7) for series in "abc" for step in range(1, 41)]
    for ordered in (rows, sorted(rows, key=lambda row: row[1])):
        fault = fault_of(tmp_path, [name, "ds", "y"], ordered, **schema)
        assert fault.startswith(f"t.csv: this is a table of 3 series in long format, told apart by {name}: Give one")


def test_series_that_follow_each_other_in_time_are_recognised_by_the_name_of_the_column(tmp_path: Path) -> None:
    rows = [("ab"[n > 15], day, n % 7) for n, day in enumerate(DAYS)]
    assert "a table of 2 series in long format" in fault_of(tmp_path, ["symbol", "ds", "y"], rows, columns=("y",))
    same = [("a", day, n % 7) for n, day in enumerate(DAYS)]
    assert len(read(tmp_path, ["symbol", "ds", "y"], same, columns=("y",)).values) == 40


def test_times_that_are_almost_all_different_are_no_series(tmp_path: Path) -> None:
    start = datetime(2024, 1, 1, 17, 24)
    minutes = [start + timedelta(minutes=number) for number in range(500)]
    rows = [(f"{stamp:%d/%m/%Y}", f"{stamp:%H:%M:%S}", n % 7) for n, stamp in enumerate(minutes)]
    fault = fault_of(tmp_path, ["Date", "Time", "y"], [("13/01/2023", "0:00:00", 1), *rows])
    assert "the time of day stands in a column of its own, Time" in fault


@pytest.mark.parametrize(("rows", "said"), [(90, "at least 3 series"), (50, "at least 2 series"), (30, "3 series")])
def test_the_first_rows_of_a_large_table_tell_unless_they_are_of_one_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, said: str
) -> None:
    monkeypatch.setattr("infrastructure.data.table.long_format.FIRST_ROWS", rows)
    fault = fault_of(tmp_path, ["unique_id", "ds", "y"], rows_of("abc"))
    assert f"this is a table of {said} in long format, told apart by unique_id" in fault
