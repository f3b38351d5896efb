"""Texts that share a row of the batch, and models that can keep them apart."""

from typing import Any

import torch
from torch import Tensor

from infrastructure.models.attention import NAME as OUR_ATTENTION

_LENGTHS = (5, 9)
# Layers that see a window are tried with texts that are longer.
_ROOM_BEYOND_A_WINDOW = 3
_NEAR = 1e-4


def shared_rows(model: Any, batch: dict[str, Tensor]) -> dict[str, Any]:
    """Give the inputs with which no place of a row sees one of another text.

    `texts` [B, L] has at each place the number of its text (0 is padding), `position_ids` [B, L] its place in it.
    """
    numbers = batch["texts"]
    same = numbers[:, None, :, None] == numbers[:, None, None, :]  # [B, 1, L, L]; padding sees padding
    positions = batch["position_ids"] + _first_position(model)
    return {"input_ids": batch["input_ids"], "attention_mask": _masks(model, same), "position_ids": positions}


@torch.no_grad()
def keeps_texts_apart(model: Any) -> bool:
    """Find out whether texts that share a row give what each gives alone.

    Tried and not looked up: whether positions and masks are heeded differs between families of the library, and
    between kernels of attention.
    """
    was_training = model.training
    model.eval()
    try:
        return _same_as_alone(model)
    except (RuntimeError, TypeError, ValueError, AttributeError, KeyError, IndexError):
        return False  # it takes no such mask
    finally:
        model.train(was_training)


def _same_as_alone(model: Any) -> bool:
    config = model.config
    window = int(getattr(config, "sliding_window", None) or 0) if _has_windows(config) else 0
    lengths = [window + _ROOM_BEYOND_A_WINDOW + length for length in _LENGTHS]
    first = min(5, config.vocab_size - 1)
    texts = [first + torch.arange(length) % (config.vocab_size - first) for length in lengths]
    rows = [texts, texts[::-1]]  # some models take the positions of one row for those of all
    batch = {
        "input_ids": _joined(rows),
        "texts": _joined([[torch.full((len(text),), number) for number, text in enumerate(row, 1)] for row in rows]),
        "position_ids": _joined([[torch.arange(len(text)) for text in row] for row in rows]),
    }
    backbone = model.base_model
    together = backbone(**shared_rows(model, batch)).last_hidden_state
    alone = [
        backbone(input_ids=text[None], attention_mask=torch.ones(1, len(text))).last_hidden_state[0] for text in texts
    ]
    expected = _joined([alone, alone[::-1]])
    return bool((together - expected).abs().max() <= _NEAR * expected.abs().max())


def _joined(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.cat(row) for row in rows])


def _has_windows(config: Any) -> bool:
    return "sliding_attention" in (getattr(config, "layer_types", None) or ())


def _first_position(model: Any) -> int:
    """Give the number of the first position: RoBERTa and its kin count from the one behind that of padding."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings"):
            padding = getattr(module, "padding_idx", None)
            return 0 if padding is None else int(padding) + 1
    return 0


def _masks(model: Any, seen: Tensor) -> Any:
    """Say what is seen [B, 1, L, L] in the way of the model's attention, a mask for each kind of its layers."""
    config = model.config
    if not _has_windows(config):
        return _as_attended(model, seen)
    places = torch.arange(seen.shape[-1], device=seen.device)
    near = (places[:, None] - places[None, :]).abs() <= config.sliding_window
    return {"full_attention": _as_attended(model, seen), "sliding_attention": _as_attended(model, seen & near)}


def _as_attended(model: Any, seen: Tensor) -> Tensor:
    # The library's own "eager" adds its mask to the scores, and would take True for a slightly better place.
    if model.config._attn_implementation in ("sdpa", OUR_ATTENTION):
        return seen
    return torch.zeros(seen.shape, dtype=model.dtype, device=seen.device).masked_fill(
        ~seen, torch.finfo(model.dtype).min
    )
