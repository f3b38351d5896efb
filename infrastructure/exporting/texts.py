"""Texts that a model and its export write on: the export with what it keeps of earlier tokens, the model without."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from infrastructure.exporting.graph import Side
from infrastructure.exporting.writing import DECODER, ENCODER, POSITIONS, Writing, names_of

NUM_TEXTS, NEW_TOKENS, LONGEST_PROMPT = 4, 16, 64

Sides = Mapping[str, Side]


def equal_texts(shape: Writing, before: Sides, after: Sides, prompts: Sequence[Tensor]) -> tuple[int, int]:
    """Write on from prompts [N], each the likeliest token by token; gives how many texts, and how many are equal.

    The model computes all of a text anew for each token, so that nothing it keeps can be wrong in the same way.
    """
    equal = sum(written(shape, before, prompt, False) == written(shape, after, prompt, True) for prompt in prompts)
    return len(prompts), equal


@torch.inference_mode()
def written(shape: Writing, sides: Sides, prompt: Tensor, keeps: bool) -> list[int]:
    """Write some tokens greedily."""
    of = "decoder." if ENCODER in sides else ""
    beside: dict[str, Tensor] = {}
    ids = prompt[None]
    if ENCODER in sides:
        mask = torch.ones_like(ids)
        read = sides[ENCODER]({"input_ids": ids, "attention_mask": mask})
        beside = {name.replace("present", "past_key_values"): tensor for name, tensor in read.items()}
        beside["encoder_attention_mask"] = mask
        ids = torch.tensor([[shape.facts["start_token_id"]]])
    begins, past = ids.shape[1], _empty(shape, of)
    for _ in range(NEW_TOKENS):
        seen = past[names_of(shape.heads, "past_key_values", of)[0]].shape[2]
        inputs = {
            "input_ids": ids[:, seen:],
            "attention_mask": torch.ones_like(ids),
            POSITIONS: torch.arange(seen, ids.shape[1])[None],
        }
        told = sides[DECODER]({**inputs, **past, **beside})
        if keeps:
            past = {name: told[name.replace("past_key_values", "present")] for name in past}
        ids = torch.cat([ids, told["logits"][:, -1].argmax(-1, keepdim=True)], dim=1)
    return ids[0, begins:].tolist()


def _empty(shape: Writing, of: str) -> dict[str, Tensor]:
    return {name: shape.heads.empty(1) for name in names_of(shape.heads, "past_key_values", of)}
