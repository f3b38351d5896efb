"""A second head of a classifier, which scores each token for each name of a mark while the model is trained.

It is a part of the model, so that it is trained, averaged and kept in states like every other; the finished model is
saved without it, and opens as one that never had it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from domain.exceptions import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MARK_HEAD = "mark_head"
MARK_LOGITS = "mark_logits"
_STATES = "_states_for_marks"
_TRIED_TOKENS = 8

Value = TypeVar("Value")


def add_mark_head(model: "PreTrainedModel", num_names: int) -> tuple[str, ...]:
    """Let a classifier give `mark_logits` [B, L, K] beside its answer, and name the parameters that this adds.

    The head begins at zero: it then teaches the model nothing until it has learnt something itself, and no random
    number is drawn that a model without it would not draw.
    Raises: ModelError for a model that has no state for each token it reads.
    """
    body = model.base_model
    states = None if body is model else _states_tried(model)
    if states is None:
        raise ModelError(
            f"{type(model).__name__} has no state for each token that it reads, which marks are learnt from.",
            remedy="Add --set mark_weight=0 to leave marks aside, or take another model.",
        )
    head = nn.utils.skip_init(nn.Linear, states.shape[-1], num_names, device=states.device)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    model.add_module(MARK_HEAD, head)
    body.register_forward_hook(_remember_states)
    model.register_forward_hook(_give_mark_logits)
    return tuple(f"{MARK_HEAD}.{name}" for name, _ in head.named_parameters())


def without_mark_head(entries: Mapping[str, Value]) -> dict[str, Value]:
    """Leave the head out of what is known by the names of a model's state."""
    return {name: value for name, value in entries.items() if not name.startswith(f"{MARK_HEAD}.")}


def _remember_states(body: nn.Module, inputs: Any, output: Any) -> None:
    """Keep the states of tokens [B, L, H] until the model around the body has its answer.

    Hooks are functions that know nothing, and what they keep stands in the module that they are called for: copies of
    a model on several devices then do not meet.
    """
    body.__dict__[_STATES] = _states_in(output)


def _give_mark_logits(model: Any, inputs: Any, output: Any) -> None:
    states = model.base_model.__dict__.pop(_STATES)
    output[MARK_LOGITS] = getattr(model, MARK_HEAD)(states)


def _states_in(output: Any) -> Tensor | None:
    """Find the states of the tokens that were read: those of the encoder where there are two halves."""
    if not isinstance(output, Mapping):
        return None
    read = output.get("encoder_last_hidden_state")
    states: Tensor | None = output.get("last_hidden_state") if read is None else read
    return states


def _states_tried(model: "PreTrainedModel") -> Tensor | None:
    """Give the states of a few tokens, None where there is not one for each of them."""
    end, padding = (getattr(model.config, f"{name}_token_id", None) for name in ("eos", "pad"))
    plain = next(number for number in range(3) if number not in (end, padding))
    ids = torch.full((1, _TRIED_TOKENS), plain, device=model.device)
    if isinstance(end, int):  # which some read their answer from
        ids[0, -1] = end
    found: list[Tensor | None] = []
    handle = model.base_model.register_forward_hook(lambda body, inputs, output: found.append(_states_in(output)))
    was_training = model.training
    try:
        with torch.no_grad():
            model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids))
    finally:
        handle.remove()
        model.train(was_training)
    states = found[0] if found else None
    return states if states is not None and states.shape[:2] == ids.shape else None
