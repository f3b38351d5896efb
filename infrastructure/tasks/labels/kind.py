"""Labels for texts, from the data to the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from application.training import LabelTraining
from domain.exceptions import ModelError
from domain.results import Report, TrainingResult
from domain.run_layout import CARD, RunLayout
from domain.task import task_named
from infrastructure.auditing.auditor import brief_audit
from infrastructure.auditing.page import brief_blocks
from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.loading import ClassificationData, SplitRows
from infrastructure.data.some_rows import QUICK_ROWS
from infrastructure.data.tokens.tokenization import cut_told
from infrastructure.model_files.card import RESTORE, ModelCard, add_to_card, typed_card
from infrastructure.model_files.model_directory import CONFIG
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.factory import CLASSIFIER, Blueprint, build_model, open_finished
from infrastructure.models.presets import ENCODERS, encoder_config
from infrastructure.models.tokenizer import train_tokenizer
from infrastructure.reports.confusion import draw_confusion_matrix
from infrastructure.tasks.kind import MAX_ROWS_EXAMINED, Card, Findings, FinishedTask, Prepared, Score, Trained
from infrastructure.tasks.labels.adapter import SequenceClassification
from infrastructure.tasks.labels.answering import ClassifierCard
from infrastructure.tasks.labels.finished import AnsweringLabels, FinishedClassifier
from infrastructure.tasks.labels.intervals import intervals_of_labels
from infrastructure.tasks.labels.marks import learn_marks, marked_parts
from infrastructure.tasks.labels.metrics import MAX_CLASSES_COMPARED
from infrastructure.tasks.labels.rivals import beside_scanner, rivals_of_labels
from infrastructure.tasks.labels.scoring import LabelScoring, class_weights_of
from infrastructure.tasks.labels.start import begins_linear, start_from_tokens
from infrastructure.tasks.labels.temperature import calibration

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LOST_BY_CUTTING = "what decides their label may be lost"


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
        assert isinstance(finished, AnsweringLabels)
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


def label_warnings(evaluation: CodeDataset) -> tuple[str, ...]:
    """Say where the evaluation part has one label alone."""
    found = np.unique(evaluation.labels)
    if len(found) != 1 or len(evaluation.label_names) == 1:
        return ()
    return (
        f"the evaluation part has only the label {evaluation.label_names[int(found[0])]!r}: pr_auc cannot be computed, "
        "and the other scores say nothing of other labels. Give it rows of all labels.",
    )
