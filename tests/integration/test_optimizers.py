import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from domain.config import OPTIMIZERS
from domain.exceptions import ConfigurationError
from infrastructure.training.checkpoint_manager import CheckpointManager
from infrastructure.training.loss_scaler import LossScaler
from infrastructure.training.muon import COEFFICIENTS, Muon, orthogonalised
from infrastructure.training.optimizers import OptimizerBuilder, muon_groups
from infrastructure.training.precision import Precision
from infrastructure.training.tensor_tree import join_tree, split_tree
from tests.support.trees import is_same, through_disk_formats


class TinyModel(nn.Module):
    """Hidden matrices tall, wide and square, an embedding, a norm and a head."""

    def __init__(self, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.up = nn.Linear(8, 24)
        self.down = nn.Linear(24, 8)
        self.square = nn.Linear(8, 8, bias=False)
        self.norm = nn.LayerNorm(8)
        self.filter = nn.Conv1d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 11, bias=False)
        if tied:
            self.head.weight = self.embedding.weight

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)
        x = self.norm(x + self.down(self.up(x).relu()) + self.square(x) + self.filter(x.mT).mT)
        return self.head(x)


def model(tied: bool = False) -> TinyModel:
    torch.manual_seed(5)
    return TinyModel(tied)


def train(trained: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        ids = torch.arange(12).view(2, 6).add(step).remainder(11)
        loss = nn.functional.cross_entropy(trained(ids).flatten(0, 1), ids.roll(1, 1).flatten())
        for group in optimizer.param_groups:
            group["lr"] = 0.01 / (1 + step)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def given_gradients(trained: nn.Module, number: int, factor: float = 1.0) -> None:
    generator = torch.Generator().manual_seed(number)
    for parameter in trained.parameters():
        parameter.grad = factor * torch.randn(parameter.shape, generator=generator)


def as_on_a_gpu(optimizer: torch.optim.Optimizer, divisor: Tensor, found_inf: Tensor) -> None:
    optimizer.grad_scale, optimizer.found_inf = divisor, found_inf  # type: ignore[attr-defined]
    optimizer.step()


@pytest.mark.parametrize(
    ("name", "step"),
    [
        *((name, Precision("fp32", torch.device("cpu")).step) for name in OPTIMIZERS),
        *((name, as_on_a_gpu) for name in OPTIMIZERS if name != "rmsprop"),
    ],
)
def test_a_step_divides_the_gradients_and_a_dropped_one_leaves_no_trace(
    name: str, step: Callable[[torch.optim.Optimizer, Tensor, Tensor], None]
) -> None:
    ours, theirs = model(), model()
    optimizer, reference = (OptimizerBuilder().build(name, each, 0.01, weight_decay=0.1) for each in (ours, theirs))
    for number in range(3):  # the first one is dropped too, before there is a state
        given_gradients(ours, number, torch.nan)
        step(optimizer, torch.tensor(torch.inf), torch.tensor(1.0))
        given_gradients(ours, number, 4.0)
        step(optimizer, torch.tensor(4.0), torch.tensor(0.0))
        given_gradients(theirs, number)
        reference.step()
    for parameter, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(parameter, expected)
    assert is_same(optimizer.state_dict(), reference.state_dict())


def test_the_scale_of_the_loss_is_that_of_torch() -> None:
    ours, theirs = LossScaler(torch.device("cpu")), torch.amp.GradScaler("cpu")
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight])
    for step in range(2600):
        overflows = step in (0, 1, 500)
        ours.update(torch.tensor(float(overflows)))
        theirs.scale(torch.zeros(()))
        weight.grad = torch.full((1,), torch.inf if overflows else 0.0)
        theirs.step(optimizer)
        theirs.update()
    assert ours.state_dict().items() <= theirs.state_dict().items()
    again = LossScaler(torch.device("cpu"))
    again.load_state_dict(theirs.state_dict())
    assert again.state_dict() == ours.state_dict()


