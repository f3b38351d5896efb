"""Layers of a forecaster."""

from torch import Tensor, nn

from infrastructure.models.forecaster_layers import Attention, ForecasterLayer
from infrastructure.models.fused.attention import softmax_attention
from infrastructure.models.fused.becoming import Fused, become
from infrastructure.models.fused.gates import ACTIVATIONS, split_gated
from infrastructure.models.fused.norms import rms_norm
from infrastructure.models.fused.parts import FusedDropout


def fuse(model: nn.Module) -> None:
    """Let the layers of a model compute by fused operations."""
    for layer in model.modules():
        if isinstance(layer, ForecasterLayer):
            become(layer, FusedForecasterLayer)
            become(layer.dropout, FusedDropout)
            for norm in layer.norms:
                become(norm, FusedForecasterNorm)
            for attention in (layer.time, layer.across):
                become(attention, FusedForecasterAttention)


class FusedForecasterLayer(Fused, ForecasterLayer):
    """A layer whose gated unit is opened and multiplied in one go."""

    def opened(self, projected: Tensor) -> Tensor:
        """Multiply the first half of [..., 2 * N] by what the second lets through."""
        return split_gated(projected, ACTIVATIONS["silu"], gate=1)


class FusedForecasterAttention(Fused, Attention):
    """Attention that keeps what its backward pass needs in the format of products."""

    def attended(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """Shapes: queries, keys and values [*, heads, S, size], mask [*, 1, 1, S], result [*, S, heads, size]."""
        hides = None if mask.all() else mask  # a history without gaps is the usual one
        return softmax_attention(queries, keys, values, hides, queries.shape[-1] ** -0.5, causal=False)


class FusedForecasterNorm(Fused, nn.RMSNorm):
    """A norm in front of linear layers alone, which gives the format that they multiply."""

    eps: float

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension."""
        return rms_norm(x, self.weight, self.eps)
