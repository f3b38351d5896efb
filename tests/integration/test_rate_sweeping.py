"""A range test takes the steps that a training takes, for every task, and the same numbers come each time."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from application.training_request import TrainModelRequest
from application.use_cases.find_learning_rate import FindLearningRateRequest, FindLearningRateResponse
from domain.events import PhaseAdvanced, PhaseEnded, PhaseStarted
from domain.metrics import MetricEntry
from infrastructure.container import Container
from infrastructure.rate_sweep import sweeping
from infrastructure.training import step as steps_of_training
from tests.fakes.ports import FakeMonitor
from tests.support import tiny, tiny_series, tiny_text
from tests.support.adapted import base_of
from tests.support.small_requests import request_for

pytestmark = pytest.mark.usefixtures("small_presets")
TASKS = (
    "text_classification",
    "security_classification",
    tiny_text.MASKED,
    *tiny_text.TEXT_TASKS,
    *tiny_series.SERIES_TASKS,
)
CLASSES = "text_classification"
LOST = torch.OutOfMemoryError("CUDA out of memory")


def swept(request: TrainModelRequest, monitor: FakeMonitor | None = None, **options: Any) -> FindLearningRateResponse:
    asked = FindLearningRateRequest(training=request, **{"steps": 20, **options})
    return Container().find_learning_rate().execute(asked, lambda doing: _context(monitor))


class _context:
    def __init__(self, monitor: FakeMonitor | None) -> None:
        self._monitor = monitor

    def __enter__(self) -> FakeMonitor | None:
        return self._monitor

    def __exit__(self, *told: object) -> None:
        """Keep it."""


def losses_of_training(request: TrainModelRequest, rate: float, num_steps: int) -> list[float]:
    """Train at one rate, and give the loss of each step."""
    entries: list[MetricEntry] = []
    container = Container()
    wanted = request.changed(
        learning_rate=rate, scheduler="constant", warmup_steps=0, max_steps=num_steps, logging_steps=1
    )
    response = container.train_model().execute(wanted)
    assert response.success, response.errors
    tracker = container.workshop().tracker(SimpleNamespace(path=response.run_dir, run_id=response.run_id))
    entries = [entry for entry in tracker.entries if entry.name == "train_loss"]
    return [entry.value for entry in sorted(entries, key=lambda entry: entry.step or 0)]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_swept_on_its_own_step_and_nothing_is_left(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    request = request_for(task, tmp_path / "data", output_dir=None, batch_size=2)
    before = sorted(tmp_path.rglob("*"))
    response = swept(request, start=1e-4, end=1e-1)
    assert len(response.losses) >= 4, response.errors
    assert all(loss is None or math.isfinite(loss) for loss in response.losses)
    assert response.reason
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("task", "changes"),
    [
        (CLASSES, {}),
        (CLASSES, {"gradient_accumulation_steps": 2, "batch_size": 4}),
        (CLASSES, {"batch_size": None, "batch_tokens": 96}),
        (CLASSES, {"precision": "bf16", "weight_decay": 0.3, "max_grad_norm": 0.1}),
        ("language_modeling", {"batch_size": 1}),
        ("quantile_forecasting", {}),
    ],
    ids=["plain", "accumulated", "by tokens", "bf16", "muon", "forecaster"],
)
def test_at_one_rate_the_losses_are_those_of_a_training(task: str, changes: dict[str, Any], tmp_path: Path) -> None:
    request = request_for(task, tmp_path / "data", **changes)
    rate = 1e-3
    response = swept(request.changed(output_dir=None), start=rate, end=rate * (1 + 1e-12))
    expected = losses_of_training(request, rate, 20)
    assert response.losses == pytest.approx(expected, rel=1e-6)


def test_an_adapter_is_swept_and_its_base_stays_as_it_is(tmp_path: Path) -> None:
    base = base_of("bert", tmp_path / "bert")
    before = {file.name: file.read_bytes() for file in base.iterdir()}
    request = TrainModelRequest(
        task=CLASSES, dataset_path=str(tiny.file_of_rows(tmp_path / "rows.json", 48)), model_name=str(base),
        adapter="lora", adapter_rank=2, max_length=24, precision="fp32", layer_decay=0.9,
    )  # fmt: skip
    response = swept(request)
    assert len(response.losses) == 20 or response.diverged
    assert {file.name: file.read_bytes() for file in base.iterdir()} == before


def test_a_reader_that_follows_values_is_swept(tmp_path: Path) -> None:
    known = request_for("security_classification", tmp_path / "data")
    request = TrainModelRequest(
        task=known.task, dataset_path=known.dataset_path, model_name="encoder-flow-tiny", batch_size=2
    )
    assert len(swept(request).losses) >= 4


def test_the_same_sweep_gives_the_same_numbers_bit_for_bit(tmp_path: Path) -> None:
    request = request_for(CLASSES, tmp_path / "data", output_dir=None)
    first = swept(request, start=1e-5, end=1.0, steps=40)
    torch.manual_seed(99)  # what else happened in this process is no matter
    torch.rand(7)
    assert swept(request, start=1e-5, end=1.0, steps=40) == first
    other = swept(request.changed(seed=3), start=1e-5, end=1.0, steps=40)
    assert other.losses != first.losses


def test_a_sweep_goes_round_few_rows(tmp_path: Path) -> None:
    request = request_for(CLASSES, tmp_path / "data", output_dir=None, batch_size=32)
    response = swept(request, start=1e-5, end=1e-4, steps=30)  # of two steps an epoch
    assert len(response.losses) == 30


def test_a_sweep_that_diverges_ends_there(tmp_path: Path) -> None:
    request = request_for(
        "language_modeling", tmp_path / "data", output_dir=None, optimizer="sgd", max_grad_norm=1e6, batch_size=1
    )
    response = swept(request, start=1e-2, end=10.0, steps=60)
    assert response.diverged is not None
    assert len(response.losses) < 60
    assert response.diverged == pytest.approx(response.rates[-1])
    assert response.rates[-1] < 10.0


def test_rates_that_are_too_high_from_the_first_step_on_suggest_nothing(tmp_path: Path) -> None:
    request = request_for(
        "language_modeling", tmp_path / "data", output_dir=None, optimizer="sgd", max_grad_norm=1e6, batch_size=1
    )
    response = swept(request, start=9.0, end=10.0)
    assert (response.success, response.exit_code, response.learning_rate) == (False, 1, None)
    assert "Begin with a lower --from." in response.errors[0]


def test_losses_that_are_never_finite_suggest_nothing_and_blame_no_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = steps_of_training.train_step
    monkeypatch.setattr(sweeping, "train_step", lambda *given: replace(real(*given), loss=math.nan))
    response = swept(request_for(CLASSES, tmp_path / "data", output_dir=None))
    assert response.losses == (None, None, None)
    assert "Rows or model are at fault" in response.errors[0]


def test_memory_that_runs_out_costs_smaller_parts_and_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_for(CLASSES, tmp_path / "data", output_dir=None)
    whole = swept(request)
    real, calls = steps_of_training._backward, []

    def lost(session: Any, share: Any) -> Any:
        calls.append(share)
        if len(calls) == 3:
            raise LOST
        return real(session, share)

    monkeypatch.setattr(steps_of_training, "_backward", lost)
    assert swept(request).losses == pytest.approx(whole.losses, rel=1e-4)
    assert len(calls) > 30  # two parts from the third step on


def test_memory_that_has_no_room_for_a_row_ends_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(session: Any, share: Any) -> Any:
        raise LOST

    monkeypatch.setattr(steps_of_training, "_backward", lost)
    response = swept(request_for(CLASSES, tmp_path / "data", output_dir=None))
    assert (response.success, response.exit_code) == (False, 1)
    assert "memory ran out at step 0 of the sweep with a single row at once" in response.errors[0]


def test_memory_that_runs_out_within_an_update_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: Any, *given: Any, **named: Any) -> Any:
        raise LOST

    monkeypatch.setattr(torch.optim.AdamW, "step", lost)
    response = swept(request_for(CLASSES, tmp_path / "data", output_dir=None))
    assert response.exit_code == 1
    assert "memory ran out in an update" in response.errors[0]


def test_several_processes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = SimpleNamespace(ranks=SimpleNamespace(size=2))
    monkeypatch.setattr(sweeping, "choose_parallel", lambda name, timeout: ranks)
    response = swept(request_for(CLASSES, tmp_path / "data", output_dir=None))
    assert response.exit_code == 2
    assert "the work of one process, but there are 2" in response.errors[0]


def test_who_watches_is_told_how_far_it_has_come(tmp_path: Path) -> None:
    monitor = FakeMonitor()
    swept(request_for(CLASSES, tmp_path / "data", output_dir=None), monitor)
    phases = [event for event in monitor.events if isinstance(event, PhaseStarted | PhaseAdvanced | PhaseEnded)]
    (began,) = [each for each in phases if isinstance(each, PhaseStarted) and each.phase == "trying learning rates"]
    assert (began.total, began.unit) == (20, "steps")
