"""A run on a table that was killed ends with the same bytes as one that was not."""

import json
from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from tests.fakes.ports import StopsAt
from tests.support.resuming import bytes_of, killed_and_resumed, metrics_of, stopped_and_resumed
from tests.support.tiny_series import SERIES_TASKS, bars, request, table_file

# An epoch has 27 steps or so, and none of these falls on its end. The presets drop out a tenth of what they see.
SETTINGS: dict[str, Any] = {
    "learning_rate": 3e-3,
    "average_decay": 0.9,
    "batch_size": 3,
    "gradient_accumulation_steps": 2,
    "max_steps": 40,
    "save_steps": 4,
    "eval_steps": 5,
    "logging_steps": 3,
    "max_checkpoints": 2,
    "early_stopping_patience": 0,
}


def wanted(task: str, tmp: Path, **changes: Any) -> TrainModelRequest:
    return request(task, tmp, output_dir=str(tmp / "run"), **{**SETTINGS, **changes})


def card_of(run: Path) -> dict[str, Any]:
    """Read what travels with the model; where its data stood is another place for each test."""
    card: dict[str, Any] = json.loads((run / "model" / "athanor.json").read_text())
    return {name: value for name, value in card.items() if name in ("series", "test_metrics", "labels", "metrics")}


def end_of(run: Path) -> tuple[str, list[tuple[str, float, int]], dict[str, Any]]:
    """Give all that two runs must end alike in."""
    return bytes_of(run), metrics_of(run), card_of(run)


@pytest.fixture(scope="module", params=SERIES_TASKS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A task, and its run that nobody stopped."""
    tmp = tmp_path_factory.mktemp("whole")
    response = Container().train_model().execute(wanted(request.param, tmp))
    assert response.success, response.errors
    return request.param, tmp / "run"


@pytest.mark.parametrize("step", [0, 7, 31])
def test_a_stopped_and_resumed_run_ends_like_one_that_was_not(
    whole: tuple[str, Path], tmp_path: Path, step: int
) -> None:
    task, run = whole
    stopped_and_resumed(wanted(task, tmp_path), step)
    assert end_of(tmp_path / "run") == end_of(run)


def test_a_run_killed_in_the_middle_of_an_epoch_ends_with_the_same_bytes(
    whole: tuple[str, Path], tmp_path: Path
) -> None:
    task, run = whole
    killed_and_resumed(wanted(task, tmp_path), "step-00000008")
    assert end_of(tmp_path / "run") == end_of(run)


def test_a_run_that_learns_on_a_logarithm_within_bounds_is_resumed_to_the_same_bytes(tmp_path: Path) -> None:
    said = {"value_scale": "log", "floor": 0.0, "integers": (False, False), "max_steps": 12}
    assert Container().train_model().execute(wanted("quantile_forecasting", tmp_path / "whole", **said)).success
    stopped_and_resumed(wanted("quantile_forecasting", tmp_path, **said), 7)
    assert end_of(tmp_path / "run") == end_of(tmp_path / "whole" / "run")
    assert [scale["kind"] for scale in card_of(tmp_path / "run")["series"]["recipe"]["scales"]] == ["log", "log"]


def test_the_card_holds_the_recipe_and_what_was_calibrated(whole: tuple[str, Path]) -> None:
    task, run = whole
    card = card_of(run)
    assert card["series"]["recipe"]["scaler"]["mean"]
    assert card["test_metrics"]["loss"] > 0
    if task == "quantile_forecasting":
        factors = card["series"]["calibration"]["factors"]
        assert any(factor != 1.0 for factor in factors)


def test_the_same_seed_gives_the_same_run_and_another_one_another(whole: tuple[str, Path], tmp_path: Path) -> None:
    task, run = whole
    assert Container().train_model().execute(wanted(task, tmp_path / "again")).success
    assert end_of(tmp_path / "again" / "run") == end_of(run)
    assert Container().train_model().execute(wanted(task, tmp_path / "other", seed=43)).success
    assert bytes_of(tmp_path / "other" / "run") != bytes_of(run)


@pytest.mark.parametrize("task", SERIES_TASKS)
def test_going_on_with_other_data_is_refused(task: str, tmp_path: Path) -> None:
    stopped = Container().train_model().execute(wanted(task, tmp_path), StopsAt(7))
    assert not stopped.success
    before = sorted((tmp_path / "run" / "checkpoints").iterdir())
    values = bars()
    values[100] = [10.0, 11.0, 9.0, 10.5, 777.0]
    table_file(tmp_path / "bars.csv", values)
    resumed = Container().resume_training().execute(str(tmp_path / "run"))
    assert not resumed.success
    assert "the training rows changed" in str(resumed.errors)
    assert sorted((tmp_path / "run" / "checkpoints").iterdir()) == before
