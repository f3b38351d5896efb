"""A run on a table of many series that was killed ends with the same bytes as one that was not."""

import json
from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from tests.fakes.ports import StopsAt
from tests.support.resuming import bytes_of, killed_and_resumed, metrics_of, stopped_and_resumed
from tests.support.tiny_panels import VALIDATION, changed, request, rows, written

# An epoch has 30 steps, and none of these falls on its end.
SETTINGS: dict[str, Any] = {
    "learning_rate": 3e-3, "average_decay": 0.9, "batch_size": 3, "gradient_accumulation_steps": 2, "max_steps": 40,
    "save_steps": 4, "eval_steps": 5, "logging_steps": 3, "max_checkpoints": 2, "early_stopping_patience": 0,
}  # fmt: skip


def wanted(tmp: Path, **changes: Any) -> TrainModelRequest:
    return request(tmp, output_dir=str(tmp / "run"), **{**SETTINGS, **changes})


def end_of(run: Path) -> tuple[str, list[tuple[str, float, int]], dict[str, Any]]:
    """Give all that two runs must end alike in."""
    card: dict[str, Any] = json.loads((run / "model" / "athanor.json").read_text())
    return bytes_of(run), metrics_of(run), {name: card[name] for name in ("series", "test_metrics", "metrics")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody stopped."""
    tmp = tmp_path_factory.mktemp("whole")
    response = Container().train_model().execute(wanted(tmp))
    assert response.success, response.errors
    return tmp / "run"


@pytest.mark.parametrize("step", [0, 7, 31])
def test_a_stopped_and_resumed_run_ends_like_one_that_was_not(whole: Path, tmp_path: Path, step: int) -> None:
    stopped_and_resumed(wanted(tmp_path), step)
    assert end_of(tmp_path / "run") == end_of(whole)


def test_a_killed_run_ends_with_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    killed_and_resumed(wanted(tmp_path), "step-00000008")
    assert end_of(tmp_path / "run") == end_of(whole)


def test_the_same_seed_gives_the_same_run_and_another_one_another(whole: Path, tmp_path: Path) -> None:
    assert Container().train_model().execute(wanted(tmp_path / "again")).success
    assert end_of(tmp_path / "again" / "run") == end_of(whole)
    assert Container().train_model().execute(wanted(tmp_path / "other", seed=43)).success
    assert bytes_of(tmp_path / "other" / "run") != bytes_of(whole)


def test_other_rows_behind_the_validation_part_give_the_same_weights(whole: Path, tmp_path: Path) -> None:
    table = changed(rows(), VALIDATION, sales=1.0, price=9.0, weather="hail", holiday="jubilee", promotion=7)
    path = written(tmp_path / "shops.csv", table)
    assert Container().train_model().execute(wanted(tmp_path, dataset_path=path)).success
    assert bytes_of(tmp_path / "run") == bytes_of(whole)


@pytest.mark.parametrize(
    "change",
    [{"sales": 7.0}, {"weather": "fog"}, {"holiday": "eve"}, {"price": 1.5}],
    ids=["target", "category", "known category", "known"],
)
def test_going_on_with_other_data_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    assert not Container().train_model().execute(wanted(tmp_path), StopsAt(7)).success
    written(tmp_path / "shops.csv", [*rows()[:5], *changed(rows()[5:6], 0, **change), *rows()[6:]])
    resumed = Container().resume_training().execute(str(tmp_path / "run"))
    assert not resumed.success
    assert "the training rows changed" in str(resumed.errors)
