"""Rotary positions of queries and keys."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def rotated(projected: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn queries or keys by their positions.

    Shapes: projected [B, L, H, D], cos and sin [B or 1, L, D] whose halves are equal, result [B, H, L, D]. Pairs are
    i and i + D / 2. Computed in fp32 and rounded once.
    Source: Su et al., RoFormer, Neurocomputing 568 (2024), in the order of GPT-NeoX.
    """
    turned: Tensor = _Rotated.apply(projected, *_by_head(cos, sin))
    return turned


def split_rotated(projected: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Take queries, keys and values apart, and turn the first two by their positions.

    Shapes: projected [B, L, 3, H, D], cos and sin [B or 1, L, D], results [B, H, L, D], each by itself in memory, as
    batched products want them.
    """
    query, key, value = _SplitRotated.apply(projected, *_by_head(cos, sin))
    return query, key, value


def _by_head(cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Give what each dimension is multiplied by, [B or 1, 1, L, D], and what its pair is, [B or 1, 1, L, D / 2]."""
    return cos[..., None, :, :], sin[..., None, :, : sin.shape[-1] // 2]


class _Rotated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projected: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        by_head = projected.transpose(1, 2).contiguous()  # [B, H, L, D]
        return _turned(by_head, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        of_projected = _turned(gradient, cos, sin, forwards=False).transpose(1, 2)
        return of_projected.contiguous(), None, None


class _SplitRotated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projected: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(cos, sin)
        parts = projected.permute(2, 0, 3, 1, 4).contiguous()  # [3, B, H, L, D]
        return *_turned(parts[:2], cos, sin).unbind(), parts[2]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_query: Tensor, of_key: Tensor, of_value: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        batch, heads, length, size = of_query.shape
        of_projected = of_query.new_empty(batch, length, 3, heads, size)
        parts = of_projected.permute(2, 0, 3, 1, 4)  # [3, B, H, L, D]
        for part, gradient in zip(parts, (of_query, of_key), strict=False):
            part.copy_(_turned(gradient, cos, sin, forwards=False))
        parts[2].copy_(of_value)
        return of_projected, None, None


def _turned(states: Tensor, cos: Tensor, sin: Tensor, forwards: bool = True) -> Tensor:
    """Turn states [..., B, H, L, D] by their positions, or back; gives their format.

    Between the formats whole tensors are copied: a copy that changes the format and the order of the numbers at once
    takes several times as long as one of each.
    """
    wide = states.to(torch.promote_types(states.dtype, torch.float32))
    turned = wide * cos
    pairs = sin.shape[-1]
    sign = 1.0 if forwards else -1.0
    turned[..., :pairs].addcmul_(wide[..., pairs:], sin, value=-sign)
    turned[..., pairs:].addcmul_(wide[..., :pairs], sin, value=sign)
    return turned.to(states.dtype)