def names_of(trained: nn.Module, group: dict[str, Any]) -> set[str]:
    ids = {id(parameter) for parameter in group["params"]}
    return {name for name, parameter in trained.named_parameters() if id(parameter) in ids}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_continues_to_the_bit_from_a_checkpoint(name: str, tmp_path: Path) -> None:
    whole = model()
    optimizer = OptimizerBuilder().build(name, whole, 0.01)
    train(whole, optimizer, range(4))
    CheckpointManager(tmp_path).save_checkpoint(model=whole, optimizer=optimizer, step=4)
    train(whole, optimizer, range(4, 8))

    resumed = TinyModel()
    state = CheckpointManager(tmp_path).load_latest_checkpoint()
    assert state is not None
    resumed.load_state_dict(state["model_state_dict"])
    optimizer = OptimizerBuilder().build(name, resumed, 0.01)
    optimizer.load_state_dict(state["optimizer_state_dict"])
    train(resumed, optimizer, range(4, 8))
    for parameter, expected in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(parameter, expected)


def test_the_state_of_an_optimizer_keeps_its_int_keys_and_tuples() -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.8, 0.99))
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    joined = through_disk_formats(state)
    assert is_same(joined, state)
    assert set(joined["state"]) == {0, 1}
    assert joined["param_groups"][0]["betas"] == (0.8, 0.99)


def test_the_state_of_muon_is_plain_values_and_tensors() -> None:
    trained = model()
    optimizer = OptimizerBuilder().build("muon", trained, 0.01)
    train(trained, optimizer, range(2))
    structure, tensors = split_tree(optimizer.state_dict())
    restored = join_tree(json.loads(json.dumps(structure)), tensors)
    assert restored["param_groups"] == optimizer.state_dict()["param_groups"]
    assert len(tensors) == 3 + 3 * 8  # a momentum for a hidden matrix, three tensors for anything else


@pytest.mark.parametrize("tied", [False, True])
def test_only_hidden_matrices_are_orthogonalised_and_only_matrices_decay(tied: bool) -> None:
    trained = model(tied)
    groups = muon_groups(trained, 0.1)
    orthogonal = [group for group in groups if group["orthogonal"]]
    decaying = [group for group in groups if group["weight_decay"] == 0.1]
    hidden = {"up.weight", "down.weight", "square.weight"}
    assert set().union(*(names_of(trained, group) for group in orthogonal)) == hidden
    head = set() if tied else {"head.weight"}
    assert set().union(*(names_of(trained, group) for group in decaying)) == hidden | {"filter.weight"} | head
    everything = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(everything) == sorted(id(parameter) for parameter in trained.parameters())


def test_what_is_no_hidden_matrix_takes_the_steps_of_adamw() -> None:
    ours = model()
    optimizer = OptimizerBuilder().build("muon", ours, 0.01, weight_decay=0.1)
    names = {name for group in optimizer.param_groups if not group["orthogonal"] for name in names_of(ours, group)}
    assert {"embedding.weight", "head.weight", "norm.weight", "up.bias", "filter.weight"} <= names
    theirs = copy.deepcopy(ours)
    reference = torch.optim.AdamW(
        [
            {"params": [parameter], "weight_decay": 0.1 if name in ("head.weight", "filter.weight") else 0.0}
            for name, parameter in theirs.named_parameters()
            if name in names
        ],
        betas=(0.9, 0.95),
        fused=True,
    )
    gradients = torch.Generator().manual_seed(3)
    for step in range(5):
        for parameter, twin in zip(ours.parameters(), theirs.parameters(), strict=True):
            parameter.grad = torch.randn(parameter.shape, generator=gradients)
            twin.grad = parameter.grad.clone()
        for group in (*optimizer.param_groups, *reference.param_groups):
            group["lr"] = 0.01 / (1 + step)
        optimizer.step()
        reference.step()
    twins = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        assert torch.equal(parameter, twins[name]) == (name in names)


def iterated_in_double(matrix: Tensor) -> Tensor:
    """The same iteration the textbook way: one matrix, fp64, products written out, never transposed."""
    a, b, c = COEFFICIENTS
    x = matrix.double() / matrix.double().norm()
    for _ in range(5):
        gram = x @ x.T
        x = a * x + b * gram @ x + c * gram @ gram @ x
    return x


