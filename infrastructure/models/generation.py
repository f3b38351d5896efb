"""Texts that a model writes: greedily, by beams or by drawing, in batches or letter by letter."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

import torch

from domain.generation import GenerationSettings
from infrastructure.memory import in_smaller_parts
from infrastructure.models.decoding.batch import Batch
from infrastructure.models.decoding.beams import write_by_beams
from infrastructure.models.decoding.ends import Ends
from infrastructure.models.decoding.greedy import write_greedily
from infrastructure.models.decoding.library import is_ordinary, write_with_library
from infrastructure.models.decoding.tokens import decoder_start, end_tokens, start_token
from infrastructure.models.decoding.waiting import Waiting
from infrastructure.models.text_ends import TextStream, ended_text, stop_check
from infrastructure.randomness import draw_from, drawing

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Item = TypeVar("Item")

ROWS_AT_ONCE = 64  # beams count as rows
# A pass through a narrow model takes hardly longer for many rows than for some, and their keys and values are small.
NARROW = 256
NARROW_ROWS_AT_ONCE = 128
WHERE = "while a text was written"
Window = tuple[list[int], int]  # what is seen of a prompt and its text, and how many tokens may follow


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
    fitted = _fitting(model)
    write = _written_by_library if settings.temperature > 0 or not is_ordinary(model) else _written
    pending = list(range(len(prompts)))
    with _own_noise(settings, model.device):
        while pending:
            windows = {}
            for index in pending:
                seen = [*(prompts[index] or [start]), *written[index]]
                windows[index] = fitted(seen, settings.max_new_tokens - len(written[index]))
            pending = []
            for index, ids in write(model, tokenizer, windows, settings, stream).items():
                written[index] += ids
                if len(ids) == windows[index][1] and _goes_on(model, tokenizer, written[index], settings):
                    pending.append(index)
    texts = [ended_text(tokenizer, ids, settings)[0] for ids in written]
    if stream:
        stream.finish(texts[0])
    return texts


def rows_at_once(model: "PreTrainedModel") -> int:
    """Say how many texts are written beside one another."""
    return NARROW_ROWS_AT_ONCE if _is_narrow(model) else ROWS_AT_ONCE


def prompts_together(model: "PreTrainedModel") -> int:
    """Say how many prompts to write on from in one call where there are many: places that texts leave are then taken.

    No answer is given before all of them are, so that those of a large model are fewer.
    """
    return rows_at_once(model) * (8 if _is_narrow(model) else 4)


def _is_narrow(model: "PreTrainedModel") -> bool:
    width = getattr(model.config.get_text_config(decoder=True), "hidden_size", None)
    return width is not None and int(width) <= NARROW


def _goes_on(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", ids: list[int], settings: GenerationSettings
) -> bool:
    """Tell whether a text that has filled its window is to be written on in another one."""
    if len(ids) >= settings.max_new_tokens or model.config.is_encoder_decoder:
        return False
    return not ended_text(tokenizer, ids, settings)[1]


def _fitting(model: "PreTrainedModel") -> Callable[[list[int], int], Window]:
    """Give what cuts a prompt to the positions of the model, of which as many new tokens as are said may follow."""
    config = model.config
    positions = getattr(config.get_text_config(decoder=True), "max_position_embeddings", None)
    if config.is_encoder_decoder:
        readable = getattr(config.get_text_config(encoder=True), "max_position_embeddings", None)
        writable = max(1, positions - 1) if positions else None
        return lambda prompt, most: (prompt[:readable], min(most, writable or most))
    if not positions:
        return lambda prompt, most: (prompt, most)

    def fitted(prompt: list[int], most: int) -> Window:
        kept = prompt[-max(1, positions - most, positions // 2) :]
        return kept, max(1, min(most, positions - len(kept)))

    return fitted


def _written(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    windows: Mapping[int, Window],
    settings: GenerationSettings,
    stream: TextStream | None,
) -> Mapping[int, list[int]]:
    """Write on from each window; fewer rows at once when memory runs out, without those that are done by then.

    Raises: TrainingError when one alone does not fit.
    """
    ends = Ends(end_tokens(model, tokenizer), settings.max_repeats, stop_check(tokenizer, settings.stop))
    first = (decoder_start if model.config.is_encoder_decoder else start_token)(model, tokenizer)
    done: dict[int, list[int]] = {}

    def write(size: int) -> None:
        left = [index for index in windows if index not in done]
        waiting = Waiting([windows[index][0] for index in left], [windows[index][1] for index in left])
        batch = Batch(model, first, tokenizer.pad_token_id, size, settings.num_beams)
        if settings.num_beams > 1:  # the best beam is known at the end only, and is not streamed
            found = write_by_beams(batch, waiting, ends)
        else:
            found = write_greedily(batch, waiting, ends, stream.put if stream else None)
        done.update((left[number], ids) for number, ids in found)

    in_smaller_parts(write, min(len(windows), max(1, rows_at_once(model) // settings.num_beams)), WHERE)
    return done


def _written_by_library(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    windows: Mapping[int, Window],
    settings: GenerationSettings,
    stream: TextStream | None,
) -> Mapping[int, list[int]]:
    """Do the same by the loop of the library, in batches of windows of alike lengths with the same room."""
    done: dict[int, list[int]] = {}
    order = sorted(windows, key=lambda index: (windows[index][1], len(windows[index][0])))
    for room, alike in groupby(order, key=lambda index: windows[index][1]):
        for indices in _slices(list(alike), max(1, ROWS_AT_ONCE // settings.num_beams)):
            rows = [windows[index][0] for index in indices]

            def write(size: int, rows: list[list[int]] = rows, room: int = room) -> list[list[int]]:
                parts = _slices(rows, size)
                return [
                    ids for part in parts for ids in write_with_library(model, tokenizer, part, room, settings, stream)
                ]

            done |= zip(indices, in_smaller_parts(write, len(rows), WHERE), strict=True)
    return done


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
