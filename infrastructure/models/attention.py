"""Attention that suits short sequences on a CPU, and rows without padding everywhere."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.modeling_utils import AttentionInterface, PreTrainedModel

from infrastructure.models.fused.attention import softmax_attention
from infrastructure.models.rows import Group
from infrastructure.models.unpadded import NO_BIAS, Attended, spread, taken

NAME = "athanor"
# Beyond this length the scores [B, H, L, L] no longer fit the caches, and the blocked kernel of torch is faster.
MAX_LENGTH = 384


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | Attended | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    position_bias: Tensor | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attend, by the quickest way for what is asked.

    Shapes: query [B, H, Lq, D], key and value [B, H, Lk, D], mask True where attended [B or 1, 1, Lq, Lk], result
    [B, Lq, H, D]. Rows without padding are [1, H, T, D], with `Attended` in place of a mask, and give [1, T, H, D].
    A causal module without a mask attends to what stands before. The softmax is taken in fp32.
    """
    settings = {"dropout": dropout, "scaling": scaling, **options}
    if isinstance(attention_mask, Attended):
        bias = None if position_bias is None or position_bias.shape == NO_BIAS else position_bias
        return _by_rows(module, query, key, value, attention_mask, bias, **settings), None
    if position_bias is not None or not _suits_products(query, attention_mask, dropout):
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, position_bias=position_bias, **settings
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    causal = attention_mask is None and _is_causal(module, options)
    return softmax_attention(query, key, value, attention_mask, scale, causal, dropout), None


def _by_rows(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, seen: Attended, bias: Tensor | None, **settings: Any
) -> Tensor:
    """Attend within each row of [1, H, T, D]: rows of about equal lengths together, as a padded batch of their own."""
    parts = [states[0].transpose(0, 1) for states in (query, key, value)]  # [T, H, D]
    if query.is_cuda and _suits_kernel(query, seen, bias, settings):
        return _by_kernel(module, parts, seen, settings)[None]
    found = []
    queries, keys, values = (
        one.split(rows.sizes) for one, rows in zip(parts, (seen.queries, seen.keys, seen.keys), strict=True)
    )
    for number, (own, read) in enumerate(zip(seen.queries.groups, seen.keys.groups, strict=True)):
        group_bias = None if bias is None else bias[:, :, : own.length, : read.length]
        attended, _ = attention(
            module,
            _as_batch(queries[number], own),
            _as_batch(keys[number], read),
            _as_batch(values[number], read),
            seen.mask_of(number),
            position_bias=group_bias,
            **settings,
        )
        flat = attended.flatten(0, 1)  # [rows * length, H, D]
        found.append(flat if own.slots is None else taken(flat, own.slots))
    return torch.cat(found)[None] if len(found) > 1 else found[0][None]


def _as_batch(states: Tensor, group: Group) -> Tensor:
    """Pad the tokens [t, H, D] of a group to its longest row, [rows, H, length, D]."""
    if group.slots is not None:
        states = spread(states, group.slots, group.num_rows * group.length)
    return states.unflatten(0, (group.num_rows, group.length)).transpose(1, 2)


def _suits_kernel(query: Tensor, seen: Attended, bias: Tensor | None, settings: Mapping[str, Any]) -> bool:
    """Tell whether torch's kernel for rows of any length computes the same: it knows no masks but those of order."""
    is_half = query.dtype in (torch.float16, torch.bfloat16) or torch.is_autocast_enabled("cuda")
    is_plain = seen.mask is None or seen.mask.stride(2) == 0
    return is_half and is_plain and bias is None and not settings["dropout"] and query.shape[-1] % 8 == 0


def _by_kernel(module: nn.Module, parts: Sequence[Tensor], seen: Attended, settings: Mapping[str, Any]) -> Tensor:
    """Attend within rows of any length: queries, keys and values [T, H, D]; gives [T, H, D]."""
    from torch.nn.attention.varlen import varlen_attn

    form = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else parts[0].dtype
    is_causal = seen.mask is None and seen.queries is seen.keys and _is_causal(module, settings)
    query, key, value = (part.to(form) for part in parts)
    attended = varlen_attn(
        query, key, value, seen.queries.borders, seen.keys.borders, max(seen.queries.lengths), max(seen.keys.lengths),
        scale=settings["scaling"], window_size=(-1, 0) if is_causal else (-1, -1),
        enable_gqa=query.shape[1] != key.shape[1],
    )  # fmt: skip
    assert isinstance(attended, Tensor)
    return attended


def _suits_products(query: Tensor, mask: Tensor | None, dropout: float) -> bool:
    """Tell whether plain products are quicker: torch's kernel for a CPU is slow on short rows, and drops nothing."""
    is_short = query.shape[-2] <= MAX_LENGTH or dropout > 0.0
    return query.device.type == "cpu" and is_short and (mask is None or mask.dtype == torch.bool)


def _is_causal(module: nn.Module, options: Mapping[str, Any]) -> bool:
    """Say it as the library's own kernels do: the call decides, then the module, and silence means yes."""
    said = options.get("is_causal")
    return bool(getattr(module, "is_causal", True) if said is None else said)


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, sdpa_mask)


def use_fast_attention(model: nn.Module, device: torch.device) -> None:
    """Switch a model of the transformers library to this attention; its results and its files stay the same."""
    if device.type not in ("cpu", "cuda") or not isinstance(model, PreTrainedModel):
        return
    # What is "eager" is so because the library knows no kernel that caps scores; without caps ours will do.
    replaceable = ("sdpa", "eager") if model.config.model_type == "t5gemma" and not _caps_scores(model) else ("sdpa",)
    if model._can_set_attn_implementation() and model.config._attn_implementation in replaceable:
        model.set_attn_implementation(NAME)


def keep_from_compilers() -> None:
    """Let compiled layers call this attention as it is: rows without padding have other shapes in every batch."""
    AttentionInterface.register(NAME, torch.compiler.disable(attention))


def is_ours(model: nn.Module) -> bool:
    """Tell whether a model attends by `attention`, all of its parts."""
    if not isinstance(model, PreTrainedModel):
        return False
    halves = (model.config, *(getattr(model.config, name) for name in model.config.sub_configs))
    return all(half._attn_implementation == NAME for half in halves)


def _caps_scores(model: PreTrainedModel) -> bool:
    halves = (model.config.encoder, model.config.decoder)
    return any(half.attn_logit_softcapping is not None for half in halves)
