"""A run on a table of many series that was stopped ends with the same bytes as one that was not."""

from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from tests.fakes.ports import StopsAt
from tests.support.resuming import bytes_of, files_of, metrics_of, stopped_and_resumed
from tests.support.tiny_panels import VALIDATION, changed, request, rows, written

# An epoch has 30 steps, and none of these falls on its end.
SETTINGS: dict[str, Any] = {
    "learning_rate": 3e-3, "average_decay": 0.9, "batch_size": 3, "gradient_accumulation_steps": 2, "max_steps": 40,
    "save_steps": 4, "eval_steps": 5, "logging_steps": 3, "max_checkpoints": 2, "early_stopping_patience": 0,
}  # fmt: skip


def wanted(tmp: Path, **changes: Any) -> TrainModelRequest:
    return request(tmp, output_dir=str(tmp / "run"), **{**SETTINGS, **changes})


def end_of(run: Path) -> tuple[dict[str, str], list[tuple[str, float, int]]]:
    """Give all that two runs must end alike in, the card among it."""
    return files_of(run), metrics_of(run)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody stopped."""
    tmp = tmp_path_factory.mktemp("whole")
    response = Container().train_model().execute(wanted(tmp))
    assert response.success, response.errors
    return tmp / "run"


def test_a_run_repeated_by_its_run_file_and_stopped_on_its_way_leaves_the_same_model(
    whole: Path, tmp_path: Path
) -> None:
    again = Container().runs().read_request(str(whole / "run.yaml")).changed(output_dir=str(tmp_path / "run"))
    stopped_and_resumed(again, 0, 7, 31)
    assert end_of(tmp_path / "run") == end_of(whole)


def test_another_seed_gives_other_weights(whole: Path, tmp_path: Path) -> None:
    assert Container().train_model().execute(wanted(tmp_path, seed=43)).success
    assert bytes_of(tmp_path / "run") != bytes_of(whole)


def test_other_rows_behind_the_validation_part_give_the_same_weights(whole: Path, tmp_path: Path) -> None:
    table = changed(rows(), VALIDATION, sales=1.0, price=9.0, weather="hail", holiday="jubilee", promotion=7)
    path = written(tmp_path / "shops.csv", table)
    assert Container().train_model().execute(wanted(tmp_path, dataset_path=path)).success
    assert bytes_of(tmp_path / "run") == bytes_of(whole)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a table, and a run on it that was stopped."""
    tmp = tmp_path_factory.mktemp("stopped")
    assert not Container().train_model().execute(wanted(tmp), StopsAt(1)).success
    return tmp


@pytest.mark.parametrize(
    "change",
    [{"sales": 7.0}, {"weather": "fog"}, {"holiday": "eve"}, {"price": 1.5}],
    ids=["target", "category", "known category", "known"],
)
def test_going_on_with_other_data_is_refused(stopped: Path, change: dict[str, Any]) -> None:
    written(stopped / "shops.csv", [*rows()[:5], *changed(rows()[5:6], 0, **change), *rows()[6:]])
    resumed = Container().resume_training().execute(str(stopped / "run"))
    assert not resumed.success
    assert "the training rows changed" in str(resumed.errors)
