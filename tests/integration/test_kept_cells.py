"""Cells that stand beside an answer are those of the file, from every format into every format."""

import csv
import datetime
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.answers import NUMBER, TEXT, Answers, Column
from application.joining import Keep
from domain.exceptions import ConfigurationError
from domain.reading import AS_FOUND
from infrastructure.answers.answer_files import ENDINGS, AnswerFiles
from infrastructure.data.sources.asked_rows import asked_rows
from infrastructure.data.sources.fields import Sought
from infrastructure.data.sources.inputs import BadInput, read_inputs
from infrastructure.data.sources.readers import Row, read_rows
from tests.support.texts import any_text

ANSWERED = (Column("label", TEXT), Column("score", NUMBER))
ALL = Keep("all", was_said=True)
STRANGE = (
    "007",
    "1e5",
    "2024-01-31",
    "",
    " a ",
    "=1+1",
    "a,b;c",
    'say "x"',
    "line\nend",
    "None",
    "ä\u202e",
    "#N/A",
    "-5",
)
EVERY_CELL = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def answers(path: Path, keep: Keep = ALL, as_table: bool = True) -> Answers:
    """Answer each row of a file alike, as no model would."""
    notes: list[str] = []
    asked = asked_rows(str(path), keep, as_table, ANSWERED, AS_FOUND, notes.append)

    def rows() -> Iterator[Mapping[str, Any]]:
        for number, row in enumerate(read_inputs(asked.source, Sought("text", ("text",))), 1):
            answer: dict[str, Any] = {"label": "a", "score": 0.5, "scores": {"a": 0.5}}
            if isinstance(row, BadInput):
                answer = {"label": None, "score": None, "scores": None, "error": row.reason}
            yield asked.joined(number, row.cells, answer)

    return Answers(rows(), notes=notes, columns=asked.columns, num_rows=asked.num_rows)


def written(path: Path, output: str, **more: Any) -> Path:
    target = path.with_name(output)
    AnswerFiles().write(str(target), answers(path, as_table=AnswerFiles().holds_table(output), **more))
    return target


