"""Texts written by the loop of the transformers library: those that are drawn, and those of unusual models."""

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from domain.generation import LONGEST_BLOCK, GenerationSettings, looping_block
from infrastructure.models.attention import NAME
from infrastructure.models.decoding.batch import UNASKED, padded
from infrastructure.models.decoding.tokens import decoder_start, end_tokens, named_tokens
from infrastructure.writing.ends import EndsAtString, TextStream, stop_check

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase


def is_ordinary(model: "PreTrainedModel") -> bool:
    """Say whether our own loop can write with a model: by keys and values alone, and with nothing forced on it.

    And whether it looks at no column that is laid out and not yet in use: GPT-Neo counts its windows from the last one.
    """
    from transformers import GenerationMixin

    own: Any = type(model)  # of a class that typing does not know to write
    return (
        keeps_keys_and_values(model)
        and own.prepare_inputs_for_generation is GenerationMixin.prepare_inputs_for_generation
        and own._supports_default_dynamic_cache()
        and not hasattr(own, "_reorder_cache")
        and not model._is_stateful
        and (model._can_compile_fullgraph or model._supports_attention_backend)
        and model.config._attn_implementation in (NAME, "sdpa", "eager")
        and not named_tokens(model)
    )


def keeps_keys_and_values(model: "PreTrainedModel") -> bool:
    """Say whether a model keeps of its tokens keys and values alone."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    config = model.config.get_text_config(decoder=True)
    return "past_key_values" in inspect.signature(model.forward).parameters and all(
        type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in DynamicCache(config=config).layers
    )


def write_with_library(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    rows: Sequence[Sequence[int]],
    max_new_tokens: int,
    settings: GenerationSettings,
    stream: "TextStream | None",
) -> list[list[int]]:
    """Generate one batch; gives the new tokens of each row up to its end."""
    config = _library_config(model, tokenizer, max_new_tokens, settings)
    input_ids, attention_mask = padded(rows, config.pad_token_id, on_left=not model.config.is_encoder_decoder)
    # Before the new tokens stands the prompt, or the one token that starts a decoder.
    begin = 1 if model.config.is_encoder_decoder else input_ids.shape[1]
    options: dict[str, Any] = {name: False for name in UNASKED if name in inspect.signature(model.forward).parameters}
    criteria: list[Any] = []
    if holds_one := stop_check(tokenizer, settings.stop):
        criteria.append(StopStrings(holds_one, begin))
    if settings.max_repeats:
        criteria.append(Loops(settings.max_repeats, begin))
    if criteria:
        options["stopping_criteria"] = criteria
    if stream and settings.num_beams == 1:  # the best beam is known at the end only
        options["streamer"] = stream
        stream.expect_prompt()
    own, model.generation_config = model.generation_config, config
    try:
        generate: Any = model.generate  # typed as a tensor: torch's modules answer for any name
        generated = generate(
            input_ids.to(model.device),
            attention_mask=attention_mask.to(model.device),
            generation_config=config,
            **options,
        )
    finally:
        model.generation_config = own
    ends = set(config.eos_token_id or ())
    return [_until(ids, ends) for ids in generated[:, begin:].tolist()]


def _library_config(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", max_new_tokens: int, settings: GenerationSettings
) -> "GenerationConfig":
    """Say our settings in the words of the library.

    Of what a checkpoint brings along only the tokens that begin and end a text are kept, and those that must or must
    not be written: its beams, penalties and lengths would silently change what was asked for.
    """
    from transformers import GenerationConfig

    own = model.generation_config
    drawing: dict[str, Any] = {}
    if settings.temperature > 0:
        drawing = {"temperature": settings.temperature, "top_k": settings.top_k, "top_p": settings.top_p}
    return GenerationConfig(
        max_new_tokens=max_new_tokens,
        num_beams=settings.num_beams,
        do_sample=settings.temperature > 0,
        use_cache=True,
        bos_token_id=own.bos_token_id,
        eos_token_id=end_tokens(model, tokenizer) or None,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=decoder_start(model, tokenizer),
        **named_tokens(model),
        **drawing,
    )


def _until(ids: list[int], ends: set[int]) -> list[int]:
    # Beam search fills up with -1 behind a stop string when there is no token that ends a text.
    return ids[: next((at for at, token in enumerate(ids) if token in ends or token < 0), len(ids))]


class StopStrings:
    """Ends each row of a batch once its new text holds a stop string."""

    def __init__(self, holds_one: EndsAtString, begin: int) -> None:
        self._holds_one = holds_one
        self._begin = begin

    def __call__(self, input_ids: Tensor, scores: Any, **options: Any) -> Tensor:
        """Say which rows [B] of input_ids [B, L] are done."""
        done = [self._holds_one(row) for row in input_ids[:, self._begin :].tolist()]
        return torch.tensor(done, dtype=torch.bool, device=input_ids.device)


class Loops:
    """Ends each row of a batch once its new tokens end in a loop.

    To a search with beams such a row is a finished text, as one with a stop string is: others may still beat it.
    """

    def __init__(self, max_repeats: int, begin: int) -> None:
        self._max_repeats = max_repeats
        self._begin = begin
        self._reach = (max_repeats + 1) * LONGEST_BLOCK

    def __call__(self, input_ids: Tensor, scores: Any, **options: Any) -> Tensor:
        """Say which rows [B] of input_ids [B, L] are done."""
        tails = input_ids[:, max(self._begin, input_ids.shape[1] - self._reach) :].tolist()
        done = [looping_block(tail, self._max_repeats) > 0 for tail in tails]
        return torch.tensor(done, dtype=torch.bool, device=input_ids.device)
