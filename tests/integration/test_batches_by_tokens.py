"""Trainings whose steps are measured in tokens: memory that runs out, a resume, and other settings on the way."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from domain.events import MicroBatchHalved, Noted
from domain.step_size import TOKENS
from infrastructure.training import CheckpointManager
from tests.fakes.ports import FakeMonitor, StopsAt
from tests.support.command_line import athanor
from tests.support.tiny import file_of_rows
from tests.support.tiny_module import Net, rows, trainer, weights

# The longest rows have eight tokens: four of them, or thirty-two of the shortest, make a batch.
BY_TOKENS = {"batch_size": None, "batch_tokens": 32, "num_epochs": 4}


class Texts(list[tuple[Tensor, Tensor]]):
    """Rows of one to eight tokens."""

    lengths = np.arange(32) // 4 + 1


def learnt(out: Path, model: Net, monitor: Any = None, **settings: Any) -> Any:
    return trainer(model, out, monitor, training=Texts(rows()), **{**BY_TOKENS, **settings})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Tensor]:
    model = Net()
    assert learnt(tmp_path_factory.mktemp("undisturbed"), model).train()["steps"] == 20  # 144 tokens an epoch
    return weights(model)


def test_memory_that_runs_out_halves_the_tokens_at_once(tmp_path: Path, undisturbed: list[Tensor]) -> None:
    model, monitor = Net(9, "training"), FakeMonitor()
    learnt(tmp_path, model, monitor).train()
    halved = [event for event in monitor.events if isinstance(event, MicroBatchHalved)]
    assert [(event.micro_batch_size, event.unit) for event in halved] == [(16, TOKENS)]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(weights(model), undisturbed, strict=True))
    told = [event.message for event in monitor.events if isinstance(event, Noted)]
    assert told == ["a step sees about 32 tokens, on average 6 rows; an epoch has 5 steps."]


def test_a_stopped_and_resumed_run_ends_with_the_same_bytes(tmp_path: Path, undisturbed: list[Tensor]) -> None:
    learnt(tmp_path, Net(), StopsAt(7)).train()
    model = Net()
    assert learnt(tmp_path, model).train()["steps"] == 20
    assert all(torch.equal(a, b) for a, b in zip(weights(model), undisturbed, strict=True))


def test_a_run_may_change_from_rows_to_tokens_where_that_is_accepted(tmp_path: Path) -> None:
    trainer(Net(), tmp_path, StopsAt(6)).train()
    result = learnt(tmp_path, Net()).train(accept_changes=True)
    assert result["steps"] == 20
    state = CheckpointManager(tmp_path / "checkpoints").load_latest_checkpoint()
    assert state is not None
    assert state["extra"]["progress"]["micro_batch_size"] == 32


def test_a_dry_run_counts_in_tokens_and_a_row_that_is_too_long_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    words: list[object] = [
        "train",
        "--task",
        "text_classification",
        "--dataset",
        file_of_rows(tmp_path / "rows.json", 40),
    ]
    words += ["--model", "encoder-tiny", "--set", "vocab_size=300", "--precision", "fp32", "--output", tmp_path / "run"]
    planned = athanor(*words, "--set", "batch_tokens=64", "--dry-run")
    assert "64 tokens each and 64 at once" in planned.stdout
    refused = athanor(*words, "--set", "batch_tokens=6")
    assert refused.exit_code == 2
    assert "batch_tokens is 6, but the longest row has" in refused.stderr
    assert not (tmp_path / "run").exists()
