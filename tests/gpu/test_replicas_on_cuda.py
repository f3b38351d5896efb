"""One process and all of its GPUs: copies of a model learn what the model alone would.

`python -m pytest -q -m gpu tests/gpu`; with fewer than two CUDA devices all of it skips itself.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from infrastructure.container import Container
from tests.support.small_requests import request_for

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")]


@pytest.mark.parametrize(
    ("task", "settings"),
    [
        ("text_classification", {"class_weights": "balanced", "average_decay": 0.9}),
        ("language_modeling", {"gradient_checkpointing": True}),
        ("sequence_to_sequence", {"packing": True}),
        ("quantile_forecasting", {}),
    ],
)
def test_all_gpus_end_with_the_weights_of_one(task: str, settings: dict[str, Any], tmp_path: Path) -> None:
    sizes = {"batch_size": 2, "gradient_accumulation_steps": 4, "max_steps": 6, "eval_steps": 3, "device": "cuda"}
    ends = []
    for parallel in ("single", "data_parallel"):
        run = tmp_path / parallel
        request = request_for(
            task, tmp_path / "data", output_dir=str(run), precision="fp32", parallel=parallel, **sizes, **settings
        )
        response = Container().train_model().execute(request)
        assert response.success, response.errors
        assert not any("changes nothing" in warning for warning in response.warnings)
        ends.append(load_file(run / "model" / "model.safetensors"))
    # An optimizer step has about the size of the learning rate wherever a gradient is near 0, whatever its last bits.
    for name, tensor in ends[0].items():
        torch.testing.assert_close(ends[1][name], tensor, rtol=1e-3, atol=1e-3, msg=name)
    assert torch.cuda.max_memory_allocated(1) > 0
