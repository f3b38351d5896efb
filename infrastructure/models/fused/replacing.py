"""Which layers of which models compute by fused operations."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from infrastructure.models.fused.becoming import become
from infrastructure.models.fused.gates import ACTIVATIONS
from infrastructure.models.fused.parts import (
    FusedAttention,
    FusedGatedUnit,
    FusedGemmaNorm,
    FusedRMSNorm,
    FusedShortDropout,
    activation_of,
)


def use_fast_layers(model: nn.Module, device: torch.device) -> None:
    """Let the layers of a known family compute in fewer passes on a CPU; results and files stay the same."""
    if device.type != "cpu" or not isinstance(model, PreTrainedModel):
        return
    _dropouts(model)
    fuse = FAMILIES.get(model.config.model_type)
    if fuse is not None:
        fuse(model)


def _dropouts(model: nn.Module) -> None:
    """Make dropout inside of layers cheap; what was put into them from elsewhere, as adapters are, draws as before."""
    for layer in {part for block in _blocks(model) for part in block.modules()}:
        if type(layer).__module__.startswith("transformers."):
            for part in layer.children():
                if isinstance(part, nn.Dropout):
                    become(part, FusedShortDropout)


def _modernbert(model: nn.Module) -> None:
    from infrastructure.models.fused.modernbert import fuse

    fuse(model)


def _forecaster(model: nn.Module) -> None:
    from infrastructure.models.fused.forecaster import fuse

    fuse(model)


def _llama(model: nn.Module) -> None:
    for layer in _blocks(model):
        become(layer.self_attn, FusedAttention)
        for norm in ("q_norm", "k_norm"):
            if hasattr(layer.self_attn, norm):
                become(getattr(layer.self_attn, norm), FusedRMSNorm)
        become(layer.input_layernorm, FusedRMSNorm)
        become(layer.post_attention_layernorm, FusedRMSNorm)
        _gated(layer.mlp)


def _t5gemma(model: nn.Module) -> None:
    for layer in _blocks(model):
        become(layer.self_attn, FusedAttention)
        for name, part in layer.named_children():
            if name.endswith("layernorm"):  # in front of a part and behind it, where the format is the same
                become(part, FusedGemmaNorm)
        _gated(layer.mlp)


def _gated(unit: Any) -> None:
    if activation_of(unit.config) in ACTIVATIONS:
        become(unit, FusedGatedUnit)


def _blocks(model: nn.Module) -> list[Any]:
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


FAMILIES: Mapping[str, Callable[[nn.Module], None]] = {
    "modernbert": _modernbert,
    "athanor_forecaster": _forecaster,
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), _llama),
    "t5gemma": _t5gemma,
}
