"""Labels for source code by a reader that follows values, from the data to the answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from application.training import LabelTraining
from domain.exceptions import ConfigurationError, ModelError
from domain.run_layout import CARD
from domain.task import task_named
from infrastructure.code_reading.vocabulary import VOCABULARY, Vocabulary
from infrastructure.data.labels.loading import ClassificationData, SplitRows
from infrastructure.data.some_rows import spread
from infrastructure.data.tokens.tokenization import LONGEST_READ
from infrastructure.model_files.card import RESTORE, ModelCard, typed_card
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.flow.factory import FlowReader, Learnable, new_reader, open_reader
from infrastructure.models.presets import FLOW_READERS
from infrastructure.tasks.flow.adapter import FlowClassification
from infrastructure.tasks.flow.answering import CARRIED
from infrastructure.tasks.flow.finished import FinishedFlow
from infrastructure.tasks.flow.rows import flow_rows, learnt_vocabulary
from infrastructure.tasks.flow.start import start_from_grams
from infrastructure.tasks.kind import Card, Prepared
from infrastructure.tasks.labels.answering import ClassifierCard
from infrastructure.tasks.labels.kind import Classification, card_of, label_warnings, scoring_of
from infrastructure.tasks.labels.scoring import class_weights_of
from infrastructure.tasks.labels.start import begins_linear

# What a quick run begins with.
QUICK_TEXTS = 300
ITS_OWN = "model {} is of Athanor's own making: it opens here, and not in plain transformers."


class FlowLabels(Classification):
    """One label for each text of source code, with lines and the kind of weakness."""

    card_type: type[ModelCard] = ClassifierCard

    def load(self, request: LabelTraining) -> SplitRows:
        """Read, check and split labelled rows with their marks and kinds. Raises: DatasetError."""
        return ClassificationData().load(request, CARRIED)

    def build(self, request: LabelTraining, dataset: SplitRows, kept_tokenizer: Path) -> ModelBundle:
        """Build a reader for the labels, marks and kinds of the training part. Raises: ModelError."""
        if faults := list(request.foreign_to_flow()):
            raise ConfigurationError.of(faults)
        names, name = dataset.label_names, request.model_name or next(iter(FLOW_READERS))
        if name in FLOW_READERS:
            learnable, texts = _learnable(request, dataset), dataset.train_texts()
            vocabulary = learnt_vocabulary(dataset.train_rows, dataset.train, request.vocab_size)
            reader = new_reader(name, vocabulary, learnable, request.seed)
            begins = request.linear_start and begins_linear(len(texts), len(names))
            answers = begins and _begun(request, reader, texts, learnable)
        else:
            reader, answers = open_reader(Path(name), names), False
        card = {"task": request.task, "model_name": name, "max_length": request.max_length, "labels": list(names)}
        beside = {VOCABULARY: reader.vocabulary.text()}
        told = (ITS_OWN.format(name),)
        return ModelBundle(reader.model, card=card, warnings=told, answers_untrained=answers, beside=beside)

    def prepare(self, request: LabelTraining, bundle: ModelBundle, dataset: SplitRows) -> Prepared:
        """Read both parts into ids. Raises: DatasetError."""
        vocabulary = Vocabulary.parsed(bundle.beside[VOCABULARY])
        config: Any = bundle.model.config
        learnt = (dataset.label_names, vocabulary, config.marks, config.kinds)
        train = flow_rows(dataset.train_rows, dataset.train, *learnt)
        evaluation = flow_rows(dataset.eval_rows, dataset.evaluation, *learnt)
        adapter = FlowClassification.of(
            config, scoring_of(request, dataset), request.max_length, request.word_dropout, request.mark_weight
        )
        card = card_of(request, train)
        cut = int(train.was_cut.sum())
        told = (f"{cut} rows of {train.rows.path.name} have more than {LONGEST_READ:,} characters and were cut there.",)
        return Prepared(train, evaluation, adapter, card, (*(told if cut else ()), *label_warnings(evaluation)))

    def open(self, directory: Path, card: Card) -> tuple[nn.Module, FinishedFlow]:
        """Open a finished reader. Raises: ModelError."""
        known = typed_card(ClassifierCard, card, directory)
        reader = open_reader(directory, known.labels)
        task = task_named(known.task)
        if task.negative_label not in known.labels:
            raise ModelError(f"{directory / CARD}: task {task.name} has no label of no weakness.", remedy=RESTORE)
        return reader.model, FinishedFlow(reader, known, task)


def _begun(request: LabelTraining, reader: FlowReader, texts: Sequence[str], learnable: Learnable) -> bool:
    """Let a reader begin with what runs of tokens say; tells whether they say anything."""
    rows = spread(len(texts), QUICK_TEXTS if request.quick else len(texts))
    weights = _weights(request, learnable)[rows]
    return start_from_grams(reader, [texts[int(row)] for row in rows], learnable.few(rows), weights)


def _weights(request: LabelTraining, learnable: Learnable) -> np.ndarray:
    """Tell what each row weighs [N]."""
    names, labels = learnable.label_names, learnable.labels
    weights = class_weights_of(request.class_weights, names, np.bincount(labels, minlength=len(names)).tolist())
    return np.ones(len(labels)) if weights is None else weights.astype(np.float64)[labels]


def _learnable(request: LabelTraining, dataset: SplitRows) -> Learnable:
    negative = task_named(request.task).negative_label
    assert negative is not None, "only tasks with such a label have presets of this kind"
    return Learnable(
        label_names=dataset.label_names,
        negative_label=dataset.label_names.index(negative),
        mark_names=dataset.mark_names,
        kinds=np.asarray(dataset.train_cwes()),
        labels=dataset.train_labels(),
    )
