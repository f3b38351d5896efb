"""Adapters keep the guarantees: the same gradients however a step is cut, the same bytes after a kill, small states."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, BertConfig

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from infrastructure.data.feed import Feed
from infrastructure.models.adapters.frozen_format import keep_frozen_in
from infrastructure.models.adapters.layers import adapted_layers, lora_config, put_in
from infrastructure.models.adapters.merging import plain_state, saved_bytes
from infrastructure.models.adapters.targets import chosen_layers, parts_of
from infrastructure.models.freezing import frozen_base
from infrastructure.predictors import PredictorSource
from infrastructure.tasks.adapter import lengths_of
from infrastructure.training.optimizers import OptimizerBuilder, state_bytes
from infrastructure.training.trained_part import TrainedPart
from tests.fakes.ports import StopsAt
from tests.support.adapted import asked, base_of, built, learnt, logits_of
from tests.support.mathematics import STEP, batch_of, gradients, relative_difference
from tests.support.resuming import bytes_of, killed_and_resumed, metrics_of, reports_left_out, stopped_and_resumed
from tests.support.tiny_architectures import model_of
from tests.support.tiny_text import Ready, ready

# An epoch has 9 steps or so, and none of these falls on its end; dropout is on in the base and in the adapter.
RUN: dict[str, Any] = {
    "adapter_dropout": 0.2, "average_decay": 0.9, "batch_size": 4, "gradient_accumulation_steps": 2, "max_steps": 14,
    "save_steps": 4, "eval_steps": 5, "logging_steps": 3, "early_stopping_patience": 0, "learning_rate": 1e-2,
}  # fmt: skip
# Of each the adapter, the number format and what else is special.
RUNS: dict[str, dict[str, Any]] = {
    "bert": {"gradient_checkpointing": True},
    "llama": {"adapter": "dora", "precision": "bf16", "packing": True, "merge_adapter": False},
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("bases")
    return {name: base_of(name, home / name) for name in (*RUNS, "gpt2")}


def wanted(name: str, bases: dict[str, Path], tmp: Path, **changes: Any) -> TrainModelRequest:
    return asked(bases[name], name, tmp, **{**RUN, **RUNS[name], **changes})


@pytest.fixture(scope="module", params=RUNS)
def whole(
    request: pytest.FixtureRequest, bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A run that nobody stopped, with all that it has written on its way."""
    tmp = tmp_path_factory.mktemp("whole")
    response = Container().train_model().execute(wanted(request.param, bases, tmp, keep_checkpoints=True))
    assert response.success, response.errors
    return request.param, tmp / "run"


def kept(run: Path) -> str:
    """Digest what a run has kept, a model or an adapter."""
    alone = run / "model" / "adapter_model.safetensors"
    return alone.read_bytes().hex() if alone.exists() else bytes_of(run)


@pytest.mark.parametrize("whole", ["llama"], indirect=True)
def test_a_run_killed_in_mid_epoch_ends_with_the_same_bytes(
    whole: tuple[str, Path], bases: dict[str, Path], tmp_path: Path
) -> None:
    name, run = whole
    with reports_left_out():
        killed_and_resumed(wanted(name, bases, tmp_path), "step-00000004")
    assert kept(tmp_path / "run") == kept(run)
    assert metrics_of(tmp_path / "run") == metrics_of(run)


def test_a_stopped_run_goes_on_to_the_same_bytes(
    whole: tuple[str, Path], bases: dict[str, Path], tmp_path: Path
) -> None:
    name, run = whole
    with reports_left_out():
        stopped_and_resumed(wanted(name, bases, tmp_path), 7)
    assert kept(tmp_path / "run") == kept(run)
    assert metrics_of(tmp_path / "run") == metrics_of(run)


def test_states_hold_the_adapter_and_the_head_alone(whole: tuple[str, Path]) -> None:
    _, run = whole
    for state in (run / "checkpoints").glob("step-*"):
        held = load_file(state / "model.safetensors")
        assert held
        assert not [one for one in held if ".lora_" not in one and not one.startswith("classifier.")]
        assert {tensor.dtype for tensor in held.values()} == {torch.float32}


@pytest.mark.parametrize("whole", ["bert"], indirect=True)
def test_the_page_says_how_much_is_trained(whole: tuple[str, Path]) -> None:
    _, run = whole
    page = (run / "report.html").read_text(encoding="utf-8")
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert f"{summary['num_trainable']:,} of them trained" in page
    assert 0 < summary["num_trainable"] < summary["num_parameters"]


@pytest.mark.parametrize("whole", ["bert"], indirect=True)
def test_what_has_no_adapter_is_in_the_model_to_the_bit(whole: tuple[str, Path], bases: dict[str, Path]) -> None:
    name, run = whole
    before, after = load_file(bases[name] / "model.safetensors"), load_file(run / "model" / "model.safetensors")
    equal = {one for one, tensor in before.items() if one in after and torch.equal(tensor, after[one])}
    assert {one for one in after if ".embeddings." in one or "LayerNorm" in one or one.endswith("bias")} - equal == {
        "classifier.bias"
    }
    assert not [one for one in equal if one.endswith(("query.weight", "dense.weight"))]


def test_a_run_over_another_base_is_not_gone_on_with(bases: dict[str, Path], tmp_path: Path) -> None:
    base = base_of("bert", tmp_path / "base")
    request = wanted("bert", {"bert": base}, tmp_path)
    with reports_left_out():
        assert Container().train_model().execute(request, StopsAt(1)).stop_reason == "cancelled"
    weights = load_file(base / "model.safetensors")
    weights["bert.encoder.layer.0.output.dense.weight"][0, 0] += 1.0
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    resumed = Container().resume_training().execute(str(tmp_path / "run"), accept_changes=True)
    assert not resumed.success
    assert "the frozen weights changed" in resumed.errors[0]


