"""What is asked of an adapter and cannot be, ends in a sentence that says what can."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForMaskedLM

from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError
from domain.task import TASKS
from infrastructure.container import Container
from infrastructure.models.adapters import packing
from infrastructure.models.adapters.layers import adapted_layers
from infrastructure.models.adapters.targets import chosen_layers, is_linear, modules_of, parts_of, short_names
from tests.support import tiny_architectures
from tests.support.adapted import asked, base_of, built

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "rank 0": ({"adapter_rank": 0}, "adapter_rank is 0, but must lie between 1 and"),
    "a huge rank": ({"adapter_rank": 10**6}, "adapter_rank is 1000000, but must lie between 1 and"),
    "alpha 0": ({"adapter_alpha": 0}, "adapter_alpha is 0, but must lie above 0"),
    "alpha below 0": ({"adapter_alpha": -1}, "adapter_alpha is -1, but must lie above 0"),
    "alpha not a number": ({"adapter_alpha": float("nan")}, "adapter_alpha is nan, but must lie above 0"),
    "alpha endless": ({"adapter_alpha": float("inf")}, "adapter_alpha is inf"),
    "dropout 1": ({"adapter_dropout": 1.0}, "adapter_dropout is 1.0, but must be at least 0 and below 1"),
    "dropout below 0": ({"adapter_dropout": -0.1}, "adapter_dropout is -0.1, but must be at least 0"),
    "no target": ({"adapter_targets": []}, "adapter_targets names no layer"),
    "an empty target": ({"adapter_targets": ["", "query"]}, "adapter_targets names no layer"),
    "frozen as well": ({"freeze": "embeddings"}, "freeze is embeddings and adapter is lora"),
    "an unknown adapter": ({"adapter": "loras"}, "adapter is 'loras', but"),
    "an unknown way to pack": ({"quantize": "2bit"}, "quantize is '2bit', but"),
    "rank of nothing": ({"adapter": "none", "adapter_rank": 16}, "adapter_rank is 16, but adapter is none"),
    "alpha of nothing": ({"adapter": "none", "adapter_alpha": 4}, "adapter_alpha is 4.0, but adapter is none"),
    "packed for nothing": ({"adapter": "none", "quantize": "8bit"}, "quantize is '8bit', but adapter is none"),
    "kept for nothing": ({"adapter": "none", "merge_adapter": False}, "merge_adapter is False, but adapter is none"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_value_that_cannot_be_is_named_with_its_rule(name: str) -> None:
    changes, told = BROKEN[name]
    with pytest.raises(ConfigurationError) as caught:
        TrainModelRequest(**{"task": "text_classification", "adapter": "lora", **changes}).resolved()
    assert told in str(caught.value)


@pytest.mark.parametrize("task", [name for name, task in TASKS.items() if not task.text_fields])
@pytest.mark.parametrize("setting", ["adapter", "quantize", "adapter_rank"])
def test_a_forecaster_has_no_adapters(task: str, setting: str) -> None:
    value = {"adapter": "lora", "quantize": "4bit", "adapter_rank": 2}[setting]
    with pytest.raises(ConfigurationError, match=f"{setting} means nothing to task {task}"):
        TrainModelRequest(task=task, **{setting: value}).resolved()


@pytest.mark.parametrize("typed", ["[q_proj,v_proj]", "q_proj,v_proj", ["q_proj", "v_proj"], "q_proj, v_proj"])
def test_targets_may_be_typed_as_a_shell_leaves_them(typed: Any) -> None:
    found: Any = TrainModelRequest(task="code_generation", adapter="lora", adapter_targets=typed).resolved()
    assert found.adapter_targets == ("q_proj", "v_proj")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base_of("bert", tmp_path_factory.mktemp("base") / "base")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"adapter_targets": "q_proj"}, "There are dense, key, query, value."),
        ({"adapter_targets": "querry"}, "names 'querry', which the model does not have. Did you mean query?"),
        ({"adapter_targets": "classifier"}, "names 'classifier', a head or an embedding"),
        ({"adapter_targets": "word_embeddings"}, "names 'word_embeddings', a head or an embedding"),
        ({"adapter_targets": "LayerNorm"}, "which is no linear layer but a LayerNorm"),
        ({"adapter_targets": "attention"}, "which is no linear layer but a BertAttention"),
        ({"adapter_targets": "q" * 10_000}, "which the model does not have"),
        ({"adapter_targets": ["query", "no", "neither"]}, "'neither'"),
        ({"adapter_rank": 17}, "is only 16 wide. Use at most 16"),
        ({"adapter_rank": 24, "adapter_targets": "intermediate.dense"}, "is only 16 wide"),
    ],
)
def test_what_a_model_does_not_have_is_told_with_what_it_has(
    base: Path, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    response = Container().train_model().execute(asked(base, "bert", tmp_path, **changes))
    assert (response.success, response.exit_code) == (False, 2)
    assert told in " ".join(response.errors)
    assert not (tmp_path / "run").exists()
    if "no" in changes.get("adapter_targets", ()):
        assert len(response.errors) == 2


def test_named_layers_alone_are_adapted(base: Path, tmp_path: Path) -> None:
    model = built(asked(base, "bert", tmp_path, adapter_targets=["layer.1.attention.self.query", "value"])).model
    found = [name.removeprefix("bert.encoder.layer.") for name, _ in adapted_layers(model)]
    others = [f"{number}.attention.self.value" for number in range(3)]
    assert sorted(found) == sorted(["1.attention.self.query", *others])


@pytest.mark.parametrize("quantize", ["8bit", "4bit"])
def test_weights_are_packed_on_cuda_alone(base: Path, tmp_path: Path, quantize: str) -> None:
    response = Container().train_model().execute(asked(base, "bert", tmp_path, quantize=quantize, device="cpu"))
    assert response.exit_code == 2
    assert response.errors == (
        f"quantize is {quantize}, but weights are packed on a CUDA device alone, and device is cpu. Use quantize=none.",
    )


def test_what_is_not_installed_is_told_with_how_to_install_it(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    training = asked(base, "bert", tmp_path, quantize="4bit").resolved()
    with pytest.raises(ConfigurationError) as caught:
        packing.require_adapters(training, torch.device("cuda"))
    assert "pip install 'athanor[adapters]'" in caught.value.messages[0]
    assert "pip install 'athanor[quantized]'" in caught.value.messages[1]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"parallel": "data_parallel"}, "which copies no adapter"),
        ({"quantize": "8bit", "model_name": "encoder-tiny"}, "is trained from scratch and has no weights to keep"),
    ],
)
def test_what_does_not_go_together_is_told(base: Path, tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    training = asked(base, "bert", tmp_path, **changes).resolved()
    with pytest.raises(ConfigurationError, match=told):
        packing.require_adapters(training, torch.device("cuda"))


def test_a_preset_learns_with_an_adapter_and_cannot_keep_it_alone(base: Path, tmp_path: Path) -> None:
    """Its tables and its head are new, so they are trained in full."""
    known: dict[str, Any] = {"model_name": "encoder-tiny", "vocab_size": 330}
    bundle = built(asked(base, "bert", tmp_path, **known))
    model = bundle.model
    assert bundle.num_trainable == sum(one.numel() for one in model.parameters() if one.requires_grad)
    assert 0 < bundle.num_trainable < bundle.num_parameters
    trained = {name for name, one in model.named_parameters() if one.requires_grad and ".lora_" not in name}
    assert trained == {"model.embeddings.tok_embeddings.weight", "head.dense.weight", "head.norm.weight",
                       "classifier.weight", "classifier.bias"}  # fmt: skip
    with pytest.raises(ConfigurationError, match="encoder-tiny begins from scratch: no directory holds"):
        built(asked(base, "bert", tmp_path, merge_adapter=False, **known))


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_a_head_that_shares_a_frozen_table_cannot_be_kept_alone(architecture: str, tmp_path: Path) -> None:
    """A base without a head that fills gaps: its bias is learnt beside the table, and no file has one without both."""
    model = AutoModelForMaskedLM.from_config(tiny_architectures.model_of(architecture).config)
    parts = parts_of(model, {name for name, _ in model.named_parameters() if not name.startswith(f"{architecture}.")})
    layers = chosen_layers(model, parts, "auto", 2)
    with pytest.raises(
        ConfigurationError, match=r"bias is trained in full, .*file cannot hold.*Use merge_adapter=true"
    ):
        modules_of(model, parts.in_full, layers)


@pytest.mark.parametrize("architecture", tiny_architectures.ARCHITECTURES)
def test_every_linear_layer_below_the_head_is_adapted_and_nothing_else(architecture: str) -> None:
    model = tiny_architectures.model_of(architecture)
    parts = parts_of(model, ())
    linear = {name for name, module in model.named_modules() if is_linear(module)}
    head = set(modules_of(model, parts.in_full, ()))
    scores = {name for name, module in model.named_modules() if module is model.get_output_embeddings()}
    inside = {name for name in linear if any(name == one or name.startswith(f"{one}.") for one in head | scores)}
    assert set(parts.layers) == linear - inside
    assert inside
    ends = short_names(model, set(parts.layers))
    fitting = {
        name for name, _ in model.named_modules() if any(name == end or name.endswith(f".{end}") for end in ends)
    }
    assert fitting == set(parts.layers)
