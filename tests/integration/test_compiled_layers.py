"""Layers are compiled for passes that learn, where the steps pay for it; a compiler that fails costs a warning."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from domain.config import TrainingConfig
from infrastructure.parallel.replicas import Replicated
from infrastructure.parallel.strategy import SINGLE
from infrastructure.training import AdvancedTrainer, CheckpointManager, DatasetLoader, compiling
from infrastructure.training.compiling import STEPS_THAT_PAY, compiled_layers
from tests.fakes.ports import StopsAt
from tests.support import tiny

CUDA, CPU = torch.device("cuda"), torch.device("cpu")
LOOP = {"max_steps": 4, "eval_steps": 2, "batch_size": 8, "precision": "fp32", "learning_rate": 1e-3}


class Compiler:
    """Takes the place of torch's: notes of each pass whether it learns, and fails when it is called so often."""

    def __init__(self, fails_at: int = -1) -> None:
        self.passes: list[bool] = []
        self.options: list[dict[str, Any]] = []
        self._fails_at = fails_at

    def __call__(self, call: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        self.options.append(options)

        def compiled(*given: Any, **named: Any) -> Any:
            self.passes.append(torch.is_grad_enabled())
            if len(self.passes) == self._fails_at:
                from torch._dynamo.exc import TorchDynamoException

                raise TorchDynamoException("no compiler is here\nand much more")
            return call(*given, **named)

        return compiled


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Any:
    place = tmp_path_factory.mktemp("rows")
    return DatasetLoader(tiny.file_of_rows(place / "rows.json"), tiny.tokenizer(), max_length=64).load()


def trained(dataset: Any, out: Path, monitor: Any = None, **settings: Any) -> Any:
    model = tiny.model(tiny.tokenizer())
    return AdvancedTrainer(model, dataset, dataset, out, monitor=monitor, **{**LOOP, **settings}).train()


def weights(out: Path) -> bytes:
    return (out / "model" / "model.safetensors").read_bytes()


def test_passes_that_learn_take_the_compiled_way_and_no_others(
    dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = Compiler()
    monkeypatch.setattr(compiling, "compiled_call", compiler)
    trained(dataset, tmp_path / "off", compile="off")
    assert not compiler.options
    trained(dataset, tmp_path / "on", compile="on")
    num_layers = len(compiler.options)
    assert num_layers > 0
    assert compiler.passes == [True] * 4 * num_layers
    assert weights(tmp_path / "on") == weights(tmp_path / "off")


@pytest.mark.parametrize("fails_at", [1, 6])
def test_a_compiler_that_fails_costs_a_warning(
    fails_at: int, dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(dataset, tmp_path / "off")
    monkeypatch.setattr(compiling, "compiled_call", Compiler(fails_at))
    result = trained(dataset, tmp_path / "on", compile="on")
    (told,) = [word for word in result.warnings if "compiled" in word]
    assert told.endswith("on: no compiler is here")
    assert weights(tmp_path / "on") == weights(tmp_path / "off")


def test_a_run_that_goes_on_without_says_what_differs(
    dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "compiled_call", Compiler())
    trained(dataset, tmp_path, StopsAt(3), compile="on")
    state = CheckpointManager(tmp_path / "checkpoints").load_latest_checkpoint()
    assert state is not None
    assert state["extra"]["machine"]["compiled"] is True
    result = trained(dataset, tmp_path, compile="off")
    assert any("compiled True then, False now" in word for word in result.warnings)


@pytest.mark.parametrize(
    ("setting", "device", "steps", "rows", "found"),
    [
        ("auto", CUDA, STEPS_THAT_PAY, [3, 3], "compiled"),
        ("auto", CUDA, STEPS_THAT_PAY - 1, [3, 3], "plain"),
        ("auto", CPU, STEPS_THAT_PAY, [3, 3], "plain"),
        ("on", CPU, 1, [3, 4], "compiled"),
        ("off", CUDA, STEPS_THAT_PAY, [3, 3], "plain"),
        ("graphs", CUDA, 1, [3, 3], "with graphs"),
        ("graphs", CUDA, 1, [3, 4], "compiled"),
        ("graphs", CPU, 1, [3, 3], "compiled"),
    ],
)
def test_what_is_compiled(
    setting: str, device: torch.device, steps: int, rows: Sequence[int], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "compiled_call", lambda call, **options: call)
    items = [{"input_ids": [1] * length} for length in rows]
    config = TrainingConfig(compile=setting)

    def way_of(model: nn.Module, parallel: Any, config: TrainingConfig = config) -> str:
        layers = compiled_layers(model, device, parallel, config, steps, items)
        return "plain" if layers is None else "with graphs" if layers.graphs else "compiled"

    model = tiny.model(tiny.tokenizer())
    assert way_of(model, SINGLE) == found
    assert way_of(nn.Linear(2, 2), SINGLE) == "plain"  # no layers that can be told
    if found == "with graphs":
        assert way_of(model, SINGLE, TrainingConfig(compile=setting, gradient_accumulation_steps=2)) == "compiled"
    monkeypatch.setattr(Replicated, "devices", lambda self, device: [device, device])
    assert way_of(model, Replicated()) == "plain"
