"""A run that was killed at any instant ends with the same bytes as one that was not."""

from pathlib import Path

import pytest
import torch

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from infrastructure.runs.run_file import dump_request
from infrastructure.training import AdvancedTrainer, DatasetLoader
from tests.fakes.ports import FakeMonitor, StopsAt
from tests.support import tiny
from tests.support.resuming import (
    bytes_of,
    files_of,
    kill_once_there,
    metrics_of,
    reports_left_out,
    stopped_and_resumed,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp = tmp_path_factory.mktemp("whole")
    response = Container().train_model().execute(tiny.request(tmp, "run"))
    assert response.success, response.errors
    return tmp / "run"


def repeated(run: Path, tmp: Path) -> TrainModelRequest:
    """Ask by the file of a run for another one, on the same rows."""
    return Container().runs().read_request(str(run / "run.yaml")).changed(output_dir=str(tmp / "run"))


def test_a_run_repeated_by_its_run_file_and_stopped_on_its_way_leaves_the_same_model(
    whole: Path, tmp_path: Path
) -> None:
    stopped_and_resumed(repeated(whole, tmp_path), 0, 8, 20)
    assert files_of(tmp_path / "run") == files_of(whole)
    assert metrics_of(tmp_path / "run") == metrics_of(whole)


def test_a_run_killed_twice_in_the_middle_of_an_epoch_ends_with_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    wanted = tiny.request(tmp_path, "run")
    (tmp_path / "run.yaml").write_text(dump_request(wanted))
    words = ["train", "--config", str(tmp_path / "run.yaml")]
    for kill_after in ("step-00000010", "step-00000020"):
        kill_once_there(words, tmp_path / "run" / "checkpoints" / kill_after)
        assert not (tmp_path / "run" / "summary.json").exists()
        words = ["resume", str(tmp_path / "run")]
    assert Container().resume_training().execute(str(tmp_path / "run")).success
    assert bytes_of(tmp_path / "run") == bytes_of(whole)
    assert metrics_of(tmp_path / "run") == metrics_of(whole)


def test_the_same_seed_gives_the_same_run_whatever_is_watched(whole: Path, tmp_path: Path) -> None:
    """Another logging cadence and a live monitor change no weight; the run is judged at the same steps."""
    torch.manual_seed(123456)  # what was drawn before changes none either
    with reports_left_out():
        response = Container().train_model().execute(tiny.request(tmp_path, "run", seed=42), FakeMonitor())
    assert response.success
    assert bytes_of(tmp_path / "run") == bytes_of(whole)


def test_another_cadence_of_evaluation_changes_no_weight(tmp_path: Path) -> None:
    tokens = tiny.tokenizer()
    dataset = DatasetLoader(tiny.file_of_rows(tmp_path / "rows.json"), tokens, max_length=64).load()
    ends = []
    for name, evaluation, eval_steps in (("often", dataset, 2), ("never", None, None)):
        model = tiny.model(tokens, dropout=0.2)
        AdvancedTrainer(
            model, dataset, evaluation, tmp_path / name, num_epochs=2, batch_size=8, learning_rate=1e-3,
            eval_steps=eval_steps, early_stopping_patience=0, metric_name="eval_loss", precision="fp32",
            logging_steps=1 if evaluation else 50, max_checkpoints=50,
        ).train()  # fmt: skip
        last = sorted((tmp_path / name / "checkpoints").glob("step-*"))[-1]
        ends.append((last.name, (last / "model.safetensors").read_bytes()))
    assert ends[0] == ends[1]


def test_another_seed_gives_other_weights(whole: Path, tmp_path: Path) -> None:
    with reports_left_out():
        response = Container().train_model().execute(tiny.request(tmp_path, "run", seed=43))
    assert response.success
    assert bytes_of(tmp_path / "run") != bytes_of(whole)


def test_a_finished_run_is_not_resumed(whole: Path) -> None:
    response = Container().resume_training().execute(str(whole))
    assert (response.exit_code, response.success) == (2, False)
    assert "is finished" in response.errors[0]


def test_other_data_under_the_same_name_is_refused(tmp_path: Path) -> None:
    with reports_left_out():
        Container().train_model().execute(tiny.request(tmp_path, "run"), StopsAt(1))
    tiny.file_of_rows(tmp_path / "rows.json", 100)
    response = Container().resume_training().execute(str(tmp_path / "run"))
    assert (response.exit_code, response.success) == (2, False)
    assert "other" in response.errors[0]
    assert list((tmp_path / "run" / "checkpoints").glob("step-*"))


def test_a_damaged_newest_checkpoint_is_named_and_passed_over(whole: Path, tmp_path: Path) -> None:
    with reports_left_out():
        Container().train_model().execute(tiny.request(tmp_path, "run"), StopsAt(17))
    newest = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))[-1] / "model.safetensors"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(bytes(content))
    monitor = FakeMonitor()
    with reports_left_out():
        assert Container().resume_training().execute(str(tmp_path / "run"), monitor).success
    assert any(newest.parent.name in str(event) for event in monitor.events)
    assert bytes_of(tmp_path / "run") == bytes_of(whole)
