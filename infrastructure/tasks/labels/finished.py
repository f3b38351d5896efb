"""A finished classifier at work: labels for texts, by a model of torch."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from application.labels import TELLS_CUT
from domain.task import Task
from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.loading import SplitRows, labelled_dataset
from infrastructure.data.labels.rows import LabelledRows
from infrastructure.data.tokens.text_ids import text_ids
from infrastructure.data.tokens.tokenization import bounded
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.kind import Note, OnText
from infrastructure.tasks.labels.adapter import SequenceClassification
from infrastructure.tasks.labels.answering import ClassifierCard, LabelAnswers
from infrastructure.tasks.labels.scoring import labelled

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class AnsweringLabels(LabelAnswers, ABC):
    """The same by a model of torch."""

    @property
    @abstractmethod
    def adapter(self) -> TaskAdapter:
        """The task as the loop knows it."""

    @abstractmethod
    def ready(self, rows: LabelledRows, indices: np.ndarray) -> Any:
        """Make some rows, their labels numbered as those of the model, ready to be read. Raises: DatasetError."""

    def evaluation_of(self, dataset: SplitRows) -> Any:
        """Make the evaluation part of loaded data ready. Raises: DatasetError."""
        return self.ready(dataset.eval_rows, dataset.evaluation)

    def scored(self, dataset_path: str) -> tuple[Any, TaskAdapter]:
        """Make labelled rows ready for evaluation. Raises: DatasetError."""
        rows = self.rows_of(dataset_path)
        return self.ready(rows, np.arange(len(rows))), self.adapter


@dataclass(frozen=True)
class FinishedClassifier(AnsweringLabels):
    """Labels texts by their tokens."""

    tokenizer: "PreTrainedTokenizerBase"
    card: ClassifierCard
    task: Task

    @property
    def adapter(self) -> SequenceClassification:
        """The task as the loop knows it."""
        return SequenceClassification(
            self.card.labels, pad_token_id=self.tokenizer.pad_token_id, negative_label=self.task.negative_label
        )

    def ready(self, rows: LabelledRows, indices: np.ndarray) -> CodeDataset:
        """Tokenise some rows. Raises: DatasetError."""
        return labelled_dataset(rows, indices, self.tokenizer, self.card.max_length, tuple(self.card.labels))

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer a row without a text."""
        return {"label": None, "scores": None, "error": reason}

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give `label` and `scores` (probabilities) of each text, and `is_cut` where `TELLS_CUT` asks for it."""
        max_length = self.card.max_length
        texts = [bounded(read.text, max_length) for read in self.card.as_read(inputs, note)]
        ids = text_ids(self.tokenizer, texts, max_length)
        adapter = self.adapter
        batch = adapter.collate([{"input_ids": torch.tensor(sequence)} for sequence in ids], None)
        device = next(model.parameters()).device
        logits = adapter.logits(model, {name: tensor.to(device) for name, tensor in batch.items()})
        answers = labelled(logits.cpu().numpy(), self.card.labels)
        if not options.get(TELLS_CUT):
            yield from answers
            return
        for answer, whole in zip(answers, text_ids(self.tokenizer, texts), strict=True):
            yield {**answer, "is_cut": len(whole) > max_length}
