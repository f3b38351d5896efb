"""Rows carry marks, findings, a kind of weakness and a part: the same from each format, true, or refused by line."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from domain.exceptions import DatasetError
from domain.marks import MAX_MARK_NAME_CHARACTERS, MAX_MARK_NAMES, MAX_MARKS, Mark
from infrastructure.data.labels import cells
from infrastructure.data.labels.carried import CWE, FINDINGS, MARKS, PART
from infrastructure.data.labels.carried_columns import MAX_PARTS
from infrastructure.data.labels.rows import LabelledRows, RowSchema, load_rows
from infrastructure.data.sources.fields import sought

TEXT = sought("text", ("text",))
ALL = RowSchema(TEXT, carried=(MARKS, FINDINGS, CWE, PART))
FOUND = [{"rule": "B602", "first_line": 1}]
ROWS: tuple[dict[str, Any], ...] = (
    {
        "text": "run it",
        "label": "bad",
        "marks": [[0, 3, "harmful"], [4, 6, "tainted"]],
        "findings": FOUND,
        "cwe": "CWE-78",
        "part": "unseen steps",
    },
    {"text": "leave it", "label": "good", "marks": [], "findings": [], "cwe": None, "part": None},
    {"text": "do it", "label": "good", "marks": None, "findings": None, "cwe": "cwe-079", "part": "other"},
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def loaded(
    directory: Path, rows: Sequence[Mapping[str, Any]], kind: str = "jsonl", schema: RowSchema = ALL
) -> LabelledRows:
    path = directory / f"x.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif kind == "csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(rows[0])
            for row in rows:
                writer.writerow([json.dumps(cell) if isinstance(cell, list) else cell for cell in row.values()])
    else:
        spans = [
            row["marks"] and [dict(zip(("start", "end", "name"), mark, strict=True)) for mark in row["marks"]]
            for row in rows
        ]
        columns = {name: [row[name] for row in rows] for name in rows[0]} | {"marks": spans}
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return load_rows(path, schema)


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_each_format_gives_the_same(tmp_path: Path, kind: str) -> None:
    rows = loaded(tmp_path, ROWS, kind)
    assert rows.marks(0) == [Mark(0, 3, "harmful"), Mark(4, 6, "tainted")]
    assert rows.marks(1) == rows.marks(2) == []
    assert rows.is_marked.tolist() == [True, True, False]
    assert [rows.findings(row) for row in range(3)] == [FOUND, [], None]
    assert rows.cwes.tolist() == [78, 0, 79]
    assert [rows.part_names[part] if part >= 0 else None for part in rows.parts] == ["unseen steps", None, "other"]
    assert rows.mark_names == ("harmful", "tainted")
    for name in ("marks", "mark_ends", "cwes", "parts"):
        assert isinstance(getattr(rows.carried, name), np.memmap)


def test_what_nobody_asks_for_is_not_looked_at(tmp_path: Path) -> None:
    rows = loaded(tmp_path, [{**ROWS[0], "marks": "nonsense", "cwe": [[]]}], schema=RowSchema(TEXT))
    assert rows.marks(0) == []
    assert rows.findings(0) is None
    assert (rows.cwes.tolist(), rows.parts.tolist(), rows.part_names) == ([0], [-1], ())


def test_a_row_of_json_may_be_the_first_to_carry_something(tmp_path: Path) -> None:
    rows = loaded(tmp_path, [{"text": "a", "label": "x"}, {"text": "b", "label": "y", "marks": [[0, 1, "m"]]}])
    assert [rows.marks(0), rows.marks(1)] == [[], [Mark(0, 1, "m")]]


def test_a_column_that_is_the_text_is_no_column_of_findings(tmp_path: Path) -> None:
    schema = RowSchema(sought("text", (), "findings"), carried=(FINDINGS, PART))
    rows = loaded(tmp_path, [{"findings": "a clear lung", "label": "well", "part": "chest"}], schema=schema)
    assert rows.texts[0] == "a clear lung"
    assert rows.findings(0) is None
    assert rows.part_names == ("chest",)


def test_marks_stay_at_their_characters_where_halves_of_pairs_are_mended(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    # The first half stands alone; the next two, which JSON would join, come from two cells of one text.
    path.write_text('{"text": "\\ud83dab\U0001f600cd", "label": "x", "marks": [[1, 3, "ab"], [4, 6, "cd"]]}\n', "utf-8")
    rows = load_rows(path, ALL)
    assert [rows.texts[0][mark.start : mark.end] for mark in rows.marks(0)] == ["ab", "cd"]


def test_marks_follow_two_halves_that_become_one() -> None:
    marks = cells.marks_of([[0, 1, "first"], [2, 3, "b"]], "\ud83d\ude00b", "marks", 1)
    assert marks == [Mark(0, 1, "first"), Mark(1, 2, "b")]


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ("nonsense", 'marks is "nonsense", not a list of marks'),
        ('{"start": 1}', "not a list of marks"),
        ("[" * 100_000, "not a list of marks"),
        (5, "marks is 5, not a list of marks"),
        (True, "marks is true, not a list of marks"),
        ([5], "marks[0] is 5, not [start, end, name]"),
        (["abc"], 'marks[0] is "abc", not [start, end, name]'),
        ([[0, 1]], "marks[0] is [0, 1], not [start, end, name]"),
        ([[0, 1, "a"], [3, 2, "a"]], "marks[1] starts at 3, behind its end at 2"),
        ([[0, 9, "a"]], "marks[0] ends at 9, but the text has 6 characters"),
        ([[0, 10**400, "a"]], "ends at a number of very many digits"),
        ([[-1, 2, "a"]], "marks[0] has the start -1, but the first character is 0"),
        ([[True, 2, "a"]], "marks[0] has the start true, which is no whole number"),
        ([[0, 2.0, "a"]], "marks[0] has the end 2.0, which is no whole number"),
        ([["0", 2, "a"]], 'marks[0] has the start "0", which is no whole number'),
        ([[None, 2, "a"]], "marks[0] has the start null, which is no whole number"),
        ([[0, 2, 3]], "marks[0] has the name 3, which is none"),
        ([[0, 2, " "]], "which is none"),
        ([[0, 2, None]], "which is none"),
        ([[0, 2, ["a"]]], "which is none"),
        ([[0, 2, "a" * (MAX_MARK_NAME_CHARACTERS + 1)]], "a name has at most 100"),
        ([{"from": 0, "to": 2}], "marks[0] is an object without start, end and name"),
        ([[0, 1, "a"]] * (MAX_MARKS + 1), "marks holds 10,001 marks, but a row has at most 10,000"),
    ],
)
def test_bad_marks_are_refused_with_file_and_line(tmp_path: Path, marks: Any, said: str) -> None:
    with pytest.raises(DatasetError) as refused:
        loaded(tmp_path, [ROWS[1], {"text": "abcdef", "label": "bad", "marks": marks}])
    assert str(refused.value).startswith("x.jsonl:2: marks")
    assert said in str(refused.value)
    assert ("--set mark_weight=0" in str(refused.value)) == ("not a list of marks" in said)


def test_marks_may_lie_over_each_other_and_be_as_long_as_the_text(tmp_path: Path) -> None:
    marks = [Mark(0, 6, "all"), Mark(2, 4, "some"), Mark(2, 4, "all"), Mark(6, 6, "none")]
    rows = loaded(tmp_path, [{"text": "abcdef", "label": "bad", "marks": marks}])
    assert rows.marks(0) == marks


def test_a_text_of_several_columns_has_no_marks(tmp_path: Path) -> None:
    schema = RowSchema(sought("text", (), ["a", "b"]), carried=(MARKS,))
    row = {"a": "one", "b": "two", "label": "x"}
    assert loaded(tmp_path, [row], schema=schema).marks(0) == []
    with pytest.raises(DatasetError, match=r"x\.jsonl:1: marks counts .* joined from a and b: Name one column"):
        loaded(tmp_path, [{**row, "marks": [[0, 1, "m"]]}], schema=schema)


def test_a_file_has_not_too_many_names_of_marks(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": "x", "marks": [[0, 1, f"m{number}"]]} for number in range(MAX_MARK_NAMES + 1)]
    assert len(loaded(tmp_path, rows[:-1]).mark_names) == MAX_MARK_NAMES
    with pytest.raises(DatasetError, match=r"x\.jsonl:101: there are more than 100 different names of marks"):
        loaded(tmp_path, rows)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (78, 78),
        (78.0, 78),
        *((cell, 78) for cell in ("78", "CWE-78", "cwe-078", " CWE_78 ", "CWE-78: OS Command Injection")),
        *((cell, 0) for cell in ("", "NVD-CWE-noinfo", "NVD-CWE-Other", "n/a", "unknown", "0")),
        (None, 0),
        (0, 0),
        ([], 0),
        (["CWE-79", "CWE-80"], 79),
        ('["CWE-79"]', 79),
    ],
)
def test_weaknesses_are_numbers(tmp_path: Path, cell: Any, number: int) -> None:
    assert loaded(tmp_path, [{"text": "a", "label": "x", "cwe": cell}]).cwes.tolist() == [number]


@pytest.mark.parametrize("cell", [True, -78, 1_000_000, "injection", {"id": 78}, [{"id": 78}], 7.5])
def test_what_is_no_weakness_is_refused(tmp_path: Path, cell: Any) -> None:
    with pytest.raises(DatasetError, match=r"x\.jsonl:1: cwe is .*, not the number of a weakness: Write CWE-78"):
        loaded(tmp_path, [{"text": "a", "label": "x", "cwe": cell}])


@pytest.mark.parametrize("cell", ["B602", 5, ["B602"], {"rule": "B602"}, "[1]"])
def test_what_are_no_findings_is_refused(tmp_path: Path, cell: Any) -> None:
    with pytest.raises(DatasetError, match=r"x\.jsonl:1: findings is .*, not a list of objects: Write"):
        loaded(tmp_path, [{"text": "a", "label": "x", "findings": cell}])


def test_parts_that_are_none_are_told_and_stop_nothing(tmp_path: Path) -> None:
    rows = loaded(tmp_path, [{"text": "a", "label": "x", "part": cell} for cell in ("one", [1, 2], 3, {"a": 1})])
    assert (rows.parts.tolist(), rows.part_names) == ([0, -1, 1, -1], ("one", "3"))
    assert rows.warnings == ("x.jsonl: 2 cells of 'part', the first at line 2, hold no name of a part.",)


def test_very_many_parts_are_none(tmp_path: Path) -> None:
    rows = loaded(tmp_path, [{"text": "a", "label": "x", "part": f"p{number}"} for number in range(MAX_PARTS + 1)])
    assert set(rows.parts.tolist()) == {-1}
    assert rows.part_names == ()
    assert rows.warnings == ("x.jsonl: 'part' has more than 50 different names; no part is scored by itself.",)


def test_rows_that_carry_something_else_are_kept_apart(tmp_path: Path) -> None:
    schemas = [RowSchema(TEXT), RowSchema(TEXT, carried=(MARKS,)), RowSchema(TEXT, carried=(MARKS, PART)), ALL]
    assert len({loaded(tmp_path, ROWS, schema=schema).cache_key for schema in schemas}) == len(schemas)


def test_other_marks_are_other_content(tmp_path: Path) -> None:
    plain = {"text": "abc", "label": "x"}
    contents = [
        loaded(tmp_path, [{**plain, "marks": [[0, end, name]]}]).carried.content
        for end, name in ((1, "m"), (2, "m"), (1, "n"))
    ]
    assert len(set(contents)) == 3


def test_a_file_that_carries_nothing_has_the_content_of_before(tmp_path: Path) -> None:
    assert loaded(tmp_path, [{"text": "abc", "label": "x", "part": "one"}]).carried.content == ""
