"""Whoever watches a run, and whatever else the process does, the run is the same; what it must say it says."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from application.training_request import TrainModelRequest
from domain.events import EvaluationCompleted, PhaseEnded, RunStarted, Warned
from infrastructure.container import Container
from tests.fakes.ports import FakeMonitor
from tests.support import tiny
from tests.support.tiny_module import Net, rows, trainer, weights


class Failing(FakeMonitor):
    """Fails at every event or question, and counts how often it was asked."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at
        self.asked = 0

    def notify(self, event: Any) -> None:
        self._fail("notify")

    def stop_requested(self) -> str:
        self._fail("stop_requested")
        return ""

    def _fail(self, at: str) -> None:
        if at == self.at:
            self.asked += 1
            raise ZeroDivisionError("a bug of the caller")


@pytest.mark.parametrize("at", ["notify", "stop_requested"])
def test_a_monitor_that_fails_is_asked_no_more_and_the_run_goes_on(tmp_path: Path, at: str) -> None:
    monitor = Failing(at)
    results = trainer(Net(), tmp_path, monitor).train()
    assert results["stop_reason"] == "completed"
    assert monitor.asked == 1
    assert [warning for warning in results["warnings"] if "ZeroDivisionError: a bug of the caller" in warning]


def test_a_run_with_a_monitor_that_fails_answers_and_logs_it_once(tmp_path: Path) -> None:
    response = Container().train_model().execute(quick_request(tmp_path, "run", 1), Failing("notify"))
    assert response.success, response.errors
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len([line for line in log if "ZeroDivisionError" in json.dumps(line)]) == 1
    assert len([warning for warning in response.warnings if "ZeroDivisionError" in warning]) == 1
    assert any(line["event"] == "RunFinished" for line in log)


def test_the_best_epoch_counts_from_1_where_the_epoch_of_events_is_an_index(tmp_path: Path) -> None:
    monitor = FakeMonitor()
    results = trainer(Net(), tmp_path, monitor).train()
    scored = [event for event in monitor.events if isinstance(event, EvaluationCompleted)]
    assert [event.epoch for event in scored] == [0, 1, 2, 3]
    assert results["best_epoch"] == max(event.epoch for event in scored if event.is_best) + 1


def test_the_log_tells_also_of_phases_that_were_over_before_there_was_a_directory_for_it(tmp_path: Path) -> None:
    monitor = FakeMonitor()
    assert Container().train_model().execute(quick_request(tmp_path, "run", 1), monitor).success
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    over = [line["phase"] for line in log if line["event"] == "PhaseEnded"]
    assert over == [event.phase for event in monitor.events if isinstance(event, PhaseEnded)]
    assert over[:5] == [
        "reading rows.json",
        "checking and splitting",
        "learning the tokenizer",
        "building the model encoder-tiny",
        "learning what tokens say of labels",
    ]
    assert {"scoring", "writing the report"} < set(over)


class TestEvaluationWithoutALoss:
    def test_the_row_is_named_in_a_warning(self, tmp_path: Path) -> None:
        bad = rows(12)
        bad[7] = (bad[7][0], torch.tensor([float("nan")]))
        monitor = FakeMonitor()
        results = trainer(Net(), tmp_path, monitor, evaluation=bad).train()
        assert results["best_metric"] is None
        told = [event.message for event in monitor.events if isinstance(event, Warned)]
        assert [message for message in told if "that of 7 is not" in message]
        assert [message for message in results["warnings"] if "that of the last step" in message]
        assert len([message for message in told if "not finite" in message]) == 1

    def test_a_loss_that_no_row_explains_is_told_all_the_same(self, tmp_path: Path) -> None:
        huge = [(x, torch.tensor([1.5e19])) for x, _ in rows(12)]  # each square is finite, their sum is not
        results = trainer(Net(), tmp_path, evaluation=huge, learning_rate=1e-9).train()
        assert results["best_metric"] is None
        assert any("no single row is to blame" in warning for warning in results["warnings"])


class Dropping(Net):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(self.inner, nn.Dropout(0.5))


class InStep(FakeMonitor):
    """Lets two runs take their steps in turns, so that they meet as often as they can."""

    def __init__(self, barrier: threading.Barrier) -> None:
        super().__init__()
        self._barrier = barrier

    def stop_requested(self) -> str:
        self._barrier.wait(timeout=60)
        return ""


def test_two_runs_in_threads_of_one_process_end_as_each_alone(tmp_path: Path) -> None:
    alone = []
    for seed in (1, 2):
        model = Dropping()
        trainer(model, tmp_path / f"alone-{seed}", seed=seed).train()
        alone.append(weights(model))
    barrier, models = threading.Barrier(2), [Dropping(), Dropping()]
    runs = [
        trainer(model, tmp_path / f"both-{seed}", InStep(barrier), seed=seed)
        for seed, model in zip((1, 2), models, strict=True)
    ]
    threads = [threading.Thread(target=run.train) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for model, expected in zip(models, alone, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(weights(model), expected, strict=True))


def test_two_requests_in_threads_end_as_each_alone(tmp_path: Path) -> None:
    for seed in (1, 2):
        assert Container().train_model().execute(quick_request(tmp_path, f"alone-{seed}", seed)).success
    barrier = threading.Barrier(2)

    class Meeting(FakeMonitor):
        def notify(self, event: Any) -> None:
            if isinstance(event, RunStarted):
                barrier.wait(timeout=60)

    threads = [
        threading.Thread(
            target=lambda seed=seed: (
                Container().train_model().execute(quick_request(tmp_path, f"both-{seed}", seed), Meeting())
            )
        )
        for seed in (1, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (1, 2):
        one, other = (tmp_path / f"{name}-{seed}" / "model" / "model.safetensors" for name in ("alone", "both"))
        assert one.read_bytes() == other.read_bytes()


def test_a_training_leaves_the_random_numbers_of_its_caller_alone(tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    trainer(Net(), tmp_path).train()
    torch.manual_seed(7)  # Net seeds its own weights, as any caller may
    one = trainer(Net(), tmp_path / "other")
    torch.manual_seed(7)
    one.train()
    assert torch.equal(torch.rand(3), expected)


def quick_request(directory: Path, name: str, seed: int) -> TrainModelRequest:
    return TrainModelRequest(
        task="text_classification",
        dataset_path=str(tiny.file_of_rows(directory / "rows.json", 40)),
        model_name="encoder-tiny",
        vocab_size=400,
        batch_size=4,
        max_steps=6,
        max_length=32,
        seed=seed,
        output_dir=str(directory / name),
    )
