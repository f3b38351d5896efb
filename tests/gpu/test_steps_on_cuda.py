"""Steps on a CUDA device: read a step later, exact where that is promised, compiled, in every number format.

`python -m pytest -q -m gpu tests/gpu`; with no CUDA device all of it skips itself.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from domain.events import StepDropped, Warned
from infrastructure.container import Container
from infrastructure.training import stepping
from infrastructure.training.step import begin_step
from tests.fakes.ports import FakeMonitor, StopsAt
from tests.support.small_requests import request_for

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
TASKS = ("text_classification", "language_modeling", "sequence_to_sequence", "quantile_forecasting")
STEPS = {"batch_size": 4, "gradient_accumulation_steps": 2, "max_steps": 20, "eval_steps": 7, "logging_steps": 1}
each_task = pytest.mark.parametrize("task", TASKS)
hopper = pytest.mark.skipif(
    not torch.cuda.is_available() or torch.cuda.get_device_capability() < (9, 0), reason="needs Hopper"
)


def trained(task: str, place: Path, name: str, monitor: Any = None, **settings: Any) -> Path:
    known = {"device": "cuda", "precision": "fp32", "average_decay": 0.9, **STEPS, **settings}
    request = request_for(task, place, **known, output_dir=str(place / name))
    response = Container().train_model().execute(request, monitor or FakeMonitor())
    assert response.success or monitor is not None, response.errors
    return place / name


def losses(run: Path) -> list[float]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [line["value"] for line in lines if line["name"] == "train_loss"]


def weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


@each_task
def test_with_kernels_of_one_order_a_run_that_is_resumed_ends_with_the_same_bytes(task: str, tmp_path: Path) -> None:
    whole = trained(task, tmp_path, "whole", deterministic=True)
    again = trained(task, tmp_path, "again", deterministic=True)
    stopped = trained(task, tmp_path, "stopped", StopsAt(10), deterministic=True)
    assert Container().resume_training().execute(str(stopped)).success
    assert weights(whole) == weights(again) == weights(stopped)
    assert losses(whole) == losses(stopped)


@each_task
def test_losses_agree_from_run_to_run_and_with_those_of_a_processor(task: str, tmp_path: Path) -> None:
    on_gpu = losses(trained(task, tmp_path, "one"))
    assert losses(trained(task, tmp_path, "other")) == pytest.approx(on_gpu, rel=1e-4)
    assert losses(trained(task, tmp_path, "processor", device="cpu")) == pytest.approx(on_gpu, rel=1e-3)


def test_a_compiled_run_has_the_losses_of_one_that_is_not(tmp_path: Path) -> None:
    plain, monitor = losses(trained("language_modeling", tmp_path, "plain", compile="off")), FakeMonitor()
    for setting in ("on", "graphs"):
        run = trained(
            "language_modeling",
            tmp_path,
            setting,
            monitor,
            compile=setting,
            batch_size=8,
            gradient_accumulation_steps=1,
        )
        assert losses(run) == pytest.approx(plain, rel=1e-3)
    assert not [event for event in monitor.events if isinstance(event, Warned) and "compiled" in event.message]


@pytest.mark.parametrize("precision", ["tf32", "bf16", "fp16", pytest.param("fp8", marks=hopper)])
def test_every_format_learns(precision: str, tmp_path: Path) -> None:
    if precision == "fp8":
        pytest.importorskip("torchao")
    monitor = FakeMonitor()
    first, *_, last = losses(trained("language_modeling", tmp_path, precision, monitor, precision=precision))
    assert last < first
    assert not [event for event in monitor.events if isinstance(event, StepDropped)]


def test_nothing_between_two_steps_waits_for_the_device(tmp_path: Path) -> None:
    """Torch itself raises at what waits in a step, up to where its result is read."""
    begin, modes = begin_step, list[int]()

    def watched(*given: Any, **named: Any) -> Any:
        torch.cuda.set_sync_debug_mode("error" if len(modes) > 2 else "default")  # the first ones make what is kept
        modes.append(1)
        try:
            return begin(*given, **named)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepping, "begin_step", watched)
        trained("language_modeling", tmp_path, "run")
    assert len(modes) == 20
