"""Columns that only count rows, or say again what the clock says, are no targets; naming one takes it all the same."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from domain.exceptions import DatasetError
from infrastructure.data.table import csv_source as table_csv
from infrastructure.data.table import row_counters
from infrastructure.data.table.choice import TableSchema
from infrastructure.data.table.table import Table, open_table

HOURS = [datetime(2023, 12, 20) + timedelta(hours=number) for number in range(400)]


def read(directory: Path, cells: dict[str, list[Any]], **schema: Any) -> Table:
    rows = zip(*cells.values(), strict=True)
    content = ",".join(cells) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    path = directory / "t.csv"
    path.write_text(content)
    return open_table(path, TableSchema(**schema))


def beside_a_clock(name: str, values: list[Any]) -> dict[str, list[Any]]:
    y = [number * number % 23 for number in range(len(values))]
    return {name: values, "date": HOURS[: len(values)], "y": y}


@pytest.mark.parametrize("start", [0, 1, 17])
@pytest.mark.parametrize(
    "name", ["", "Unnamed: 0", "__index_level_0__", "index", "id", "row_number", "ID", "#", "level_0"]
)
def test_an_index_that_counts_is_left_out_with_a_word(tmp_path: Path, name: str, start: int) -> None:
    table = read(tmp_path, beside_a_clock(name, list(range(start, start + 40))))
    assert table.names == ("y",)
    shown = name or "a column without a name"
    assert table.warnings == (f"t.csv: {shown} counts rows and is left out; name it in columns to take it.",)


def test_a_column_of_any_name_that_counts_from_the_first_row_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", 1 << 8)
    assert read(tmp_path, beside_a_clock("time_idx", list(range(300)))).names == ("y",)
    broken = [*range(250), *range(251, 301)]
    assert read(tmp_path, beside_a_clock("time_idx", broken)).names == ("time_idx", "y")
    assert read(tmp_path, beside_a_clock("few", list(range(10)))).names == ("few", "y")
    assert read(tmp_path, beside_a_clock("celsius", list(range(5, 305)))).names == ("celsius", "y")


def test_the_written_index_of_a_filtered_table_is_left_out_too(tmp_path: Path) -> None:
    kept = [number for number in range(60) if number % 7]
    assert read(tmp_path, beside_a_clock("Unnamed: 0", kept)).names == ("y",)
    assert read(tmp_path, beside_a_clock("id", kept)).names == ("id", "y")


def test_naming_a_counter_takes_it(tmp_path: Path) -> None:
    columns = beside_a_clock("index", list(range(40)))
    assert read(tmp_path, columns, columns=("y", "index")).names == ("y", "index")
    assert read(tmp_path, columns, needed=("index",)).names == ("index", "y")


def test_a_table_with_nothing_else_keeps_its_counter(tmp_path: Path) -> None:
    assert read(tmp_path, {"date": HOURS[:40], "count": list(range(40))}).names == ("count",)
    assert read(tmp_path, {"id": list(range(40)), "date": HOURS[:40], "y": list(range(40))}).names == ("y",)


def test_a_column_without_a_name_is_a_clock_left_out_when_empty_and_else_refused(tmp_path: Path) -> None:
    y = [number * number % 23 for number in range(40)]
    table = read(tmp_path, {"": HOURS[:40], "y": y})
    assert (table.time_column, table.names) == ("", ("y",))
    table = read(tmp_path, {"date": HOURS[:40], "": [""] * 40, "y": y})
    assert table.names == ("y",)
    assert "a column without a name is empty and is left out" in table.warnings[0]
    with pytest.raises(DatasetError, match=r"t\.csv: column 3 has no name: Name it in the header, or remove it"):
        read(tmp_path, {"date": HOURS[:40], "y": y, "": y})


PARTS: dict[str, Callable[[datetime], int]] = {
    "year": lambda when: when.year,
    "Month": lambda when: when.month,
    "month_": lambda when: when.month - 1,
    "quarter": lambda when: (when.month + 2) // 3,
    "week": lambda when: when.isocalendar().week,
    "day": lambda when: when.day,
    "day_of_year": lambda when: when.timetuple().tm_yday,
    "weekday": lambda when: when.weekday(),
    "dow": lambda when: when.isoweekday() % 7,
    "day_of_week": lambda when: when.isoweekday(),
    "Hour": lambda when: when.hour,
}


@pytest.mark.parametrize("name", PARTS)
def test_what_the_clock_says_already_is_left_out(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_counters, "CHUNK_ROWS", 64)
    values = [PARTS[name](when) for when in HOURS]
    table = read(tmp_path, beside_a_clock(name, values))
    assert table.names == ("y",)
    assert table.warnings == (
        f"t.csv: {name} says what the clock says and is left out; name it in columns to take it.",
    )
    values[300] += 3
    assert read(tmp_path, beside_a_clock(name, values)).names == (name, "y")


def test_parts_of_the_clock_are_compared_where_the_clock_is_read_last(tmp_path: Path) -> None:
    columns = beside_a_clock("hour", [when.hour for when in HOURS])
    order = ["y", "hour", "date"]
    assert read(tmp_path, {name: columns[name] for name in order}).names == ("y",)


def test_years_are_a_clock_where_there_is_no_other(tmp_path: Path) -> None:
    y = [number * number % 23 for number in range(40)]
    years = list(range(1980, 2020))
    table = read(tmp_path, {"year": years, "y": y})
    assert (table.time_column, table.names) == ("year", ("y",))
    assert table.stamps is not None
    assert table.stamps[:1].astype("datetime64[us]").tolist() == [datetime(1980, 1, 1)]
    assert read(tmp_path, {"year": [2020] * 20 + [2021] * 20, "y": y}).time_column is None


def test_an_index_is_no_clock_where_a_column_of_times_is(tmp_path: Path) -> None:
    file = io.BytesIO()
    y = [number * number % 23 for number in range(40)]
    columns = {"when": HOURS[:40], "y": y, "__index_level_0__": list(range(40))}
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    (tmp_path / "t.parquet").write_bytes(file.getvalue())
    table = open_table(tmp_path / "t.parquet", TableSchema())
    assert (table.time_column, table.names) == ("when", ("y",))
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"y": y, "__index_level_0__": HOURS[:40]}), file)
    (tmp_path / "t.parquet").write_bytes(file.getvalue())
    assert open_table(tmp_path / "t.parquet", TableSchema()).time_column == "__index_level_0__"


SECONDS = [int(stamp.replace(tzinfo=UTC).timestamp()) for stamp in HOURS]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("unix", SECONDS),
        ("ms", [second * 1000 + 999 for second in SECONDS]),
        ("elapsed", [number * 60 for number in range(400)]),
    ],
)
def test_a_column_that_goes_on_as_the_clock_does_is_left_out(tmp_path: Path, name: str, values: list[int]) -> None:
    kept = [number for number in range(400) if number % 9 != 4]
    columns = beside_a_clock(name, values)
    table = read(tmp_path, {column: [cells[number] for number in kept] for column, cells in columns.items()})
    assert table.names == ("y",)
    assert f"t.csv: {name} says what the clock says and is left out; name it in columns to take it." in table.warnings


def test_a_column_that_ascends_otherwise_is_kept(tmp_path: Path) -> None:
    assert read(tmp_path, beside_a_clock("total", [number * 7 for number in range(400)])).names == ("total", "y")
    broken = [*SECONDS[:-1], SECONDS[-1] + 1]
    assert read(tmp_path, beside_a_clock("unix", broken)).names == ("unix", "y")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["open_time", "unix", "Unix Timestamp", "ts", "epoch_ms", "time (s)"])
def test_counts_since_1970_are_a_clock_by_the_name_of_their_column(tmp_path: Path, ending: str, name: str) -> None:
    cells: dict[str, list[Any]] = {
        "y": [n * n % 23 for n in range(400)],
        name: SECONDS,
        "x": [n % 7 for n in range(400)],
    }
    if ending == "csv":
        table = read(tmp_path, cells)
    else:
        pyarrow.parquet.write_table(pyarrow.table(cells), tmp_path / "t.parquet")
        table = open_table(tmp_path / "t.parquet", TableSchema())
    assert (table.time_column, table.names, table.time_of(0)) == (name, ("y", "x"), "2023-12-20T00:00:00Z")


def test_small_numbers_beneath_such_a_name_are_no_clock(tmp_path: Path) -> None:
    assert read(tmp_path, {"run time": [n * n % 23 for n in range(40)], "y": list(range(40))}).time_column is None


def test_a_date_in_parts_is_refused_and_both_remedies_read_the_table(tmp_path: Path) -> None:
    parts = {part: [getattr(stamp, part) for stamp in HOURS] for part in ("year", "month", "day", "hour")}
    y = [n * n % 23 for n in range(400)]
    with pytest.raises(DatasetError, match="the date stands in columns of its parts, year, month, day, hour"):
        read(tmp_path, {"No": list(range(400)), **parts, "y": y})
    assert read(tmp_path, {**parts, "y": y}, time_column="none").time_column is None
    assert read(tmp_path, {"date": HOURS, "y": y}).names == ("y",)
