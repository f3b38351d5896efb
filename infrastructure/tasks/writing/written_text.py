"""Running text as it is asked and scored, whatever computes the model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.reading import Reading
from domain.task import task_named
from infrastructure.data.sources.fields import Sought
from infrastructure.data.sources.inputs import Input, Source, read_inputs
from infrastructure.data.text.blocks import TokenBlocks, token_blocks
from infrastructure.data.text.loading import open_documents
from infrastructure.data.text.parts import whole_documents
from infrastructure.data.tokens.text_ids import text_ids
from infrastructure.data.tokens.tokenization import LONGEST_READ
from infrastructure.reports.page.blocks import Section
from infrastructure.tasks.kind import Note
from infrastructure.tasks.scored import Outcomes
from infrastructure.tasks.writing.cards import LanguageModelCard
from infrastructure.tasks.writing.page import Write, block_sections

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class WrittenText:
    """Text that is written on."""

    tokenizer: "PreTrainedTokenizerBase"
    card: LanguageModelCard

    @property
    def _fields(self) -> tuple[str, ...]:
        return task_named(self.card.task).text_fields

    def rows(self, dataset_path: str) -> TokenBlocks:
        """Turn text into one stream of tokens. Raises: DatasetError."""
        text = self.card.sought("text", self._fields)
        return stream_of(dataset_path, text, self.tokenizer, self.card.max_length, self.card.reading)

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read prompts. Raises: DatasetError for a file that cannot be read."""
        return read_inputs(source, self.card.sought("text", ("prompt", *self._fields)), self.card.reading, note)

    def prompts(self, inputs: Sequence[str], note: Note) -> Sequence[Sequence[int]]:
        """Give the ids of texts, of a very long one those of its end."""
        return [text_ids(self.tokenizer, [text[-LONGEST_READ:]])[0] for text in inputs]

    def sections(
        self, dataset: TokenBlocks, outcomes: Outcomes, write: Write | None, num_rows: int | None
    ) -> Sequence[Section]:
        """Show blocks by their loss."""
        return block_sections(self.tokenizer, dataset, outcomes, write, num_rows)


def stream_of(
    path: str, text: Sought, tokenizer: "PreTrainedTokenizerBase", max_length: int, reading: Reading
) -> TokenBlocks:
    """Turn all text of a file or directory into one stream of tokens. Raises: DatasetError."""
    return token_blocks(whole_documents(open_documents(path, text, reading)), tokenizer, max_length)
