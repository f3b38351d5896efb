"""Attention that suits short sequences on a CPU."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.modeling_utils import AttentionInterface, PreTrainedModel

NAME = "athanor_cpu"
# Beyond this length the scores [B, H, L, L] no longer fit the caches, and the blocked kernel of torch is faster.
MAX_LENGTH = 384


def short_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attend by two batched matrix products.

    Shapes: query [B, H, Lq, D], key and value [B, H, Lk, D], mask True where attended [B or 1, 1, Lq, Lk], result
    [B, Lq, H, D]. The softmax is taken in fp32. Anything out of the ordinary goes to torch's own kernel.
    Why: torch's bf16 CPU kernel for masked scaled dot products is slow on short rows (benchmarks/levers.py).
    """
    ordinary = (
        query.shape[-2] <= MAX_LENGTH
        and key.shape[1] == query.shape[1]
        and dropout == 0.0
        and not getattr(module, "is_causal", False)
        and options.get("position_bias") is None
        and (attention_mask is None or attention_mask.dtype == torch.bool)
    )
    if not ordinary:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = torch.matmul(query * scale, key.transpose(2, 3))  # [B, H, Lq, Lk]
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, short_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)


def use_fast_attention(model: nn.Module, device: torch.device) -> None:
    """Switch an encoder of the transformers library to the faster kernel; its results and its files stay the same."""
    if device.type != "cpu" or not isinstance(model, PreTrainedModel):
        return
    supported = getattr(model, "_supports_attention_backend", False) and model.config._attn_implementation == "sdpa"
    if supported and not getattr(model.config, "is_decoder", False):
        model.set_attn_implementation(NAME)
