"""Memory that runs out costs time, never a wrong step: a step is applied once or not at all."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from domain.events import MicroBatchHalved, Warned
from domain.exceptions import TrainingError
from domain.generation import GenerationSettings
from infrastructure.memory import is_out_of_memory
from infrastructure.models.generation import generate_texts
from tests.fakes.ports import FakeMonitor
from tests.support import tiny_text
from tests.support.tiny_module import NUM_STEPS, Net, trainer, weights

LOST = torch.OutOfMemoryError("CUDA out of memory")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Tensor]:
    model = Net()
    trainer(model, tmp_path_factory.mktemp("undisturbed")).train()
    return weights(model)


def test_an_evaluation_that_does_not_fit_takes_fewer_rows_and_gives_the_same_scores(tmp_path: Path) -> None:
    monitor = FakeMonitor()
    wide = trainer(Net(), tmp_path / "wide").train()
    narrow = trainer(Net(3, "evaluation"), tmp_path / "narrow", monitor).train()
    assert narrow["best_metric"] == pytest.approx(wide["best_metric"], rel=1e-6)
    told = [event.message for event in monitor.events if isinstance(event, Warned)]
    assert [message for message in told if "2 rows at once" in message]
    assert len([message for message in told if "2 rows at once" in message]) == 1  # remembered, not found out anew


def test_the_size_of_an_evaluation_is_remembered_over_a_resume(tmp_path: Path) -> None:
    trainer(Net(3, "evaluation"), tmp_path, max_steps=NUM_STEPS, eval_steps=4).train()
    shutil.rmtree(tmp_path / "checkpoints" / f"step-{NUM_STEPS:08d}")
    model = Net(3, "evaluation")
    trainer(model, tmp_path, max_steps=NUM_STEPS, eval_steps=4).train()
    assert max(model.evaluated) == 2


def test_an_evaluation_of_a_single_row_that_does_not_fit_ends_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="in an evaluation with a single row at once"):
        trainer(Net(0, "evaluation"), tmp_path).train()


@pytest.mark.parametrize("applies", [False, True], ids=["before the weights moved", "behind them"])
@pytest.mark.parametrize("at", [1, 5])
def test_memory_lost_inside_the_update_applies_the_step_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: list[Tensor], applies: bool, at: int
) -> None:
    real, calls = torch.optim.AdamW.step, []

    def step(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) != at:
            return real(self, *arguments, **named)
        if applies:
            real(self, *arguments, **named)
        raise LOST

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    model, monitor = Net(), FakeMonitor()
    results = trainer(model, tmp_path, monitor).train()
    assert results["steps"] == NUM_STEPS
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(weights(model), undisturbed, strict=True))
    assert [event.micro_batch_size for event in monitor.events if isinstance(event, MicroBatchHalved)] == [4]
    assert any("inside the update" in warning for warning in results["warnings"])


def test_memory_lost_behind_the_update_in_the_average_takes_the_step_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = Net(), Net()
    trainer(whole, tmp_path / "whole", average_decay=0.9).train()
    real, calls = torch._foreach_lerp_, []

    def lerp(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise LOST
        return real(*arguments)

    monkeypatch.setattr(torch, "_foreach_lerp_", lerp)
    trainer(broken, tmp_path / "broken", average_decay=0.9).train()
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(weights(whole), weights(broken), strict=True))


def test_an_update_that_never_fits_ends_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(self: Any, *arguments: Any, **named: Any) -> Any:
        raise LOST

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(TrainingError, match="memory ran out at step 0"):
        trainer(Net(), tmp_path).train()


def test_a_state_that_cannot_be_copied_is_saved_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: list[Tensor]
) -> None:
    real = Tensor.to

    def to(self: Tensor, *arguments: Any, **named: Any) -> Any:
        if named.get("copy"):
            raise LOST
        return real(self, *arguments, **named)

    monkeypatch.setattr(Tensor, "to", to)
    model = Net()
    trainer(model, tmp_path).train()
    assert all(torch.equal(a, b) for a, b in zip(weights(model), undisturbed, strict=True))
    assert list((tmp_path / "checkpoints").glob("step-*"))


@pytest.mark.parametrize("place", ["to", "load_state_dict"])
def test_memory_lost_where_nothing_can_be_halved_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    trainer(Net(), tmp_path, max_steps=4).train()

    def lost(*arguments: Any, **named: Any) -> Any:
        raise LOST

    monkeypatch.setattr(nn.Module, place, lost)
    with pytest.raises(TrainingError, match="memory ran out"):
        trainer(Net(), tmp_path, max_steps=4).train()


def test_what_torch_and_its_libraries_say_of_lost_memory_is_understood() -> None:
    said = (
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    )
    assert all(is_out_of_memory(RuntimeError(words)) for words in said)
    assert not is_out_of_memory(RuntimeError("CUDA error: an illegal memory access was encountered"))


def test_texts_are_written_in_smaller_parts_and_stay_the_same(tmp_path: Path) -> None:
    ready = tiny_text.ready("language_modeling", tmp_path)
    tokens, model = ready.tokenizer, ready.model.eval()
    prompts = [tokens(text)["input_ids"] for text in ("a b", "b c", "c d", "d e f", "e")]
    settings = GenerationSettings(max_new_tokens=4)
    expected = generate_texts(model, tokens, prompts, settings)

    def limited(module: nn.Module, inputs: Any, named: Mapping[str, Any]) -> None:
        if len(named["input_ids"]) > 2:
            raise torch.OutOfMemoryError

    model.register_forward_pre_hook(limited, with_kwargs=True)
    assert generate_texts(model, tokens, prompts, settings) == expected
