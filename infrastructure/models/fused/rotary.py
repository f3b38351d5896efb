"""Rotary positions of queries and keys."""

from collections.abc import Sequence
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
    turned: Tensor = _Rotated.apply(projected, *_half(cos, sin))
    return turned


def split_rotated(projected: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Take queries, keys and values apart, and turn the first two by their positions.

    Shapes: projected [B, L, 3, H, D], cos and sin [B or 1, L, D], results [B, H, L, D], each by itself in memory, as
    batched products want them.
    """
    query, key, value = _SplitRotated.apply(projected, *_half(cos, sin))
    return query, key, value


def _half(cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Give what each pair of dimensions is turned by, [B or 1, 1, L, D / 2]."""
    pairs = cos.shape[-1] // 2
    return cos[..., None, :, :pairs].contiguous(), sin[..., None, :, :pairs].contiguous()


class _Rotated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projected: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        by_head = projected.transpose(1, 2)  # [B, H, L, D]
        turned = torch.empty_like(by_head, memory_format=torch.contiguous_format)
        _turn(_halves(by_head[None]), cos, sin, turned[None])
        return turned

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        of_projected = torch.empty_like(gradient.transpose(1, 2), memory_format=torch.contiguous_format)
        _turn(_halves([gradient]), cos, sin, of_projected.transpose(1, 2)[None], forwards=False)
        return of_projected, None, None


class _SplitRotated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projected: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(cos, sin)
        parts = projected.permute(2, 0, 3, 1, 4)  # [3, B, H, L, D]
        results = torch.empty_like(parts, memory_format=torch.contiguous_format)
        _turn(_halves(parts[:2]), cos, sin, results[:2])
        results[2].copy_(parts[2])
        return results.unbind()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_query: Tensor, of_key: Tensor, of_value: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        batch, heads, length, size = of_query.shape
        of_projected = of_query.new_empty(batch, length, 3, heads, size)
        parts = of_projected.permute(2, 0, 3, 1, 4)  # [3, B, H, L, D]
        _turn(_halves([of_query, of_key]), cos, sin, parts[:2], forwards=False)
        parts[2].copy_(of_value)
        return of_projected, None, None


def _halves(sources: Tensor | Sequence[Tensor]) -> Tensor:
    """Copy the halves of N sources [B, H, L, D] apart, to [2, N, B, H, L, D / 2] in fp32.

    Operations on rows of D / 2 numbers, as they lie in the sources, would take three times as long.
    """
    *shape, size = sources[0].shape
    wide = torch.promote_types(sources[0].dtype, torch.float32)
    halves = torch.empty(2, len(sources), *shape, size // 2, dtype=wide, device=sources[0].device)
    for copies, source in zip(halves.unbind(1), sources, strict=True):
        copies.copy_(source.unflatten(-1, (2, -1)).movedim(-2, 0))
    return halves


def _turn(halves: Tensor, cos: Tensor, sin: Tensor, target: Tensor, forwards: bool = True) -> None:
    """Write what `halves` give, turned by their positions or back, into `target` [N, B, H, L, D]."""
    first, second = halves
    pairs = cos.shape[-1]
    sign = 1.0 if forwards else -1.0
    target[..., :pairs] = (first * cos).addcmul_(second, sin, value=-sign)
    target[..., pairs:] = second.mul_(cos).addcmul_(first, sin, value=sign)
