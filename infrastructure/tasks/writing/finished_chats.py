"""A finished model that answers in chats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from domain.generation import SETTINGS
from domain.interval import Interval
from domain.reading import Reading
from infrastructure.data.chats.asking import AskingChats
from infrastructure.data.chats.chat import Chat, Turn, chat_of
from infrastructure.data.chats.chat_format import ChatEncoder, ChatFormat
from infrastructure.data.chats.dataset import ChatDataset
from infrastructure.data.chats.division import exchanges_of
from infrastructure.data.chats.forms import ChatSought
from infrastructure.data.sources.inputs import Asked, BadInput, Input, Source, read_inputs
from infrastructure.models.generation import generate_texts
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.kind import Card, Examined, Note, OnText
from infrastructure.tasks.scored import Scored
from infrastructure.tasks.writing.finished_writer import generation_with
from infrastructure.tasks.writing.intervals import intervals_of_tokens
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
class FinishedChats:
    """Answers chats with the settings that travel with the model.

    Each is asked as `chat_json` writes it; any other text is a user's only turn.

    `wanted` says where a row holds its chat, `rows` opens chats with their answers, and `adapter` scores them, as many
    last answers written out as is said.
    """

    tokenizer: "PreTrainedTokenizerBase"
    card: Card
    chats: ChatFormat
    wanted: ChatSought
    rows: Callable[[str], ChatDataset]
    adapter: Callable[[ChatDataset, int], TaskAdapter]
    reading: Reading
    max_length: int
    rows_at_once: int
    reads_rows: bool = True
    gives_table: bool = False
    labels: tuple[str, ...] = ()
    options: tuple[str, ...] = SETTINGS

    def scored(self, dataset_path: str) -> tuple[Any, TaskAdapter]:
        """Make chats with their answers ready for evaluation. Raises: DatasetError."""
        dataset = self.rows(dataset_path)
        return dataset, self.adapter(dataset, len(dataset))

    def intervals(self, dataset: Any, scored: Scored) -> dict[str, Interval]:
        """Say how sure the scores of an evaluation are."""
        return intervals_of_tokens(scored.metrics, scored.outcomes)

    def examined(
        self, dataset: Any, scored: Scored, write: Write | None = None, num_rows: int | None = None
    ) -> Examined:
        """Look at the loss of each piece, and at what was written for its last answer."""
        return Examined(dataset, scored.outcomes, pair_sections(dataset, scored.outcomes, write, num_rows))

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read chats, or texts that are a user's only turn. Raises: DatasetError for a file that cannot be read."""
        with self.chats.at_work(self.max_length) as encoder:
            for number, asked in enumerate(read_inputs(source, AskingChats(self.wanted), self.reading, note), 1):
                yield self._taken(asked, number, encoder) if isinstance(asked, Asked) else asked

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer a row without a chat that can be asked."""
        return {"text": None, "error": reason}

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give the answer of the assistant to each chat."""
        settings = generation_with(self.card).changed(options)
        writer: Any = model
        with self.chats.at_work(self.max_length) as encoder:
            prompts = [self._prompt(_chat_of(line), encoder, note) for line in inputs]
        if on_text is None:
            yield from ({"text": text} for text in generate_texts(writer, self.tokenizer, prompts, settings))
            return
        for prompt in prompts:
            (written,) = generate_texts(writer, self.tokenizer, [prompt], settings, on_text)
            yield {"text": written}

    def _taken(self, asked: Asked, number: int, encoder: ChatEncoder) -> Input:
        (found,) = encoder.prompts([chat_of(asked.text)])
        if not isinstance(found, str):
            return asked
        return BadInput(f"row {number}", found, "Correct the chat or remove the row.", asked.cells)

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
            if len(prompt) <= self.max_length:
                return prompt
        note(TOO_LONG)
        return prompt


def _chat_of(line: str) -> Chat:
    try:
        chat = chat_of(line)
    except (ValueError, RecursionError):
        chat = ()
    return chat or (Turn("user", line),)
