"""Models that write programs are scored by what these do, and the same seed gives the same score."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.exceptions import ConfigurationError
from domain.program_tests import Limits, ProgramTesting, pass_at
from domain.significance import binomial_interval
from infrastructure.data.sources.problems import Problem
from infrastructure.sandbox.programs import require_protections
from infrastructure.tasks.writing.tested_programs import ScoredPrograms, score_by_tests

RIGHT, WRONG = "return 2 * x", "return 3 * x"
QUICK = {"time_limit": 2, "memory_limit": 128}


@pytest.fixture(scope="module", autouse=True)
def protected() -> None:
    try:
        require_protections()
    except ConfigurationError as refused:
        pytest.skip(str(refused))


def problem(name: str, factor: int = 2) -> Problem:
    beginning = f'def {name}(x):\n    """Multiply by {factor}."""\n'
    return Problem(name, beginning, f"assert {name}(2) == {2 * factor}", name)


@dataclass
class Writer:
    """Answers each question with the next of its answers, and remembers what it was asked."""

    answers: Mapping[str, Sequence[str]]
    asked: list[tuple[tuple[str, ...], Mapping[str, Any]]] = field(default_factory=list)

    def __call__(self, inputs: Sequence[str], options: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        self.asked.append((tuple(inputs), dict(options)))
        return [{"text": self.answers[text][inputs[:at].count(text)]} for at, text in enumerate(inputs)]


def scored(answers: Mapping[str, Sequence[str]], **settings: Any) -> tuple[ScoredPrograms, Writer]:
    problems = [problem(name) for name in answers]
    writer = Writer({each.source: [f"    {text}\n" for text in answers[each.name]] for each in problems})
    return score_by_tests(problems, ProgramTesting(**{**QUICK, **settings}), writer), writer


def test_pass_at_k_is_the_mean_over_rows_and_outcomes_are_counted() -> None:
    answers = {
        "one": [RIGHT, WRONG, RIGHT, "return y"],
        "two": [WRONG, WRONG, "return bytearray(1 << 40)", WRONG],
        "three": [RIGHT, RIGHT, RIGHT, RIGHT],
    }
    found, _ = scored(answers, samples=4, pass_at=(1, 2, 4))
    for k in (1, 2, 4):
        expected = sum(pass_at(k, 4, passed) for passed in (2, 0, 4)) / 3
        assert found.metrics[f"pass@{k}"] == pytest.approx(expected, abs=1e-12)
    counts = {"num_programs": 12, "passed": 6, "failed": 4, "error": 1, "timeout": 0, "memory": 1}
    assert {name: found.metrics[name] for name in counts} == counts
    assert [row["passed"] for row in found.rows] == [2, 0, 4]
    assert found.rows[0]["outcomes"] == ["passed", "failed", "passed", "error"]
    assert "NameError" in found.rows[0]["told"][3]
    assert found.rows[0]["written"][1] == f"    {WRONG}\n"
    for k in (1, 2, 4):
        low, high = found.intervals[f"pass@{k}"]
        assert 0 <= low <= found.metrics[f"pass@{k}"] <= high <= 1
        assert low < high


def test_rows_that_pass_or_do_not_have_the_interval_of_a_share() -> None:
    found, _ = scored({"one": [RIGHT], "two": [WRONG]})
    assert found.metrics["pass@1"] == 0.5
    assert tuple(found.intervals["pass@1"]) == binomial_interval(1, 2)
    none, _ = scored({"one": [WRONG], "two": [WRONG]})
    assert tuple(none.intervals["pass@1"]) == binomial_interval(0, 2)


def test_one_program_a_row_is_not_drawn_and_rows_are_asked_together() -> None:
    _, writer = scored({"one": [RIGHT], "two": [WRONG]})
    assert [(len(inputs), options) for inputs, options in writer.asked] == [(2, {})]


def test_what_is_drawn_for_a_row_depends_on_seed_and_question_alone() -> None:
    def seeds(*names: str, seed: int = 42) -> dict[str, int]:
        _, writer = scored({name: [RIGHT, WRONG] for name in names}, samples=2, seed=seed, max_new_tokens=9)
        assert {(options["temperature"], options["max_new_tokens"]) for _, options in writer.asked} == {(0.8, 9)}
        assert all(len({*inputs}) == 1 and len(inputs) == 2 for inputs, _ in writer.asked)
        return {inputs[0]: options["seed"] for inputs, options in writer.asked}

    both = seeds("one", "two")
    assert both == seeds("two", "one")
    assert seeds("two").items() <= both.items()
    assert len({*both.values()}) == 2
    assert not {*both.values()} & {*seeds("one", "two", seed=43).values()}


def test_the_page_shows_each_row_and_a_program_of_each_outcome() -> None:
    found, _ = scored({"one": [RIGHT], "two": [WRONG]})
    assert found.testing.limits == Limits(**QUICK)
    how, rows, programs = found.sections
    told: Callable[[object], str] = repr
    assert "Landlock, seccomp" in told(how)
    assert "('two', 0, 1, 'AssertionError" in told(rows) or "['two', 0, 1, 'AssertionError" in told(rows)
    assert "passed (1)" in told(programs)
    assert "failed (1)" in told(programs)
    assert WRONG in told(programs)
