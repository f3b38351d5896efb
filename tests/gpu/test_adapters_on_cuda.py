"""Adapters beside weights in bf16, in 8 and in 4 bits, on a CUDA device: trained, kept, opened again.

`python -m pytest -q -m gpu tests/gpu` takes about a minute; with no CUDA device all of it skips itself.
"""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from infrastructure.container import Container
from infrastructure.predictors import PredictorSource
from infrastructure.tasks.registry import kind_of
from infrastructure.training.session import open_session
from tests.fakes.ports import StopsAt
from tests.support.adapted import asked, base_of, built, learnt, logits_of

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
# Wide enough for the kernels of 8 bits.
WIDE: dict[str, dict[str, int]] = {
    "bert": {"hidden_size": 64, "intermediate_size": 128},
    "llama": {"hidden_size": 64, "intermediate_size": 128},
    "gpt2": {"n_embd": 64, "n_head": 4},
}
PLAIN: dict[str, Any] = {
    "bert": AutoModelForSequenceClassification, "llama": AutoModelForCausalLM, "gpt2": AutoModelForCausalLM,
}  # fmt: skip
PACKED = {"8bit": torch.int8, "4bit": torch.uint8}
WAYS = [("lora", "none"), ("dora", "none"), ("lora", "8bit"), ("lora", "4bit"), ("dora", "4bit")]
each = pytest.mark.parametrize("name", PLAIN)
each_way = pytest.mark.parametrize(("adapter", "quantize"), WAYS)


def wanted(name: str, tmp: Path, adapter: str, quantize: str, **settings: Any) -> Any:
    base = tmp / "base"
    if not base.exists():
        base_of(name, base, **WIDE[name])
    if quantize != "none":
        pytest.importorskip("bitsandbytes")
    known = {"precision": "bf16", "max_steps": 6, "eval_steps": 3, "save_steps": 3, "batch_size": 4, "device": "cuda"}
    return asked(base, name, tmp, adapter=adapter, quantize=quantize, keep_checkpoints=True, **{**known, **settings})


@each
@each_way
def test_a_run_ends_with_a_model_that_opens_in_plain_transformers(
    name: str, adapter: str, quantize: str, tmp_path: Path
) -> None:
    response = Container().train_model().execute(wanted(name, tmp_path, adapter, quantize))
    assert response.success, response.errors
    assert math.isfinite(response.final_metrics["loss"])
    plain, told = PLAIN[name].from_pretrained(tmp_path / "run" / "model", output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    assert plain.dtype == torch.float32
    assert "quantization_config" not in plain.config.to_dict()
    assert bool(torch.isfinite(logits_of(plain)).all())
    for checkpoint in (tmp_path / "run" / "checkpoints").glob("step-*"):
        held = load_file(checkpoint / "model.safetensors")
        assert all(".lora_" in entry or entry.startswith("classifier.") for entry in held), sorted(held)[:3]


@each
@each_way
def test_an_adapter_kept_alone_is_scored_beside_its_base(
    name: str, adapter: str, quantize: str, tmp_path: Path
) -> None:
    request = wanted(name, tmp_path, adapter, quantize, merge_adapter=False)
    response = Container().train_model().execute(request)
    assert response.success, response.errors
    assert (tmp_path / "run" / "model" / "adapter_config.json").is_file()
    found = PredictorSource().open(str(tmp_path / "run"), "cuda").evaluate(str(request.dataset_path))
    assert math.isfinite(found.metrics["loss"])


@each
@pytest.mark.parametrize("quantize", ["none", "8bit", "4bit"])
def test_a_stopped_run_goes_on(name: str, quantize: str, tmp_path: Path) -> None:
    stopped = (
        Container().train_model().execute(wanted(name, tmp_path, "lora", quantize, adapter_dropout=0.1), StopsAt(4))
    )
    assert stopped.stop_reason == "cancelled"
    resumed = Container().resume_training().execute(str(tmp_path / "run"))
    assert resumed.success, resumed.errors


@each
@pytest.mark.parametrize("quantize", PACKED)
def test_weights_are_packed_and_the_merged_model_answers_alike(name: str, quantize: str, tmp_path: Path) -> None:
    """8 bits round what goes into a layer too, so there the merged model differs by more."""
    bundle = built(wanted(name, tmp_path, "lora", quantize, precision="fp32"))
    model = learnt(bundle.model)
    kinds = {parameter.dtype for parameter in model.parameters() if not parameter.requires_grad}
    assert PACKED[quantize] in kinds
    assert all(one.device.type == "cuda" and (one.dtype == torch.float32 or not one.requires_grad)
               for one in model.parameters())  # fmt: skip
    expected = logits_of(model).cpu()
    bundle.save(tmp_path / "merged", {})
    found = logits_of(PLAIN[name].from_pretrained(tmp_path / "merged"))
    tolerance = {"8bit": 5e-2, "4bit": 2e-3}[quantize]
    assert float((found - expected).abs().max()) < tolerance * float(expected.abs().max())


def test_frozen_matrices_are_bf16_and_what_is_trained_is_fp32(tmp_path: Path) -> None:
    request = wanted("llama", tmp_path, "lora", "none")
    training = request.resolved()
    bundle = built(request)
    data = kind_of(training.task).load(training)
    prepared = kind_of(training.task).prepare(training, bundle, data)
    session = open_session(bundle.model, prepared.adapter, training.training_config(), bundle.base)
    frozen = [one for one in session.model.parameters() if not one.requires_grad and one.dim() > 1]
    assert {one.dtype for one in frozen} == {torch.bfloat16}
    assert {one.dtype for one in session.model.parameters() if one.requires_grad} == {torch.float32}