@pytest.mark.parametrize("shape", [(16, 16), (12, 40), (40, 12)])
def test_a_step_of_muon_is_the_iteration_in_double_precision_scaled(shape: tuple[int, int]) -> None:
    rates, momentum, decay = (0.02, 0.01, 0.03), 0.95, 0.1
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(shape, generator=generator)
    parameter, expected = nn.Parameter(start.clone()), start.double()
    optimizer = Muon([{"params": [parameter], "orthogonal": True}], weight_decay=decay)
    average = torch.zeros(shape, dtype=torch.float64)
    for rate in rates:
        gradient = torch.randn(shape, generator=generator)
        average = momentum * average + (1 - momentum) * gradient.double()
        nesterov = (1 - momentum) * gradient.double() + momentum * average
        expected = expected * (1 - rate * decay) - rate * 0.2 * max(shape) ** 0.5 * iterated_in_double(nesterov)
        parameter.grad = gradient
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    moved = (expected - start).norm()
    assert ((parameter.detach() - expected).norm() / moved).item() < 0.02


def test_an_update_has_singular_values_near_one_and_keeps_the_singular_vectors() -> None:
    generator = torch.Generator().manual_seed(2)
    matrices = torch.randn(3, 24, 64, generator=generator) * torch.tensor([1e-6, 1.0, 1e6])[:, None, None]
    updates = orthogonalised(matrices).double()
    values = torch.linalg.svdvals(updates)
    assert 0.6 < values.min() < values.max() < 1.25
    # What the singular vectors alone give is the nearest orthogonal matrix.
    left, _, right = torch.linalg.svd(matrices.double(), full_matrices=False)
    cosine = ((left @ right) * updates).sum((1, 2)) / (24**0.5 * updates.norm(dim=(1, 2)))
    assert cosine.min() > 0.97


def test_stacking_changes_no_update() -> None:
    generator = torch.Generator().manual_seed(4)
    together = [nn.Parameter(torch.randn(s, generator=generator)) for s in ((8, 20), (20, 8), (8, 20), (8, 8))]
    alone = [nn.Parameter(parameter.detach().clone()) for parameter in together]
    optimizers = [Muon([{"params": group, "orthogonal": True}], lr=0.1) for group in (together, *([p] for p in alone))]
    for parameter, twin in zip(together, alone, strict=True):
        parameter.grad = torch.randn(parameter.shape, generator=generator)
        twin.grad = parameter.grad.clone()
    for optimizer in optimizers:
        optimizer.step()
    for parameter, twin in zip(together, alone, strict=True):
        torch.testing.assert_close(parameter, twin, rtol=0, atol=2e-3)


def test_a_gradient_of_zeros_moves_nothing() -> None:
    parameter = nn.Parameter(torch.ones(4, 6))
    parameter.grad = torch.zeros(4, 6)
    Muon([{"params": [parameter], "orthogonal": True}], weight_decay=0.0).step()
    assert torch.equal(parameter, torch.ones(4, 6))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_parameter_without_a_gradient_is_left_alone(name: str) -> None:
    trained = model()
    before = copy.deepcopy(trained.state_dict())
    optimizer = OptimizerBuilder().build(name, trained, 0.1)
    trained.up.weight.grad = torch.ones(24, 8)
    optimizer.step()
    changed = {key for key, value in trained.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"up.weight"}


def test_the_optimizers_have_the_settings_that_their_papers_and_users_expect() -> None:
    def defaults(name: str) -> dict[str, Any]:
        return OptimizerBuilder().build(name, model(), 0.1).defaults

    assert defaults("sgd")["momentum"] == 0.9
    assert defaults("rmsprop")["alpha"] == 0.99
    assert defaults("muon")["momentum"] == 0.95
    assert OptimizerBuilder().build("adam", model(), 0.1, betas=(0.8, 0.9)).defaults["betas"] == (0.8, 0.9)


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "name": (lambda: OptimizerBuilder().build("lion", model(), 0.1), "'lion' is not known"),
    "setting": (lambda: OptimizerBuilder().build("muon", model(), 0.1, alpha=0.9), "refuses its settings.*alpha"),
    "value": (lambda: OptimizerBuilder().build("muon", model(), 0.1, momentum=1.0), "momentum is 1.0"),
    "frozen": (lambda: OptimizerBuilder().build("adamw", model().requires_grad_(False), 0.1), "no trainable"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_request_is_refused_in_words(case: str) -> None:
    build, words = WRONG[case]
    with pytest.raises(ConfigurationError, match=words):
        build()
