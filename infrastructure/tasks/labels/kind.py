"""Labels for texts, from the data to the answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from pydantic import Field
from torch import nn

from application.groups.text import MAX_LENGTH_LIMIT
from application.training import LabelTraining
from domain.exceptions import ModelError
from domain.interval import Interval
from domain.results import Report, TrainingResult
from domain.run_layout import CARD, RunLayout
from domain.task import Task, task_named
from infrastructure.auditing.auditor import brief_audit
from infrastructure.auditing.page import brief_blocks
from infrastructure.data.labels.annotating import Annotated, as_it_stands
from infrastructure.data.labels.asked_code import AskingCode, annotated_inputs
from infrastructure.data.labels.carried import FINDINGS, PART
from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.loading import ClassificationData, SplitRows, aligned_dataset, found_rows
from infrastructure.data.labels.rows import RowSchema
from infrastructure.data.some_rows import QUICK_ROWS
from infrastructure.data.sources.fields import Sought
from infrastructure.data.sources.inputs import Asking, AskingTexts, Input, Source, read_inputs
from infrastructure.data.tokens.text_ids import text_ids
from infrastructure.data.tokens.tokenization import bounded, cut_told
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.card import RESTORE, FieldNames, ModelCard, add_to_card, typed_card
from infrastructure.models.factory import CLASSIFIER, Blueprint, build_model, open_finished
from infrastructure.models.model_directory import CONFIG
from infrastructure.models.presets import ENCODERS, encoder_config
from infrastructure.models.tokenizer import train_tokenizer
from infrastructure.reports.confusion import draw_confusion_matrix
from infrastructure.tasks.adapter import Scored, TaskAdapter
from infrastructure.tasks.kind import (
    MAX_ROWS_EXAMINED,
    Card,
    Examined,
    Findings,
    FinishedTask,
    Note,
    OnText,
    Prepared,
    Score,
    Trained,
)
from infrastructure.tasks.labels.adapter import SequenceClassification
from infrastructure.tasks.labels.intervals import intervals_of_labels
from infrastructure.tasks.labels.marks import learn_marks, marked_parts
from infrastructure.tasks.labels.metrics import MAX_CLASSES_COMPARED
from infrastructure.tasks.labels.page.answered import Answered, RowNames
from infrastructure.tasks.labels.page.sections import label_sections
from infrastructure.tasks.labels.rivals import beside_scanner, rivals_of_labels, rivals_of_rows
from infrastructure.tasks.labels.scoring import LabelScoring, class_weights_of, labelled, outcome_columns
from infrastructure.tasks.labels.start import begins_linear, start_from_tokens
from infrastructure.tasks.labels.temperature import calibration

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LOST_BY_CUTTING = "what decides their label may be lost"


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


class Classification:
    """One label for each text."""

    card_type: type[ModelCard] = ClassifierCard

    def load(self, request: LabelTraining) -> SplitRows:
        """Read, check and split labelled rows. Raises: DatasetError with every fault of the file."""
        return ClassificationData().load(request)

    def tokenized(
        self, dataset: SplitRows, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> tuple[CodeDataset, CodeDataset]:
        """Make both parts ready for a model. Raises: DatasetError."""
        return dataset.tokenized(tokenizer, max_length)

    def whole(self, request: LabelTraining, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> CodeDataset:
        """Make all rows ready for a model. Raises: DatasetError."""
        return ClassificationData().whole(request, tokenizer, max_length)

    def build(self, request: LabelTraining, dataset: SplitRows, kept_tokenizer: Path) -> ModelBundle:
        """Build a classifier for the labels of the data. Raises: ModelError."""
        names = dataset.label_names
        size = {name: partial(encoder_config, ENCODERS[name]) for name in ENCODERS}
        labels = dataset.train_labels()
        begins = request.linear_start and request.adapter == "none" and begins_linear(len(labels), len(names))
        blueprint = Blueprint(
            auto_class=CLASSIFIER,
            presets={
                name: partial(size[name], label_names=names, max_length=request.max_length, linear_start=begins)
                for name in ENCODERS
            },
            # A word that was met once says something when it need not be learnt by steps.
            learn_tokenizer=lambda: train_tokenizer(
                dataset.train_texts(), request.vocab_size, request.lowercase, request.seed, 1 if begins else 2
            ),
            head=_head(names),
            fit=partial(learn_marks, names=dataset.mark_names),
        )
        bundle = build_model(request, blueprint, kept_tokenizer)
        if begins and request.model_name in ENCODERS:
            weights = class_weights_of(request.class_weights, names, np.bincount(labels, minlength=len(names)).tolist())
            length, seed = request.max_length, request.seed
            units = dataset.train_units()
            start_from_tokens(bundle, dataset.train_texts(), labels, units, len(names), length, weights, seed)
        bundle.card |= {"labels": list(names)}
        return bundle

    def prepare(self, request: LabelTraining, bundle: ModelBundle, dataset: SplitRows) -> Prepared:
        """Tokenise both parts. Raises: DatasetError."""
        tokenizer = bundle.tokenizer
        assert tokenizer is not None
        train, evaluation = self.tokenized(dataset, tokenizer, request.max_length)
        marked = marked_parts(request, bundle, dataset.mark_names, train, evaluation)
        train, evaluation = marked.train, marked.evaluation
        counts = list(train.statistics["label_counts"].values())
        adapter = SequenceClassification(
            train.label_names,
            pad_token_id=train.pad_token_id,
            mask_token_id=tokenizer.mask_token_id,
            special_token_ids=tokenizer.all_special_ids,
            word_dropout=request.word_dropout,
            label_smoothing=request.label_smoothing,
            class_weights=class_weights_of(request.class_weights, train.label_names, counts),
            negative_label=task_named(request.task).negative_label,
            majority=max(range(len(counts)), key=counts.__getitem__),
            marks=marked.learning,
            unknown_token_id=tokenizer.unk_token_id,
        )
        card = card_of(request, train)
        counted = train.tokens.num_cut, len(train.tokens)
        warnings = cut_told(*counted, train.rows.path.name, request.max_length, LOST_BY_CUTTING)
        return Prepared(train, evaluation, adapter, card, (*warnings, *marked.warnings, *label_warnings(evaluation)))

    def report(
        self,
        request: LabelTraining,
        dataset: SplitRows,
        result: TrainingResult,
        trained: Trained,
        run: RunLayout,
    ) -> Findings:
        """Draw `confusion_matrix.png`, train a bag of words to compare with, look at rows and what they give away."""
        if not dataset.num_eval:
            return Findings(Report())
        data = brief_blocks(brief_audit(dataset, request))
        finished: Any = trained.task
        assert isinstance(finished, FinishedLabels)
        rows = finished.evaluation_of(dataset).few(QUICK_ROWS if request.quick else MAX_ROWS_EXAMINED)
        scored = trained.score_rows(rows, finished.adapter)
        if "per_mark" in result.final_metrics:  # known of the model in training alone
            scored = replace(scored, metrics={**scored.metrics, "per_mark": result.final_metrics["per_mark"]})
        examined = finished.examined(rows, scored)
        labels, negative = scored.outcomes["labels"], task_named(request.task).negative_label
        found = calibration(scored.outcomes["logits"], labels, dataset.label_names, negative)
        add_to_card(trained.directory, {"calibration": found})
        if "majority_accuracy" not in result.final_metrics:  # stopped before it was scored
            return Findings(Report(), examined, data)
        report = self._compared(request, dataset, result.final_metrics, run)
        intervals = intervals_of_labels(scoring_of(request, dataset), result.final_metrics, scored.outcomes)
        warnings = [*beside_scanner(request, result, report, intervals), *report.warnings]
        report = replace(report, intervals={**intervals, **report.intervals}, warnings=warnings)
        return Findings(report, examined, data)

    def _compared(
        self, request: LabelTraining, dataset: SplitRows, metrics: Mapping[str, Any], run: RunLayout
    ) -> Report:
        names = dataset.label_names
        majority = {name: metrics[name] for name in ("majority_accuracy", "majority_macro_f1")}
        if "confusion_matrix" not in metrics:
            left_out = (
                f"there are {len(names):,} labels: the confusion matrix and the bag of words to compare with were left "
                f"out, which are made for at most {MAX_CLASSES_COMPARED}."
            )
            return Report(majority, warnings=(left_out,))
        draw_confusion_matrix(metrics["confusion_matrix"], names, run.confusion_matrix)
        rivals = rivals_of_labels(request, dataset)
        return replace(rivals, baselines={**rivals.baselines, **majority})

    def baselines(self, request: LabelTraining, dataset: SplitRows, score: Score) -> Report:
        """Score the rivals that a report has."""
        return rivals_of_labels(request, dataset)

    def open(self, directory: Path, card: Card) -> tuple[nn.Module, FinishedTask]:
        """Open a finished classifier. Raises: ModelError."""
        known = typed_card(ClassifierCard, card, directory)
        model, tokenizer = open_finished(directory, CLASSIFIER, _head(known.labels))
        names: Any = model.config.id2label or {}
        of_the_head = [names.get(number) for number in range(int(model.config.num_labels or 0))]
        if of_the_head != known.labels:
            raise ModelError(
                f"{directory / CARD}: labels names {len(known.labels)} labels, but the model in {CONFIG} has"
                f" {model.config.num_labels}, or the same in another order.",
                remedy=RESTORE,
            )
        return model, FinishedClassifier(tokenizer, known, task_named(known.task))


@runtime_checkable
class FinishedLabels(Protocol):
    """What a report on labels asks of a trained model beside what all are asked."""

    @property
    def adapter(self) -> TaskAdapter:
        """The task as the loop knows it."""

    def evaluation_of(self, dataset: SplitRows) -> CodeDataset:
        """Make the evaluation part of loaded data ready. Raises: DatasetError."""

    def examined(self, dataset: Any, scored: Scored) -> Examined:
        """Look at the answer to each row."""


@dataclass(frozen=True)
class FinishedClassifier:
    """Labels texts with the settings that travel with the model."""

    tokenizer: "PreTrainedTokenizerBase"
    card: ClassifierCard
    task: Task
    rows_at_once: int = 64
    reads_rows: bool = True
    gives_table: bool = False
    options: tuple[str, ...] = ()

    @property
    def labels(self) -> Sequence[str]:
        """Name the labels in the order of their scores."""
        return self.card.labels

    @property
    def adapter(self) -> SequenceClassification:
        """The task as the loop knows it."""
        return SequenceClassification(
            self.card.labels, pad_token_id=self.tokenizer.pad_token_id, negative_label=self.task.negative_label
        )

    @property
    def _text(self) -> Sought:
        return self.card.sought("text", self.task.text_fields)

    def evaluation_of(self, dataset: SplitRows) -> CodeDataset:
        """Make the evaluation part of loaded data ready. Raises: DatasetError."""
        return dataset.tokenized(self.tokenizer, self.card.max_length)[1]

    def scored(self, dataset_path: str) -> tuple[Any, SequenceClassification]:
        """Make labelled rows ready for evaluation. Raises: DatasetError."""
        label = self.card.sought("label", ("label",))
        carried = (PART, *self.card.learnt_columns)
        schema = RowSchema(self._text, label, self.task.labels, carried=carried, reading=self.card.reading)
        rows = found_rows(Path(dataset_path), schema, self.card.findings_version)
        return aligned_dataset(rows, tuple(self.card.labels), self.tokenizer, self.card.max_length), self.adapter

    def intervals(self, dataset: CodeDataset, scored: Scored) -> dict[str, Interval]:
        """Say how sure the scores of an evaluation are."""
        scoring = LabelScoring(self.card.labels, negative_label=self.task.negative_label)
        return intervals_of_labels(scoring, scored.metrics, scored.outcomes)

    def rivals(self, dataset: CodeDataset) -> Report:
        """Score a scanner of code on the same rows, where the task asks whether there is anything to find."""
        return rivals_of_rows(dataset, self.card.labels, self.task)

    def examined(self, dataset: CodeDataset, scored: Scored) -> Examined:
        """Look at the answer to each row."""
        return examined_labels(dataset, scored, self.card, self.task)

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read texts. Raises: DatasetError for a file that cannot be read."""
        return read_inputs(source, self.card.asking(self.task.text_fields), self.card.reading, note)

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer a row without a text."""
        return {"label": None, "scores": None, "error": reason}

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give `label` and `scores` (probabilities) of each text."""
        max_length = self.card.max_length
        texts = [bounded(read.text, max_length) for read in self.card.as_read(inputs, note)]
        ids = text_ids(self.tokenizer, texts, max_length)
        adapter = self.adapter
        batch = adapter.collate([{"input_ids": torch.tensor(sequence)} for sequence in ids], None)
        device = next(model.parameters()).device
        logits = adapter.logits(model, {name: tensor.to(device) for name, tensor in batch.items()})
        yield from labelled(logits, self.card.labels)


