"""Gradients of one step, however it is cut, and how far two of them are apart."""

from typing import Any

import torch
from torch import Tensor, nn

from infrastructure.data.feed import Feed
from infrastructure.parallel.strategy import Forward, Parallel
from infrastructure.tasks.adapter import TaskAdapter, lengths_of
from infrastructure.training.precision import Precision
from infrastructure.training.session import Session
from infrastructure.training.step import StepBatch, batch_at, train_step

CPU = torch.device("cpu")
STEP = 3


def session_of(model: nn.Module, task: TaskAdapter) -> Session:
    """A session whose optimizer changes nothing, so that gradients can be looked at after the step."""
    return Session(
        model,
        Forward(model),
        Parallel(),
        task,
        _Keeping(model.parameters()),
        Precision("fp32", CPU),
        None,
        CPU,
        max_grad_norm=1e9,
        seed=1,
    )


class _Keeping(torch.optim.SGD):
    """Remembers the gradients of its step."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, lr=0.0)

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.seen = [p.grad.clone() for group in self.param_groups for p in group["params"] if p.grad is not None]


def gradients(model: nn.Module, task: TaskAdapter, batch: StepBatch) -> list[Tensor]:
    """Give the gradients that a step would apply."""
    session = session_of(model, task)
    train_step(session, batch, 0.0)
    return session.optimizer.seen  # type: ignore[attr-defined]


def assert_cut_alike(prepared: Any, model: nn.Module, micro: int, last: bool) -> None:
    """Want the gradient of a step, the last and short one too, whether its rows are cut into micro-batches or not."""
    train, adapter = prepared.train, prepared.adapter
    feed = Feed(lengths_of(train), 8, seed=1)
    step = feed.steps_per_epoch - 1 if last else STEP
    assert (len(feed.at(step, 8).all_rows) < 8) == last
    whole = gradients(model, adapter, batch_of(train, adapter, 8, step))
    cut = gradients(model, adapter, batch_of(train, adapter, micro, step))
    assert relative_difference(cut, whole) < 1e-6


def relative_difference(first: list[Tensor], second: list[Tensor]) -> float:
    """Give the norm of what differs, as a share of the second."""
    a, b = (torch.cat([t.flatten().double() for t in tensors]) for tensors in (first, second))
    return float((a - b).norm() / b.norm())


def batch_of(dataset: Any, task: TaskAdapter, micro: int, step: int = STEP, **feed: Any) -> StepBatch:
    """Give a step of 8 rows, cut into micro-batches."""
    return batch_at(step, Feed(lengths_of(dataset), 8, seed=1, **feed), dataset, task, micro, seed=1)
