"""The graphs of a model that writes, with what else is needed to write with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from domain.generation import GenerationSettings
from infrastructure.exported.graph import Graph
from infrastructure.exported.texts import padded
from infrastructure.exported.tokenizer import PlainTokenizer
from infrastructure.exported.writing.choosing import Choose, choosing
from infrastructure.exported.writing.rows import Rows, of_source
from infrastructure.exported.writing.stepwise import write_by_beams, write_stepwise
from infrastructure.model_files.card import ModelCard, typed_card
from infrastructure.model_files.exports import Export
from infrastructure.model_files.model_directory import CONFIG, settings_of
from infrastructure.tasks.kind import OnText
from infrastructure.writing.ends import Ends, TextStream, stop_check
from infrastructure.writing.windows import Places, Window, texts_in_windows

ENCODER, DECODER = "encoder", "decoder"
ROWS_AT_ONCE = 64  # beams count as rows
TOKENS_AT_ONCE = 1 << 14  # of the prompts that are written on beside one another
POSITIONS = "max_position_embeddings"
POSITIONS_OF_GPT = "n_positions"


class Signs(BaseModel):
    """The tokens with which a text begins and ends, as an export says them.

    `forced_token_id` is what some encoder-decoders write first, whatever they have read; `never_token_ids` are not
    written at all.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    start_token_id: int = Field(ge=0)
    end_token_ids: list[int] = []
    forced_token_id: int | None = Field(default=None, ge=0)
    never_token_ids: list[int] = []


class SignsCard(ModelCard):
    """The card of an exported model that writes."""

    export: Signs


@dataclass(frozen=True)
class Writer:
    """Writes texts on, and opens rows of tokens whose scores are wanted; `encoder` is None of a decoder alone."""

    decoder: Graph
    encoder: Graph | None
    tokenizer: Any
    signs: Signs
    places: Places

    @classmethod
    def open(cls, directory: Path, card: Mapping[str, Any], export: Export, device: str) -> "Writer":
        """Open what is in a directory. Raises: ModelError, ConfigurationError."""
        signs = typed_card(SignsCard, card, directory).export
        decoder = Graph(directory / export.graphs[DECODER], device)
        encoder = Graph(directory / export.graphs[ENCODER], device) if ENCODER in export.graphs else None
        places = _places_of(settings_of(directory / CONFIG), encoder is not None)
        return cls(decoder, encoder, PlainTokenizer.open(directory), signs, places)

    @property
    def pad(self) -> int:
        """The token that fills up short rows; a mask hides it."""
        return int(self.tokenizer.pad_token_id or 0)

    def rows(self, sources: Sequence[Sequence[int] | np.ndarray]) -> Rows:
        """Open rows of the decoder, each behind its source, which a decoder alone does not look at."""
        read = None
        if self.encoder is not None:
            batch = padded(sources, self.pad)
            read = of_source(self.encoder(batch), batch["attention_mask"])
        return Rows(self.decoder, len(sources), len(self.tokenizer), read)

    def texts(
        self, prompts: Sequence[Sequence[int]], settings: GenerationSettings, on_text: OnText | None = None
    ) -> list[str]:
        """Write on from each prompt, in their order: new text alone, no special tokens, cut at a stop string or a loop.

        `on_text` wants a single prompt. Greedy and beam texts are those of the model in fp32. Raises: TrainingError.
        """
        ends = Ends(self.signs.end_token_ids, settings.max_repeats, stop_check(self.tokenizer, settings.stop))
        asked = [prompt or [self.signs.start_token_id] for prompt in prompts]
        choose = choosing(settings, self.signs.never_token_ids)
        write = partial(self._written, ends, choose, settings.num_beams)
        return texts_in_windows(self.tokenizer, asked, settings, self.places, write, on_text)

    def _written(
        self, ends: Ends, choose: Choose, num_beams: int, windows: Mapping[int, Window], stream: TextStream | None
    ) -> dict[int, list[int]]:
        done: dict[int, list[int]] = {}
        for numbers in _alike(windows, max(1, ROWS_AT_ONCE // num_beams)):
            rooms = [windows[number][1] for number in numbers]
            rows, scores = self._begun([windows[number][0] for number in numbers])
            if num_beams > 1:  # the best beam is known at the end only, and is not streamed
                ids = write_by_beams(rows, scores, rooms, ends, num_beams, self.signs.never_token_ids)
            else:
                ids = write_stepwise(rows, scores, numbers, rooms, ends, choose, stream.put if stream else None)
            done |= zip(numbers, ids, strict=True)
        return done

    def _begun(self, prompts: Sequence[Sequence[int]]) -> tuple[Rows, np.ndarray]:
        """Read prompts; gives the scores [B, V] of the token behind each."""
        rows = self.rows(prompts)
        batch = padded(prompts, self.pad, on_left=True)
        ids, mask = batch["input_ids"], batch["attention_mask"]
        if self.encoder is not None:
            ids = np.full((len(prompts), 1), self.signs.start_token_id, dtype=np.int64)
            mask = np.ones_like(ids)
        *_, (_, read) = rows.read(ids, mask)
        scores, forced = read[:, -1], self.signs.forced_token_id
        return rows, scores if forced is None else np.where(np.arange(scores.shape[1]) == forced, scores, -np.inf)


def _alike(windows: Mapping[int, Window], most: int) -> Iterator[list[int]]:
    """Give the numbers of windows of about the same length, the longest first, at most so many together."""
    order = sorted(windows, key=lambda number: -len(windows[number][0]))
    while order:
        count = max(1, min(most, TOKENS_AT_ONCE // len(windows[order[0]][0])))
        yield order[:count]
        order = order[count:]


def _places_of(config: Mapping[str, Any], is_encoder_decoder: bool) -> Places:
    """Read the places for tokens of the settings of a model; those of two halves may say them apart."""
    half = next((config[name] for name in (DECODER, "text_config") if isinstance(config.get(name), Mapping)), config)
    writable = half.get(POSITIONS, None if is_encoder_decoder else half.get(POSITIONS_OF_GPT))
    return Places(_count(writable), _count(config.get(POSITIONS)), is_encoder_decoder)


def _count(told: Any) -> int | None:
    return told if isinstance(told, int) and told > 0 else None
