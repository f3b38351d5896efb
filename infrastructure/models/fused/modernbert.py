"""Layers of ModernBERT."""

from typing import Any

from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.modernbert.modeling_modernbert import (
    ModernBertAttention,
    ModernBertEmbeddings,
    ModernBertEncoderLayer,
    ModernBertMLP,
    eager_attention_forward,
)

from infrastructure.models.fused.becoming import Fused, become
from infrastructure.models.fused.gates import ACTIVATIONS, split_gated
from infrastructure.models.fused.parts import FusedDropout, FusedLayerNorm, activation_of
from infrastructure.models.fused.rotary import split_rotated


def fuse(model: nn.Module) -> None:
    """Let the layers of a model compute by fused operations."""
    for layer in model.modules():
        if isinstance(layer, ModernBertEmbeddings):
            become(layer.drop, FusedDropout)
        if isinstance(layer, ModernBertEncoderLayer):
            become(layer.attn, FusedModernBertAttention)
            become(layer.mlp_norm, FusedLayerNorm)
            if isinstance(layer.attn_norm, nn.LayerNorm):  # the first layer has none
                become(layer.attn_norm, FusedLayerNorm)
            if activation_of(layer.config) in ACTIVATIONS:
                become(layer.mlp, FusedModernBertMLP)


class FusedModernBertAttention(Fused, ModernBertAttention):
    """Attention whose projection is taken apart and turned in one go."""

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor] | None = None,
        attention_mask: Tensor | None = None,
        **options: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend, [B, L, D] to [B, L, D]."""
        assert position_embeddings is not None
        projected = self.Wqkv(hidden_states).unflatten(-1, (3, -1, self.head_dim))  # [B, L, 3, H, D / H]
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        attended, weights = attend(
            self,
            *split_rotated(projected, *position_embeddings),
            attention_mask,
            dropout=self.attention_dropout if self.training else 0.0,
            scaling=self.head_dim**-0.5,
            sliding_window=self.sliding_window,
            deterministic=self.deterministic_flash_attn,
            **options,
        )
        return self.out_drop(self.Wo(attended.flatten(-2))), weights


class FusedModernBertMLP(Fused, ModernBertMLP):
    """A gated unit, opened and multiplied in one go."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Transform each token, [..., D] to [..., D]."""
        activation = ACTIVATIONS[activation_of(self.config)]
        return self.Wo(self.drop(split_gated(self.Wi(hidden_states), activation)))
