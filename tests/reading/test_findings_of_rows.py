"""Findings that rows carry: whole, in bounds, or refused with file and line."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.exceptions import DatasetError
from domain.findings import Finding
from infrastructure.data.labels.carried import FINDINGS
from infrastructure.data.labels.finding_cells import MAX_FINDINGS, finding_of, num_lines_of
from infrastructure.data.labels.rows import LabelledRows, RowSchema, load_rows
from infrastructure.data.sources.fields import sought

GOOD: dict[str, Any] = {"rule": "B602", "first_line": 1}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def loaded(directory: Path, *cells: Any) -> LabelledRows:
    path = directory / "x.jsonl"
    rows = [{"text": "one\r\ntwo\rthree\x0c\n", "label": "a", "findings": cell} for cell in cells]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_rows(path, RowSchema(sought("text", ("text",)), carried=(FINDINGS,)))


def test_rule_and_line_are_enough() -> None:
    assert finding_of(GOOD, 1) == Finding(1, 1, "bandit", "B602", "", "medium", "medium")


def test_everything_may_be_said_and_levels_as_bandit_writes_them() -> None:
    said = {**GOOD, "last_line": 4, "tool": "semgrep", "severity": "HIGH", "confidence": "UNDEFINED", "cwe": "CWE-078"}
    assert finding_of({**said, "title": "t", "message": "m", "more": 1}, 4) == Finding(
        1, 4, "semgrep", "B602", "t", "high", "low", 78, "m"
    )


def test_lines_are_those_of_python(tmp_path: Path) -> None:
    assert loaded(tmp_path, [{**GOOD, "first_line": 4}]).findings(0) == [{**GOOD, "first_line": 4}]
    assert num_lines_of("a\u2028b\x0bc\x85") == 1


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        ({"first_line": 1}, "findings[1] has no rule"),
        ({**GOOD, "rule": ""}, "has no rule"),
        ({**GOOD, "rule": 602}, "has the rule 602, which is no name such as B602"),
        ({**GOOD, "rule": "B602 high"}, 'has the rule "B602 high", which is no name'),
        ({**GOOD, "rule": "§"}, "which is no name"),
        ({**GOOD, "rule": "B602\n§ bandit"}, "which is no name"),
        ({**GOOD, "rule": "B" * 101}, "which is no name"),
        ({**GOOD, "tool": ["bandit"]}, 'has the tool ["bandit"], which is no name'),
        ({"rule": "B602"}, "has no first_line"),
        ({**GOOD, "first_line": 0}, "has the first_line 0, but lines count from 1"),
        ({**GOOD, "first_line": -1}, "has the first_line -1, but lines count from 1"),
        ({**GOOD, "first_line": "3"}, 'has the first_line "3", which is no whole number'),
        ({**GOOD, "first_line": 3.0}, "has the first_line 3.0, which is no whole number"),
        ({**GOOD, "first_line": True}, "has the first_line true, which is no whole number"),
        ({**GOOD, "first_line": 5}, "has the first_line 5, but the text has 4 lines"),
        ({**GOOD, "first_line": 10**30}, "but the text has 4 lines"),
        ({**GOOD, "last_line": 5}, "has the last_line 5, but the text has 4 lines"),
        ({**GOOD, "first_line": 3, "last_line": 2}, "has the first line 3, behind its last at 2"),
        ({**GOOD, "severity": "awful"}, 'has the severity "awful", which is none of low, medium, high, critical'),
        ({**GOOD, "severity": 3}, "has the severity 3, which is none of"),
        ({**GOOD, "confidence": "critical"}, 'has the confidence "critical", which is none of low, medium, high'),
        ({**GOOD, "cwe": "shell"}, 'has the cwe "shell", which is not the number of a weakness'),
        ({**GOOD, "title": 5}, "has the title 5, which is no text"),
        ({**GOOD, "message": "a" * 10_001}, "has a message of 10,001 characters, the most are 10,000"),
        ("B602", "is an array, not a list of objects"),
        ([], "not a list of objects"),
    ],
)
def test_a_bad_finding_is_refused_with_file_and_line(tmp_path: Path, finding: Any, said: str) -> None:
    with pytest.raises(DatasetError) as refused:
        loaded(tmp_path, [GOOD], [GOOD, finding])
    assert str(refused.value).startswith("x.jsonl:2: findings")
    assert said in str(refused.value)


def test_too_many_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds 10,001 findings, but a row has at most 10,000"):
        loaded(tmp_path, [GOOD] * (MAX_FINDINGS + 1))


def test_lines_of_a_joined_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"a": "x", "b": "y", "label": "l", "findings": [GOOD]}) + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="findings counts lines of one text, but the text is joined from a and b"):
        load_rows(path, RowSchema(sought("text", (), ("a", "b")), carried=(FINDINGS,)))
