"""Answers that are texts, with the settings that travel with a model, whatever computes it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from domain.generation import SETTINGS, GenerationSettings
from domain.interval import Interval
from infrastructure.data.pairs.datasets import PairDataset
from infrastructure.data.sources.inputs import Input, Source
from infrastructure.reports.page.blocks import Section
from infrastructure.tasks.kind import Examined, Note, OnText
from infrastructure.tasks.scored import Outcomes, Scored
from infrastructure.tasks.writing.cards import WriterCard, generation_with
from infrastructure.tasks.writing.intervals import intervals_of_texts, intervals_of_tokens
from infrastructure.tasks.writing.page import Write

# Writes on from prompts (token ids); the last argument is told a single text in pieces.
WriteTexts = Callable[[Sequence[Sequence[int]], GenerationSettings, OnText | None], Sequence[str]]


class Writing(Protocol):
    """What is written: how rows are read, what a model is asked with, and what a person sees of it."""

    @property
    def tokenizer(self) -> Any:
        """Give what makes text into ids."""

    @property
    def card(self) -> WriterCard:
        """Give what travels with the model."""

    def rows(self, dataset_path: str) -> Any:
        """Make rows with their targets ready. Raises: DatasetError."""

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read what is to be answered. Raises: DatasetError for a file that cannot be read."""

    def prompts(self, inputs: Sequence[str], note: Note) -> Sequence[Sequence[int]]:
        """Give the ids that are written on from."""

    def sections(
        self, dataset: Any, outcomes: Outcomes, write: Write | None, num_rows: int | None
    ) -> Sequence[Section]:
        """Show what became of rows; `write` writes texts for some, and all of them are a part of `num_rows`."""


class TextAnswers:
    """What every finished model does that writes."""

    writing: Writing
    reads_rows: ClassVar[bool] = True
    gives_table: ClassVar[bool] = False
    labels: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[str, ...]] = SETTINGS

    @property
    def tokenizer(self) -> Any:
        """Give what makes text into ids."""
        return self.writing.tokenizer

    def rows(self, dataset_path: str) -> Any:
        """Make rows with their targets ready. Raises: DatasetError."""
        return self.writing.rows(dataset_path)

    def intervals(self, dataset: Any, scored: Scored) -> dict[str, Interval]:
        """Say how sure the scores of an evaluation are."""
        intervals = intervals_of_tokens(scored.metrics, scored.outcomes)
        if isinstance(dataset, PairDataset):
            intervals |= intervals_of_texts(scored.metrics, scored.outcomes, dataset.reference)
        return intervals

    def examined(
        self, dataset: Any, scored: Scored, write: Write | None = None, num_rows: int | None = None
    ) -> Examined:
        """Look at the loss of each row, and at what was written for it; see `Writing.sections`."""
        return Examined(dataset, scored.outcomes, self.writing.sections(dataset, scored.outcomes, write, num_rows))

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read prompts. Raises: DatasetError for a file that cannot be read."""
        return self.writing.inputs(source, note)

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer a row without a prompt."""
        return {"text": None, "error": reason}

    def written(
        self, write: WriteTexts, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give the `text` that follows each input; `options` override how the model was told to write."""
        settings = generation_with(self.writing.card.model_dump()).changed(options)
        prompts = self.writing.prompts(inputs, note)
        together = [prompts] if on_text is None else [[prompt] for prompt in prompts]
        for some in together:
            yield from ({"text": text} for text in write(some, settings, on_text))
