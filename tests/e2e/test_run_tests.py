"""`evaluate --run-tests`: nothing written is run unless asked for, and then apart."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import athanor as library
from domain.exceptions import ConfigurationError
from infrastructure.sandbox.programs import require_protections
from tests.support.command_line import Answer, athanor
from tests.support.finished_models import finished_once
from tests.support.refusals import assert_refused, everything_in
from tests.support.tiny_text import written

ROWS: list[Mapping[str, Any]] = [
    {"task_id": 1, "description": "Give nothing.", "code": "x = 1", "tests": ["assert True"]},
    {"task_id": 2, "description": "Give something.", "code": "x = 1", "tests": ["assert False"]},
]
SHORT = ("--max-new-tokens", 4, "--time-limit", 2)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return finished_once(tmp_path_factory.mktemp)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return written(tmp_path / "rows.jsonl", ROWS)


@pytest.fixture
def protected() -> None:
    try:
        require_protections()
    except ConfigurationError as refused:
        pytest.skip(str(refused))


def evaluated(model: Path, rows: Path, *words: object) -> Answer:
    return athanor("evaluate", model, "--dataset", rows, "--device", "cpu", *words)


def told_in(answer: Answer) -> Mapping[str, Any]:
    assert answer.exit_code == 0, answer.stderr
    found: Mapping[str, Any] = json.loads(answer.stdout)
    return found


def test_without_the_option_nothing_is_run_and_the_loss_is_told(models: Callable[[str], Path], rows: Path) -> None:
    found = told_in(evaluated(models("code_generation"), rows, "--json"))
    assert "loss" in found["metrics"]
    assert not [name for name in found["metrics"] if name.startswith("pass")]
    assert "rows" not in found


@pytest.mark.parametrize("task", ["code_generation", "language_modeling"])
def test_every_model_that_writes_is_scored_by_tests(
    task: str, models: Callable[[str], Path], rows: Path, protected: None
) -> None:
    field = "text_field" if task == "language_modeling" else "source_field"
    words = (*SHORT, "--samples", 3, "--pass-at", "1,2", "--set", f"{field}=description", "--json")
    first = told_in(evaluated(models(task), rows, "--run-tests", *words))
    assert first["num_rows"] == 2
    assert {*first["metrics"]} >= {"pass@1", "pass@2", "passed", "failed", "error", "timeout", "memory"}
    assert first["metrics"]["num_programs"] == 6
    assert [row["row"] for row in first["rows"]] == ["task_id 1", "task_id 2"]
    # Whatever an untrained model writes, no program of no definitions fails the first test or passes the second.
    assert [row["passed"] for row in first["rows"]] == [3, 0]
    assert first["metrics"]["pass@1"] == first["metrics"]["pass@2"] == 0.5
    assert told_in(evaluated(models(task), rows, "--run-tests", *words)) == first
    other = told_in(evaluated(models(task), rows, "--run-tests", *words, "--seed", 1))
    assert [row["written"] for row in other["rows"]] != [row["written"] for row in first["rows"]]


def test_screen_page_and_library_tell_the_same(
    models: Callable[[str], Path], rows: Path, tmp_path: Path, protected: None
) -> None:
    page = tmp_path / "page.html"
    answer = evaluated(models("code_generation"), rows, "--run-tests", *SHORT, "--report", page)
    assert answer.exit_code == 0
    assert "pass@1        50.0% (" in answer.stdout
    told = page.read_text(encoding="utf-8")
    assert "pass@1 50.0%" in told
    assert "--run-tests --samples 1" in told
    assert "no network, no other process" in told
    found = library.evaluate(
        models("code_generation"), rows, device="cpu", run_tests=True, max_new_tokens=4, time_limit=2
    )
    assert found.metrics["pass@1"] == 0.5
    assert found.rows[1]["told"] == ["AssertionError, at: assert False"]


REFUSED: dict[str, tuple[str, tuple[object, ...], tuple[str, ...]]] = {
    "a model of labels": ("text_classification", ("--run-tests",), ("writes no programs", "Leave it out")),
    "a forecaster": ("quantile_forecasting", ("--run-tests",), ("writes no programs",)),
    "no samples": ("code_generation", ("--run-tests", "--samples", 0), ("samples is 0",)),
    "k above the samples": ("code_generation", ("--run-tests", "--pass-at", "1,10"), ("--samples 10",)),
    "no numbers": ("code_generation", ("--run-tests", "--pass-at", "one"), ("'one' is no list of whole numbers",)),
    "equal samples": ("code_generation", ("--run-tests", "--samples", 2, "--temperature", 0), ("all be equal",)),
    "no time": ("code_generation", ("--run-tests", "--time-limit", 0), ("time_limit is 0",)),
    "half a second": ("code_generation", ("--run-tests", "--time-limit", 0.5), ("'0.5' is not a valid int",)),
    "no memory": ("code_generation", ("--run-tests", "--memory-limit", 1), ("at least 64",)),
    "options of tests alone": ("code_generation", ("--samples", 2, "--seed", 1), ("samples", "seed", "--run-tests")),
    "a page that is none": ("code_generation", ("--run-tests", "--report", "x.txt"), ("must end in .html",)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    name: str, models: Callable[[str], Path], rows: Path, tmp_path: Path
) -> None:
    task, words, said = REFUSED[name]
    before = everything_in(tmp_path)
    assert_refused(evaluated(models(task), rows, *words), *said)
    assert everything_in(tmp_path) == before


def test_rows_without_tests_are_refused_in_a_sentence(
    models: Callable[[str], Path], tmp_path: Path, protected: None
) -> None:
    rows = written(tmp_path / "rows.jsonl", [{"description": "a", "code": "b"}])
    answer = evaluated(models("code_generation"), rows, "--run-tests")
    assert_refused(answer, "no tests in tests, test_list, test", "without --run-tests")
    assert answer.stderr.count("\n") == 1
