"""Texts that a model writes: greedily, by beams or by drawing, in batches or letter by letter."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

import torch

from domain.generation import GenerationSettings
from infrastructure.memory import in_smaller_parts
from infrastructure.models.decoding.batch import Batch
from infrastructure.models.decoding.beams import write_by_beams
from infrastructure.models.decoding.greedy import write_greedily
from infrastructure.models.decoding.library import is_ordinary, write_with_library
from infrastructure.models.decoding.tokens import decoder_start, end_tokens, start_token
from infrastructure.models.decoding.waiting import Waiting
from infrastructure.randomness import draw_from, drawing
from infrastructure.writing.ends import Ends, TextStream, stop_check
from infrastructure.writing.windows import Places, Window, texts_in_windows

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Item = TypeVar("Item")

ROWS_AT_ONCE = 64  # beams count as rows
# A pass through a narrow model takes hardly longer for many rows than for some, and their keys and values are small.
NARROW = 256
NARROW_ROWS_AT_ONCE = 128
WHERE = "while a text was written"


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
    Where prompt and text do not fit the positions of a decoder, its window moves on (see `Places`).
    """
    start = start_token(model, tokenizer)
    write = _written_by_library if settings.temperature > 0 or not is_ordinary(model) else _written
    windows_written = partial(write, model, tokenizer, settings)
    asked = [prompt or [start] for prompt in prompts]
    with _own_noise(settings, model.device):
        return texts_in_windows(tokenizer, asked, settings, _places(model), windows_written, on_text)


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


def _places(model: "PreTrainedModel") -> Places:
    config = model.config
    halves = (config.get_text_config(decoder=True), config.get_text_config(encoder=True))
    writable, readable = (getattr(half, "max_position_embeddings", None) for half in halves)
    return Places(writable, readable, bool(config.is_encoder_decoder))


def _written(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    settings: GenerationSettings,
    windows: Mapping[int, Window],
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
    settings: GenerationSettings,
    windows: Mapping[int, Window],
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
