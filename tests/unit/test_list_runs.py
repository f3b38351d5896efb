"""Runs are picked and sorted as asked, and a word that is not known is answered with the nearest."""

from typing import Any

import pytest

from application.use_cases.list_runs import ListRunsRequest, ListRunsUseCase
from domain.exceptions import ConfigurationError
from domain.runs import ORDERS, RunFacts
from tests.fakes.runs import FakeArchive

RUNS = (
    RunFacts(
        "b", "runs/b", "finished", "2026-01-03", "text_classification", "b.csv", "x", "macro_f1", 0.5, size_bytes=7
    ),
    RunFacts(
        "a", "runs/a", "stopped", "2026-01-02", "text_classification", "a.csv", "y", "macro_f1", 0.9, num_train_rows=5
    ),
    RunFacts("d", "runs/d", "running", "2026-01-01", "language_modeling", None, None, "loss", 3.0, num_eval_rows=9),
    RunFacts("c", "runs/c", "finished", "2026-01-04", "language_modeling", "a.csv", "x", "loss", 2.0),
    RunFacts("e", "runs/e", "unreadable", None, error="is damaged"),
    RunFacts("f", "runs/f", "interrupted", "2026-01-05", "of_my_own", metric=float("nan")),
)


def listed(**request: Any) -> str:
    return "".join(run.run_id for run in ListRunsUseCase(FakeArchive(RUNS)).execute(ListRunsRequest(**request)))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("date", "edabcf"),
        ("name", "abcdef"),
        ("task", "edcfab"),
        ("data", "edfacb"),
        ("model", "edfbca"),
        ("status", "bcdafe"),
        ("best", "cdabef"),
        ("rows", "daebcf"),
        ("size", "bedacf"),
    ],
)
def test_each_order_puts_first_what_a_reader_looks_for(order: str, expected: str) -> None:
    assert listed(sort=order) == expected
    assert listed(sort=order, reverse=True) == expected[::-1]


def test_every_order_is_tried_here() -> None:
    assert set(ORDERS) == {"date", "name", "task", "data", "model", "status", "best", "rows", "size"}


def test_runs_are_kept_by_task_and_status() -> None:
    assert listed(tasks=("language_modeling",), statuses=("finished", "unreadable")) == "ec"
    assert listed(statuses=("stopped", "running")) == "da"
    assert listed(tasks=("of_my_own",)) == "ef"  # a task of a program that brought its own, and what may be one


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"sort": "bset"}, "--sort 'bset' is not known. Did you mean 'best'?"),
        ({"statuses": ("done",)}, "--status 'done' is not known. Choose one of finished, running, stopped"),
        ({"tasks": ("text_clasification",)}, "Did you mean 'text_classification'?"),
        ({"tasks": ("of_my_onw",)}, "Did you mean 'of_my_own'?"),
    ],
)
def test_a_word_that_is_not_known_is_answered_with_the_nearest(request_: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        listed(**request_)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_all_words_that_are_not_known_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        listed(sort="x", statuses=("y", "finished", "z"))
    assert [message.split()[1] for message in caught.value.messages] == ["'x'", "'y'", "'z'"]
