"""Runs side by side fit a screen, say in a sentence what the difference is worth, and hide nothing from programs."""

import io
import sys
from dataclasses import replace
from typing import Any

import pytest

from application.use_cases.compare_runs import ComparedRun, ComparedRuns, Comparison
from domain.comparison import Difference, PairedOutcomes, RightAnswers
from domain.runs import RunFacts
from domain.showing import json_text
from presentation.cli.comparing import json_of, write_comparison

DIFFERENCES = (Difference("macro_f1", 0.5, 0.6, 0.1, 0.02, 0.2), Difference("weighted_f1", 0.5, 0.5, 0.0, -0.1, 0.1))
OUTCOMES = PairedOutcomes(100, 100, 90, 1, DIFFERENCES, RightAnswers(50, 5, 15, 20, 0.04139))


def run(name: str) -> ComparedRun:
    facts = RunFacts(name, f"runs/{name}", "finished", task="text_classification", metric_name="eval_macro_f1")
    return ComparedRun(facts, "validation", {"macro_f1": 0.5, "loss": 1.25}, {"macro_f1": (0.4, 0.6)})


def two(**changes: Any) -> ComparedRuns:
    comparison = Comparison("runs/two", replace(OUTCOMES, **changes), p_adjusted=0.04139)
    settings = {
        "seed": (1, 2),
        "data": ({"training": "a" * 64}, {"training": "b" * 64}),
        "text_field": (None, "x\x1by"),
    }
    return ComparedRuns((run("one"), run("two")), settings, (comparison,), ("be careful.",))


def written(monkeypatch: pytest.MonkeyPatch, compared: ComparedRuns) -> str:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    write_comparison(compared)
    return out.getvalue()


def test_settings_metrics_and_differences_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = written(monkeypatch, two())
    lines = [line.split() for line in told.splitlines()]
    assert ["seed", "1", "2"] in lines
    assert ["data", "a" * 12, "b" * 12] in lines
    assert ["text_field", "-", "x\\x1by"] in lines
    assert ["macro", "F1", "0.5000", "(0.4000", "to", "0.6000)", "0.5000", "(0.4000", "to", "0.6000)"] in lines
    assert ["macro", "F1", "+0.1", "+0.02", "to", "+0.2", "better"] in lines
    assert "weighted_f1" not in told  # which the JSON has
    assert "50 of both, 5 of A alone, 15 of B alone, 20 of neither; McNemar p 0.0414\n" in told
    assert "By macro F1 B is better than A, by more than noise." in told


@pytest.mark.parametrize(
    ("low", "high", "sentence"),
    [
        (-0.1, 0.2, "By macro F1 the difference of B and A is no more than noise."),
        (-0.3, -0.2, "By macro F1 B is worse than A, by more than noise."),
        (None, None, "By macro F1 nobody can tell: there are too few shared rows."),
    ],
)
def test_a_sentence_says_what_the_interval_does(
    monkeypatch: pytest.MonkeyPatch, low: float | None, high: float | None, sentence: str
) -> None:
    found = replace(DIFFERENCES[0], low=low, high=high)
    assert sentence in written(monkeypatch, two(differences=(found,)))


@pytest.mark.parametrize(
    ("first", "second", "whose"),
    [(0.5, float("nan"), "B"), (float("inf"), 0.5, "A"), (float("nan"), float("nan"), "A and B")],
)
def test_values_that_are_not_finite_are_called_so(
    monkeypatch: pytest.MonkeyPatch, first: float, second: float, whose: str
) -> None:
    told = written(monkeypatch, two(differences=(Difference("macro_f1", first, second, second - first, None, None),)))
    assert f"By macro F1 nobody can tell: there are values of {whose} that are not finite." in told
    (line,) = (line for line in told.splitlines() if line.startswith(" macro F1"))
    assert line.split() == ["macro", "F1", "-", "-", "values", "that", "are", "not", "finite"]


def test_windows_say_that_they_overlap_and_notes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = written(monkeypatch, two(answers=None, overlap=24, notes=("a note.",)))
    assert "24 windows in a row share a step of what they forecast" in told
    assert "McNemar" not in told
    assert " a note.\n" in told


def test_what_cannot_be_tested_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = ComparedRuns((run("one"), run("two")), {}, (Comparison("runs/two", None, "it is not finished."),))
    told = written(monkeypatch, compared)
    assert "B beside A cannot be tested: it is not finished." in told
    assert "no setting differs, nor do the data" in told
    assert "Noise" not in told


def test_rows_of_which_different_things_are_known_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    told = written(monkeypatch, two(differences=(), answers=None, notes=("they hold different things.",)))
    assert "B beside A cannot be tested: they hold different things." in told


def test_thirty_runs_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tuple(run(f"r{number}") for number in range(30))
    compared = ComparedRuns(
        runs, {"seed": tuple(range(30))}, tuple(Comparison(r.facts.run_dir, None, "x") for r in runs[1:])
    )
    assert "30  runs/r29: finished" in written(monkeypatch, compared)


def test_a_program_gets_everything_with_the_verdicts() -> None:
    told: Any = json_of(two())
    assert json_text(told)
    assert [found["verdict"] for found in told["comparisons"][0]["outcomes"]["differences"]] == [
        "better",
        "not told apart",
    ]
    assert told["settings"]["seed"] == (1, 2)
    assert told["runs"][0]["facts"]["run_dir"] == "runs/one"
    assert json_of(ComparedRuns((), {}, (Comparison("x", None, "y"),)))["comparisons"][0]["why_not"] == "y"
