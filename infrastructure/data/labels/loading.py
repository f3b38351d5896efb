"""From a labelled file to the two parts of a classification data set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from application.phases import phase
from application.training import LabelTraining
from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from domain.showing import counted
from domain.task import Task, task_named
from infrastructure.data.labels.carried import FINDINGS, MARKS, PART
from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.indexed_texts import IndexedTexts
from infrastructure.data.labels.rows import LabelledRows, RowSchema, conflicting_labels, load_rows, require_labels
from infrastructure.data.labels.splitting import split_rows, units_of, without_duplicates_of
from infrastructure.data.sources.fields import Names, sought
from infrastructure.data.sources.label_names import matches
from infrastructure.data.sources.shipped import located
from infrastructure.data.splitting import TwoParts
from infrastructure.data.tokens.tokenization import tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class SplitRows(TwoParts[np.ndarray]):
    """Checked rows in two parts, before any tokenizer: what a tokenizer from scratch may be trained on.

    `train` and `evaluation` are row numbers of `train_rows` and `eval_rows`, which are the same object unless the
    data came already split.
    """

    task: Task
    train_rows: LabelledRows
    eval_rows: LabelledRows

    @property
    def label_names(self) -> tuple[str, ...]:
        """Labels in the order of the model's outputs."""
        return self.train_rows.label_names

    def train_texts(self) -> IndexedTexts:
        """Give the texts of the training part alone."""
        return IndexedTexts(self.train_rows.read_texts, self.train)

    def eval_texts(self) -> IndexedTexts:
        """Give the texts of the evaluation part."""
        return IndexedTexts(self.eval_rows.read_texts, self.evaluation)

    def eval_codes(self) -> IndexedTexts:
        """Give the texts of the evaluation part as their rows hold them, whatever else a model reads of them."""
        return IndexedTexts(self.eval_rows.texts, self.evaluation)

    def train_labels(self) -> np.ndarray:
        """Give the label numbers [num_train]."""
        return np.asarray(self.train_rows.labels[self.train])

    def train_units(self) -> np.ndarray:
        """Give numbers [num_train] that are equal for rows which belong on one side of a split."""
        return units_of(self.train_rows)[0][self.train]

    def eval_labels(self) -> np.ndarray:
        """Give the label numbers [num_eval]."""
        return np.asarray(self.eval_rows.labels[self.evaluation])

    def train_cwes(self) -> np.ndarray:
        """Give the numbers of the kinds of weakness [num_train], 0 where unknown."""
        return np.asarray(self.train_rows.cwes[self.train])

    @property
    def mark_names(self) -> tuple[str, ...]:
        """Names of marks in the file that is learnt from; none where no row of the training part says anything."""
        return self.train_rows.mark_names if self.train_rows.is_marked[self.train].any() else ()

    def tokenized(self, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> tuple[CodeDataset, CodeDataset]:
        """Make both parts ready for a model."""
        return (
            labelled_dataset(self.train_rows, self.train, tokenizer, max_length, self.label_names),
            labelled_dataset(self.eval_rows, self.evaluation, tokenizer, max_length, self.label_names),
        )


class ClassificationData:
    """Loads and splits what a request names."""

    def load(self, request: LabelTraining, carried: Sequence[str] = ()) -> SplitRows:
        """Read, check and split; `carried` names what else is read where rows carry it.

        Raises: DatasetError with every fault of the file.
        """
        task = task_named(request.task)
        schema = _schema_for(request, task, carried)
        rows = found_rows(located(request.dataset_path, task), schema)
        scored = None
        if request.eval_dataset:
            scored = found_rows(located(request.eval_dataset, task, part=""), replace(schema, group_field=None))
        with phase("checking and splitting"):
            if scored is None:
                split = split_labelled(task, rows, request.validation_split, request.seed)
            else:
                split = _already_split(task, rows, scored)
        if request.num_labels not in (None, len(split.label_names)):
            raise DatasetError(
                f"num_labels is {request.num_labels}, but {rows.path.name} has {len(split.label_names)} labels"
                f" ({', '.join(split.label_names[:20])}).",
                remedy="Drop num_labels or correct the labels.",
            )
        return split

    def whole(self, request: LabelTraining, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> CodeDataset:
        """Read and check all rows and tokenise them. Raises: DatasetError."""
        task = task_named(request.task)
        rows = found_rows(located(request.dataset_path, task), _schema_for(request, task, ()))
        return labelled_dataset(rows, np.arange(len(rows)), tokenizer, max_length, rows.label_names)


def found_rows(path: Path, schema: RowSchema, learnt_from: str | None = None) -> LabelledRows:
    """Load rows; with what was found in each, where the schema says that a model reads findings.

    `learnt_from` is the version of the scanner in training. Raises: DatasetError, ConfigurationError.
    """
    rows = load_rows(path, schema)
    return rows.with_findings(learnt_from) if FINDINGS in schema.carried else rows


def _schema_for(request: LabelTraining, task: Task, carried: Sequence[str]) -> RowSchema:
    """Say what the rows of a training must hold; parts are always read, marks and findings where they are learnt."""
    learnt = {MARKS: request.mark_weight > 0, FINDINGS: request.findings != "none"}
    wanted = [name for name in dict.fromkeys((*carried, PART, *learnt)) if learnt.get(name, True)]
    fields = request.text_field, request.label_field, request.group_field
    return schema_of(task, *fields, request.reading, tuple(wanted))


def schema_of(
    task: Task,
    text_field: Names | None,
    label_field: str | None,
    group_field: str | None,
    reading: Reading = AS_FOUND,
    carried: Sequence[str] = (),
) -> RowSchema:
    """Say what the rows of a task must hold, and what else is read where they carry it."""
    text, label = sought("text", task.text_fields, text_field), sought("label", ("label",), label_field)
    return RowSchema(text, label, task.labels, group_field, tuple(carried), reading)


def split_labelled(task: Task, rows: LabelledRows, share: float, seed: int) -> SplitRows:
    """Split rows by label, the same way each time. Raises: DatasetError."""
    require_labels(rows)
    split = split_rows(rows, share, seed)
    warnings = [*rows.warnings, *_label_warnings(rows)]
    if split.num_duplicates:
        repeat = "repeats" if split.num_duplicates == 1 else "repeat"
        warnings.append(
            f"{rows.path.name}: {counted(split.num_duplicates, 'row')} {repeat} another (white space aside); "
            "repeats were kept on one side of the split."
        )
    audit = {"rows that repeat another, kept on one side": split.num_duplicates, **_label_audit(rows)}
    return SplitRows(
        task, rows, rows, train=split.train, evaluation=split.evaluation, warnings=tuple(warnings), audit=audit
    )


def _already_split(task: Task, train: LabelledRows, evaluation: LabelledRows) -> SplitRows:
    scored = aligned(evaluation, train.label_names)
    kept = without_duplicates_of(train, scored)
    warnings = [*train.warnings, *evaluation.warnings, *_label_warnings(train)]
    if len(kept) < len(train):
        warnings.append(
            f"{len(train) - len(kept)} rows of {train.path.name} also stand in {evaluation.path.name} "
            "(white space aside); they were left out of training."
        )
    if len(np.unique(train.labels[kept])) < 2:
        raise DatasetError(
            f"{train.path.name} has fewer than two labels left that are not in {evaluation.path.name}.",
            remedy="Give parts that do not share their rows.",
        )
    everything = np.arange(len(scored))
    audit = {"rows of both files, left out of training": len(train) - len(kept), **_label_audit(train)}
    return SplitRows(task, train, scored, train=kept, evaluation=everything, warnings=tuple(warnings), audit=audit)


def aligned(rows: LabelledRows, label_names: tuple[str, ...]) -> LabelledRows:
    """Number the labels of `rows` as in `label_names`."""
    known = matches(rows.label_names, label_names)
    unknown = sorted(name for name, label in known.items() if label is None)
    if unknown:
        raise DatasetError(
            f"{rows.path.name} has labels that training had not: {', '.join(map(repr, unknown[:20]))}.",
            remedy="Add rows of them to the training part, or remove them here.",
        )
    number_of = {name: number for number, name in enumerate(label_names)}
    renumbered = np.array([number_of[str(label)] for label in known.values()], dtype=np.int32)
    return replace(rows, label_names=label_names, labels=renumbered[rows.labels])


def _label_warnings(rows: LabelledRows) -> list[str]:
    warnings = []
    conflicts = conflicting_labels(rows)
    if conflicts:
        texts = f"{counted(conflicts, 'text')} {'occurs' if conflicts == 1 else 'occur'}"
        warnings.append(f"{rows.path.name}: {texts} with more than one label.")
    absent = [label for label, count in rows.label_counts().items() if not count]
    if absent:
        warnings.append(f"{rows.path.name}: no row has the label {', '.join(absent)}; it will never be predicted well.")
    return warnings


def _label_audit(rows: LabelledRows) -> dict[str, int]:
    counts = rows.label_counts().values()
    return {"texts with more than one label": conflicting_labels(rows), "labels without a row": list(counts).count(0)}


def labelled_dataset(
    rows: LabelledRows,
    indices: np.ndarray,
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int,
    label_names: tuple[str, ...],
) -> CodeDataset:
    """Tokenise rows, or map what was tokenised before. Raises: DatasetError without a padding token."""
    if tokenizer.pad_token_id is None:
        raise DatasetError("the tokenizer has no padding token.", remedy="Set tokenizer.pad_token, for example to eos.")
    tokens = tokenize(rows.read_texts, rows.read_key, tokenizer, max_length)
    return CodeDataset(rows, tokens, indices, tokenizer.pad_token_id, label_names)
