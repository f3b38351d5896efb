"""A text for a text as it is asked and scored, whatever computes the model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from domain.task import task_named
from infrastructure.data.pairs.datasets import JoinedPairs, PairDataset, SourceTargetPairs, prompt_of
from infrastructure.data.sources.inputs import Input, Source, read_inputs
from infrastructure.data.text.loading import open_pairs
from infrastructure.data.tokens.text_ids import text_ids
from infrastructure.reports.page.blocks import Section
from infrastructure.tasks.kind import Note
from infrastructure.tasks.scored import Outcomes
from infrastructure.tasks.writing.cards import PairCard
from infrastructure.tasks.writing.metrics import OF_CODE, OF_TRANSLATIONS, TextScores
from infrastructure.tasks.writing.page import Write, pair_sections

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from infrastructure.data.pairs.rows import PairRows

    MakeDataset = Callable[[PairRows, np.ndarray, PreTrainedTokenizerBase, int], PairDataset]
    MakePrompt = Callable[[PreTrainedTokenizerBase, str, int], Sequence[int]]


@dataclass(frozen=True)
class PairForm:
    """How pairs become sequences: `dataset` sets both into them, and `prompt` a source alone (text, max_length).

    `scores` compare written texts with targets.
    """

    dataset: "MakeDataset"
    prompt: "MakePrompt"
    scores: TextScores


def _source_ids(tokenizer: "PreTrainedTokenizerBase", text: str, max_length: int) -> list[int]:
    return text_ids(tokenizer, [text], max_length)[0]


CODE = PairForm(JoinedPairs, prompt_of, OF_CODE)
TRANSLATION = PairForm(SourceTargetPairs, _source_ids, OF_TRANSLATIONS)


@dataclass(frozen=True)
class WrittenPairs:
    """Texts that are written for texts."""

    tokenizer: "PreTrainedTokenizerBase"
    card: PairCard
    form: PairForm

    def rows(self, dataset_path: str) -> PairDataset:
        """Make pairs ready. Raises: DatasetError."""
        card, task = self.card, task_named(self.card.task)
        source, target = card.sought("source", task.text_fields), card.sought("target", task.target_fields)
        pairs = open_pairs(dataset_path, task, source, target, card.reading)
        return self.form.dataset(pairs, np.arange(len(pairs)), self.tokenizer, card.max_length)

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read sources. Raises: DatasetError for a file that cannot be read."""
        asked = self.card.sought("source", task_named(self.card.task).text_fields)
        return read_inputs(source, asked, self.card.reading, note)

    def prompts(self, inputs: Sequence[str], note: Note) -> Sequence[Sequence[int]]:
        """Give the ids of sources as they stand before their targets."""
        return [self.form.prompt(self.tokenizer, text, self.card.max_length) for text in inputs]

    def sections(
        self, dataset: PairDataset, outcomes: Outcomes, write: Write | None, num_rows: int | None
    ) -> Sequence[Section]:
        """Show rows with what was given, written and wanted."""
        return pair_sections(dataset, outcomes, write, num_rows)
