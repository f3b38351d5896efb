"""JSON as tools write it: whatever the ending says, rows are read, or the way to them is told."""

import gzip
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.sources import readers
from infrastructure.data.sources.readers import Row, RowFault, read_rows

ROWS: list[dict[str, Any]] = [{"text": f"row {i} {{[", "label": "ab"[i % 2], "more": [i]} for i in range(5)]


def lines(rows: list[Any], **style: Any) -> str:
    return "".join(json.dumps(row, **style) + "\n" for row in rows)


def told(path: Path) -> tuple[list[Any], list[str]]:
    words: list[str] = []
    return [row.values if isinstance(row, Row) else row for row in read_rows(path, say=words.append)], words


@pytest.mark.parametrize("ending", ["json", "jsonl", "json.gz", "ndjson.gz"])
@pytest.mark.parametrize(
    ("shape", "content"),
    [
        ("array", json.dumps(ROWS)),
        ("array", json.dumps(ROWS, indent=2)),
        ("array", "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n"),
        ("lines", lines(ROWS)),
        ("lines", "\n" + lines(ROWS).replace("\n", "\r\n")),
        ("objects", lines(ROWS, indent=2)),
    ],
    ids=["array", "indented array", "array of lines", "lines", "windows lines", "indented objects"],
)
def test_rows_are_read_whatever_shape_the_ending_promises(
    tmp_path: Path, ending: str, shape: str, content: str
) -> None:
    path = tmp_path / f"x.{ending}"
    data = content.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if ending.endswith("gz") else data)
    rows, words = told(path)
    assert rows == ROWS
    usual = "array" if ending.startswith("json") and not ending.startswith("jsonl") else "lines"
    assert words == ([] if shape == usual else [f"{path.name}: {readers._SHAPES[shape]}."])


def test_objects_may_follow_one_another_without_a_line_end(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("".join(map(json.dumps, ROWS)))
    assert told(path)[0] == ROWS


def test_a_single_object_of_values_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"text": "a", "label": 1}')
    assert told(path)[0] == [{"text": "a", "label": 1}]


def test_a_bad_line_of_json_lines_named_json_costs_no_other_row(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": 1}\n{"a": \n{"a": 3}\n')
    first, fault, last = told(path)[0]
    assert (first, last) == ({"a": 1}, {"a": 3})
    assert isinstance(fault, RowFault)
    assert fault.line == 2


def by_columns(rows: list[Any]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


WRAPPED: list[tuple[str, Callable[[list[Any]], Any], str]] = [
    ("data", lambda rows: {"version": "1", "data": rows, "tags": []}, "the rows in 'data'"),
    ("schema", lambda rows: {"schema": {"fields": [{"name": "a"}]}, "data": rows}, "the rows in 'data'"),
    ("two", lambda rows: {"few": rows[:1], "it's": rows}, '''the rows in "it's"'''),
    ("viewer", lambda rows: {"rows": [{"row_idx": 0, "row": row} for row in rows]}, "the rows in 'rows'"),
    ("columns", by_columns, "a column in each of 'text', 'label', 'more'"),
    (
        "pandas",
        lambda rows: {key: dict(zip("01234", cells, strict=True)) for key, cells in by_columns(rows).items()},
        "a column in each of 'text', 'label', 'more'",
    ),
    ("index", lambda rows: {f"id{i}": row for i, row in enumerate(rows)}, "a row in each of 'id0', 'id1', 'id2'..."),
    (
        "split",
        lambda rows: {"columns": list(rows[0]), "index": [0], "data": [list(row.values()) for row in rows]},
        "the names in 'columns' and the cells in 'data'",
    ),
]


@pytest.mark.parametrize("ending", ["json", "json.gz"])
@pytest.mark.parametrize(("wrap", "said"), [case[1:] for case in WRAPPED], ids=[case[0] for case in WRAPPED])
def test_rows_within_an_object_are_refused_and_the_remedy_takes_them_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, wrap: Callable[[list[Any]], Any], said: str
) -> None:
    path = tmp_path / f"x.{ending}"
    data = json.dumps(wrap(ROWS)).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if ending.endswith("gz") else data)
    with pytest.raises(DatasetError) as caught:
        told(path)
    assert caught.value.problem == f"x.{ending} holds a JSON object with {said}."
    python, option, code = shlex.split(caught.value.remedy.partition(": ")[2])
    assert (python, option) == ("python3", "-c")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert told(tmp_path / "new.json")[0] == ROWS


def test_columns_of_several_lengths_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"good": ["a", "b"], "bad": ["c"]}')
    assert told(path)[0] == [{"good": ["a", "b"], "bad": ["c"]}]


def test_an_object_beyond_the_limit_is_told_of_as_a_wrapper(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"data": [{"text": "a" * 99}] * 30_000}))
    with pytest.raises(DatasetError, match="more than 1 MiB") as caught:
        list(read_rows(path, Reading(max_row_mib=1)))
    assert "write their array alone" in caught.value.remedy
