"""One process and all of its GPUs: each has a copy of the model, and what they learn is added up on the first."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from infrastructure.parallel.strategy import Forward, Parallel

Result = TypeVar("Result")


class Replicated(Parallel):
    """Micro-batches go to the GPUs in turn; the first GPU holds what is updated, scored and saved.

    One thread asks them all: it does not wait for a GPU, so that the next one computes meanwhile. It is made for large
    micro-batches; with small ones this thread is what is waited for, and processes of their own (ddp) are faster.
    `nn.DataParallel` is no choice: it cuts tensors along their first axis, which rows packed into one do not have, and
    its copies own no parameters, which models ask for.
    """

    name = "data_parallel"

    def devices(self, device: torch.device) -> list[torch.device]:
        """Name all GPUs, unless one was asked for by its number."""
        if device.type != "cuda" or device.index is not None:
            return [device]
        return [torch.device("cuda", number) for number in range(torch.cuda.device_count())]

    def remark(self, device: torch.device) -> str:
        """Say that one device alone is no reason for it."""
        if len(self.devices(device)) > 1:
            return ""
        return f"parallel is {self.name}, but there is one device alone, {device}: it changes nothing."

    def entered(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Copy the model to the others."""
        _, *others = self.devices(device)
        return Copies(model, [copy.deepcopy(model).to(other) for other in others]) if others else Forward(model)

    @contextmanager
    def one_gradient(self, forward: nn.Module) -> Iterator[None]:
        """Bring the weights of the first to the others before, and their gradients to it behind."""
        if not isinstance(forward, Copies):
            yield
            return
        forward.begin()
        try:
            yield
            forward.add_up()
        finally:
            forward.forget()


class Copies(Forward):
    """A model and its copies: while they learn they take turns, else the model itself works."""

    def __init__(self, model: nn.Module, copies: list[nn.Module]) -> None:
        super().__init__(model)
        self._copies = copies  # a list of its own kind of module would be trained, scored and saved with the model
        self._turn = 0

    def forward(self, work: Callable[..., Result], *given: Any) -> Result:
        """Call `work` with the one whose turn it is; what it gives is brought to the model's device."""
        models = [self.model, *self._copies] if self.training else [self.model]
        self._turn, turn = (self._turn + 1) % len(models), self._turn % len(models)
        device = next(models[turn].parameters()).device
        found = work(models[turn], *(_brought(value, device) for value in given))
        return _brought(found, next(self.model.parameters()).device)

    @torch.no_grad()
    def begin(self) -> None:
        """Give the copies the weights and buffers of the model."""
        self._turn = 0
        for other in self._copies:
            other.train(self.model.training)
            for own, theirs in zip(_tensors(self.model), _tensors(other), strict=True):
                theirs.copy_(own, non_blocking=True)

    @torch.no_grad()
    def add_up(self) -> None:
        """Add the gradients of the copies to those of the model."""
        for other in self._copies:
            for own, theirs in zip(self.model.parameters(), other.parameters(), strict=True):
                if theirs.grad is not None:
                    grad = theirs.grad.to(own.device, non_blocking=True)
                    own.grad = grad.clone() if own.grad is None else own.grad.add_(grad)

    def forget(self) -> None:
        """Let the copies have no gradients."""
        for other in self._copies:
            other.zero_grad(set_to_none=True)


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    yield from model.parameters()
    yield from model.buffers()


def _brought(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {name: _brought(each, device) for name, each in value.items()}
    return value
