"""Sheets of Excel are read as people see them, or refused with what to do."""

import datetime
import io
import shlex
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import yaml

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.columnar.workbook import letters_of, sheet_setting
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.sources.fields import sought
from infrastructure.data.sources.readers import Row, read_rows
from infrastructure.data.table.table import Table, TableSchema, open_table

SMALL = Reading(max_row_mib=1, max_unpacked_mib=2)
LABELLED = [["text", "label"], ["good", "pos"], ["bad", "neg"]]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def workbook(path: Path, hidden: Sequence[str] = (), /, **sheets: Sequence[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def rows_of(path: Path, reading: Reading = AS_FOUND) -> list[Row]:
    return [row for row in read_rows(path, reading) if isinstance(row, Row)]


def values_of(path: Path, reading: Reading = AS_FOUND) -> list[dict[str, Any]]:
    return [dict(row.values) for row in rows_of(path, reading)]


def table_of(path: Path, *rows: Sequence[Any], reading: Reading = AS_FOUND) -> Table:
    return open_table(workbook(path, S=rows), TableSchema(), reading)


@pytest.mark.parametrize("name", ["x.xlsx", "x.XLSX", "x.xlsm"])
def test_the_first_row_names_the_columns(tmp_path: Path, name: str) -> None:
    path = workbook(tmp_path / name, S=LABELLED)
    assert values_of(path) == [{"text": "good", "label": "pos"}, {"text": "bad", "label": "neg"}]
    rows = load_rows(path, RowSchema(sought("text", ("text",))))
    assert (rows.label_names, rows.labels.tolist(), rows.lines.tolist()) == (("neg", "pos"), [1, 0], [2, 3])


def test_a_table_may_stand_anywhere_and_rows_keep_the_numbers_of_the_sheet(tmp_path: Path) -> None:
    around: list[list[Any]] = [[], [], [None, "text", None, "n"], [None, "a", None, 1], [], [None, "b", None, 2], []]
    rows = rows_of(workbook(tmp_path / "x.xlsx", S=around))
    assert [(row.line, dict(row.values)) for row in rows] == [(4, {"text": "a", "n": 1}), (6, {"text": "b", "n": 2})]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        ([1, 2, None], [1, 2, None]),
        ([1.0, -2.0, 3.0], [1, -2, 3]),
        ([1, 2.5, 3], [1.0, 2.5, 3.0]),
        ([True, False, None], [True, False, None]),
        (["a", None, "b"], ["a", None, "b"]),
        (["a", 1, True], ["a", "1", "True"]),
        ([1, "1", 1.5], ["1", "1", "1.5"]),
        ([datetime.date(2024, 1, 31), None, datetime.date(2024, 2, 1)], ["2024-01-31", None, "2024-02-01"]),
        ([datetime.datetime(2024, 1, 31, 5), None, datetime.date(2024, 2, 1)],
         ["2024-01-31 05:00:00", None, "2024-02-01 00:00:00"]),
        ([datetime.time(5, 30), "a", None], ["05:30:00", "a", None]),
        (["x", "#N/A", None], ["x", None, None]),
        ([1, "#REF!", 2], [1, None, 2]),
    ],
)  # fmt: skip
def test_cells_have_the_values_they_have_in_other_formats(tmp_path: Path, cells: list[Any], values: list[Any]) -> None:
    path = workbook(tmp_path / "x.xlsx", S=[["a", "id"], *([cell, "row"] for cell in cells)])
    found = [row["a"] for row in values_of(path)]
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


def test_a_blank_row_of_a_table_of_one_column_is_a_missing_value(tmp_path: Path) -> None:
    table = table_of(tmp_path / "x.xlsx", ["y"], [1], [], [2], [], [])
    np.testing.assert_array_equal(table.values[:, 0], [1, np.nan, 2])


def test_times_are_a_clock_and_numbers_are_read(tmp_path: Path) -> None:
    start = datetime.datetime(2024, 1, 1)
    rows = [[start + datetime.timedelta(minutes=5 * n), n / 4, n] for n in range(400)]
    table = table_of(tmp_path / "x.xlsx", ["when", "a", "b"], *rows)
    assert (table.time_column, table.step, len(table.values)) == ("when", 300_000_000, 400)
    assert (table.time_of(0), table.time_of(399)) == ("2024-01-01T00:00:00", "2024-01-02T09:15:00")
    np.testing.assert_array_equal(table.values[:, 0] * 4, np.arange(400))


