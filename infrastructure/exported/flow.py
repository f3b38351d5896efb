"""Labels for code with the lines that decide them, by an exported reader that follows values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from application.phases import phase
from domain.exceptions import ModelError
from domain.task import Task, task_named
from infrastructure.code_reading.verdict import Judging
from infrastructure.code_reading.vocabulary import Vocabulary
from infrastructure.exported.graph import Graph
from infrastructure.model_files.card import RESTORE, typed_card
from infrastructure.model_files.exports import Export
from infrastructure.model_files.model_directory import CONFIG, settings_of
from infrastructure.tasks.flow.answering import FlowAnswers, Knowledge
from infrastructure.tasks.flow.rows import FlowRows
from infrastructure.tasks.kind import Card, Note, OnText
from infrastructure.tasks.labels.answering import ClassifierCard
from infrastructure.tasks.labels.parts import scores_of_parts
from infrastructure.tasks.labels.scoring import scored_labels
from infrastructure.tasks.scored import Scored

ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class ExportedFlow(FlowAnswers):
    """Labels code with the lines that decide."""

    graph: Graph
    known: Knowledge
    card: ClassifierCard
    task: Task

    @property
    def knowledge(self) -> Knowledge:
        """What the reader knows."""
        return self.known

    @classmethod
    def open(cls, directory: Path, card: Card, export: Export, device: str) -> "ExportedFlow":
        """Open what is in a directory. Raises: ModelError, ConfigurationError."""
        labels = typed_card(ClassifierCard, card, directory)
        graph = Graph(directory / export.graphs["model"], device)
        return cls(graph, _knowledge_of(directory, str(export.judging)), labels, task_named(labels.task))

    def score(self, dataset_path: str) -> tuple[FlowRows, Scored]:
        """Score labelled rows. Raises: DatasetError."""
        rows = self.rows_of(dataset_path)
        dataset = self.ready(rows, np.arange(len(rows)))
        logits = np.empty((len(dataset), len(self.labels)), dtype=np.float32)
        with phase("scoring", len(dataset), "rows") as done:
            for start in range(0, len(dataset), ROWS_AT_ONCE):
                items = dataset.__getitems__(range(start, min(start + ROWS_AT_ONCE, len(dataset))))
                logits[start : start + len(items)] = self.judged(self.graph, items)[0]
                done.advance(len(items))
        scored = scored_labels(self.scoring, logits, dataset.labels)
        parts = scores_of_parts(self.scoring, scored.outcomes, dataset.parts, dataset.part_names)
        return dataset, replace(scored, metrics={**scored.metrics, **parts})

    def answers(
        self, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give of each text its label, the lines that decide it and the kind of weakness."""
        return self.told(self.graph, inputs, note)


def _knowledge_of(directory: Path, name: str) -> Knowledge:
    """Read what a reader knows beside its layers. Raises: ModelError."""
    settings = settings_of(directory / CONFIG)
    try:
        judging = Judging.of_arrays(int(settings["negative_label"]), load_file(directory / name))
        names = [str(mark) for mark in settings["marks"]], [int(kind) for kind in settings["kinds"]]
    except Exception as error:  # the library of the file raises nothing narrower
        raise ModelError(f"{directory / name} cannot be read: {error!s:.200}.", remedy=RESTORE) from error
    return Knowledge(Vocabulary.read(directory), judging, *names)
