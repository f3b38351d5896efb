"""An exported model as it is asked and scored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from infrastructure.answering import AnsweringModel
from infrastructure.model_files.card import ModelCard
from infrastructure.tasks.kind import AnsweringTask, Note, OnText
from infrastructure.tasks.scored import Scored


class ExportedTask(AnsweringTask, Protocol):
    """The task of an exported model, which holds its graphs."""

    def score(self, dataset_path: str) -> tuple[Any, Scored]:
        """Make rows with their targets ready, and score them. Raises: DatasetError."""

    def answers(
        self, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Answer some inputs in order; `note` is told what a reader of the answers should know."""


class ExportedModel(AnsweringModel):
    """Evaluates and predicts with the settings that travel with the model."""

    task: ExportedTask

    def __init__(self, task: ExportedTask, card: ModelCard, place: str) -> None:
        super().__init__(card, place)
        self.task = task

    def scored(self, dataset_path: str) -> tuple[Any, Scored]:
        """Make rows with their targets ready, and score them. Raises: DatasetError."""
        return self.task.score(dataset_path)

    def answer(
        self,
        inputs: Sequence[str],
        options: Mapping[str, Any] | None = None,
        on_text: Callable[[str], None] | None = None,
        note: Note = lambda sentence, usual=False: None,
    ) -> list[Mapping[str, Any]]:
        """Answer some inputs, in order; `note` is told what is unusual."""
        return list(self.task.answers(inputs, options or {}, on_text, note))

    def _table_answers(
        self, inputs: Sequence[str], options: Mapping[str, Any], on_text: Callable[[str], None] | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        return self.task.answers(inputs, options, on_text, note)
