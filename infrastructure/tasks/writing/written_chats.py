"""Answers in chats as they are asked and scored, whatever computes the model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from infrastructure.data.chats.asking import AskingChats
from infrastructure.data.chats.chat import Chat, Turn, chat_of
from infrastructure.data.chats.chat_format import ChatEncoder, ChatFormat
from infrastructure.data.chats.dataset import ChatDataset
from infrastructure.data.chats.division import exchanges_of
from infrastructure.data.chats.rows import load_chats
from infrastructure.data.sources.inputs import Asked, BadInput, Input, Source, read_inputs
from infrastructure.reports.page.blocks import Section
from infrastructure.tasks.kind import Note
from infrastructure.tasks.scored import Outcomes
from infrastructure.tasks.writing.cards import ChatCard
from infrastructure.tasks.writing.page import Write, pair_sections

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SHORTENED = (
    "Chats longer than the max_length of the model were asked without their oldest exchanges, as many as did not fit."
)

TOO_LONG = (
    "Some last questions alone are longer than the max_length of the model, which has learnt from none as long; of one"
    " that has more tokens than the model has positions, the beginning is not read."
)


@dataclass(frozen=True)
class WrittenChats:
    """Answers of the assistant.

    A chat is asked as `chat_json` writes it; any other text is a user's only turn.
    """

    tokenizer: "PreTrainedTokenizerBase"
    card: ChatCard
    chats: ChatFormat

    def rows(self, dataset_path: str) -> ChatDataset:
        """Make chats with their answers ready. Raises: DatasetError."""
        found = load_chats(Path(dataset_path), self.card.wanted, self.card.reading)
        return ChatDataset(found, np.arange(len(found)), self.chats, self.card.max_length)

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read chats, or texts that are a user's only turn. Raises: DatasetError for a file that cannot be read."""
        with self.chats.at_work(self.card.max_length) as encoder:
            asking = AskingChats(self.card.wanted)
            for number, asked in enumerate(read_inputs(source, asking, self.card.reading, note), 1):
                yield _taken(asked, number, encoder) if isinstance(asked, Asked) else asked

    def prompts(self, inputs: Sequence[str], note: Note) -> Sequence[Sequence[int]]:
        """Give what a model is asked with, as the template writes it."""
        with self.chats.at_work(self.card.max_length) as encoder:
            return [self._prompt(_chat_of(line), encoder, note) for line in inputs]

    def sections(
        self, dataset: ChatDataset, outcomes: Outcomes, write: Write | None, num_rows: int | None
    ) -> Sequence[Section]:
        """Show pieces with what was given, written and wanted of their last answers."""
        return pair_sections(dataset, outcomes, write, num_rows)

    def _prompt(self, chat: Chat, encoder: ChatEncoder, note: Note) -> list[int]:
        """Give what a model is asked with, without the oldest exchanges where the whole is too long."""
        system, exchanges = exchanges_of(chat)
        prompt: list[int] = []
        for first in range(len(exchanges)):
            kept = (*system, *(turn for exchange in exchanges[first:] for turn in exchange))
            (found,) = encoder.prompts([kept])
            assert first or not isinstance(found, str), "such a chat is no input"
            if isinstance(found, str):
                break
            prompt = found
            if first:
                note(SHORTENED)
            if len(prompt) <= self.card.max_length:
                return prompt
        note(TOO_LONG)
        return prompt


def _taken(asked: Asked, number: int, encoder: ChatEncoder) -> Input:
    (found,) = encoder.prompts([chat_of(asked.text)])
    if not isinstance(found, str):
        return asked
    return BadInput(f"row {number}", found, "Correct the chat or remove the row.", asked.cells)


def _chat_of(line: str) -> Chat:
    try:
        chat = chat_of(line)
    except (ValueError, RecursionError):
        chat = ()
    return chat or (Turn("user", line),)
