"""A finished model of torch at work."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from infrastructure.answering import AnsweringModel
from infrastructure.memory import in_smaller_parts
from infrastructure.model_files.card import ModelCard, require_files
from infrastructure.models.adapters.frozen_format import keep_frozen_in
from infrastructure.models.attention import use_fast_attention
from infrastructure.models.forecaster import Forecaster
from infrastructure.models.fused.replacing import use_fast_layers
from infrastructure.parallel.strategy import Forward
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.kind import FinishedTask, Note
from infrastructure.tasks.registry import kind_of
from infrastructure.tasks.scored import Scored
from infrastructure.training.device import choose_device, keep_freed_memory
from infrastructure.training.evaluation import evaluate, rows_to_score, score_rows
from infrastructure.training.precision import Precision, choose_precision

ANSWERS_AT_ONCE = 4096  # to a table


class FinishedModel(AnsweringModel):
    """Evaluates and predicts with the settings that travel with the model."""

    task: FinishedTask

    def __init__(self, model: nn.Module, task: FinishedTask, card: ModelCard, device: torch.device, place: str) -> None:
        super().__init__(card, place)
        self.task = task
        self._training_rows = card.batch_size
        self._device = device
        self._answers_at_once: int | None = None  # once memory ran out
        self._precision = Precision(choose_precision(card.precision, True, device), device)
        if not isinstance(model, Forecaster):  # which computes a part of its answers outside of autocast
            keep_frozen_in(model.requires_grad_(False), self._precision.form)
        self._model = model.to(device).eval()
        self._forward = Forward(self._model)
        keep_freed_memory()
        use_fast_attention(self._model, device)
        use_fast_layers(self._model, device)

    def scored(self, dataset_path: str) -> tuple[Any, Scored]:
        """Make rows with their targets ready, and score them. Raises: DatasetError."""
        dataset, adapter = self.task.scored(dataset_path)
        return dataset, self.score_rows(dataset, adapter)

    def score(self, dataset: Any, adapter: TaskAdapter) -> Mapping[str, Any]:
        """Give the metrics of an adapter over a data set that is ready for the model."""
        return evaluate(self._forward, adapter, dataset, self._at_once(dataset), self._precision, self._device)

    def score_rows(self, dataset: Any, adapter: TaskAdapter) -> Scored:
        """Give the same metrics, and what became of each row."""
        return score_rows(self._forward, adapter, dataset, self._at_once(dataset), self._precision, self._device)

    def _at_once(self, dataset: Any) -> int:
        return rows_to_score(dataset, self._training_rows, self._device)

    def _table_answers(
        self, inputs: Sequence[str], options: Mapping[str, Any], on_text: Callable[[str], None] | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Answer some at a time: a table of many series has more answers than memory should hold."""
        answers = iter(self.task.answers(self._model, inputs, options, on_text, note))

        @torch.inference_mode()
        def some(_: int) -> list[Mapping[str, Any]]:
            with self._precision.autocast():
                return list(islice(answers, ANSWERS_AT_ONCE))

        while part := in_smaller_parts(some, 1, "while answering"):
            yield from part

    @torch.inference_mode()
    def answer(
        self,
        inputs: Sequence[str],
        options: Mapping[str, Any] | None = None,
        on_text: Callable[[str], None] | None = None,
        note: Note = lambda sentence, usual=False: None,
    ) -> list[Mapping[str, Any]]:
        """Answer some inputs, in order, fewer at once when memory runs out; `note` is told what is unusual.

        Raises: TrainingError when memory is too small for a single one.
        """

        def answered(rows_at_once: int) -> list[Mapping[str, Any]]:
            starts = range(0, len(inputs), rows_at_once)
            parts = [inputs[start : start + rows_at_once] for start in starts]
            with self._precision.autocast():
                answers = (self.task.answers(self._model, part, options or {}, on_text, note) for part in parts)
                return [row for answered in answers for row in answered]

        def remember(rows_at_once: int) -> None:
            self._answers_at_once = rows_at_once

        rows_at_once = min(len(inputs), self._answers_at_once or len(inputs))
        return in_smaller_parts(answered, max(1, rows_at_once), "while answering", remember)


def open_finished_model(
    directory: Path, card: Mapping[str, Any], known: ModelCard, device: str, place: str
) -> FinishedModel:
    """Open a model of torch by its card. Raises: ModelError, ConfigurationError."""
    model, task = kind_of(known.task, directory).open(directory, card)
    require_files(known, directory)
    return FinishedModel(model, task, known, choose_device(device), place)
