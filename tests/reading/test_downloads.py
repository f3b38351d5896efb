"""What people have instead of rows: a page, a pointer, JSON in a file of cells, rows without a header."""

import io
from pathlib import Path

import pytest

from domain.exceptions import DatasetError
from domain.task import task_named
from infrastructure.data.labels.loading import schema_of
from infrastructure.data.labels.rows import LabelledRows, content_sha256, load_rows
from tests.support.asked import asked_texts

SCHEMA = schema_of(task_named("text_classification"), None, None, None)


def loaded(path: Path, content: bytes) -> LabelledRows:
    path.write_bytes(content)
    return load_rows(path, SCHEMA)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
INSTEAD = [
    ("x.csv", b"<!DOCTYPE html>\n<html><body>404</body></html>", "x.csv is HTML or XML."),
    ("x.json", b"\xef\xbb\xbf\n<html>Sign in</html>", "x.json is HTML or XML."),
    ("x.jsonl", b"<?xml version='1.0'?><Error>AccessDenied</Error>", "x.jsonl is HTML or XML."),
    ("x.csv", POINTER, "x.csv is a pointer of Git LFS"),
    ("x.parquet", POINTER, "x.parquet is a pointer of Git LFS"),
    ("x.txt", POINTER, "x.txt is a pointer of Git LFS"),
    ("x.csv", b"text,label\na,b\0\nc,d\n", "x.csv holds a NUL byte at offset 14"),
]


@pytest.mark.parametrize(("name", "content", "said"), INSTEAD, ids=[f"{n}-{c[:9]!r}" for n, c, _ in INSTEAD])
def test_what_is_no_data_is_said_to_be_what_it_is(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path / name, content)
    assert caught.value.problem.startswith(said)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (b'{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n', ".jsonl"),
        (b'[{"text": "a", "label": "x"},\n {"text": "b", "label": "y"}]', ".json"),
        (b'[\n {\n  "text": "a", "label": "x"}, {"text": "b", "label": "y"}]', ".json"),
    ],
    ids=["lines", "array", "indented"],
)
def test_json_named_csv_is_read_under_the_name_that_the_remedy_gives(
    tmp_path: Path, content: bytes, ending: str
) -> None:
    path = tmp_path / "x.csv"
    with pytest.raises(DatasetError, match="is JSON, which") as caught:
        loaded(path, content)
    assert caught.value.remedy == f"Rename it to x{ending}."
    assert len(load_rows(path.rename(tmp_path / f"x{ending}"), SCHEMA)) == 2


@pytest.mark.parametrize(
    "rows", [b"ham,one\nspam,two\nham,three\n", b"3;'a, b'\n4;c\n3;d\n"], ids=["commas", "numbers"]
)
def test_rows_without_a_header_are_said_to_have_none(tmp_path: Path, rows: bytes) -> None:
    with pytest.raises(DatasetError, match="the first row seems to be no header") as caught:
        loaded(tmp_path / "x.csv", rows)
    assert caught.value.remedy == "Write the names of the columns above it, such as text and label."
    delimiter = b";" if b";" in rows else b","
    assert len(loaded(tmp_path / "y.csv", b"label" + delimiter + b"text\n" + rows)) == 3


def test_columns_without_a_name_are_no_row(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has the fields 'v1', 'v2', ''") as caught:
        loaded(tmp_path / "x.csv", b"v1,v2,,\nham,a,,\nspam,b,,\nham,c,,d\n")
    assert "header" not in str(caught.value)


@pytest.mark.parametrize("delimiter", ["^", "~", ":", " "])
def test_a_separator_that_is_not_known_leaves_one_column_and_the_known_ones_are_named(
    tmp_path: Path, delimiter: str
) -> None:
    with pytest.raises(DatasetError, match="must have text and label") as caught:
        loaded(tmp_path / "x.csv", f"text{delimiter}label\na{delimiter}b\n".encode())
    assert caught.value.remedy == "Give each a column of its own; cells may be split by ',', ';', '|' or tabs."


@pytest.mark.parametrize("column", ["tweet_text", "comment text", "Text-Body"])
def test_the_column_that_holds_the_name_is_proposed_and_no_number_of_it(tmp_path: Path, column: str) -> None:
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path / "x.csv", f"text_id,{column},label\n1,a,b\n2,c,d\n".encode())
    assert f"text_field={column}" in str(caught.value.remedy).replace("'", "")


def test_hidden_files_of_a_directory_change_no_digest_and_are_told_of_as_they_come_and_go(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text(f"a text of {label}")
    before = content_sha256(tmp_path)
    assert load_rows(tmp_path, SCHEMA).warnings == ()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref")
    (tmp_path / "a" / ".DS_Store").write_bytes(b"\0")
    assert content_sha256(tmp_path) == before
    (said,) = load_rows(tmp_path, SCHEMA).warnings
    assert "2 files are hidden and left out" in said
    (tmp_path / ".git" / "HEAD").unlink()
    (said,) = load_rows(tmp_path, SCHEMA).warnings
    assert "1 file is hidden and left out" in said
    (tmp_path / "a" / "2.txt").write_text("another")
    assert content_sha256(tmp_path) != before


def test_json_that_is_no_object_a_line_is_told_of_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = b'{"text": "a"}\n{"text": "b"\nplain {"text"}\n[{"text": "c"}]\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed)))
    words: list[str] = []
    read = asked_texts("-", SCHEMA.text, say=words.append)
    assert read == ["a", '{"text": "b"', 'plain {"text"}', '[{"text": "c"}]']
    assert words == ["standard input: 2 lines of JSON that is no object a line, read as text."]
