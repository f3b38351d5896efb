"""Answers that are labels of texts, with the settings that travel with a model."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from application.groups.text import MAX_LENGTH_LIMIT
from domain.interval import Interval
from domain.results import Report
from domain.task import Task
from infrastructure.data.labels.annotating import Annotated, as_it_stands
from infrastructure.data.labels.asked_code import AskingCode, annotated_inputs
from infrastructure.data.labels.carried import FINDINGS, PART
from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.loading import aligned, found_rows
from infrastructure.data.labels.rows import LabelledRows, RowSchema
from infrastructure.data.sources.inputs import Asking, AskingTexts, Input, Source, read_inputs
from infrastructure.model_files.card import FieldNames, ModelCard
from infrastructure.tasks.kind import Examined, Note
from infrastructure.tasks.labels.intervals import intervals_of_labels
from infrastructure.tasks.labels.page.answered import Answered, RowNames
from infrastructure.tasks.labels.page.sections import label_sections
from infrastructure.tasks.labels.rivals import rivals_of_rows
from infrastructure.tasks.labels.scoring import LabelScoring, outcome_columns
from infrastructure.tasks.scored import Scored


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


class LabelAnswers:
    """What every finished model does that labels texts, with the settings that travel with it.

    Whatever computes the model.
    """

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

    def rows_of(self, dataset_path: str) -> LabelledRows:
        """Read labelled rows, their labels numbered as those of the model. Raises: DatasetError."""
        text, label = self.card.sought("text", self.task.text_fields), self.card.sought("label", ("label",))
        carried = (*self.carried, *self.card.learnt_columns)
        schema = RowSchema(text, label, self.task.labels, carried=carried, reading=self.card.reading)
        return aligned(found_rows(Path(dataset_path), schema, self.card.findings_version), tuple(self.card.labels))

    @property
    def scoring(self) -> LabelScoring:
        """How labels are scored."""
        return LabelScoring(self.card.labels, negative_label=self.task.negative_label)

    def intervals(self, dataset: Any, scored: Scored) -> dict[str, Interval]:
        """Say how sure the scores of an evaluation are."""
        return intervals_of_labels(self.scoring, scored.metrics, scored.outcomes)

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


def _names_of(dataset: CodeDataset, card: ClassifierCard) -> RowNames:
    return RowNames(
        dataset.row_id,
        dataset.num_whole,
        text=dataset.text,
        lengths=dataset.lengths,
        was_cut=dataset.was_cut,
        max_length=card.max_length,
    )
