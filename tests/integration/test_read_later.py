"""A host that reads the result of a step when the next one has been begun does what one does that waits.

This is how a GPU is kept busy; here a processor is told to work so.
"""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from domain.events import CheckpointSaved, Event, RunFinished, StepCompleted
from infrastructure.training import AdvancedTrainer, stepping
from infrastructure.training.session import Session
from tests.fakes.ports import FakeMonitor, StopsAt
from tests.support.tiny_module import Net, rows, weights

NUM_STEPS = 8
# A rate that another count of applied steps would change, an average, states and scores on the way.
LOOP: dict[str, Any] = {
    "max_steps": NUM_STEPS, "num_epochs": 9, "batch_size": 8, "learning_rate": 1e-2, "warmup_steps": 3,
    "scheduler": "cosine", "average_decay": 0.9, "save_steps": 2, "eval_steps": 4, "logging_steps": 1,
    "precision": "fp32", "max_bad_steps": 3, "max_rollbacks": 1,
}  # fmt: skip
OF_TIME = ("tokens_per_second", "samples_per_second", "memory_bytes", "seconds", "train_seconds", "evaluation_seconds")


class Poisoned:
    """A loss that is no number when it is computed for the given times in training."""

    def __init__(self, at: set[int]) -> None:
        self._at, self._calls = at, 0

    def __call__(self, found: Tensor, target: Tensor) -> Tensor:
        loss = nn.functional.mse_loss(found, target)
        if not torch.is_grad_enabled():
            return loss
        self._calls += 1
        return loss * math.nan if self._calls - 1 in self._at else loss


class Looking(FakeMonitor):
    """Counts how many steps are unknown whenever a step is told of."""

    def __init__(self) -> None:
        super().__init__()
        self.trainer: Any = None
        self.unknown: list[int] = []

    def notify(self, event: Event) -> None:
        super().notify(event)
        if isinstance(event, StepCompleted):
            self.unknown.append(len(self.trainer._steps._in_flight))


def trained(place: Path, bad: set[int], monitor: FakeMonitor | None = None, **settings: Any) -> dict[str, Any]:
    model, monitor = Net(), monitor or Looking()
    loss: Any = Poisoned(bad)
    trainer = AdvancedTrainer(
        model, rows(), rows(12), place, loss_function=loss, monitor=monitor, **{**LOOP, **settings}
    )
    if isinstance(monitor, Looking):
        monitor.trainer = trainer
    result = trainer.train()
    metrics = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    return {
        "weights": [weight.tolist() for weight in weights(model)],
        "events": [told(event) for event in monitor.events if not isinstance(event, CheckpointSaved | RunFinished)],
        "metrics": [(one["name"], one["step"], one["value"]) for one in metrics if one["name"] not in OF_TIME],
        "outcome": (result.stop_reason, result.num_dropped_steps, result.num_rollbacks, result.best_metric),
        "states": sorted(state.name for state in (place / "checkpoints").iterdir()),
    }


def told(event: Event) -> str:
    values = {name: value for name, value in asdict(event).items() if name not in (*OF_TIME, "run_id")}
    return f"{type(event).__name__} {values}"  # NaN is equal to itself in words alone


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    def one(session: Session) -> int:
        return 1

    monkeypatch.setattr(stepping, "most_unknown", one)


@pytest.mark.parametrize(
    ("bad", "settings"),
    [
        *(({step}, {}) for step in range(NUM_STEPS)),
        (set(), {"optimizer": "muon"}),
        ({0, 5}, {"optimizer": "muon"}),
        ({0, 5}, {"optimizer": "sgd"}),
        ({0, 1}, {}),
        ({4, 5}, {}),
        ({4, 5, 6}, {}),  # goes back
        ({2, 3, 4, 6, 7, 8}, {}),  # goes back, and then ends
        ({4}, {"max_bad_steps": 1}),
        ({4, 7}, {"max_bad_steps": 1}),
        ({3}, {"precision": "fp16"}),
        ({1, 6}, {"gradient_accumulation_steps": 2, "batch_size": 4}),
    ],
    ids=str,
)
def test_a_run_is_the_same_whichever_of_its_steps_are_dropped(
    bad: set[int], settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trained(tmp_path / "at once", bad, **settings)
    later(monkeypatch)
    assert trained(tmp_path / "later", bad, **settings) == expected


def test_one_step_is_under_way_but_where_the_run_is_scored_or_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch)
    monitor = Looking()
    trained(tmp_path, set(), monitor)
    assert monitor.unknown == [1, 0] * (NUM_STEPS // 2)


@pytest.mark.parametrize("bad", [set(), {2}])
def test_a_run_that_is_stopped_between_goes_on_to_the_same_end(
    bad: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(tmp_path / "whole", bad)
    later(monkeypatch)
    trained(tmp_path / "stopped", bad, StopsAt(3))
    assert trained(tmp_path / "stopped", set())["weights"] == whole["weights"]
