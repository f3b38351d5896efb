"""Texts that a model writes: greedily, by beams or by drawing, in batches or letter by letter."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from domain.generation import GenerationSettings
from infrastructure.memory import in_smaller_parts
from infrastructure.models.text_ends import Loops, StopStrings, TextStream, ended_text
from infrastructure.randomness import draw_from, drawing

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

Item = TypeVar("Item")

ROWS_AT_ONCE = 64  # beams count as rows


def generate_texts(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[Sequence[int]],
    settings: GenerationSettings,
    on_text: Callable[[str], None] | None = None,
) -> list[str]:
    """Write on from each prompt, in their order: new text alone, no special tokens, cut at a stop string or a loop.

    The model is in evaluation mode. `on_text` wants a single prompt and is told the text in pieces, at least one and
    perhaps empty; what could still become a stop string, a loop or a whole character is held back. Greedy and beam
    texts of a prompt do not depend on the others; drawn ones do. The caller's random generators stay as they are.
    Where prompt and text do not fit the positions of a decoder, its window moves on: what it sees loses its beginning,
    at most down to half the positions. An encoder, which reads and does not write, loses the end of a prompt instead,
    as in training, and the text behind it is as long as the positions allow.
    """
    assert on_text is None or len(prompts) == 1, "only a single prompt can be streamed"
    start = start_token(model, tokenizer)
    written: list[list[int]] = [[] for _ in prompts]
    stream = TextStream(tokenizer, settings, on_text) if on_text else None
    pending = list(range(len(prompts)))
    with _own_noise(settings, model.device):
        while pending:
            windows = {}
            for index in pending:
                seen = [*(prompts[index] or [start]), *written[index]]
                windows[index] = _fitted(seen, model, settings.max_new_tokens - len(written[index]))
            pending = []
            for indices, room in _batches(windows, settings.num_beams):
                rows = [windows[index][0] for index in indices]
                new = _written(model, tokenizer, rows, room, settings, stream)
                for index, ids in zip(indices, new, strict=True):
                    written[index] += ids
                    if len(ids) == room and _goes_on(model, tokenizer, written[index], settings):
                        pending.append(index)
    texts = [ended_text(tokenizer, ids, settings)[0] for ids in written]
    if stream:
        stream.finish(texts[0])
    return texts


def _goes_on(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", ids: list[int], settings: GenerationSettings
) -> bool:
    """Tell whether a text that has filled its window is to be written on in another one."""
    if len(ids) >= settings.max_new_tokens or model.config.is_encoder_decoder:
        return False
    return not ended_text(tokenizer, ids, settings)[1]


def _batches(windows: Mapping[int, tuple[list[int], int]], num_beams: int) -> Iterator[tuple[list[int], int]]:
    """Put windows of alike lengths together: little padding, and all of a batch have the same room for new tokens."""
    order = sorted(windows, key=lambda index: (windows[index][1], len(windows[index][0])))
    for room, alike in groupby(order, key=lambda index: windows[index][1]):
        for indices in _slices(list(alike), max(1, ROWS_AT_ONCE // num_beams)):
            yield indices, room


def _fitted(prompt: list[int], model: "PreTrainedModel", max_new_tokens: int) -> tuple[list[int], int]:
    """Cut a prompt to the positions of the model; gives it with the number of tokens that may follow."""
    config = model.config
    positions = getattr(config.get_text_config(decoder=True), "max_position_embeddings", None)
    if config.is_encoder_decoder:
        readable = getattr(config.get_text_config(encoder=True), "max_position_embeddings", None)
        return prompt[:readable], min(max_new_tokens, max(1, positions - 1) if positions else max_new_tokens)
    if not positions:
        return prompt, max_new_tokens
    kept = prompt[-max(1, positions - max_new_tokens, positions // 2) :]
    return kept, max(1, min(max_new_tokens, positions - len(kept)))


def _written(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    rows: list[list[int]],
    max_new_tokens: int,
    settings: GenerationSettings,
    stream: "TextStream | None",
) -> list[list[int]]:
    """Generate for all rows, fewer at once when memory runs out. Raises: TrainingError when one alone does not fit."""

    def written(size: int) -> list[list[int]]:
        parts = _slices(rows, size)
        return [ids for part in parts for ids in _write(model, tokenizer, part, max_new_tokens, settings, stream)]

    return in_smaller_parts(written, len(rows), "while a text was written")


def _write(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    rows: list[list[int]],
    max_new_tokens: int,
    settings: GenerationSettings,
    stream: "TextStream | None",
) -> list[list[int]]:
    """Generate one batch; gives the new tokens of each row up to its end."""
    config = _library_config(model, tokenizer, max_new_tokens, settings)
    input_ids, attention_mask = _padded(rows, config.pad_token_id, on_left=not model.config.is_encoder_decoder)
    # Before the new tokens stands the prompt, or the one token that starts a decoder.
    begin = 1 if model.config.is_encoder_decoder else input_ids.shape[1]
    options: dict[str, Any] = {}
    criteria: list[Any] = []
    if settings.stop:
        criteria.append(StopStrings(tokenizer, settings.stop, begin))
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

    Of what a checkpoint brings along only the tokens that begin and end a text are kept: its beams, penalties and
    lengths would silently change what was asked for.
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
        eos_token_id=_ends(model, tokenizer) or None,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=decoder_start(model, tokenizer),
        forced_bos_token_id=own.forced_bos_token_id,
        **drawing,
    )


def _ends(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """List the tokens that end a text: the tokenizer's, and those the model names.

    Of the latter only special ones: configs of the library name token 2 where nobody set one, and in a vocabulary
    without specials that is a letter like any other.
    """
    named = model.generation_config.eos_token_id
    candidates = [named] if isinstance(named, int) else list(named or ())
    ends = {token for token in candidates if token in set(tokenizer.all_special_ids)}
    ends.discard(tokenizer.pad_token_id)
    return sorted(ends if tokenizer.eos_token_id is None else ends | {tokenizer.eos_token_id})


def start_token(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
    """Give the token that stands for the beginning, for a prompt must have one token at least."""
    choices = (tokenizer.bos_token_id, tokenizer.cls_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    return next(int(token) for token in (model.generation_config.bos_token_id, *choices) if token is not None)


def decoder_start(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
    """Give the token with which an encoder-decoder begins to write; some say another than begins a text."""
    named = model.generation_config.decoder_start_token_id
    return start_token(model, tokenizer) if named is None else int(named)


def _padded(rows: list[list[int]], pad: int, on_left: bool) -> tuple[Tensor, Tensor]:
    """Give input_ids and attention_mask, both [B, L]."""
    width = max(map(len, rows))
    input_ids = torch.full((len(rows), width), pad)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for number, row in enumerate(rows):
        place = slice(width - len(row), width) if on_left else slice(len(row))
        input_ids[number, place] = torch.tensor(row)
        mask[number, place] = 1
    return input_ids, mask


def _until(ids: list[int], ends: set[int]) -> list[int]:
    # Beam search fills up with -1 behind a stop string when there is no token that ends a text.
    return ids[: next((at for at, token in enumerate(ids) if token in ends or token < 0), len(ids))]


def _slices(items: list[Item], size: int) -> Iterator[list[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


@contextmanager
def _own_noise(settings: GenerationSettings, device: torch.device) -> Iterator[None]:
    """Draw from a generator of our own, which begins with the seed; without temperature nothing is drawn."""
    if settings.temperature == 0:
        yield
        return
    with drawing(device):
        draw_from(settings.seed, device)
        yield
