"""Attention that suits short sequences on a CPU."""

from collections.abc import Mapping
from functools import lru_cache
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
    [B, Lq, H, D]. A causal module without a mask attends to what stands before. The softmax is taken in fp32.
    Anything out of the ordinary goes to torch's own kernel.
    Why: torch's bf16 CPU kernel for masked scaled dot products is slow on short rows (benchmarks/levers.py).
    """
    ordinary = (
        query.shape[-2] <= MAX_LENGTH
        and key.shape[1] == query.shape[1]
        and dropout == 0.0
        and options.get("position_bias") is None
        and (attention_mask is None or attention_mask.dtype == torch.bool)
    )
    if not ordinary:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
    if attention_mask is None and query.shape[-2] > 1 and _is_causal(module, options):
        attention_mask = _causal_mask(query.shape[-2], key.shape[-2])
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = torch.matmul(query * scale, key.transpose(2, 3))  # [B, H, Lq, Lk]
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), None


def _is_causal(module: nn.Module, options: Mapping[str, Any]) -> bool:
    """Say it as the library's own kernels do: the call decides, then the module, and silence means yes."""
    said = options.get("is_causal")
    return bool(getattr(module, "is_causal", True) if said is None else said)


@lru_cache(maxsize=8)
def _causal_mask(num_queries: int, num_keys: int) -> Tensor:
    """Let the last query see all keys and each one before it one fewer, [1, 1, Lq, Lk]."""
    with torch.inference_mode(mode=False):
        return torch.ones(1, 1, num_queries, num_keys, dtype=torch.bool).tril(num_keys - num_queries)


AttentionInterface.register(NAME, short_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)


def use_fast_attention(model: nn.Module, device: torch.device) -> None:
    """Switch a model of the transformers library to the faster kernel; its results and its files stay the same."""
    if device.type != "cpu" or not isinstance(model, PreTrainedModel):
        return
    # What is "eager" is so because the library knows no kernel that caps scores; without caps ours will do.
    replaceable = ("sdpa", "eager") if model.config.model_type == "t5gemma" and not _caps_scores(model) else ("sdpa",)
    if model._supports_attention_backend and model.config._attn_implementation in replaceable:
        model.set_attn_implementation(NAME)


def _caps_scores(model: PreTrainedModel) -> bool:
    halves = (model.config.encoder, model.config.decoder)
    return any(half.attn_logit_softcapping is not None for half in halves)
