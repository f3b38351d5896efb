"""Separated cells as other tools quote them: read where nothing else can be meant, else refused with a way to read."""

import gzip
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from infrastructure.data.sources.readers import Row, RowFault, read_rows

TEXTS = ['he said "yes", I think', 'plain "and" simple', "nothing, at all"]
PARSED = [{"text": text, "label": "ham"} for text in TEXTS]


def told(path: Path) -> tuple[list[Row | RowFault], list[str]]:
    words: list[str] = []
    return list(read_rows(path, say=words.append)), words


def follow(remedy: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what the command says: Python within this process, which starts none."""
    command = remedy.partition(": ")[2]
    if command.startswith("python3 -c "):
        monkeypatch.chdir(directory)
        exec(shlex.split(command)[2], {})
    else:
        subprocess.run(command, shell=True, cwd=directory, check=True, timeout=60)


def escaped(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


FOREIGN: list[tuple[str, Callable[[str], str], str, str]] = [
    ("backslash", escaped, "a backslash stands before a quote", ","),
    ("backslash, no quotes", lambda text: text.replace('"', '\\"').replace(",", "\\,"), "a backslash stands", ","),
    ("backslash and ;", lambda text: escaped(text.replace(",", ";")), "a backslash stands", ";"),
    ("single", lambda text: f"'{text}'", "cells stand between single quotes", ","),
]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize(
    ("quoted", "said", "delimiter"), [case[1:] for case in FOREIGN], ids=[case[0] for case in FOREIGN]
)
def test_other_quotes_are_named_and_the_remedy_writes_them_as_they_are_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quoted: Callable[[str], str],
    said: str,
    delimiter: str,
    packed: bool,
) -> None:
    path = tmp_path / ("it's.csv" + ".gz" * packed)
    lines = [f"text{delimiter}label", *(f"{quoted(text)}{delimiter}ham" for text in TEXTS)]
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data, mtime=0) if packed else data)
    fault = next(row for row in told(path)[0] if isinstance(row, RowFault))
    assert said in fault.problem
    follow(fault.remedy, tmp_path, monkeypatch)
    read = [row.values for row in told(tmp_path / "new.csv")[0] if isinstance(row, Row)]
    assert [{**row, "text": row["text"].replace(";", ",")} for row in read] == PARSED


def test_typographic_quotes_are_named_and_can_be_made_straight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text,label\n\u201cyes, I think\u201d,ham\n", encoding="utf-8")
    (fault,) = told(path)[0]
    assert isinstance(fault, RowFault)
    assert "typographic quotes" in fault.problem
    follow(fault.remedy, tmp_path, monkeypatch)
    assert told(tmp_path / "new.csv")[0] == [Row(2, {"text": "yes, I think", "label": "ham"})]


def test_an_apostrophe_is_no_quote(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text,label\ndon't, it's,ham\n")
    (fault,) = told(path)[0]
    assert isinstance(fault, RowFault)
    assert "single quotes" not in fault.problem


@pytest.mark.parametrize("header", ['"text", "label"', "text, label"])
def test_blanks_before_quotes_are_no_part_of_cells(tmp_path: Path, header: str) -> None:
    path = tmp_path / "r.csv"
    path.write_text(header + '\n"yes, ""really""", "ham, or so"\n"no\nor", "spam"\n"x",  "spam"\n')
    rows, words = told(path)
    values = [('yes, "really"', "ham, or so"), ("no\nor", "spam"), ("x", "spam")]
    assert [tuple(row.values.values()) for row in rows if isinstance(row, Row)] == values
    assert words == ["r.csv: blanks before quotes are no part of the cells."]


def test_a_quote_behind_a_blank_is_a_letter_where_most_rows_have_none(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text('label,text\nham,yes\nham, "so" they say\nham,no\n')
    rows, words = told(path)
    assert rows[1] == Row(3, {"label": "ham", "text": ' "so" they say'})
    assert words == []


def test_a_header_that_comes_again_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text,label\na,x\ntext,label\n\ufefftext,label\nb,label\n", encoding="utf-8")
    rows, words = told(path)
    assert rows == [Row(2, {"text": "a", "label": "x"}), Row(5, {"text": "b", "label": "label"})]
    assert words == ["r.csv: 2 rows repeat the header and are left out, the first at line 3."]


def test_the_name_of_a_single_column_may_be_a_text(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text\na\ntext\n")
    assert len(told(path)[0]) == 2


def test_a_line_of_blanks_alone_is_left_out_however_many_cells_it_has(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text,label\na,x\n   \n , \nb,y\n")
    rows, words = told(path)
    assert [row.line for row in rows] == [2, 5]
    assert words == ["r.csv: 2 rows are blank in every cell and left out, the first at line 3."]
