"""What the kinds that write text share: their presets, and answers that are texts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import Field
from torch import nn

from application.groups.text import MAX_LENGTH_LIMIT
from application.training import TextTraining, WriterTraining
from domain.generation import SETTINGS, GenerationSettings
from domain.interval import Interval
from domain.reading import Reading
from infrastructure.data.pairs.datasets import PairDataset
from infrastructure.data.sources.fields import Sought
from infrastructure.data.sources.inputs import Input, Source, read_inputs
from infrastructure.model_files.card import ModelCard
from infrastructure.models.factory import DECODER, Blueprint
from infrastructure.models.generation import generate_texts
from infrastructure.models.presets import DECODERS, decoder_config
from infrastructure.reports.page.blocks import Section
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.kind import Card, Examined, Note, OnText
from infrastructure.tasks.scored import Outcomes, Scored
from infrastructure.tasks.writing.intervals import intervals_of_texts, intervals_of_tokens
from infrastructure.tasks.writing.page import Write

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MOST_BEAMS = 1024
TRAVELLING = ("max_new_tokens", "num_beams", "max_repeats")  # in the card of a model; also names of the request


class WriterCard(ModelCard):
    """What the card of a model that writes says; one that is older than a setting lacks it."""

    max_length: int = Field(ge=1, le=MAX_LENGTH_LIMIT)
    max_new_tokens: int = Field(default=GenerationSettings.max_new_tokens, ge=1)
    num_beams: int = Field(default=1, ge=1, le=MOST_BEAMS)
    max_repeats: int = Field(default=0, ge=0)


def decoder_blueprint(request: TextTraining, learn_tokenizer: "Callable[[], PreTrainedTokenizerBase]") -> Blueprint:
    """Describe the decoders of a request."""
    presets = {name: partial(decoder_config, size, max_length=request.max_length) for name, size in DECODERS.items()}
    return Blueprint(DECODER, presets, learn_tokenizer)


def how_to_write(request: WriterTraining) -> Card:
    """Keep with the model how it is to write."""
    return {name: getattr(request, name) for name in TRAVELLING}


def generation_with(card: Card) -> GenerationSettings:
    """Give how a model was told to write.

    Older cards lack `max_repeats`: such a model repeats itself as it did when it was scored.
    """
    return GenerationSettings().changed({name: card[name] for name in TRAVELLING if name in card})


@dataclass(frozen=True)
class FinishedWriter:
    """Writes texts with the settings that travel with the model.

    `text` says where a row holds its input, `prompt` turns an input into the ids that are written on from, `rows` opens
    rows with their targets, and `adapter` scores them, as many texts written out as is said. `sections` shows what
    became of them: rows, outcomes, who could write texts for sources, and of how many rows these are a part.
    """

    tokenizer: "PreTrainedTokenizerBase"
    card: Card
    text: Sought
    prompt: Callable[[str], Sequence[int]]
    rows: Callable[[str], Any]
    adapter: Callable[[Any, int], TaskAdapter]
    sections: Callable[[Any, Outcomes, Write | None, int | None], Sequence[Section]]
    reading: Reading
    rows_at_once: int
    reads_rows: bool = True
    gives_table: bool = False
    labels: tuple[str, ...] = ()
    options: tuple[str, ...] = SETTINGS

    def scored(self, dataset_path: str) -> tuple[Any, TaskAdapter]:
        """Make rows with their targets ready for evaluation. Raises: DatasetError."""
        dataset = self.rows(dataset_path)
        return dataset, self.adapter(dataset, len(dataset))

    def intervals(self, dataset: Any, scored: Scored) -> dict[str, Interval]:
        """Say how sure the scores of an evaluation are."""
        intervals = intervals_of_tokens(scored.metrics, scored.outcomes)
        if isinstance(dataset, PairDataset):
            intervals |= intervals_of_texts(scored.metrics, scored.outcomes, dataset.reference)
        return intervals

    def examined(
        self, dataset: Any, scored: Scored, write: Write | None = None, num_rows: int | None = None
    ) -> Examined:
        """Look at the loss of each row, and at what was written for it; see `sections`."""
        return Examined(dataset, scored.outcomes, self.sections(dataset, scored.outcomes, write, num_rows))

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read prompts. Raises: DatasetError for a file that cannot be read."""
        return read_inputs(source, self.text, self.reading, note)

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer a row without a prompt."""
        return {"text": None, "error": reason}

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give the `text` that follows each input."""
        settings = generation_with(self.card).changed(options)
        writer: Any = model
        if on_text is None:
            texts = generate_texts(writer, self.tokenizer, [self.prompt(text) for text in inputs], settings)
            yield from ({"text": text} for text in texts)
            return
        for text in inputs:
            (written,) = generate_texts(writer, self.tokenizer, [self.prompt(text)], settings, on_text)
            yield {"text": written}
