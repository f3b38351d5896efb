"""Two ranks that share the rows of a step find together the gradient that one finds alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from application.training_request import TrainModelRequest
from infrastructure.models.attention import use_fast_attention
from infrastructure.tasks.registry import kind_of
from tests.support import tiny, tiny_series, tiny_text
from tests.support.finished_models import TASKS
from tests.support.mathematics import CPU, batch_of, gradients, relative_difference

PACKED = {"packing": True, "max_length": 192}


def request(task: str, directory: Path) -> TrainModelRequest:
    if task in tiny_series.SERIES_TASKS:
        return tiny_series.request(task, directory)
    if task in (tiny_text.MASKED, *tiny_text.TEXT_TASKS):
        return tiny_text.request(task, directory, **({} if task == "language_modeling" else PACKED))
    return tiny.request(directory, "run")


@pytest.mark.parametrize("task", TASKS)
def test_the_gradients_of_two_ranks_add_up_to_those_of_one(task: str, tmp_path: Path) -> None:
    """Each task as its own kind loads, builds and prepares it, with attention as a run sets it."""
    wanted, kind = request(task, tmp_path).resolved(), kind_of(task)
    data: Any = kind.load(wanted)
    bundle = kind.build(wanted, data, tmp_path / "no tokenizer kept")
    prepared = kind.prepare(wanted, bundle, data)
    model: Any = bundle.model
    without_dropout(model)
    use_fast_attention(model, CPU)
    one = gradients(model, prepared.adapter, batch_of(prepared.train, prepared.adapter, 8))
    parts = [batch_of(prepared.train, prepared.adapter, 4, rank=rank, world_size=2) for rank in (0, 1)]
    targets = sum(part.num_targets for part in parts)  # which ranks that have met tell each other
    two = [gradients(model, prepared.adapter, replace(part, num_targets=targets)) for part in parts]
    assert relative_difference(two[0], one) > 0.1  # or each rank would have seen every row
    assert relative_difference([a + b for a, b in zip(*two, strict=True)], one) < 1e-6


def without_dropout(model: torch.nn.Module) -> None:
    """Switch off what draws a mask of its own for each micro-batch."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
