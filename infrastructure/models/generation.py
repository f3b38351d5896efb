"""Texts that a model writes: greedily, by beams or by drawing, in batches or letter by letter."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from domain.generation import GenerationSettings, cut_at_stop, without_open_end

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

ROWS_AT_ONCE = 64  # beams count as rows
OPEN_CHARACTER = "\ufffd"  # what decoding makes of the first bytes of a character whose others are still to come
BYTES_PER_CHARACTER = 4


def generate_texts(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[Sequence[int]],
    settings: GenerationSettings,
    on_text: Callable[[str], None] | None = None,
) -> list[str]:
    """Write on from each prompt, in their order: new text alone, without special tokens, cut before a stop string.

    The model is in evaluation mode. `on_text` wants a single prompt and is told the text in pieces, at least one and
    perhaps empty; what could still become a stop string or a whole character is held back. Greedy and beam texts of
    a prompt do not depend on the others; drawn ones do. The caller's random generators stay as they are.
    Where prompt and text do not fit the positions of a decoder, its window moves on: what it sees loses its beginning,
    at most down to half the positions. An encoder, which reads and does not write, loses the end of a prompt instead,
    as in training, and the text behind it is as long as the positions allow.
    """
    assert on_text is None or len(prompts) == 1, "only a single prompt can be streamed"
    start = start_token(model, tokenizer)
    written: list[list[int]] = [[] for _ in prompts]
    stream = _TextStream(tokenizer, settings.stop, on_text) if on_text else None
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
                for index, ids in zip(indices, _write(model, tokenizer, rows, room, settings, stream), strict=True):
                    written[index] += ids
                    if len(ids) == room and _goes_on(model, tokenizer, written[index], settings):
                        pending.append(index)
    texts = [cut_at_stop(_decoded(tokenizer, ids), settings.stop)[0] for ids in written]
    if stream:
        stream.finish(texts[0])
    return texts


def _goes_on(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", ids: list[int], settings: GenerationSettings
) -> bool:
    """Tell whether a text that has filled its window is to be written on in another one."""
    if len(ids) >= settings.max_new_tokens or model.config.is_encoder_decoder:
        return False
    return not cut_at_stop(_decoded(tokenizer, ids), settings.stop)[1]


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


def _write(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    rows: list[list[int]],
    max_new_tokens: int,
    settings: GenerationSettings,
    stream: "_TextStream | None",
) -> list[list[int]]:
    """Generate one batch; gives the new tokens of each row up to its end."""
    config = _library_config(model, tokenizer, max_new_tokens, settings)
    input_ids, attention_mask = _padded(rows, config.pad_token_id, on_left=not model.config.is_encoder_decoder)
    # Before the new tokens stands the prompt, or the one token that starts a decoder.
    begin = 1 if model.config.is_encoder_decoder else input_ids.shape[1]
    options: dict[str, Any] = {}
    if settings.stop:
        options["stopping_criteria"] = [_StopStrings(tokenizer, settings.stop, begin)]
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


def _slices(items: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _decoded(tokenizer: "PreTrainedTokenizerBase", ids: list[int]) -> str:
    # Cleaning up would take the space out of "a ." and change a text of code.
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


@contextmanager
def _own_noise(settings: GenerationSettings, device: torch.device) -> Iterator[None]:
    """Draw from a generator of our own, which begins with the seed; without temperature nothing is drawn."""
    if settings.temperature == 0:
        yield
        return
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(settings.seed)  # torch.manual_seed would touch every other device as well
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(settings.seed)
        yield


class _StopStrings:
    """Ends each row of a batch once its new text holds a stop string."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", stop: tuple[str, ...], begin: int) -> None:
        self._tokenizer = tokenizer
        self._stop = stop
        self._begin = begin
        self._special = set(tokenizer.all_special_ids)
        # A token that shows has a byte at least; some more, for the first of a window may decode otherwise.
        self._window = (max(map(len, stop)) + 1) * BYTES_PER_CHARACTER

    def __call__(self, input_ids: Tensor, scores: Any, **options: Any) -> Tensor:
        """Say which rows [B] of input_ids [B, L] are done."""
        done = [self._is_done(row) for row in input_ids[:, self._begin :].tolist()]
        return torch.tensor(done, dtype=torch.bool, device=input_ids.device)

    def _is_done(self, ids: list[int]) -> bool:
        shown = [token for token in ids if token not in self._special][-self._window :]
        return cut_at_stop(_decoded(self._tokenizer, shown), self._stop)[1]


class _TextStream:
    """Tells a text while it is written; the methods `put` and `end` are what the library calls."""

    def __init__(
        self, tokenizer: "PreTrainedTokenizerBase", stop: tuple[str, ...], on_text: Callable[[str], None]
    ) -> None:
        self._tokenizer = tokenizer
        self._stop = stop
        self._on_text = on_text
        self._ids: list[int] = []
        self._prompt_comes = True
        self._told = 0
        self._silent = True

    def expect_prompt(self) -> None:
        """Be warned that a new window begins."""
        self._prompt_comes = True

    def put(self, value: Tensor) -> None:
        """Take the prompt [1, L] first, then a token [1] at a time."""
        if self._prompt_comes:
            self._prompt_comes = False
            return
        self._ids += value.tolist()
        text, stopped = cut_at_stop(_decoded(self._tokenizer, self._ids), self._stop)
        self._tell(text if stopped else without_open_end(text.rstrip(OPEN_CHARACTER), self._stop))

    def end(self) -> None:
        """Wait: what was held back is told by `finish`, from the text that is returned."""

    def finish(self, text: str) -> None:
        """Tell what remains of the whole text."""
        self._tell(text)
        if self._silent:
            self._on_text("")

    def _tell(self, text: str) -> None:
        if len(text) > self._told:
            piece, self._told, self._silent = text[self._told :], len(text), False
            self._on_text(piece)
