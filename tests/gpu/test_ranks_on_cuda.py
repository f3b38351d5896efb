"""Ranks on GPUs that meet by NCCL learn what one process learns; what they agree on goes over gloo.

`python -m pytest -q -m gpu tests/gpu`; with no CUDA device all of it skips itself, and what needs two with one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from infrastructure.parallel.ranks import ranks_of_this_process
from tests.support.ranks import in_ranks
from tests.support.small_requests import request_for

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
TASKS: Mapping[str, dict[str, Any]] = {
    "text_classification": {"class_weights": "balanced", "word_dropout": 0.2},
    "language_modeling": {"gradient_checkpointing": True},
    "sequence_to_sequence": {"packing": True},
    "quantile_forecasting": {},
}
STEPS = {"batch_size": 2, "gradient_accumulation_steps": 4, "max_steps": 6, "eval_steps": 3, "logging_steps": 1}
num_ranks = pytest.mark.parametrize(
    "size",
    [
        1,
        pytest.param(2, marks=pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")),
    ],
)


def trained(requests: Mapping[str, dict[str, Any]], directory: str, parallel: str) -> dict[str, Any]:
    found = {}
    for task, settings in requests.items():
        run = str(Path(directory) / task)
        request = TrainModelRequest(**settings, output_dir=run, parallel=parallel)
        response = Container().train_model().execute(request)
        assert response.success, response.errors
        found[task] = [response.parallel, response.num_devices, response.final_metrics["loss"]]
    return found


def agreed() -> dict[str, Any]:
    """Ask all questions while a tensor of the GPU is added up too."""
    ranks = ranks_of_this_process()
    torch.cuda.set_device(ranks.launch.local_rank)
    there = torch.ones(3, device="cuda")
    dist.all_reduce(there)
    return {
        "backend": str(dist.get_backend_config()),
        "tensor": there.tolist(),
        "summed": ranks.summed(1.0),
        "of_first": ranks.of_first({"rank": ranks.rank}),
        "gathered": list(ranks.gathered(ranks.rank)),
        "any": ranks.any(ranks.rank == ranks.size - 1),
        "memory": torch.cuda.memory_allocated() < 2**20,
    }


@num_ranks
def test_questions_are_answered_beside_nccl(size: int, tmp_path: Path) -> None:
    for answer in in_ranks(size, agreed, tmp_path):
        assert "cpu:gloo" in answer["backend"]
        assert "cuda:nccl" in answer["backend"]
        assert answer["tensor"] == [size] * 3
        assert answer["summed"] == [size]
        assert answer["of_first"] == {"rank": 0}
        assert answer["gathered"] == list(range(size))
        assert answer["any"]


@num_ranks
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_ranks_learn_what_one_process_learns(parallel: str, size: int, tmp_path: Path) -> None:
    requests = {
        task: request_for(task, tmp_path / task, precision="fp32", device="cuda", **STEPS, **settings)
        for task, settings in TASKS.items()
    }
    given = {
        task: one.model_dump(mode="json", exclude_unset=True, exclude={"output_dir"}) for task, one in requests.items()
    }
    alone = trained(given, str(tmp_path / "alone"), "single")
    told = in_ranks(
        size, trained, tmp_path / "answers", requests=given, directory=str(tmp_path / "ranks"), parallel=parallel
    )
    assert told[0] == told[-1]
    for task in TASKS:
        assert told[0][task][:2] == [parallel, size]
        assert told[0][task][2] == pytest.approx(alone[task][2], abs=1e-4)
        weights, expected = (
            load_file(tmp_path / run / task / "model" / "model.safetensors") for run in ("ranks", "alone")
        )
        # Where a gradient is near 0 a step of the optimizer has its size, whatever the last bits of it are.
        for name, tensor in expected.items():
            torch.testing.assert_close(weights[name], tensor, rtol=1e-3, atol=1e-3, msg=name)
