"""A run on a table that was killed ends with the same bytes as one that was not."""

import json
from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from tests.fakes.ports import StopsAt
from tests.support.resuming import (
    bytes_of,
    files_of,
    killed_and_resumed,
    metrics_of,
    reports_left_out,
    stopped_and_resumed,
)
from tests.support.tiny_series import SERIES_TASKS, bars, request, table_file

# An epoch has 27 steps or so, and none of these falls on its end. The presets drop out a tenth of what they see.
SETTINGS: dict[str, Any] = {
    "learning_rate": 3e-3,
    "average_decay": 0.9,
    "batch_size": 3,
    "gradient_accumulation_steps": 2,
    "max_steps": 34,
    "save_steps": 4,
    "eval_steps": 5,
    "logging_steps": 3,
    "max_checkpoints": 2,
    "early_stopping_patience": 0,
}


def wanted(task: str, tmp: Path, **changes: Any) -> TrainModelRequest:
    return request(task, tmp, output_dir=str(tmp / "run"), **{**SETTINGS, **changes})


def card_of(run: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((run / "model" / "athanor.json").read_text())
    return card


def repeated(run: Path, tmp: Path) -> TrainModelRequest:
    """Ask by the file of a run for another one, on the same table."""
    return Container().runs().read_request(str(run / "run.yaml")).changed(output_dir=str(tmp / "run"))


def end_of(run: Path) -> tuple[dict[str, str], list[tuple[str, float, int]]]:
    """Give all that two runs must end alike in, the card among it."""
    return files_of(run), metrics_of(run)


@pytest.fixture(scope="module", params=SERIES_TASKS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A task, and its run that nobody stopped."""
    tmp = tmp_path_factory.mktemp("whole")
    response = Container().train_model().execute(wanted(request.param, tmp))
    assert response.success, response.errors
    return request.param, tmp / "run"


def test_a_run_repeated_by_its_run_file_and_stopped_on_its_way_leaves_the_same_model(
    whole: tuple[str, Path], tmp_path: Path
) -> None:
    _, run = whole
    stopped_and_resumed(repeated(run, tmp_path), 7, 31)
    assert end_of(tmp_path / "run") == end_of(run)


@pytest.mark.parametrize("whole", ["quantile_forecasting"], indirect=True)
def test_so_does_a_run_killed_in_the_middle_of_an_epoch(whole: tuple[str, Path], tmp_path: Path) -> None:
    _, run = whole
    killed_and_resumed(repeated(run, tmp_path), "step-00000008")
    assert end_of(tmp_path / "run") == end_of(run)


def test_a_run_that_learns_on_a_logarithm_within_bounds_is_resumed_to_the_same_bytes(tmp_path: Path) -> None:
    said = {"value_scale": "log", "floor": 0.0, "integers": (False, False), "max_steps": 10}
    assert Container().train_model().execute(wanted("quantile_forecasting", tmp_path, **said)).success
    stopped_and_resumed(repeated(tmp_path / "run", tmp_path / "again"), 7)
    assert end_of(tmp_path / "again" / "run") == end_of(tmp_path / "run")
    assert [scale["kind"] for scale in card_of(tmp_path / "run")["series"]["recipe"]["scales"]] == ["log", "log"]


def test_the_card_holds_the_recipe_and_what_was_calibrated(whole: tuple[str, Path]) -> None:
    task, run = whole
    card = card_of(run)
    assert card["series"]["recipe"]["scaler"]["mean"]
    assert card["test_metrics"]["loss"] > 0
    if task == "quantile_forecasting":
        factors = card["series"]["calibration"]["factors"]
        assert any(factor != 1.0 for factor in factors)


@pytest.mark.parametrize("whole", ["quantile_forecasting"], indirect=True)
def test_another_seed_gives_other_weights(whole: tuple[str, Path], tmp_path: Path) -> None:
    task, run = whole
    with reports_left_out():
        assert Container().train_model().execute(wanted(task, tmp_path, seed=43)).success
    assert bytes_of(tmp_path / "run") != bytes_of(run)


@pytest.mark.parametrize("task", SERIES_TASKS)
def test_going_on_with_other_data_is_refused(task: str, tmp_path: Path) -> None:
    with reports_left_out():
        stopped = Container().train_model().execute(wanted(task, tmp_path), StopsAt(1))
    assert not stopped.success
    before = sorted((tmp_path / "run" / "checkpoints").iterdir())
    values = bars()
    values[100] = [10.0, 11.0, 9.0, 10.5, 777.0]
    table_file(tmp_path / "bars.csv", values)
    resumed = Container().resume_training().execute(str(tmp_path / "run"))
    assert not resumed.success
    assert "the training rows changed" in str(resumed.errors)
    assert sorted((tmp_path / "run" / "checkpoints").iterdir()) == before
