"""What became of each row agrees with what is said of all, whatever the batches."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from infrastructure.parallel.strategy import Forward
from infrastructure.runs.outcomes import read_outcomes, write_outcomes
from infrastructure.tasks.scored import Scored
from infrastructure.training.evaluation import evaluate, score_rows
from infrastructure.training.precision import Precision
from tests.support import tiny_series, tiny_text

CPU = torch.device("cpu")
TASKS = (tiny_text.MASKED, *tiny_text.TEXT_TASKS, *tiny_series.SERIES_TASKS)
Make = Callable[[str], Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Make:
    known: dict[str, Any] = {}

    def make(task: str) -> Any:
        if task not in known:
            kind = tiny_series if task in tiny_series.SERIES_TASKS else tiny_text
            known[task] = kind.ready(task, tmp_path_factory.mktemp(task))
        return known[task]

    return make


def parts_of(of: Any) -> tuple[Any, Any]:
    """Give the adapter of a task that is ready, and the rows that it is scored on."""
    series = isinstance(of, tiny_series.Ready)
    return (of.prepared.adapter, of.prepared.evaluation) if series else (of.prepared, of.evaluation)


def scored(of: Any, rows_at_once: int) -> Scored:
    adapter, rows = parts_of(of)
    return score_rows(Forward(of.bundle.model), adapter, rows, rows_at_once, Precision("fp32", CPU), CPU)


def loss_of(outcomes: Any) -> float:
    if "logits" in outcomes:
        losses = -torch.log_softmax(torch.tensor(outcomes["logits"]), 1).numpy()
        return float(losses[np.arange(len(losses)), outcomes["labels"]].mean())
    if "loss_sum" in outcomes:
        return float(outcomes["loss_sum"].sum() / outcomes["num_targets"].sum())
    return float(np.average(outcomes["loss"], weights=outcomes["num_points"]))


@pytest.mark.parametrize("task", TASKS)
def test_outcomes_of_rows_add_up_to_the_metrics_of_all(made: Make, task: str) -> None:
    found = scored(made(task), 4)
    assert all(len(values) == len(parts_of(made(task))[1]) for values in found.outcomes.values())
    assert loss_of(found.outcomes) == pytest.approx(found.metrics["loss"], rel=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_the_outcome_of_a_row_does_not_depend_on_its_batch(made: Make, task: str) -> None:
    one, other = scored(made(task), 1).outcomes, scored(made(task), 7).outcomes
    assert one.keys() == other.keys()
    for name, values in one.items():
        if values.dtype == object:  # texts
            assert values.tolist() == other[name].tolist()
        else:
            np.testing.assert_allclose(values, other[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_scoring_rows_gives_the_metrics_of_an_evaluation(made: Make, task: str) -> None:
    of = made(task)
    adapter, rows = parts_of(of)
    known = evaluate(Forward(of.bundle.model), adapter, rows, 4, Precision("fp32", CPU), CPU)
    assert scored(of, 4).metrics["loss"] == known["loss"]


@pytest.mark.parametrize("task", TASKS)
def test_rows_that_differ_have_digests_that_differ(made: Make, task: str) -> None:
    _, rows = parts_of(made(task))
    digests = [rows.digest(row) for row in range(len(rows))]
    assert digests == [rows.digest(row) for row in range(len(rows))]
    assert len(set(digests)) == len({rows.row_id(row) for row in range(len(rows))})


def test_outcomes_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    columns = {
        "row": ["a.csv:2", "a.csv:3"],
        "digest": ["x", "y"],
        "loss": np.array([0.25, 1e-9]),
        "output": [None, "é"],
    }
    write_outcomes(tmp_path / "outcomes.parquet", columns)
    assert dict(read_outcomes(tmp_path / "outcomes.parquet")) == {**columns, "loss": [0.25, 1e-9]}
