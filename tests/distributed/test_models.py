"""Whatever a model is made of, two ranks learn what one learns, and both end with the same weights."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from infrastructure.parallel.ranks import ranks_of_this_process
from infrastructure.training import AdvancedTrainer
from tests.support.adapted import asked, base_of
from tests.support.once import once
from tests.support.ranks import in_ranks
from tests.support.resuming import metrics_of
from tests.support.small_requests import request_for

ROWS = [(torch.tensor([math.sin(row), row % 7 / 7, row / 40]), torch.tensor([row % 3 / 2])) for row in range(40)]
STEPS: dict[str, Any] = {"max_steps": 4, "eval_steps": 2, "save_steps": 4, "logging_steps": 1, "batch_size": 2}
STEPS |= {"gradient_accumulation_steps": 4}


class Sometimes(nn.Module):
    """Uses one layer for all rows, one for few of them, one never, and one that is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.always, self.seldom, self.never = nn.Linear(3, 1), nn.Linear(3, 1), nn.Linear(3, 1)
        self.frozen = nn.Linear(1, 1).requires_grad_(False)

    def forward(self, rows: Tensor) -> Tensor:
        found = self.always(rows)
        if bool((late := rows[:, 2] > 0.8).any()):
            found = found.index_add(0, late.nonzero()[:, 0], self.seldom(rows[late]))
        answers: Tensor = self.frozen(found)
        return answers


class Turned(nn.Module):
    """Has one weight twice, and one that does not lie in memory in its own order."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.back, self.out = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 1)
        self.back.weight = self.into.weight
        self.turned = nn.Parameter(torch.randn(3, 3).t())

    def forward(self, rows: Tensor) -> Tensor:
        answers: Tensor = self.out(self.back(torch.tanh(self.into(rows))) @ self.turned)
        return answers


class Counting(nn.Module):
    """Lets what it has seen so far decide, as statistics of batches do."""

    level: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        self.register_buffer("level", torch.zeros(3))

    def forward(self, rows: Tensor) -> Tensor:
        if self.training:
            self.level.lerp_(rows.detach().mean(0), 0.1)
        answers: Tensor = self.inner(rows - self.level)
        return answers


PLAIN: Mapping[str, tuple[Callable[[], nn.Module], dict[str, Any]]] = {
    "used at times": (Sometimes, {"weight_decay": 0.1}),
    "used at times, bf16": (Sometimes, {"precision": "bf16"}),
    "used at times, fp16": (Sometimes, {"precision": "fp16"}),
    "averaged": (Sometimes, {"average_decay": 0.9}),
    "muon": (Turned, {"optimizer": "muon"}),
    "tied and turned": (Turned, {"weight_decay": 0.1}),
}
TEXTS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "layer decay": ("text_classification", {"layer_decay": 0.7}),
    "checkpointed, muon": ("language_modeling", {"gradient_checkpointing": True, "average_decay": 0.9}),
}
TUNED: Mapping[str, dict[str, Any]] = {
    "frozen": {"adapter": "none", "freeze": "all_but_head"},
    "lora": {"adapter": "lora", "adapter_dropout": 0.1},
    "dora": {"adapter": "dora"},
}
# Muon turns a matrix into one of full rank in 16 bits, which makes more of the last bits.
NEAR: Mapping[str, dict[str, Any]] = {
    "used at times, bf16": {"abs": 2e-2},
    "used at times, fp16": {"abs": 2e-2},
    "checkpointed, muon": {"rel": 1e-4, "abs": 1e-5},
}
NAMES = (*PLAIN, *TEXTS, *TUNED)


def learnt(requests: Mapping[str, dict[str, Any]], directory: str) -> dict[str, Any]:
    """Train all of them in this rank; gives of each what was logged, on the first, and all numbers of the model."""
    place, found = Path(directory), {}
    for name, (build, settings) in {**PLAIN, "counting": (Counting, {})}.items():
        torch.manual_seed(3 + ranks_of_this_process().rank)  # all begin with those of the first
        model = build()
        given = {"precision": "fp32", "device": "cpu", "learning_rate": 1e-2, **STEPS, **settings}
        AdvancedTrainer(model, ROWS, ROWS[:9], place / name, loss_function=nn.functional.mse_loss, **given).train()
        found[name] = {"logged": _logged(place / name), "numbers": _numbers(model.state_dict())}
    for name, settings in requests.items():
        response = Container().train_model().execute(TrainModelRequest(**settings, output_dir=str(place / name)))
        assert response.success, response.errors
        found[name] = {"logged": _logged(place / name), "scores": response.final_metrics["loss"]}
    return found


def _logged(run: Path) -> list[float]:
    if not ranks_of_this_process().is_first:
        return []
    chosen = ("train_loss", "grad_norm", "eval_loss")
    return [value for name, value, _ in metrics_of(run) if name in chosen]


def _numbers(state: Mapping[str, Tensor]) -> list[float]:
    return torch.cat([tensor.flatten().double() for tensor in state.values()]).tolist()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Any]:
    found, tmp = once(tmp_path_factory, "models", _learnt_by_one_and_two)
    return {1: found[0], 2: found[1], "said": [file.read_text() for file in (tmp / "answers2").glob("*/stderr")]}


def _learnt_by_one_and_two(tmp: Path) -> list[Any]:
    asked_for = {
        name: request_for(task, tmp / task, precision="fp32", **STEPS, **settings)
        for name, (task, settings) in TEXTS.items()
    }
    base = base_of("bert", tmp / "base")
    asked_for |= {name: asked(base, "bert", tmp, **STEPS, **settings) for name, settings in TUNED.items()}
    requests = {
        name: one.model_dump(mode="json", exclude_unset=True, exclude={"output_dir"}) for name, one in asked_for.items()
    }
    return [
        in_ranks(size, learnt, tmp / f"answers{size}", requests=requests, directory=str(tmp / f"runs{size}"))
        for size in (1, 2)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_two_ranks_learn_what_one_learns(name: str, found: dict[Any, Any]) -> None:
    alone, first = found[1][0][name], found[2][0][name]
    near: dict[str, Any] = NEAR.get(name, {"rel": 1e-5, "abs": 1e-5})
    assert len(alone["logged"]) >= 10
    assert first["logged"] == pytest.approx(alone["logged"], **near)
    if "numbers" in alone:
        assert first["numbers"] == pytest.approx(alone["numbers"], **near)


@pytest.mark.parametrize("name", [*NAMES, "counting"])
def test_both_ranks_end_with_the_same(name: str, found: dict[Any, Any]) -> None:
    first, second = (rank[name] for rank in found[2])
    assert {**first, "logged": []} == {**second, "logged": []}
    assert not second["logged"]


def test_torch_has_nothing_to_say_of_it(found: dict[Any, Any]) -> None:
    assert found["said"] == ["", ""]
