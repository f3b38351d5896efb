"""The gradient of a table by the rows that are looked up is the one that torch would make of it."""

import copy
from collections.abc import Callable
from contextlib import suppress

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from infrastructure.parallel import row_gradients
from infrastructure.parallel.strategy import Parallel

IDS = torch.tensor([[1, 4, 4, 0], [4, 7, 2, 0]])
OTHERS = torch.tensor([[9, 9, 1], [3, 0, 4]], dtype=torch.int32)


@pytest.fixture(autouse=True)
def _of_small_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_gradients, "LEAST_NUMBERS", 1)


class Words(nn.Module):
    """A table of words with a padding token, one that nothing looks up, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(11, 6, padding_idx=0)
        self.unused = nn.Embedding(5, 6)
        self.head = nn.Linear(6, 11, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        scores: Tensor = self.head(self.words(ids).tanh())
        return scores.square().mean()


class Tied(Words):
    """The head multiplies with the table: behind the words or, with what they are compared with, before them."""

    def forward(self, ids: Tensor) -> Tensor:
        after = self.words(ids).tanh() @ self.words.weight.T
        return after.square().mean()


class Compared(Words):
    def forward(self, ids: Tensor) -> Tensor:
        before = self.words.weight.tanh().sum(0)
        return ((self.words(ids) * before).tanh() @ self.head.weight.T).square().mean()


class Shared(Words):
    """Two modules look up one table, one of them again for the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.unused.weight = self.words.weight

    def forward(self, ids: Tensor) -> Tensor:
        again: Tensor = checkpoint(self.unused, ids, use_reentrant=False)
        return (self.words(ids) * again).tanh().square().sum()


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("kind", [Words, Tied, Compared, Shared])
def test_gradients_and_their_norm_are_those_of_torch_in_every_step(kind: Callable[[], Words], passes: int) -> None:
    torch.manual_seed(1)
    ours = kind()
    theirs = copy.deepcopy(ours)
    parallel = Parallel()
    entered = parallel.entered(ours, torch.device("cpu"))
    for step in range(3):  # the second one looks up other rows, and the third the first ones again
        batches = [OTHERS if step == 1 else IDS, IDS][:passes]
        with parallel.one_gradient(entered):
            for ids in batches:
                ours(ids).backward()
                theirs(ids).backward()
        for own, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert (own.grad is None) == (expected.grad is None)
            if own.grad is not None and expected.grad is not None:
                torch.testing.assert_close(own.grad, expected.grad, rtol=1e-6, atol=1e-7)
                # One after the other in the order of the words, as there; what is there before comes first.
                assert kind is not Words or passes > 1 or torch.equal(own.grad, expected.grad)
        norm = nn.utils.get_total_norm([weight.grad for weight in theirs.parameters() if weight.grad is not None])
        torch.testing.assert_close(parallel.norm_of_gradient(ours), norm)
        ours.zero_grad()
        theirs.zero_grad()


def test_outside_of_a_gradient_a_table_is_looked_up_as_ever() -> None:
    model = Words()
    parallel = Parallel()
    entered = parallel.entered(model, torch.device("cpu"))
    with parallel.one_gradient(entered):
        assert "forward" in vars(model.words)
    assert "forward" not in vars(model.words)
    assert model.words.weight._post_accumulate_grad_hooks is None or not model.words.weight._post_accumulate_grad_hooks


def test_a_gradient_that_is_broken_off_leaves_nothing_to_the_next() -> None:
    model = Words()
    parallel = Parallel()
    entered = parallel.entered(model, torch.device("cpu"))
    with suppress(MemoryError), parallel.one_gradient(entered):
        model(OTHERS).backward()
        raise MemoryError
    model.zero_grad()
    with parallel.one_gradient(entered):
        model(IDS).backward()
    (expected,) = torch.autograd.grad(model(IDS), model.words.weight)
    assert model.words.weight.grad is not None
    assert torch.equal(model.words.weight.grad, expected)
