"""Exported models that write, as they are asked and scored."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from application.phases import phase
from domain.task import task_named
from infrastructure.data.chats.chat_format import ChatFormat
from infrastructure.data.text.blocks import TokenBlocks, document_start
from infrastructure.exported.writing.losses import token_losses
from infrastructure.exported.writing.writer import Writer
from infrastructure.model_files.card import typed_card
from infrastructure.model_files.exports import Export
from infrastructure.tasks.kind import Card, Note, OnText
from infrastructure.tasks.scored import Scored
from infrastructure.tasks.writing.answering import TextAnswers, Writing
from infrastructure.tasks.writing.cards import ChatCard, CodeCard, LanguageModelCard, PairCard, generation_with
from infrastructure.tasks.writing.metrics import OF_CHATS, TextScores, scored_texts, token_metrics
from infrastructure.tasks.writing.written_chats import WrittenChats
from infrastructure.tasks.writing.written_pairs import CODE, TRANSLATION, WrittenPairs
from infrastructure.tasks.writing.written_text import WrittenText


@dataclass(frozen=True)
class ExportedWriter(TextAnswers):
    """Writes texts; `compared` says how those of rows are scored, and is empty where rows want none."""

    writing: Writing
    writer: Writer
    compared: TextScores
    rows_at_once: int = 256

    @classmethod
    def open(cls, directory: Path, card: Card, export: Export, device: str) -> "ExportedWriter":
        """Open what is in a directory. Raises: ModelError, ConfigurationError."""
        writer = Writer.open(directory, card, export, device)
        return cls(*_writing_of(directory, card, writer))

    def score(self, dataset_path: str) -> tuple[Any, Scored]:
        """Score rows, each of which is written out where they want texts. Raises: DatasetError."""
        dataset = self.rows(dataset_path)
        blocks = dataset if isinstance(dataset, TokenBlocks) else None
        start = None if blocks is None else document_start(self.tokenizer)
        with phase("scoring", len(dataset), "rows") as done:
            sums, counts = token_losses(self.writer, dataset, start, done.advance)
        bytes_per_target = None if blocks is None else blocks.statistics["num_bytes"] / blocks.num_targets
        metrics: dict[str, Any] = {**token_metrics(math.fsum(sums), int(counts.sum()), bytes_per_target)}
        outcomes = {"loss_sum": sums, "num_targets": counts}
        if self.compared:
            outputs = self._written_out(dataset)
            metrics |= scored_texts(self.compared, outputs, [dataset.reference(row) for row in range(len(dataset))])
            outcomes["output"] = np.array(outputs, dtype=object)
        return dataset, Scored(metrics, outcomes)

    def answers(
        self, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give the `text` that follows each input."""
        return self.written(self.writer.texts, inputs, options, on_text, note)

    def _written_out(self, dataset: Any) -> Sequence[str]:
        prompts = [dataset.prompt(row) for row in range(len(dataset))]
        with phase("writing samples"):
            return self.writer.texts(prompts, generation_with(self.writing.card.model_dump()))


def _writing_of(directory: Path, card: Card, writer: Writer) -> tuple[Writing, Writer, TextScores]:
    """Say what a model writes, by its card."""
    tokenizer, kind = writer.tokenizer, task_named(card["task"]).kind
    if kind == "language_modeling":
        return WrittenText(tokenizer, typed_card(LanguageModelCard, card, directory)), writer, {}
    of_chats = kind == "code_generation" and typed_card(CodeCard, card, directory).of_chats
    if of_chats or kind == "instruction_tuning":
        known = typed_card(ChatCard, card, directory)
        return WrittenChats(tokenizer, known, ChatFormat(tokenizer, str(directory))), writer, OF_CHATS
    form = CODE if kind == "code_generation" else TRANSLATION
    return WrittenPairs(tokenizer, typed_card(PairCard, card, directory), form), writer, form.scores