def test_evaluate_predict_and_a_later_training_take_what_was_kept(whole: tuple[str, Path], tmp_path: Path) -> None:
    name, run = whole
    request = asked(run / "model", name, tmp_path, max_steps=1)
    finished = PredictorSource().open(str(run))
    scored = finished.evaluate(str(request.dataset_path))
    assert scored.metrics["loss"] > 0.0
    with reports_left_out():
        later = Container().train_model().execute(request)
    assert later.success, later.errors


@pytest.mark.parametrize("adapter", ["lora", "dora"])
@pytest.mark.parametrize("micro", [3, 1], ids=["ragged 3+3+2", "1x8"])
def test_however_a_step_is_cut_its_gradient_is_the_same(words: dict[str, Ready], adapter: str, micro: int) -> None:
    made = words[adapter]
    task = made.adapter()
    whole, cut = (gradients(made.model, task, batch_of(made.train, task, size)) for size in (8, micro))
    assert len(whole) == sum(one.requires_grad for one in made.model.parameters())
    assert relative_difference(cut, whole) < 1e-6


@pytest.mark.parametrize("adapter", ["lora", "dora"])
def test_packed_rows_give_the_gradient_of_padded_ones(words: dict[str, Ready], adapter: str) -> None:
    made = words[adapter]
    padded, packed = made.adapter(), made.adapter(192)
    last = Feed(lengths_of(made.train), 8, seed=1).steps_per_epoch - 1
    for step in (STEP, last):
        one = gradients(made.model, padded, batch_of(made.train, padded, 8, step))
        other = gradients(made.model, packed, batch_of(made.train, packed, 4, step))
        assert relative_difference(other, one) < 1e-6


def test_the_gradient_is_that_of_the_merged_weight_times_the_other_factor(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    """An independent reference: W + s B A has a gradient G, and then B has s G A^T."""
    bundle = built(asked(bases["bert"], "bert", tmp_path))
    model: Any = learnt(bundle.model)
    plain = AutoModelForSequenceClassification.from_config(model.config)
    plain.load_state_dict(plain_state(model))
    for one in (model, plain.eval()):
        scores = one(input_ids=torch.arange(5, 29).reshape(3, 8)).logits
        torch.nn.functional.cross_entropy(scores, torch.tensor([0, 1, 1])).backward()
    weights = dict(plain.named_parameters())
    for name, layer in adapted_layers(model):
        of_weight = weights[f"{name}.weight"].grad
        expected = layer.scaling["default"] * of_weight @ layer.lora_A["default"].weight.T
        torch.testing.assert_close(layer.lora_B["default"].weight.grad, expected, rtol=1e-4, atol=1e-7)


@pytest.fixture(scope="module")
def words(bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ready]:
    """A decoder with each adapter, whose factors have something to say."""
    made = {}
    for adapter in ("lora", "dora"):
        tmp = tmp_path_factory.mktemp(adapter)
        known = {"model_name": str(bases["llama"]), "vocab_size": None, "adapter": adapter, "adapter_rank": 4}
        made[adapter] = ready("code_generation", tmp, **known)
        learnt(made[adapter].model)
    return made


@pytest.mark.parametrize("name", ["bert", "llama", "gpt2"])
def test_a_base_in_bf16_computes_what_autocast_made_of_one_in_fp32(
    bases: dict[str, Path], tmp_path: Path, name: str
) -> None:
    """Only tables of embeddings are rounded as well: with tables that bf16 holds exactly, no score changes."""
    model: Any = learnt(built(asked(bases[name], name, tmp_path)).model)
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            module.weight.data = module.weight.data.bfloat16().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = logits_of(model)
        keep_frozen_in(model, torch.bfloat16, with_tables=True)
        found = logits_of(model)
    assert torch.equal(found, expected)
    frozen = {one.dtype for one in model.parameters() if not one.requires_grad and one.dim() > 1}
    assert frozen == {torch.bfloat16}
    assert {one.dtype for one in model.parameters() if one.requires_grad} == {torch.float32}


@pytest.mark.parametrize("name", ["bert", "modernbert", "gpt2", "llama", "gemma2", "bart", "t5", "t5gemma"])
def test_a_finished_model_answers_alike_with_its_matrices_in_bf16(name: str) -> None:
    model = model_of(name).requires_grad_(False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = logits_of(model)
        keep_frozen_in(model, torch.bfloat16)
        assert torch.equal(logits_of(model), expected)
    assert torch.bfloat16 in {parameter.dtype for parameter in model.parameters()}


@pytest.mark.parametrize("adapter", ["lora", "dora"])
def test_a_state_of_twelve_layers_768_wide_is_below_3_percent_of_a_full_one(adapter: str) -> None:
    config = BertConfig(vocab_size=1000)
    with torch.device("meta"):
        full, tuned = (AutoModelForSequenceClassification.from_config(config) for _ in range(2))
        parts = parts_of(tuned, ())
        layers = chosen_layers(tuned, parts, "auto", 8)
        put_in(tuned, lora_config(tuned, layers, r=8, use_dora=adapter == "dora"), parts.in_full)

    def size(model: Any) -> int:
        part = TrainedPart(model, frozen_base(model, known_by="its files"))
        optimizer = OptimizerBuilder().build("adamw", model, 1e-3)
        return sum(one.nbytes for one in part.state_dict().values()) + state_bytes(optimizer)

    assert size(tuned) < 0.03 * size(full)
    assert saved_bytes(tuned) == sum(one.numel() * 4 for one in full.state_dict().values() if one.is_floating_point())
