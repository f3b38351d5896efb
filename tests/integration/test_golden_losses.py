"""Twenty losses of each task, in fp32 on a CPU: what a change of arithmetic, however small, would alter.

Written by `python -m tests.integration.test_golden_losses`; a change that alters them says why in CHANGELOG.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from pyarrow import parquet

from application.training_request import TrainModelRequest
from benchmarks.sides import processor
from domain.events import StepCompleted
from domain.task import TASKS
from infrastructure.container import Container
from tests.fakes.ports import FakeMonitor
from tests.support import tiny_series
from tests.support.resuming import reports_left_out
from tests.support.tiny_text import MASKED, PRESETS, file_for

GOLDEN = Path(__file__).with_name("golden_losses.json")
STEPS = 20
# Threads share a sum, and its last bit depends on how many they are: the losses belong to this number of them.
THREADS = 2
# On another processor. The products of Muon are in bf16, whose last bit is a share of 1/256 and rounds otherwise there.
ELSEWHERE, ELSEWHERE_WITH_MUON = 1e-4, 5e-4
# Ways to train a part of a model, each tried on one task.
PARTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "frozen layers": ("security_classification", {"freeze": 1, "layer_decay": 0.8}),
    "an adapter": ("code_generation", {"adapter": "dora", "adapter_rank": 4, "adapter_dropout": 0.1}),
}


def losses_of(case: str, directory: Path) -> list[float]:
    """Train twenty steps and give the loss of each; classifiers learn from shipped data, of code a small part.

    Quick and without a report: what a run does behind its last step takes longer than the steps and alters none.
    """
    task, part = PARTS.get(case, (case, {}))
    settings: dict[str, Any] = {"model_name": "encoder-tiny", "vocab_size": 1000, "max_length": 64}
    if task == "security_classification":
        settings["dataset_path"] = str(some_functions(directory))
    if task in PRESETS:
        # The default data is the interpreter's own library, which the next version changes.
        directory.mkdir(parents=True, exist_ok=True)
        settings = {"model_name": PRESETS[task], "vocab_size": 330, "max_length": 64}
        settings["dataset_path"] = str(file_for(task, directory))
    if task == MASKED:
        directory.mkdir(parents=True, exist_ok=True)
        settings |= {"vocab_size": 330, "dataset_path": str(file_for(task, directory))}
    if task in ("code_generation", "instruction_tuning", "sequence_to_sequence"):
        settings["sample_rows"] = 0
    if task in tiny_series.SETTINGS:
        settings = tiny_series.request(task, directory).model_dump(include=tiny_series.OF_A_TABLE)
    request = TrainModelRequest(
        task=task, precision="fp32", max_steps=STEPS, eval_steps=STEPS, logging_steps=1, batch_size=4,
        gradient_accumulation_steps=2, quick=True, output_dir=str(directory / "run"), **settings, **part,
    )  # fmt: skip
    monitor = FakeMonitor()
    with threads(THREADS), reports_left_out():
        response = Container().train_model().execute(request, monitor)
    assert response.success, response.errors
    return [event.loss for event in monitor.events if isinstance(event, StepCompleted)]


def some_functions(directory: Path) -> Path:
    """Take of the shipped functions each tenth pair of twins: to learn a vocabulary of all took most of the time."""
    directory.mkdir(parents=True, exist_ok=True)
    table = parquet.read_table("data/security_validation.parquet")
    parquet.write_table(
        table.take([row for row in range(len(table)) if row // 2 % 10 == 0]), directory / "some.parquet"
    )
    return directory / "some.parquet"


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch reckon with a number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def machine() -> dict[str, str]:
    kernels = torch.backends.cpu.get_cpu_capability()
    return {"torch": torch.__version__, "cpu": kernels, "processor": processor()}  # some kernels differ by its maker


@pytest.mark.parametrize("case", [*TASKS, *PARTS])
def test_the_losses_are_the_golden_ones(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).resolve().parents[2])
    golden: dict[str, Any] = json.loads(GOLDEN.read_text())
    losses = losses_of(case, tmp_path)
    if golden["machine"] == machine():
        assert losses == golden["losses"][case]
    else:
        assert losses == pytest.approx(
            golden["losses"][case], rel=ELSEWHERE_WITH_MUON if case in PRESETS else ELSEWHERE
        )


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        written = {case: losses_of(case, Path(scratch) / case) for case in (*TASKS, *PARTS)}
    GOLDEN.write_text(json.dumps({"machine": machine(), "losses": written}, indent=1) + "\n")
