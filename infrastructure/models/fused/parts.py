"""Parts of layers that many families of models have alike."""

from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from infrastructure.models.fused.becoming import Fused
from infrastructure.models.fused.dropout import dropout, short_dropout
from infrastructure.models.fused.gates import ACTIVATIONS, gated
from infrastructure.models.fused.norms import layer_norm, rms_norm
from infrastructure.models.fused.rotary import rotated


class FusedLayerNorm(Fused, nn.LayerNorm):
    """A norm in front of linear layers alone, which gives the format that they multiply."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise the last dimension."""
        return layer_norm(input, self.weight, self.bias, self.eps)


class FusedRMSNorm(Fused):
    """The same of Llama and its kin."""

    weight: Tensor
    variance_epsilon: float

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Normalise the last dimension."""
        return rms_norm(hidden_states, self.weight, self.variance_epsilon)


class FusedGemmaNorm(Fused):
    """The same of Gemma and its kin, whose weights count from one."""

    weight: Tensor
    eps: float

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension."""
        return rms_norm(x, 1.0 + self.weight, self.eps)


class FusedDropout(Fused, nn.Dropout):
    """Dropout that draws what torch does."""

    def forward(self, input: Tensor) -> Tensor:
        """Drop numbers in training."""
        return dropout(input, self.p) if self.training and self.p > 0.0 else input


class FusedShortDropout(Fused, nn.Dropout):
    """Dropout that draws in its own way, for models whose draws nobody has noted."""

    def forward(self, input: Tensor) -> Tensor:
        """Drop numbers in training."""
        return short_dropout(input, self.p) if self.training and self.p > 0.0 else input


class FusedGatedUnit(Fused):
    """A gated unit of two projections."""

    gate_proj: nn.Module
    up_proj: nn.Module
    down_proj: nn.Module
    config: PreTrainedConfig

    def forward(self, x: Tensor) -> Tensor:
        """Transform each token, [..., D] to [..., D]."""
        opened = gated(self.gate_proj(x), self.up_proj(x), ACTIVATIONS[activation_of(self.config)])
        if hasattr(self, "dropout"):  # T5Gemma
            opened = self.dropout(opened)
        transformed: Tensor = self.down_proj(opened)
        return transformed


def activation_of(config: Any) -> str:
    """Name the activation of a model's gated units."""
    return str(getattr(config, "hidden_activation", None) or config.hidden_act)


class FusedAttention(Fused, nn.Module):
    """Attention over a text itself, with projections of their own and rotary positions."""

    q_proj: nn.Module
    k_proj: nn.Module
    v_proj: nn.Module
    o_proj: nn.Module
    q_norm: nn.Module
    k_norm: nn.Module
    config: PreTrainedConfig
    head_dim: int
    scaling: float
    attention_dropout: float
    layer_idx: int

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        **options: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend, [B, L, D] to [B, L, D], by the kernel that the config names."""
        if self.config._attn_implementation == "eager":  # a kernel of each family's own
            attended: tuple[Tensor, Tensor | None] = super().forward(
                hidden_states, position_embeddings, attention_mask, past_key_values=past_key_values, **options
            )
            return attended
        query, key, value = (
            projection(hidden_states).unflatten(-1, (-1, self.head_dim))  # [B, L, H, D / H]
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        if hasattr(self, "q_norm"):  # Qwen3
            query, key = self.q_norm(query), self.k_norm(key)
        query, key = (rotated(each, *position_embeddings) for each in (query, key))
        value = value.transpose(1, 2)
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
        found, weights = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation](
            self,
            query,
            key,
            value,
            attention_mask,
            dropout=self.attention_dropout if self.training else 0.0,
            scaling=self.scaling,
            sliding_window=getattr(self, "sliding_window", getattr(self.config, "sliding_window", None)),
            softcap=getattr(self, "attn_logit_softcapping", None),
            **options,
        )
        return self.o_proj(found.flatten(-2)), weights