def rows_in(path: Path) -> list[dict[str, Any]]:
    """Read a file of answers back with the library that everybody has."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    name = path.name.removesuffix(".gz")
    if name.endswith((".csv", ".tsv")):
        file = io.StringIO(data.decode(), newline="")
        return list(csv.DictReader(file, delimiter="\t" if name.endswith(".tsv") else ","))
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in data.decode().splitlines()]
    if name.endswith(".parquet"):
        table: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
        return table
    header, *rows = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def csv_file(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_texts_of_a_csv_stay_as_they_stood_in_every_format(ending: str, tmp_path: Path) -> None:
    path = csv_file(
        tmp_path / "x.csv", [["id", "text", "label"], *([f"{n:03}", "t", cell] for n, cell in enumerate(STRANGE))]
    )
    rows = rows_in(written(path, f"out{ending}"))
    empty = None if ending == ".xlsx" else ""  # an empty cell of a sheet is none
    assert [row["label"] for row in rows] == [cell if cell else empty for cell in STRANGE]
    assert [row["id"] for row in rows] == [f"{n:03}" for n in range(len(STRANGE))]
    assert {row["answer_label"] for row in rows} == {"a"}
    assert [int(row["row"]) for row in rows] == list(range(1, len(STRANGE) + 1))


CELL = any_text("\0", max_size=12)


@EVERY_CELL
@given(cells=st.lists(CELL, min_size=1, max_size=6))
def test_any_text_of_json_comes_back_from_csv_parquet_and_json(cells: list[str], tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"text": "t", "n": cell}) + "\n" for cell in cells))
    for output in ("out.csv", "out.tsv", "out.parquet", "out.jsonl"):
        assert [row["n"] for row in rows_in(written(path, output))] == cells


VALUE = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | CELL
NESTED = st.recursive(
    VALUE, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(CELL, inner, max_size=2), max_leaves=4
)


@EVERY_CELL
@given(values=st.lists(NESTED, min_size=1, max_size=4))
def test_any_value_of_json_comes_back_from_json_and_is_told_whole_in_a_table(values: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"text": "t", "n": value}) + "\n" for value in values))
    assert [row["n"] for row in rows_in(written(path, "out.jsonl"))] == values
    for row, value in zip(rows_in(written(path, "out.csv")), values, strict=True):
        told = row["n"]
        assert told == ("" if value is None else value) if isinstance(value, str | None) else True
        if isinstance(value, list | dict):
            assert json.loads(told) == value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            assert float(told) == float(value) if abs(value) < 1e300 else told
    for row, value in zip(rows_in(written(path, "out.parquet")), values, strict=True):
        assert row["n"] == value or json.loads(str(row["n"]).lower() if isinstance(value, bool) else row["n"]) == value


TYPED = pyarrow.table(
    {
        "text": ["a", "b"],
        "whole": pyarrow.array([2**60 + 1, None], pyarrow.int64()),
        "small": pyarrow.array([1.5, None], pyarrow.float32()),
        "money": pyarrow.array([Decimal("12.10"), None], pyarrow.decimal128(8, 2)),
        "flag": pyarrow.array([True, None]),
        "day": pyarrow.array([datetime.date(2024, 1, 31), None]),
        "at": pyarrow.array([datetime.datetime(2024, 1, 31, 7, 30), None], pyarrow.timestamp("ns")),
        "kind": pyarrow.array(["x", None]).dictionary_encode(),
        "tags": pyarrow.array([["x"], None]),
        "picture": pyarrow.array([b"\xff", None]),
    }
)


def test_cells_of_parquet_keep_their_types_and_what_is_no_value_is_left_out_with_a_word(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(TYPED, tmp_path / "x.parquet")
    asked = answers(tmp_path / "x.parquet")
    assert asked.notes == ["x.parquet: 'tags', 'picture' hold neither text nor number and are not kept."]
    table = pyarrow.parquet.read_table(written(tmp_path / "x.parquet", "out.parquet"))
    for name in ("whole", "small", "money", "flag", "day"):
        assert table.column(name).equals(TYPED.column(name))
    assert table.column("at").to_pylist() == [datetime.datetime(2024, 1, 31, 7, 30), None]
    assert table.column("kind").to_pylist() == ["x", None]
    first, second = rows_in(written(tmp_path / "x.parquet", "out.jsonl"))
    assert (first["whole"], first["money"], first["day"], first["at"]) == (
        *(2**60 + 1, 12.1, "2024-01-31", "2024-01-31 07:30:00"),
    )
    assert {second[name] for name in ("whole", "money", "at", "kind")} == {None}
    line = written(tmp_path / "x.parquet", "out.csv").read_text().splitlines()[1]
    assert line == "a,1152921504606846977,1.5,12.10,True,2024-01-31,2024-01-31 07:30:00,x,1,a,0.5,"
    first, _ = rows_in(written(tmp_path / "x.parquet", "out.xlsx"))
    assert (first["whole"], first["money"], first["day"]) == (str(2**60 + 1), 12.1, datetime.datetime(2024, 1, 31))


def test_a_missing_cell_is_not_an_empty_one_where_the_file_knew_the_difference(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "t", "n": ""}\n{"text": "t", "n": null}\n{"text": "t"}\n')
    lines = written(path, "out.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in lines] == ["n", '""', "", ""]
    assert pyarrow.parquet.read_table(written(path, "out.parquet")).column("n").to_pylist() == ["", None, None]
    assert ["n" in row for row in rows_in(written(path, "out.jsonl"))] == [True, True, False]


def test_a_column_that_only_late_rows_have_is_a_column_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "t"}\n' * 3 + '{"label": "gold", "text": "t", "n": 1}\n')
    *_, last = rows_in(written(path, "out.csv"))
    assert (last["label"], last["answer_label"], last["n"]) == ("gold", "a", "1")
    first, *_ = rows_in(written(path, "out.jsonl"))
    assert (first.get("label"), first["answer_label"]) == (None, "a")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_bad_row_keeps_its_cells_and_says_why(ending: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,n,text\n1,a,t\n2,b\n3,c,one,two\n4,d,\n")
    good, short, long, empty = rows_in(written(tmp_path / "x.csv", f"out{ending}"))
    assert not good.get("error")
    assert (short["id"], short["n"]) == ("2", "b")
    assert "x.csv:3: has 2 cells, but the header has 3" in short["error"]
    assert (long["id"], long["text"]) == ("3", "one,two")
    assert (empty["id"], empty["error"]) == ("4", "x.csv:5: text is empty")
    assert {row["label"] or None for row in (short, long, empty)} == {None}


def test_columns_without_a_name_do_not_stand_for_one_another(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,,\nt,1,2\n")
    (row,) = rows_in(written(tmp_path / "x.csv", "out.csv"))
    assert (row["column 2"], row["column 3"]) == ("1", "2")


def test_files_of_a_directory_are_told_by_their_path(tmp_path: Path) -> None:
    for name in ("a/one.txt", "b/two.txt"):
        (tmp_path / "d" / name).parent.mkdir(parents=True)
        (tmp_path / "d" / name).write_text("some text\nof two lines")
    rows = rows_in(written(tmp_path / "d", "out.csv"))
    assert [(row["path"], row["id"]) for row in rows] == [("a/one.txt",) * 2, ("b/two.txt",) * 2]


def test_an_answer_alone_still_has_its_number_and_its_id(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "x.csv", [["Ticket ID", "text"], ["7", "t"]])
    for as_table in (True, False):
        (row,) = answers(path, Keep(), as_table)
        assert (row["row"], row["id"], "text" in row) == (1, "7", False)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("id,key", "id"),
        ("key,ID", "ID"),
        ("ticketId,n", "ticketId"),
        ("n,customer_id", "customer_id"),
        ("customer_id,order_id", "customer_id"),
        ("n,customer_id,order_id", None),
        ("n,paid,android", None),
    ],
)
def test_the_column_that_tells_rows_apart_is_found_by_a_rule(names: str, found: str | None, tmp_path: Path) -> None:
    columns = names.split(",")
    path = csv_file(
        tmp_path / "x.csv", [["text", *columns] if found is None else [*columns, "text"], ["1"] * (len(columns) + 1)]
    )
    (row,) = answers(path, Keep())
    assert ("id" in row) == (found is not None)


def test_a_workbook_holds_texts_as_texts_and_none_is_run(tmp_path: Path) -> None:
    cells = ["=1+1", "+1", "@x", "#N/A", "_x0041_", "bell\x07", "x" * 40_000]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"text": "t", "=n": cell}) + "\n" for cell in cells))
    told = answers(path)
    AnswerFiles().write(str(tmp_path / "out.xlsx"), told)
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").active
    column = [row[1] for row in sheet.iter_rows()]
    assert {cell.data_type for cell in column} == {"s"}
    assert [cell.value for cell in column[:5]] == ["=n", *cells[:4]]
    assert len(column[7].value) == 32_767
    assert told.notes == ["1 cell is longer than the 32,767 characters that Excel holds, and cut."]
    assert [row["=n"] for row in answers(tmp_path / "out.xlsx")][4] == "_x0041_"  # as our own reader has it


def test_a_sheet_that_cannot_hold_all_rows_is_refused_before_anything_is_answered(tmp_path: Path) -> None:
    def rows() -> Iterator[Mapping[str, Any]]:
        raise AssertionError("asked")
        yield {}

    many = Answers(rows(), columns=ANSWERED, num_rows=1_048_576)
    with pytest.raises(ConfigurationError, match=r"a sheet of Excel has 1,048,576 .*\.csv"):
        AnswerFiles().write(str(tmp_path / "out.xlsx"), many)
    assert not list(tmp_path.iterdir())


def test_answers_for_a_spreadsheet_guard_what_it_would_run_and_leave_numbers(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "x.csv", [["=n", "text"], ["=1+1", "@t"], ["-12.5", "t"], ["＝1+1", "＠t"]])
    target = tmp_path / "out.csv"
    AnswerFiles().write(str(target), answers(path).for_spreadsheets())
    assert [(row["'=n"], row["text"]) for row in rows_in(target)] == [
        *(("'=1+1", "'@t"), ("-12.5", "t"), ("'＝1+1", "'＠t")),
    ]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_every_sign_that_begins_a_formula_is_guarded(begin: str) -> None:
    (row,) = Answers([{"text": f"{begin}1+1"}], columns=(Column("text", TEXT),)).for_spreadsheets()
    assert row == {"text": f"'{begin}1+1"}


LONG_MONEY = ("-99999999999999999999.99", "1234567890.1234567891", "12.10", "7.00")


def test_a_decimal_that_no_float_holds_is_a_text_with_all_its_digits_and_others_are_numbers(tmp_path: Path) -> None:
    money = pyarrow.array([Decimal(number) for number in LONG_MONEY], pyarrow.decimal128(38, 16))
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["t"] * len(money), "money": money}), path)
    for ending in (".jsonl", ".xlsx"):
        cells = [row["money"] for row in rows_in(written(path, f"out{ending}"))]
        assert [Decimal(cell) for cell in cells[:2]] == [Decimal(number) for number in LONG_MONEY[:2]]
        assert cells[2:] == [12.1, 7]


def test_half_a_character_of_a_kept_cell_is_mended_and_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "t", "n": "a\\ud83db", "m": ["\\ud83d"]}\n')
    for ending in ENDINGS:
        (row,) = rows_in(written(path, f"out{ending}"))
        assert row["n"] == (f"a{chr(0xD83D)}b" if ending.startswith(".jsonl") else "a\ufffdb")


def test_many_rows_are_written_in_groups(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(f'{{"text": "t", "n": {number}}}\n' for number in range(70_000)))
    file = pyarrow.parquet.ParquetFile(written(path, "out.parquet"))
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [65_536, 4_464]
    assert file.read(["n"]).column(0).to_pylist() == list(range(70_000))


def test_a_directory_that_is_missing_is_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"Make .*later first, or choose another place"):
        AnswerFiles().write(str(tmp_path / "later" / "answers.csv"), Answers([]))


def test_answers_are_read_back_by_ourselves_without_a_setting(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "x.csv", [["text", "Straße"], *([f"bäng {n}", cell] for n, cell in enumerate(STRANGE))])
    told: list[str] = []
    rows = list(read_rows(written(path, "out.csv"), say=told.append))
    assert [row.cells["Straße"] for row in rows if isinstance(row, Row)] == list(STRANGE)
    assert told == []