def examined_labels(dataset: CodeDataset, scored: Scored, card: ClassifierCard, task: Task) -> Examined:
    """Look at the answer to each row."""
    answered = Answered.of(scored.outcomes, card.labels)
    sections = label_sections(answered, _names_of(dataset, card), scored.metrics, task.negative_label)
    return Examined(dataset, outcome_columns(scored.outcomes, card.labels), sections)


def card_of(request: LabelTraining, train: CodeDataset) -> dict[str, Any]:
    """Say where rows keep what a model reads, and what is found in them for it."""
    fields = {"text_field": train.rows.text_field, "label_field": train.rows.label_field}
    if train.rows.annotated is None:
        return fields
    return {**fields, "findings": request.findings, "findings_version": train.rows.annotated.version or None}


def _head(labels: Sequence[str]) -> dict[str, Any]:
    """Say what a head is made for."""
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }


def scoring_of(request: LabelTraining, dataset: SplitRows) -> LabelScoring:
    """Give how the evaluation part is scored in training."""
    counts = np.bincount(dataset.train_labels(), minlength=len(dataset.label_names)).tolist()
    return LabelScoring(
        dataset.label_names,
        request.label_smoothing,
        class_weights_of(request.class_weights, dataset.label_names, counts),
        task_named(request.task).negative_label,
        majority=max(range(len(counts)), key=counts.__getitem__),
    )


def _names_of(dataset: CodeDataset, card: ClassifierCard) -> RowNames:
    return RowNames(
        dataset.row_id,
        dataset.num_whole,
        text=dataset.text,
        lengths=dataset.lengths,
        was_cut=dataset.was_cut,
        max_length=card.max_length,
    )


def label_warnings(evaluation: CodeDataset) -> tuple[str, ...]:
    """Say where the evaluation part has one label alone."""
    found = np.unique(evaluation.labels)
    if len(found) != 1 or len(evaluation.label_names) == 1:
        return ()
    return (
        f"the evaluation part has only the label {evaluation.label_names[int(found[0])]!r}: pr_auc cannot be computed, "
        "and the other scores say nothing of other labels. Give it rows of all labels.",
    )
