"""A finished classifier at work: labels for texts, with the settings that travel with it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from application.groups.text import MAX_LENGTH_LIMIT
from application.labels import TELLS_CUT
from domain.interval import Interval
from domain.results import Report
from domain.task import Task
from infrastructure.data.labels.annotating import Annotated, as_it_stands
from infrastructure.data.labels.asked_code import AskingCode, annotated_inputs
from infrastructure.data.labels.carried import FINDINGS, PART
from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.loading import SplitRows, aligned, found_rows, labelled_dataset
from infrastructure.data.labels.rows import LabelledRows, RowSchema
from infrastructure.data.sources.inputs import Asking, AskingTexts, Input, Source, read_inputs
from infrastructure.data.tokens.text_ids import text_ids
from infrastructure.data.tokens.tokenization import bounded
from infrastructure.model_files.card import FieldNames, ModelCard
from infrastructure.tasks.adapter import Scored, TaskAdapter
from infrastructure.tasks.kind import Examined, Note, OnText
from infrastructure.tasks.labels.adapter import SequenceClassification
from infrastructure.tasks.labels.intervals import intervals_of_labels
from infrastructure.tasks.labels.page.answered import Answered, RowNames
from infrastructure.tasks.labels.page.sections import label_sections
from infrastructure.tasks.labels.rivals import rivals_of_rows
from infrastructure.tasks.labels.scoring import LabelScoring, labelled, outcome_columns

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class ClassifierCard(ModelCard):
    """What a classifier's card says: labels in the order of the scores, and where a row keeps its text and label.

    With `findings` it reads what that scanner finds; `findings_version` is that of training, None where rows carried
    all of them.
    """

    labels: list[str] = Field(min_length=1)
    max_length: int = Field(ge=1, le=MAX_LENGTH_LIMIT)
    text_field: FieldNames = None
    label_field: str | None = None
    findings: Literal["none", "bandit"] = "none"
    findings_version: str | None = None

    @property
    def learnt_columns(self) -> tuple[str, ...]:
        """Name what a model reads where rows carry it."""
        return () if self.findings == "none" else (FINDINGS,)

    def asking(self, usual: Sequence[str]) -> Asking:
        """Say how what the model is asked is taken from a row."""
        text = self.sought("text", usual)
        return AskingTexts(text) if self.findings == "none" else AskingCode(text)

    def as_read(self, inputs: Sequence[str], note: Note) -> list[Annotated]:
        """Give texts as the model reads them. Raises: ConfigurationError for a scanner that is not installed."""
        if self.findings == "none":
            return [as_it_stands(text) for text in inputs]
        return annotated_inputs(inputs, self.findings_version, note)


class AnsweringLabels(ABC):
    """What every finished model does that labels texts, with the settings that travel with it."""

    card: ClassifierCard
    task: Task
    rows_at_once: ClassVar[int] = 64
    reads_rows: ClassVar[bool] = True
    gives_table: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ()
    carried: ClassVar[tuple[str, ...]] = (PART,)

    @property
    def labels(self) -> Sequence[str]:
        """Name the labels in the order of their scores."""
        return self.card.labels

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
        text, label = self.card.sought("text", self.task.text_fields), self.card.sought("label", ("label",))
        carried = (*self.carried, *self.card.learnt_columns)
        schema = RowSchema(text, label, self.task.labels, carried=carried, reading=self.card.reading)
        rows = aligned(found_rows(Path(dataset_path), schema, self.card.findings_version), tuple(self.card.labels))
        return self.ready(rows, np.arange(len(rows))), self.adapter

    def intervals(self, dataset: Any, scored: Scored) -> dict[str, Interval]:
        """Say how sure the scores of an evaluation are."""
        scoring = LabelScoring(self.card.labels, negative_label=self.task.negative_label)
        return intervals_of_labels(scoring, scored.metrics, scored.outcomes)

    def rivals(self, dataset: Any, scored: Scored) -> Report:
        """Score a scanner of code on the same rows, where the task asks whether there is anything to find."""
        return rivals_of_rows(dataset, self.card.labels, self.task)

    def examined(self, dataset: CodeDataset, scored: Scored) -> Examined:
        """Look at the answer to each row."""
        answered = Answered.of(scored.outcomes, self.card.labels)
        sections = label_sections(answered, _names_of(dataset, self.card), scored.metrics, self.task.negative_label)
        return Examined(dataset, outcome_columns(scored.outcomes, self.card.labels), sections)

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read texts. Raises: DatasetError for a file that cannot be read."""
        return read_inputs(source, self.card.asking(self.task.text_fields), self.card.reading, note)


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
        answers = labelled(logits, self.card.labels)
        if not options.get(TELLS_CUT):
            yield from answers
            return
        for answer, whole in zip(answers, text_ids(self.tokenizer, texts), strict=True):
            yield {**answer, "is_cut": len(whole) > max_length}


def _names_of(dataset: CodeDataset, card: ClassifierCard) -> RowNames:
    return RowNames(
        dataset.row_id,
        dataset.num_whole,
        text=dataset.text,
        lengths=dataset.lengths,
        was_cut=dataset.was_cut,
        max_length=card.max_length,
    )
