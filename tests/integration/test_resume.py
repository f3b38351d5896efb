"""A run that was killed at any instant ends with the same bytes as one that was not."""

import hashlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from infrastructure.runs.run_file import dump_request
from infrastructure.training import AdvancedTrainer, DatasetLoader
from tests.fakes.ports import FakeMonitor, StopsAt
from tests.integration import tiny
from tests.support.forked import start
from tests.support.runs import pictures_undrawn


def request(tmp: Path, name: str, **changes: Any) -> TrainModelRequest:
    return TrainModelRequest(
        task="text_classification",
        dataset_path=str(tiny.file_of_rows(tmp / "rows.json", 96)),
        model_name="encoder-tiny",
        vocab_size=400,
        epochs=3,
        batch_size=4,
        gradient_accumulation_steps=2,
        save_steps=5,
        eval_steps=7,
        logging_steps=3,
        output_dir=str(tmp / name),
        **changes,
    )


def bytes_of(run: Path) -> str:
    return hashlib.sha256((run / "model" / "model.safetensors").read_bytes()).hexdigest()


def metrics_of(run: Path) -> list[tuple[str, float, int]]:
    """Every metric but those that measure time or memory."""
    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    measured = ("seconds", "per_second", "memory_bytes")
    return [(e["name"], e["value"], e["step"]) for e in entries if not e["name"].endswith(measured)]


def stopped_and_resumed(wanted: TrainModelRequest, step: int) -> None:
    """Stop a run once `step` steps were asked about, and let it go on to its end."""
    stopped = Container().train_model().execute(wanted, StopsAt(step))
    assert (stopped.success, stopped.stop_reason) == (False, "cancelled")
    resumed = Container().resume_training().execute(str(wanted.output_dir))
    assert resumed.success, resumed.errors


def killed_and_resumed(wanted: TrainModelRequest, checkpoint: str) -> None:
    """Kill the process of a run as soon as a checkpoint exists, and let the run go on to its end."""
    run = Path(str(wanted.output_dir))
    run_file = run.with_name("run.yaml")
    run_file.write_text(dump_request(wanted.resolved()))
    kill_once_there(["train", "--config", str(run_file)], run / "checkpoints" / checkpoint)
    assert not (run / "summary.json").exists()
    resumed = Container().resume_training().execute(str(run))
    assert resumed.success, resumed.errors


@pytest.fixture(scope="module", autouse=True)
def no_pictures() -> Iterator[None]:
    """Leave out what no comparison of two runs looks at."""
    with pictures_undrawn():
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp = tmp_path_factory.mktemp("whole")
    response = Container().train_model().execute(request(tmp, "run"))
    assert response.success, response.errors
    return tmp / "run"


@pytest.mark.parametrize("step", [0, 1, 8, 17, 26])
def test_a_stopped_and_resumed_run_ends_like_one_that_was_not(whole: Path, tmp_path: Path, step: int) -> None:
    stopped_and_resumed(request(tmp_path, "run"), step)
    assert bytes_of(tmp_path / "run") == bytes_of(whole)
    assert metrics_of(tmp_path / "run") == metrics_of(whole)


def test_a_run_killed_twice_in_the_middle_of_an_epoch_ends_with_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    wanted = request(tmp_path, "run")
    (tmp_path / "run.yaml").write_text(dump_request(wanted))
    words = ["train", "--config", str(tmp_path / "run.yaml")]
    for kill_after in ("step-00000010", "step-00000020"):
        kill_once_there(words, tmp_path / "run" / "checkpoints" / kill_after)
        assert not (tmp_path / "run" / "summary.json").exists()
        words = ["resume", str(tmp_path / "run")]
    assert Container().resume_training().execute(str(tmp_path / "run")).success
    assert bytes_of(tmp_path / "run") == bytes_of(whole)
    assert metrics_of(tmp_path / "run") == metrics_of(whole)


def kill_once_there(words: list[str], checkpoint: Path) -> None:
    """Start the command line and send SIGKILL as soon as a checkpoint exists."""
    with TemporaryDirectory() as answers:
        process = start(words, Path(answers))
        process.wait_for(checkpoint)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def test_the_same_seed_gives_the_same_run_whatever_is_watched(whole: Path, tmp_path: Path) -> None:
    """Another logging cadence and a live monitor change no weight; the run is judged at the same steps."""
    response = Container().train_model().execute(request(tmp_path, "run", seed=42), FakeMonitor())
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
    response = Container().train_model().execute(request(tmp_path, "run", seed=43))
    assert response.success
    assert bytes_of(tmp_path / "run") != bytes_of(whole)


def test_the_run_file_repeats_the_run(whole: Path, tmp_path: Path) -> None:
    again = Container().runs().read_request(str(whole / "run.yaml")).changed(output_dir=str(tmp_path / "again"))
    assert Container().train_model().execute(again).success
    assert bytes_of(tmp_path / "again") == bytes_of(whole)


def test_a_finished_run_is_not_resumed(whole: Path) -> None:
    response = Container().resume_training().execute(str(whole))
    assert (response.exit_code, response.success) == (2, False)
    assert "is finished" in response.errors[0]


def test_other_data_under_the_same_name_is_refused(tmp_path: Path) -> None:
    Container().train_model().execute(request(tmp_path, "run"), StopsAt(9))
    tiny.file_of_rows(tmp_path / "rows.json", 100)
    response = Container().resume_training().execute(str(tmp_path / "run"))
    assert (response.exit_code, response.success) == (2, False)
    assert "other" in response.errors[0]
    assert list((tmp_path / "run" / "checkpoints").glob("step-*"))


def test_a_damaged_newest_checkpoint_is_named_and_passed_over(whole: Path, tmp_path: Path) -> None:
    Container().train_model().execute(request(tmp_path, "run"), StopsAt(17))
    newest = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))[-1] / "model.safetensors"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(bytes(content))
    monitor = FakeMonitor()
    assert Container().resume_training().execute(str(tmp_path / "run"), monitor).success
    assert any(newest.parent.name in str(event) for event in monitor.events)
    assert bytes_of(tmp_path / "run") == bytes_of(whole)


def test_threads_do_not_leak_state_between_runs(whole: Path, tmp_path: Path) -> None:
    torch.manual_seed(123456)
    assert Container().train_model().execute(request(tmp_path, "run")).success
    assert bytes_of(tmp_path / "run") == bytes_of(whole)
