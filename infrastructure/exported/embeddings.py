"""Vectors of texts, by an exported encoder that has learnt to fill gaps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from application.groups.text import MAX_LENGTH_LIMIT
from domain.exceptions import ConfigurationError
from domain.interval import Interval
from domain.task import task_named
from infrastructure.data.sources.inputs import AskingTexts, Input, Source, read_inputs
from infrastructure.data.tokens.text_ids import text_ids
from infrastructure.data.tokens.tokenization import bounded
from infrastructure.exported.graph import Graph
from infrastructure.exported.texts import batches
from infrastructure.exported.tokenizer import PlainTokenizer
from infrastructure.model_files.card import FieldNames, ModelCard, typed_card
from infrastructure.model_files.exports import Export
from infrastructure.tasks.kind import Card, Examined, Note, OnText
from infrastructure.tasks.scored import Scored

VECTOR = "sentence_embedding"


class EmbeddingCard(ModelCard):
    """What the card of an encoder says to who wants vectors of it."""

    max_length: int = Field(ge=1, le=MAX_LENGTH_LIMIT)
    text_field: FieldNames = None


@dataclass(frozen=True)
class ExportedEncoder:
    """Gives each text a vector, the mean of those of its tokens."""

    graph: Graph
    tokenizer: Any
    card: EmbeddingCard
    rows_at_once: int = 64
    reads_rows: bool = True
    gives_table: bool = False
    labels: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @classmethod
    def open(cls, directory: Path, card: Card, export: Export, device: str) -> "ExportedEncoder":
        """Open what is in a directory. Raises: ModelError, ConfigurationError."""
        graph = Graph(directory / export.graphs["model"], device)
        return cls(graph, PlainTokenizer.open(directory), typed_card(EmbeddingCard, card, directory))

    def score(self, dataset_path: str) -> tuple[Any, Scored]:
        """Refuse: nothing is right or wrong of a vector. Raises: ConfigurationError."""
        raise ConfigurationError(
            "an exported encoder gives vectors of texts, which no row can score.",
            remedy="Evaluate the run that it is from, or use `athanor predict`.",
        )

    def intervals(self, dataset: Any, scored: Scored) -> Mapping[str, Interval]:
        """Know none."""
        return {}

    def examined(self, dataset: Any, scored: Scored) -> Examined | None:
        """See nothing of single rows."""
        return None

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read texts. Raises: DatasetError for a file that cannot be read."""
        text = self.card.sought("text", task_named(self.card.task).text_fields)
        return read_inputs(source, AskingTexts(text), self.card.reading, note)

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer a row without a text."""
        return {"embedding": None, "error": reason}

    def answers(
        self, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give the `embedding` [D] of each text."""
        max_length = self.card.max_length
        rows = text_ids(self.tokenizer, [bounded(text, max_length) for text in inputs], max_length)
        vectors: list[list[float]] = [[]] * len(rows)
        for chosen, batch in batches(rows, self.tokenizer.pad_token_id):
            for row, vector in zip(chosen, self.graph(batch)[VECTOR].tolist(), strict=True):
                vectors[row] = vector
        yield from ({"embedding": vector} for vector in vectors)
