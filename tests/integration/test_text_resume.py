"""A run that writes text or fills gaps and was stopped and killed ends with the same bytes as one that was not."""

from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from tests.support.resuming import (
    bytes_of,
    files_of,
    killed_and_resumed,
    metrics_of,
    reports_left_out,
    stopped_and_resumed,
)
from tests.support.tiny_text import MASKED, TEXT_TASKS, request

# An epoch has 9 or 13 steps or so, and none of these falls on its end.
SETTINGS: dict[str, Any] = {
    "optimizer": "muon",
    "learning_rate": 3e-3,
    "average_decay": 0.9,
    "batch_size": 3,
    "gradient_accumulation_steps": 2,
    "max_steps": 14,
    "save_steps": 4,
    "eval_steps": 5,
    "logging_steps": 3,
    "early_stopping_patience": 0,
}


def wanted(task: str, tmp: Path, **changes: Any) -> TrainModelRequest:
    packing = task != "language_modeling"  # which packs its documents in any case
    samples = {"sample_rows": 2, "max_new_tokens": 8} if packing and task != MASKED else {}
    return request(task, tmp, output_dir=str(tmp / "run"), packing=packing, **samples, **SETTINGS, **changes)


@pytest.fixture(scope="module", params=(MASKED, *TEXT_TASKS))
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A task, and its run that nobody stopped."""
    tmp = tmp_path_factory.mktemp("whole")
    response = Container().train_model().execute(wanted(request.param, tmp))
    assert response.success, response.errors
    return request.param, tmp / "run"


def repeated(run: Path, tmp: Path) -> TrainModelRequest:
    """Ask by the file of a run for another one, on the same data."""
    return Container().runs().read_request(str(run / "run.yaml")).changed(output_dir=str(tmp / "run"))


def test_a_run_repeated_by_its_run_file_and_stopped_on_its_way_leaves_the_same_model(
    whole: tuple[str, Path], tmp_path: Path
) -> None:
    _, run = whole
    stopped_and_resumed(repeated(run, tmp_path), 7, 10)
    assert files_of(tmp_path / "run") == files_of(run)
    assert metrics_of(tmp_path / "run") == metrics_of(run)


@pytest.mark.parametrize("whole", [MASKED, "sequence_to_sequence"], indirect=True)
def test_so_does_a_run_killed_in_the_middle_of_an_epoch(whole: tuple[str, Path], tmp_path: Path) -> None:
    _, run = whole
    killed_and_resumed(repeated(run, tmp_path), "step-00000008")
    assert files_of(tmp_path / "run") == files_of(run)
    assert metrics_of(tmp_path / "run") == metrics_of(run)


@pytest.mark.parametrize("whole", [MASKED, "language_modeling"], indirect=True)
def test_another_seed_gives_other_weights(whole: tuple[str, Path], tmp_path: Path) -> None:
    task, run = whole
    with reports_left_out():
        assert Container().train_model().execute(wanted(task, tmp_path, seed=43)).success
    assert bytes_of(tmp_path / "run") != bytes_of(run)
