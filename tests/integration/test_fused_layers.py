"""Layers that compute by fused operations give what plain ones do, and are plain ones to everybody else."""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PreTrainedModel,
    T5GemmaConfig,
    T5GemmaForConditionalGeneration,
    T5GemmaModuleConfig,
)

from infrastructure.models.forecaster import Forecaster, ForecasterConfig
from infrastructure.models.fused.becoming import Fused
from infrastructure.models.fused.replacing import use_fast_layers

CPU = torch.device("cpu")
SMALL = {"vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}


def modernbert(**settings: Any) -> PreTrainedModel:
    ends = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 1)
    sizes: dict[str, Any] = {**SMALL, **ends, "num_attention_heads": 2, "local_attention": 4}
    return ModernBertForSequenceClassification(ModernBertConfig(**sizes, embedding_dropout=0.3, **settings))


def decoder(kind: str) -> PreTrainedModel:
    """Build a decoder whose heads share keys, as large as the encoder."""
    sizes: dict[str, Any] = {**SMALL, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4}
    return AutoModelForCausalLM.from_config(CONFIG_MAPPING[kind](**{**sizes, "pad_token_id": 1}))


def encoder_decoder() -> PreTrainedModel:
    sizes: dict[str, Any] = {**SMALL, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4}
    half = T5GemmaModuleConfig(**sizes, pad_token_id=1, bos_token_id=2, attn_logit_softcapping=None)
    return T5GemmaForConditionalGeneration(
        T5GemmaConfig(encoder=half, decoder=copy.deepcopy(half), vocab_size=40, dropout_rate=0.0)
    )


def forecaster() -> PreTrainedModel:
    return Forecaster(
        ForecasterConfig(
            context_length=24, patch_length=4, num_inputs=3, num_targets=2, hidden_size=16, num_heads=2, dropout=0.0
        )
    )


MODELS: dict[str, Callable[[], PreTrainedModel]] = {
    "modernbert": modernbert,
    "llama": partial(decoder, "llama"),
    "qwen3": partial(decoder, "qwen3"),
    "t5gemma": encoder_decoder,
    "forecaster": forecaster,
}


def batch(model: PreTrainedModel) -> dict[str, Any]:
    lengths = torch.tensor([9, 4, 1])
    mask = (torch.arange(9)[None, :] < lengths[:, None]).long()  # [B, L]
    ids = torch.randint(2, 40, (3, 9), generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 1]) if model.config.model_type == "modernbert" else ids.masked_fill(mask == 0, -100)
    return {"input_ids": ids * mask + (1 - mask), "attention_mask": mask, "labels": labels}


def loss_of(model: PreTrainedModel) -> torch.Tensor:
    if not isinstance(model, Forecaster):
        loss: torch.Tensor = model(**batch(model)).loss
        return loss
    values = torch.randn(3, 24, 3, generator=torch.Generator().manual_seed(0))
    observed = torch.ones(3, 24, 3, dtype=torch.bool)
    observed[1, :9, 0] = observed[2, :, 1] = False  # a gap of two patches, and a variable of which nothing is known
    found: torch.Tensor = model(values, observed, torch.empty(3, 24, 0))["forecast"]
    return found.square().mean()


def fused_in(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, Fused)]


def pair(name: str) -> tuple[PreTrainedModel, PreTrainedModel]:
    torch.manual_seed(2)
    plain = MODELS[name]().train()
    for parameter in plain.parameters():  # weights of norms too
        nn.init.normal_(parameter.data, std=0.3)
    fast = copy.deepcopy(plain)
    use_fast_layers(fast, CPU)
    assert fused_in(fast)
    return plain, fast


def gradients(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    torch.manual_seed(4)
    loss = loss_of(model)
    loss.backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    model.zero_grad()
    return {"loss": loss.detach(), **found}


@pytest.mark.parametrize("name", MODELS)
def test_loss_and_gradients_are_those_of_plain_layers(name: str) -> None:
    plain, fast = (gradients(model) for model in pair(name))
    assert plain.keys() == fast.keys()
    for key, gradient in plain.items():
        torch.testing.assert_close(fast[key], gradient, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_gradients_in_bf16_are_as_near_to_those_in_fp32(name: str) -> None:
    plain, fast = pair(name)
    exact = gradients(plain)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = [gradients(model) for model in (plain, fast)]
    errors = [sum(float((one[key] - exact[key]).norm()) for key in exact) for one in rounded]
    assert errors[1] <= 1.2 * errors[0]


@pytest.mark.parametrize("name", MODELS)
def test_copies_and_what_is_read_back_from_a_pickle_are_plain(name: str) -> None:
    _, fast = pair(name)
    for twin in (copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        assert not fused_in(twin)
        torch.testing.assert_close(gradients(twin), gradients(fast), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_blocks_may_be_computed_twice_to_save_memory(name: str) -> None:
    _, fast = pair(name)
    kept = gradients(fast)
    fast.gradient_checkpointing_enable()
    torch.testing.assert_close(gradients(fast), kept, rtol=0, atol=0)


def test_layers_on_other_devices_of_other_kinds_and_of_classes_made_from_them_are_left_alone() -> None:
    class Own(nn.LayerNorm):
        """A norm of somebody else."""

    torch.manual_seed(0)
    model: Any = modernbert()
    use_fast_layers(model, torch.device("cuda"))
    use_fast_layers(nn.Linear(2, 2), CPU)
    assert not fused_in(model)
    model.model.layers[0].mlp_norm = Own(16)
    use_fast_layers(model, CPU)
    assert type(model.model.layers[0].mlp_norm) is Own
    assert model.model.layers[1].mlp_norm in fused_in(model)


def test_a_unit_with_an_activation_that_is_not_known_stays_plain() -> None:
    model: Any = modernbert(hidden_activation="relu")
    use_fast_layers(model, CPU)
    assert not any(layer.mlp in fused_in(model) for layer in model.model.layers)


def test_dropout_within_layers_of_a_model_has_draws_of_its_own_and_that_of_adapters_none() -> None:
    sizes: dict[str, Any] = {**SMALL, "num_attention_heads": 2}
    model: Any = AutoModelForSequenceClassification.from_config(CONFIG_MAPPING["bert"](**sizes))
    first, second = model.bert.encoder.layer
    first.output.dense.adapter = nn.Sequential(nn.Dropout(0.1))
    use_fast_layers(model, CPU)
    assert {first.output.dropout, first.attention.output.dropout} < set(fused_in(model))
    assert not set(fused_in(first.output.dense))
    assert not set(fused_in(model.bert.embeddings))
    assert torch.equal(second.eval().output.dropout(torch.ones(3)), torch.ones(3))
