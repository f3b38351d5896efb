"""Attention of short rows by two batched products."""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from infrastructure.models.fused.dropout import short_draws
from infrastructure.models.fused.norms import product_format

# Numbers of fp32, of WIDE bytes each, that a processor of today takes at once. Of softmax and its slope torch takes a
# shorter row number by number, which lasts three to six times as long.
LANES, WIDE = 16, 4


def softmax_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scale: float,
    causal: bool,
    dropout: float = 0.0,
) -> Tensor:
    """Attend, in the format of products; what is kept for the backward pass has it too.

    Shapes: query [B, H, Lq, D], key and value [B, G, Lk, D] with H a multiple of G, mask [B or 1, 1, Lq or 1, Lk], True
    where attended, result [B, Lq, H, D]. With `causal` and no mask the last query sees all keys, and each before it one
    fewer. The softmax is taken in fp32; a query that may see nothing sees all alike. Weights are dropped with
    probability `dropout`.
    """
    form = product_format(query)  # rotary positions of the library leave queries and keys in fp32, and values in bf16
    query, key, value = query.to(form), key.to(form), value.to(form)
    bias = None
    if mask is not None:
        bias = _bias_of(mask, query.dtype)
    elif causal and query.shape[-2] > 1:
        bias = _causal_bias(query.shape[-2], key.shape[-2], query.dtype, query.device)
    attended: Tensor = _SoftmaxAttention.apply(query, key, value, bias, scale, dropout)
    return attended


def _bias_of(mask: Tensor, form: torch.dtype) -> Tensor:
    """Give what is added to scores: nothing where attended, and so much elsewhere that their weights vanish."""
    return torch.zeros(mask.shape, dtype=form, device=mask.device).masked_fill_(~mask, torch.finfo(form).min)


@lru_cache(maxsize=16)
def _causal_bias(num_queries: int, num_keys: int, form: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(mode=False):
        seen = torch.ones(1, 1, num_queries, num_keys, dtype=torch.bool, device=device)
        return _bias_of(seen.tril(num_keys - num_queries), form)


class _SoftmaxAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, scale: float, dropout: float
    ) -> Tensor:
        batch, heads, length, size = query.shape
        groups = key.shape[1]
        # Heads that share a key stand below each other: [B * G, H / G * Lq, D] and [B * G, Lk, D]
        queries, keys, values = query.reshape(batch * groups, -1, size) * scale, key.flatten(0, 1), value.flatten(0, 1)
        if bias is None:
            scores = torch.bmm(queries, keys.transpose(1, 2))
        else:
            scores = bias.expand(batch, heads, length, -1).clone(memory_format=torch.contiguous_format)
            scores = scores.view(len(queries), queries.shape[1], -1)
            scores.baddbmm_(queries, keys.transpose(1, 2))
        weights = _softmax(scores)
        kept, ctx.factor = short_draws(weights.shape, dropout) if dropout else (None, 1.0)
        ctx.save_for_backward(queries, keys, values, weights, kept)
        ctx.shapes, ctx.scale = (query.shape, key.shape, value.shape), scale
        attended = torch.bmm(_dropped(weights, kept, ctx.factor), values).view(batch, heads, length, -1)
        return attended.transpose(1, 2).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        queries, keys, values, weights, kept = ctx.saved_tensors
        gradients = gradient.transpose(1, 2).reshape(len(queries), queries.shape[1], -1)
        of_value = torch.bmm(_dropped(weights, kept, ctx.factor).transpose(1, 2), gradients)
        of_weights = _dropped(torch.bmm(gradients, values.transpose(1, 2)), kept, ctx.factor)
        of_scores = _pulled_through_softmax(of_weights, weights)
        of_query = torch.bmm(of_scores, keys).mul_(ctx.scale)
        of_key = torch.bmm(of_scores.transpose(1, 2), queries)
        query, key, value = ctx.shapes
        return of_query.view(query), of_key.view(key), of_value.view(value), None, None, None


def _softmax(scores: Tensor) -> Tensor:
    """Take the softmax of the last dimension in fp32 at least; shapes and formats [..., L], and of the result."""
    wide, length = torch.promote_types(scores.dtype, torch.float32), scores.shape[-1]
    if length >= LANES:
        return torch.softmax(scores, dim=-1, dtype=wide).to(scores.dtype)
    filled = functional.pad(scores, (0, LANES - length), value=-torch.inf)
    return torch.softmax(filled, dim=-1, dtype=wide)[..., :length].to(scores.dtype).contiguous()


def _pulled_through_softmax(gradient: Tensor, weights: Tensor) -> Tensor:
    """Bring a gradient of weights [..., L], which may be written over, back to their scores."""
    if weights.shape[-1] * weights.element_size() >= LANES * WIDE:
        return torch._softmax_backward_data(gradient, weights, -1, weights.dtype)
    wide = torch.promote_types(weights.dtype, torch.float32)
    gradient = gradient.to(wide)
    mean = (gradient * weights).sum(-1, keepdim=True)
    return gradient.sub_(mean).mul_(weights).to(weights.dtype)


def _dropped(weights: Tensor, kept: Tensor | None, factor: float) -> Tensor:
    return weights if kept is None else kept.to(weights.dtype).mul_(factor).mul_(weights)