@pytest.mark.parametrize("name", ["date", "Datum", "order date", "ds"])
@pytest.mark.parametrize(("step", "micros"), [(1, 86_400_000_000), (1 / 24, 3_600_000_000), (7, 604_800_000_000)])
def test_numbers_of_days_beneath_the_name_of_a_date_are_dates(
    tmp_path: Path, name: str, step: float, micros: int
) -> None:
    table = table_of(tmp_path / "x.xlsx", [name, "y"], *([45292 + n * step, n] for n in range(60)))
    assert (table.time_column, table.step, table.time_of(0)[:10]) == (name, micros, "2024-01-01")


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("count", [45292, 45293]),
        ("date", [45293, 45292]),
        ("date", [1, 2]),
        ("date", [45292, None]),
        ("lifedate", [1, 2]),
    ],
)
def test_other_numbers_stay_numbers(tmp_path: Path, name: str, numbers: list[Any]) -> None:
    path = workbook(tmp_path / "x.xlsx", S=[[name, "y"], *([number, 1] for number in numbers)])
    assert [row[name] for row in values_of(path)] == numbers


def test_days_may_be_counted_from_1904(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.epoch = datetime.datetime(1904, 1, 1)
    for row in (["date", "y"], [43830, 1], [43831, 2]):
        book.worksheets[0].append(row)
    book.save(tmp_path / "x.xlsx")
    assert [row["date"] for row in values_of(tmp_path / "x.xlsx")] == ["2024-01-01", "2024-01-02"]


def test_a_sheet_is_chosen_by_name_or_because_no_other_has_rows(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", Notes=[["read me"]], Data=LABELLED, Empty=[])
    assert len(rows_of(path)) == 2
    path = workbook(tmp_path / "y.xlsx", ["Codes"], Data=LABELLED, Codes=[["text"], ["c"]])
    assert len(rows_of(path)) == 2
    assert values_of(path, Reading(sheet="Codes")) == [{"text": "c"}]


@pytest.mark.parametrize(
    "names", [("Train", "Test"), ("2024", "2025"), ("No", "Yes"), ("it's mine", "a=b, c"), ("Für", "Zwei")]
)
def test_several_sheets_with_rows_are_refused_and_the_remedy_reads_one(tmp_path: Path, names: tuple[str, str]) -> None:
    path = workbook(tmp_path / "x.xlsx", **dict.fromkeys(names, LABELLED))
    with pytest.raises(DatasetError, match="has rows in 2 sheets") as caught:
        rows_of(path)
    assert all(repr(name) in caught.value.problem for name in names)
    option, setting = shlex.split(caught.value.remedy.removeprefix("Name the one to read: "))
    assert option == "--set"
    name = yaml.safe_load(setting.removeprefix("sheet="))
    assert name == names[0]
    assert len(rows_of(path, Reading(sheet=name))) == 2


@pytest.mark.parametrize(
    ("sheets", "reading", "said", "remedy"),
    [
        ({"Data": LABELLED}, Reading(sheet="data"), "has no sheet 'data'; it has 'Data'", "--set sheet=Data"),
        ({"Data": [["text"]]}, AS_FOUND, "has no rows below a header", "Give a sheet"),
        ({"Data": []}, AS_FOUND, "has no rows below a header", "Give a sheet"),
        ({"Data": [["a"]], "B": LABELLED}, Reading(sheet="Data"), "sheet 'Data' of x.xlsx has no rows", "Give a sheet"),
        ({"S": [["text", None], ["a", "b"]]}, AS_FOUND, "x.xlsx:1: column B of sheet 'S' has cells, but no", "Name it"),
        ({"S": [["Report"], [], ["text", "label"], ["a", "b"]]}, AS_FOUND, ":1: column B of sheet", "above the names"),
        ({"S": [["text", "a", "text"], ["a", 1, "c"]]}, AS_FOUND, "two columns are named 'text' (1 and 3)", "Rename"),
    ],
)
def test_what_is_not_clear_is_refused(
    tmp_path: Path, sheets: dict[str, Any], reading: Reading, said: str, remedy: str
) -> None:
    path = workbook(tmp_path / "x.xlsx", **sheets)
    with pytest.raises(DatasetError) as caught:
        rows_of(path, reading)
    assert said in caught.value.problem
    assert remedy in caught.value.remedy


def test_faults_are_told_by_the_numbers_of_the_sheet(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", S=[[], ["text", "label"], ["a", "x"], [], ["b", None]])
    with pytest.raises(DatasetError, match=r"x\.xlsx:5: label"):
        load_rows(path, RowSchema(sought("text", ("text",))))
    path = workbook(tmp_path / "t.xlsx", S=[[], ["y", "z"], [1, 1], [], ["much", 2]])
    with pytest.raises(DatasetError, match=r"t\.xlsx:5: y is 'much'"):
        open_table(path, TableSchema())


def test_without_the_library_the_remedy_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "x.xlsx", S=LABELLED)
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(DatasetError) as caught:
        rows_of(path)
    assert "pip install 'athanor[excel]'" in caught.value.remedy


def repacked(path: Path, **parts: bytes) -> Path:
    """Replace parts of a workbook, or add them."""
    file = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            ends = [end for end in parts if Path(entry.filename).stem == end]
            new.writestr(entry.filename, parts.pop(ends[0]) if ends else old.read(entry))
        for name, content in parts.items():
            new.writestr(f"xl/{name}.xml", content)
    path.write_bytes(file.getvalue())
    return path


HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
CELL = b'<row r="%d"><c r="%s%d" %s><v>%d</v></c></row>'
TAIL = b"</sheetData></worksheet>"
STRINGS = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>%s</t></si></sst>'
BOMBS: dict[str, dict[str, bytes]] = {
    "zeros": {"sheet1": HEAD + b"<row></row><c></c>" * 300_000 + TAIL},
    "a cell far off": {"sheet1": HEAD + CELL % (1, b"A", 1, b"", 1) + CELL % (2**20, b"XFD", 2**20, b"", 1) + TAIL},
    "a text that many cells name": {
        "sheet1": HEAD + b"".join(CELL % (n, b"A", n, b't="s"', 0) for n in range(1, 2000)) + TAIL,
        "sharedStrings": STRINGS % (b"x" * 5000),
    },
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_workbook_that_holds_more_than_it_may_is_refused_before_it_is_opened(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = repacked(workbook(tmp_path / "x.xlsx", S=LABELLED), **BOMBS[name])
    monkeypatch.setattr("python_calamine.CalamineWorkbook.from_filelike", None, raising=False)
    with pytest.raises(DatasetError, match=r"x\.xlsx unpacks to more than 2 MiB"):
        rows_of(path, SMALL)


def test_a_zip_that_says_less_than_it_holds_is_measured(tmp_path: Path) -> None:
    path = repacked(workbook(tmp_path / "x.xlsx", S=LABELLED), **BOMBS["zeros"])
    content = path.read_bytes()
    size = len(BOMBS["zeros"]["sheet1"]).to_bytes(4, "little")
    assert content.count(size) >= 2
    path.write_bytes(content.replace(size, (100).to_bytes(4, "little")))
    with pytest.raises(DatasetError, match="unpacks to more than 2 MiB"):
        rows_of(path, SMALL)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:200] + bytes(100) + content[300:],
        lambda content: b"PK\x03\x04 and nothing more",
        lambda content: b"text,label\na,b\n",
        lambda content: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        lambda content: repacked_bytes(),
    ],
    ids=["cut off", "overwritten", "no zip", "CSV", "OLE", "another zip"],
)
def test_what_is_no_workbook_is_refused_in_one_sentence(tmp_path: Path, damage: Any) -> None:
    path = workbook(tmp_path / "x.xlsx", S=LABELLED)
    path.write_bytes(damage(path.read_bytes()))
    for read in (lambda: rows_of(path), lambda: open_table(path, TableSchema())):
        with pytest.raises(DatasetError) as caught:
            read()
        assert caught.value.problem.startswith("x.xlsx ")
        assert "\n" not in str(caught.value)
        assert caught.value.remedy


def repacked_bytes() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("r.csv", "text,label\na,b\n")
    return file.getvalue()


def test_columns_have_the_letters_of_excel() -> None:
    assert [letters_of(place) for place in (0, 25, 26, 701, 702, 16_383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


def test_a_setting_of_a_plain_name_is_plain() -> None:
    assert sheet_setting("Sheet1") == "--set sheet=Sheet1"


def test_the_index_that_pandas_writes_is_taken_as_that_of_other_formats(tmp_path: Path) -> None:
    days = [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=number) for number in range(30)]
    counted = table_of(tmp_path / "a.xlsx", ["", "ds", "y"], *([n, day, n * n % 7] for n, day in enumerate(days)))
    assert (counted.names, counted.time_column) == (("y",), "ds")
    assert counted.warnings == (
        "a.xlsx: a column without a name counts rows and is left out; name it in columns to take it.",
    )
    dated = table_of(tmp_path / "b.xlsx", ["", "y"], *([day, n * n % 7] for n, day in enumerate(days)))
    assert (dated.names, dated.time_column, dated.time_of(29)) == (("y",), "", "2024-01-30")
    with pytest.raises(DatasetError, match="column B of sheet 'S' has cells, but no name"):
        table_of(tmp_path / "c.xlsx", ["ds", "", "y"], *([day, n, n] for n, day in enumerate(days)))
