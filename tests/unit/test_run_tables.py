"""A list of runs is read by people: a name is never cut, and what a terminal would obey is spelt out."""

import io
import sys

import pytest

from application.use_cases.show_run import ShownRun
from domain.exceptions import RunError
from domain.runs import RunFacts
from presentation.cli.run_tables import result_of, size_of, write_run, write_runs
from tests.support.run_directories import SUMMARY

LONG = "text_classification-20260301-120000-ab12"
RUNS = [
    RunFacts(LONG, f"runs/{LONG}", "finished", "2026-03-01T12:00:00+00:00", "text_classification", "data/letters.csv",
             "encoder-tiny", "macro_f1", 0.75, num_train_rows=1_900, num_eval_rows=100, size_bytes=1_234_567),
    RunFacts("half", "runs/half", "interrupted", metric_name="loss", metric=2.5, step=1_200, total_steps=6_000),
]  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(monkeypatch: pytest.MonkeyPatch, runs: list[RunFacts], columns: int | None) -> str:
    out = Terminal() if columns else io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm")
    if columns:
        monkeypatch.setenv("COLUMNS", str(columns))
    else:
        monkeypatch.delenv("COLUMNS", raising=False)
    write_runs(runs, "runs", are_some=False)
    return out.getvalue()


def test_a_wide_terminal_and_a_pipe_get_every_column(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (200, None):
        header, finished, half = written(monkeypatch, RUNS, columns).splitlines()
        assert header.split() == ["run", "date", "task", "data", "model", "rows", "status", "result", "size"]
        for told in (LONG, "letters.csv", "encoder-tiny", "2,000", "finished", "macro_f1 0.7500", "1.2 MB"):
            assert told in finished
        assert "step 1,200/6,000, loss 2.5000" in half
        assert "data/" not in finished


@pytest.mark.parametrize("columns", [20, 40, 60, 61, 80, 100, 120, 150])
def test_a_name_is_whole_at_every_width_and_no_line_is_longer_than_it_must(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    lines = written(monkeypatch, RUNS, columns).splitlines()
    assert [line.split()[0] for line in lines if LONG in line] == [LONG]
    assert any("macro_f1 0.7500" in line for line in lines)
    assert max(map(len, lines)) <= max(columns, len(LONG))


def test_wide_letters_keep_columns_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [
        RunFacts("試す", "runs/試す", "stopped", metric_name="f1", metric=0.5),
        RunFacts("abcd", "runs/a", "stopped"),
    ]
    assert written(monkeypatch, runs, 40).splitlines()[1:] == [
        "試す  stopped  f1 0.5000   0 B",
        "abcd  stopped              0 B",
    ]


def test_a_run_that_cannot_be_read_is_named_on_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    told = written(monkeypatch, [RunFacts("bad", "runs/bad", "unreadable", error="it is \x1b[31mdamaged.")], 80)
    assert told == "no runs below runs\n"
    assert err.getvalue() == "warning: runs/bad is left out: it is \\x1b[31mdamaged.\n"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (99_949, "99.9 kB"), (99_950, "100 kB"), (999_499, "999 kB"),
     (999_500, "1.0 MB"), (10**15, "1.0 PB"), (10**19, "10000 PB")],
)  # fmt: skip
def test_sizes_have_two_to_three_digits(size: int, text: str) -> None:
    assert size_of(size) == text


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"status": "finished", "step": 9}, ""),
        ({"status": "stopped", "step": 9, "stop_reason": "SIGINT"}, "step 9, SIGINT"),
        ({"status": "running", "step": 9, "total_steps": 10, "stop_reason": "SIGINT"}, "step 9/10"),
        ({"status": "finished", "metric_name": "crps", "metric": float("inf")}, "crps inf"),
    ],
)
def test_a_result_says_how_far_a_run_is_or_what_came_out(facts: dict[str, object], text: str) -> None:
    assert result_of(RunFacts("a", "runs/a", **facts)) == text  # type: ignore[arg-type]


def shown(**summary: object) -> ShownRun:
    return ShownRun(RUNS[0], {**SUMMARY, "run_dir": f"runs/{LONG}", **summary}, {}, {"seed": 7, "text_field": "a\x1bb"})


def test_a_run_is_shown_with_scores_facts_and_what_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    write_run(shown())
    for told in ("macro F1", "0.7500", "seed=7", "text_field=a\\x1bb", "1.2 MB", "1,900 rows to learn, 100 to score"):
        assert told in out.getvalue()


def test_scores_that_no_training_wrote_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    for metrics in ({"macro_f1": [1], "per_class": "x"}, {"macro_f1": 10**400}):
        with pytest.raises(RunError, match="not as a training writes them"):
            write_run(shown(final_metrics=metrics))
