"""Whether a model draws dropout is found in its layers and in what its config says."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import BartConfig, BartModel, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from infrastructure.models.dropout import draws
from infrastructure.models.flow.model import FlowClassifier, FlowConfig
from infrastructure.models.forecaster import Forecaster, ForecasterConfig

SMALL: dict[str, Any] = {
    "vocab_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "hidden_size": 8,
    "intermediate_size": 8,
}
STILL: dict[str, Any] = {"attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "summary_first_dropout": 0.0}


class Attention(nn.Module):
    """Applies dropout itself, as layers of attention do."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.dropout(inputs, self.dropout, self.training)


def llama(**settings: Any) -> nn.Module:
    return LlamaForCausalLM(LlamaConfig(**SMALL, **settings))


def gpt2(**settings: Any) -> nn.Module:
    return GPT2LMHeadModel(GPT2Config(vocab_size=8, n_embd=8, n_layer=1, n_head=2, **{**STILL, **settings}))


def bart(**settings: Any) -> nn.Module:
    sizes: dict[str, Any] = {"encoder_ffn_dim": 8, "decoder_ffn_dim": 8, "encoder_layers": 1, "decoder_layers": 1}
    heads: dict[str, Any] = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_position_embeddings": 8}
    return BartModel(BartConfig(vocab_size=8, d_model=8, **sizes, **heads, **{"dropout": 0.0, **settings}))


def lora(dropout: float) -> nn.Module:
    return get_peft_model(llama(), LoraConfig(r=2, target_modules=["q_proj"], lora_dropout=dropout))


def layered(dropout: float) -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2), nn.LSTM(2, 2, num_layers=2, dropout=dropout))


@pytest.mark.parametrize(
    "build",
    [
        lambda share: nn.Sequential(nn.Linear(2, 2), nn.Dropout(share)),
        lambda share: nn.Sequential(Attention(share)),
        lambda share: nn.MultiheadAttention(4, 2, dropout=share),
        layered,
        lora,
        lambda share: llama(attention_dropout=share),
        *(lambda share, name=name: gpt2(**{name: share}) for name in STILL),
        lambda share: bart(dropout=share),
        lambda share: bart(encoder_layerdrop=share),
        lambda share: Forecaster(ForecasterConfig(hidden_size=8, num_layers=1, num_heads=2, dropout=share)),
        lambda share: FlowClassifier(FlowConfig(8, 8, 8, 1, 2, dropout=share)),
    ],
)
def test_a_model_draws_where_some_share_of_something_is_dropped(build: Callable[[float], nn.Module]) -> None:
    assert draws(build(0.1))
    assert not draws(build(0.0))


def test_a_slope_that_is_drawn_counts_too() -> None:
    assert draws(nn.Sequential(nn.RReLU()))
    assert not draws(nn.Sequential(nn.LeakyReLU()))


def test_a_config_within_a_config_is_looked_at_and_labels_by_number_are_not() -> None:
    model: Any = llama()
    model.config.parts = {"text": {"hidden_dropout": 0.1}}
    assert draws(model)
    model.config.parts = {0: "drop", "text": {"hidden_dropout": 0.0}}
    assert not draws(model)
    assert not draws(nn.Linear(2, 2).to(torch.float32))
