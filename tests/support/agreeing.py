"""Trainings in which something happens to one rank alone, or to all, on a module of 25 weights."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from domain.events import CheckpointSaved, Noted, StepCompleted, Warned
from infrastructure.parallel.ranks import ranks_of_this_process
from infrastructure.tasks.plain_module import PlainModule
from infrastructure.training import AdvancedTrainer
from tests.fakes.ports import FakeMonitor
from tests.support.ranked import digest_of

# Thirty rows in steps of eight: the last step of an epoch has six. Four ranks have two micro-batches each.
LOOP: Mapping[str, Any] = {
    "num_epochs": 4, "batch_size": 1, "gradient_accumulation_steps": 8, "learning_rate": 1e-2, "save_steps": 2,
    "logging_steps": 1, "precision": "fp32", "eval_steps": 4, "max_checkpoints": 20,
}  # fmt: skip
BESIDE = (CheckpointSaved, Noted, Warned)
NUM_ROWS, BAD_ROW = 30, 17


class Curve(nn.Module):
    """Learns the square of a number, with dropout; refuses more than `most` rows as a full memory would."""

    def __init__(self, most: float = math.inf, refuses_in_training: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))
        self.most, self.refuses_in_training = most, refuses_in_training

    def forward(self, x: Tensor, row: Tensor) -> Tensor:
        if self.training == self.refuses_in_training and len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        out: Tensor = self.inner(x)
        return out


class Trainer(AdvancedTrainer):
    """Remembers the rows of each step that this rank has learnt from."""

    rows: list[list[int]]

    def _behind(self, progress: Any, result: Any) -> Any:
        batch = self._batches.own(progress.step - 1, progress.micro_batch_size)
        counted = [micro.batch["row"] for micro in batch.micro_batches if not micro.is_spare]
        self.rows.append([int(row) for rows in counted for row in rows])
        return super()._behind(progress, result)


class Asks(FakeMonitor):
    """Asks for a stop before a step, on one rank alone or on all."""

    def __init__(self, before: float = math.inf, rank: int | None = None) -> None:
        super().__init__()
        self._left = before
        self._is_asked = rank in (None, ranks_of_this_process().rank)

    def stop_requested(self) -> str:
        self._left -= 1
        return "cancelled" if self._is_asked and self._left < 0 else ""


def rows(count: int = NUM_ROWS, bad: int | None = None) -> list[dict[str, Any]]:
    """Give numbers between -1 and 1 with their squares; one of them may be no number."""
    xs = torch.linspace(-1, 1, count)[:, None]
    return [
        {"x": x * math.nan if number == bad else x, "row": number, "target": x.square()} for number, x in enumerate(xs)
    ]


def trained(directory: str, model: nn.Module | None = None, **settings: Any) -> dict[str, Any]:
    """Train as this rank's part of a run, or take it up; gives what became of it."""
    training, evaluation = settings.pop("training", None) or rows(), settings.pop("evaluation", None) or rows(12)
    monitor = settings.pop("monitor", None) or Asks()
    model = model or Curve()
    trainer = Trainer(
        model, training, evaluation, Path(directory),
        task=PlainModule(nn.functional.mse_loss), monitor=monitor, **{**LOOP, **settings},
    )  # fmt: skip
    trainer.rows = []
    result = trainer.train()
    return {
        "rows": trainer.rows,
        "losses": {event.step: event.loss for event in monitor.events if isinstance(event, StepCompleted)},
        "rates": [event.learning_rate for event in monitor.events if isinstance(event, StepCompleted)],
        # But for saved states, told of when they are on disk, and words, of which some are for several ranks alone.
        "events": [type(event).__name__ for event in monitor.events if not isinstance(event, BESIDE)],
        "weights": digest_of(model),
        "result": {**asdict(result), "training_time": 0, "throughput": {}, "model_path": ""},
    }


def stopped_before(step: float, directory: str) -> dict[str, Any]:
    """Train, or take up a run, until all ranks are asked to stop before a step, counted from where it begins."""
    return trained(directory, monitor=Asks(step))


def troubles(directory: str) -> dict[str, Any]:
    """Meet each of the troubles in a run of its own; what one rank alone meets, the second does, if there is one."""
    ranks = ranks_of_this_process()
    chosen = ranks.rank == min(1, ranks.size - 1)
    whole: Mapping[str, Any] = {"batch_size": 8, "gradient_accumulation_steps": 1}
    astray: Mapping[str, Any] = {"eval_steps": 1, "learning_rate": 0.5}
    cases: Mapping[str, Callable[[str], dict[str, Any]]] = {
        "nothing": lambda place: trained(place),
        "patience": lambda place: trained(place, **astray, early_stopping_patience=2),
        "plateau": lambda place: trained(
            place, **astray, early_stopping_patience=0, scheduler="plateau", plateau_patience=1
        ),
        "a row that is no number": lambda place: trained(place, training=rows(bad=BAD_ROW), max_bad_steps=99),
        "going back": lambda place: trained(place, training=rows(bad=BAD_ROW), max_bad_steps=1, max_rollbacks=2),
        "memory lost in training": lambda place: trained(place, Curve(1 if chosen else math.inf), **whole),
        "memory lost in scoring": lambda place: trained(place, Curve(1 if chosen else math.inf, False)),
        "asked to stop": lambda place: trained(place, monitor=Asks(5, min(1, ranks.size - 1))),
        "no time": lambda place: trained(place, time_budget=1e-3),
        "few rows to score": lambda place: trained(place, evaluation=rows(1)),
        "average": lambda place: trained(place, average_decay=0.9),
    }
    return {name: case(f"{directory}/{name}") for name, case in cases.items()}
