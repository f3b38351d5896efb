"""Rows with tests, in the shapes in which such sets come."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND
from infrastructure.data.sources.fields import sought
from infrastructure.data.sources.inputs import read_inputs
from infrastructure.data.sources.problems import Problem, read_problems

BEGINNING = 'def twice(x):\n    """Give twice x."""\n'
CHECK = "def check(candidate):\n    assert candidate(2) == 4\n"
ASKED = "Write a function twice."
ASSERTS = ["assert twice(2) == 4", "assert twice(0) == 0"]


def read(path: Path, *named: str) -> list[Problem]:
    text = sought("source", ("description", "prompt", "docstring"), named)
    return read_problems(path, AS_FOUND, lambda source: read_inputs(source, text))


def written(path: Path, *rows: Mapping[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_row_of_humaneval_calls_its_check(tmp_path: Path) -> None:
    upstream = {"task_id": "HumanEval/0", "prompt": BEGINNING, "entry_point": "twice", "test": CHECK}
    own = {"task_id": "HumanEval/0", "description": BEGINNING, "entry_point": "twice", "tests": CHECK}
    for row in (upstream, own):
        (problem,) = read(written(tmp_path / "h.jsonl", {**row, "canonical_solution": "    return 2 * x\n"}))
        assert problem == Problem("task_id HumanEval/0", BEGINNING, f"{CHECK}\ncheck(twice)\n", "twice")


@pytest.mark.parametrize(
    "row",
    [
        {"task_id": 3, "description": ASKED, "tests": ASSERTS, "test_setup": "import math"},
        {"task_id": 3, "text": ASKED, "test_list": ASSERTS, "test_setup_code": "import math"},
        {"task_id": 3, "prompt": ASKED, "test_list": ASSERTS, "test_imports": ["import math"]},
    ],
    ids=["shared", "mbpp", "sanitized mbpp"],
)
def test_a_row_of_mbpp_has_its_setup_before_its_tests(row: Mapping[str, Any], tmp_path: Path) -> None:
    named = ("text",) if "text" in row else ()
    (problem,) = read(written(tmp_path / "m.jsonl", row), *named)
    assert problem == Problem("task_id 3", ASKED, "\n".join(["import math", *ASSERTS]))


def test_lists_of_tests_are_the_same_from_parquet_and_from_csv(tmp_path: Path) -> None:
    rows = [{"prompt": ASKED, "test_list": ASSERTS}, {"prompt": f"{ASKED} Now.", "test_list": ASSERTS[:1]}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "m.parquet")
    quoted = [json.dumps(row["test_list"]).replace('"', '""') for row in rows]
    cells = "".join(f'{row["prompt"]},"{tests}"\n' for row, tests in zip(rows, quoted, strict=True))
    (tmp_path / "m.csv").write_text(f"prompt,test_list\n{cells}")
    expected = read(written(tmp_path / "m.jsonl", *rows))
    assert read(tmp_path / "m.parquet") == read(tmp_path / "m.csv") == expected
    assert [problem.tests for problem in expected] == ["\n".join(ASSERTS), ASSERTS[0]]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"tests": None}, "there are no tests"),
        ({"tests": []}, "there are no tests"),
        ({"tests": " \n"}, "there are no tests"),
        ({"tests": 5}, "tests is neither a text nor a list of texts"),
        ({"tests": ["assert True", 5]}, "tests is neither a text nor a list of texts"),
        ({"tests": "assert twice(2 == 4"}, "tests is no Python in line 1"),
        ({"tests": "assert '\x00'"}, "tests is no Python"),
        ({"tests": CHECK}, "tests runs nothing"),
        ({"tests": "class T:\n    def test(self):\n        assert False\n"}, "tests runs nothing"),
        ({"tests": "x = 4\n# assert x == 4"}, "tests runs nothing"),
        ({"tests": CHECK, "entry_point": "two words"}, "entry_point is 'two words', no name of a function"),
        ({"tests": CHECK, "entry_point": 7}, "entry_point is '7', no name of a function"),
        ({"tests": "assert True", "description": ""}, "description is empty"),
    ],
)
def test_a_row_that_cannot_be_tested_is_told_with_what_is_wrong(
    row: Mapping[str, Any], said: str, tmp_path: Path
) -> None:
    good = {"id": "good", "description": ASKED, "tests": ASSERTS}
    with pytest.raises(DatasetError) as refused:
        read(written(tmp_path / "x.jsonl", good, {"id": "bad", "description": ASKED, **row}))
    assert said in str(refused.value)
    assert "x.jsonl: " in str(refused.value)


def test_all_faults_are_told_together_and_counted(tmp_path: Path) -> None:
    rows: Sequence[Mapping[str, Any]] = [{"description": ASKED, "tests": f"({n}"} for n in range(30)]
    with pytest.raises(DatasetError) as refused:
        read(written(tmp_path / "x.jsonl", *rows))
    assert len(refused.value.messages) == 21
    assert "30 faults in all" in refused.value.messages[-1]


def test_a_file_without_tests_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as refused:
        read(written(tmp_path / "x.jsonl", {"description": ASKED, "code": "pass"}))
    assert str(refused.value) == (
        "x.jsonl has the fields 'description', 'code', but no tests in tests, test_list, test."
        " Add such a column with Python that asserts, or evaluate without --run-tests."
    )
