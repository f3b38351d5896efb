"""One process with several devices: copies of a model learn what the model alone would."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from domain.config import TrainingConfig
from domain.events import Noted, RunStarted
from domain.step_size import StepSize
from infrastructure.container import Container
from infrastructure.data.feed import cut_anew
from infrastructure.parallel import choosing
from infrastructure.parallel.replicas import Replicated
from infrastructure.parallel.strategy import Forward, Parallel
from infrastructure.tasks.adapter import feed_of
from infrastructure.tasks.plain_module import PlainModule
from infrastructure.training import AdvancedTrainer
from infrastructure.training.session import open_session
from infrastructure.training.step import batch_at, train_step
from tests.fakes.ports import FakeMonitor
from tests.support.resuming import metrics_of
from tests.support.small_requests import request_for

CPU = torch.device("cpu")
# AdamW and Muon divide by the size of a gradient, and make a step of what is rounding where there is next to none.
PROPORTIONAL = {"optimizer": "sgd"}
ROWS = [(torch.full((2,), float(row)), torch.ones(1)) for row in range(20)]


class OnThree(Replicated):
    """Takes the processor for three devices."""

    def devices(self, device: torch.device) -> list[torch.device]:
        """Name it three times."""
        return [device] * 3


class Half(nn.Module):
    """Uses one of its layers for some rows alone, and trains not all; remembers how many rows each pass had."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high, self.frozen = nn.Linear(2, 1), nn.Linear(2, 1), nn.Linear(1, 1).requires_grad_(False)
        self.register_buffer("passes", torch.zeros(1))
        self.seen: list[int] = []

    def forward(self, rows: Tensor) -> Tensor:
        self.seen.append(len(rows))
        found = self.low(rows)
        if bool((late := rows[:, 0] >= 15).any()):
            found = found.index_add(0, late.nonzero()[:, 0], self.high(rows[late]))
        answers: Tensor = self.frozen(found)
        return answers


def learnt(parallel: Parallel, batch_size: int) -> tuple[nn.Module, list[float]]:
    torch.manual_seed(1)
    model = Half()
    config = TrainingConfig(batch_size=batch_size, device="cpu", precision="fp32")
    session = open_session(model, PlainModule(nn.functional.mse_loss), config, parallel=parallel)
    feed = feed_of(ROWS, StepSize(8), seed=1, devices=len(parallel.devices(CPU)))
    steps = [train_step(session, batch_at(n, feed, ROWS, session.task, batch_size, 1), 1e-2) for n in range(5)]
    return model, [number for step in steps for number in (step.loss, step.grad_norm)]


@pytest.mark.parametrize("batch_size", [8, 2, 1])
def test_copies_learn_what_the_model_alone_learns(batch_size: int) -> None:
    alone, expected = learnt(Parallel(), 1)
    model, found = learnt(OnThree(), batch_size)
    assert found == pytest.approx(expected, rel=1e-5)
    for own, theirs in zip(model.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(own, theirs, rtol=1e-5, atol=1e-6)


def test_a_step_of_one_micro_batch_is_shared_out_to_all_devices() -> None:
    model: Any = learnt(OnThree(), 8)[0]
    assert max(model.seen) == 3
    assert sum(model.seen) < 40, "the copies had the others"


@pytest.mark.parametrize(
    ("task", "settings"),
    [
        ("text_classification", {"class_weights": "balanced", "word_dropout": 0.2, "average_decay": 0.9}),
        ("language_modeling", {"gradient_checkpointing": True, **PROPORTIONAL}),
        ("sequence_to_sequence", {"packing": True, **PROPORTIONAL}),
        ("quantile_forecasting", {}),
    ],
)
def test_a_run_of_each_kind_ends_as_one_of_a_single_device(
    task: str, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(choosing.STRATEGIES, "data_parallel", lambda: OnThree)
    sizes = {"batch_size": 2, "gradient_accumulation_steps": 3, "max_steps": 4, "eval_steps": 2, "logging_steps": 1}
    ends = {}
    for parallel in ("single", "data_parallel"):
        run = tmp_path / parallel
        request = request_for(
            task, tmp_path / "data", output_dir=str(run), precision="fp32", parallel=parallel, **sizes, **settings
        )
        response = Container().train_model().execute(request)
        assert response.success, response.errors
        ends[parallel] = load_file(run / "model" / "model.safetensors"), metrics_of(run)
    (expected, metrics), (weights, seen) = ends.values()
    assert weights.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(weights[name], tensor, rtol=1e-4, atol=1e-5, msg=name)
    assert [(name, step) for name, _, step in seen] == [(name, step) for name, _, step in metrics]
    losses = [[value for name, value, _ in each if name == "train_loss"] for each in (metrics, seen)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)


def test_a_model_with_dropout_is_told_where_its_steps_are_cut_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(choosing.STRATEGIES, "data_parallel", lambda: OnThree)
    told = {}
    for share in (0.1, 0.0):
        monitor, model = FakeMonitor(), nn.Sequential(nn.Dropout(share), nn.Linear(2, 1))
        given: dict[str, Any] = {"parallel": "data_parallel", "batch_size": 9, "max_steps": 1, "device": "cpu"}
        AdvancedTrainer(
            model, ROWS, None, tmp_path / str(share), loss_function=nn.functional.mse_loss, monitor=monitor, **given
        ).train()
        told[share] = [event.message for event in monitor.events if isinstance(event, Noted)]
        (started,) = [event for event in monitor.events if isinstance(event, RunStarted)]
        assert (started.num_devices, started.parallel) == (3, "data_parallel")
    assert told == {0.1: [cut_anew(StepSize(9), 3)], 0.0: []}
    assert "batch_size=3 gradient_accumulation_steps=3" in told[0.1][0]


def test_one_device_alone_is_told_of_and_changes_nothing() -> None:
    parallel = Replicated()
    assert "cpu: it changes nothing" in parallel.remark(CPU)
    assert type(parallel.entered(nn.Linear(1, 1), CPU)) is Forward
    assert parallel.devices(torch.device("cuda", 1)) == [torch.device("cuda", 1)]
    assert not OnThree().remark(CPU)
