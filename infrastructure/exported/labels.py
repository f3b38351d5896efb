"""Labels for texts, by an exported encoder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from application.labels import TELLS_CUT
from application.phases import phase
from domain.task import Task, task_named
from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.loading import labelled_dataset
from infrastructure.data.tokens.text_ids import text_ids
from infrastructure.data.tokens.tokenization import bounded
from infrastructure.exported.graph import Graph
from infrastructure.exported.texts import batches
from infrastructure.exported.tokenizer import PlainTokenizer
from infrastructure.model_files.card import typed_card
from infrastructure.model_files.exports import Export
from infrastructure.tasks.kind import Card, Note, OnText
from infrastructure.tasks.labels.answering import ClassifierCard, LabelAnswers
from infrastructure.tasks.labels.parts import scores_of_parts
from infrastructure.tasks.labels.scoring import labelled, scored_labels
from infrastructure.tasks.scored import Scored


@dataclass(frozen=True)
class ExportedClassifier(LabelAnswers):
    """Labels texts by their tokens."""

    graph: Graph
    tokenizer: Any
    card: ClassifierCard
    task: Task

    @classmethod
    def open(cls, directory: Path, card: Card, export: Export, device: str) -> "ExportedClassifier":
        """Open what is in a directory. Raises: ModelError, ConfigurationError."""
        known = typed_card(ClassifierCard, card, directory)
        graph = Graph(directory / export.graphs["model"], device)
        return cls(graph, PlainTokenizer.open(directory), known, task_named(known.task))

    def score(self, dataset_path: str) -> tuple[CodeDataset, Scored]:
        """Score labelled rows. Raises: DatasetError."""
        rows = self.rows_of(dataset_path)
        dataset = labelled_dataset(rows, np.arange(len(rows)), self.tokenizer, self.card.max_length, tuple(self.labels))
        with phase("scoring", len(dataset), "rows") as done:
            logits = self._logits([dataset.tokens[row] for row in range(len(dataset))], done.advance)
        scored = scored_labels(self.scoring, logits, dataset.labels)
        parts = scores_of_parts(self.scoring, scored.outcomes, dataset.parts, dataset.part_names)
        return dataset, replace(scored, metrics={**scored.metrics, **parts})

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer a row without a text."""
        return {"label": None, "scores": None, "error": reason}

    def answers(
        self, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give `label` and `scores` (probabilities) of each text, and `is_cut` where `TELLS_CUT` asks for it."""
        max_length = self.card.max_length
        texts = [bounded(read.text, max_length) for read in self.card.as_read(inputs, note)]
        answers = labelled(self._logits(text_ids(self.tokenizer, texts, max_length)), self.card.labels)
        if not options.get(TELLS_CUT):
            yield from answers
            return
        for answer, whole in zip(answers, text_ids(self.tokenizer, texts), strict=True):
            yield {**answer, "is_cut": len(whole) > max_length}

    def _logits(self, rows: Sequence[Any], advance: Callable[[int], None] = lambda count: None) -> np.ndarray:
        """Give scores [N, C] in fp32 of rows of ids; `advance` is told how many more are done."""
        logits = np.empty((len(rows), len(self.card.labels)), dtype=np.float32)
        for chosen, batch in batches(rows, self.tokenizer.pad_token_id):
            logits[chosen] = self.graph(batch)["logits"]
            advance(len(chosen))
        return logits
