"""The rivals of a classifier: one answer for all, a bag of words, and of code a scanner that was never trained."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from application.training import LabelTraining
from domain.headlines import BASELINES
from domain.interval import UNKNOWN, Interval
from domain.results import Report, TrainingResult
from domain.rivals import SCANNER, rival_told
from domain.task import Task, task_named
from domain.words import counted
from infrastructure.data.kept.examinations import examined
from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.indexed_texts import IndexedTexts
from infrastructure.data.labels.loading import SplitRows
from infrastructure.data.some_rows import QUICK_ROWS, spread
from infrastructure.scanners.known import is_installed, scanner_named
from infrastructure.statistics.confusions import intervals_of_confusion
from infrastructure.tasks.labels.baselines import BAG_OF_WORDS, bag_of_words_confusion, bag_of_words_scores
from infrastructure.tasks.labels.intervals import intervals_of_rates, named
from infrastructure.tasks.labels.metrics import (
    MAX_CLASSES_COMPARED,
    averaged_scores,
    confusion_matrix,
    rates_of,
)
from infrastructure.tasks.labels.scoring import class_weights_of

MAX_ROWS = 20_000  # about 20 s the first time
NOT_INSTALLED = (
    "Bandit, which finds weaknesses by rules, would stand beside this model: run pip install 'athanor[security]'."
)

Integers = NDArray[np.integer[Any]]


def rivals_of_labels(request: LabelTraining, dataset: SplitRows) -> Report:
    """Score the most frequent label, a bag of words where there are not too many labels for it, and a scanner of code.

    All are scored on the rows on which the model is.
    """
    names = dataset.label_names
    negative_label = task_named(request.task).negative_label
    negative = None if negative_label is None else names.index(negative_label)
    rows = spread(dataset.num_eval, QUICK_ROWS if request.quick else dataset.num_eval)
    labels = dataset.eval_labels()[rows]
    reports = [_majority(dataset, labels, negative)]
    if len(names) <= MAX_CLASSES_COMPARED:
        reports.append(_bag_of_words(request, dataset, rows, negative))
    if negative is not None:
        reports.append(scanner_rival(IndexedTexts(dataset.eval_codes(), rows), labels, negative))
    return joined(reports)


def rivals_of_rows(dataset: CodeDataset, label_names: Sequence[str], task: Task) -> Report:
    """Score what needs no training on rows that a finished model is scored on: the scanner."""
    if task.negative_label is None or task.negative_label not in label_names:
        return Report()
    codes = IndexedTexts(dataset.rows.texts, dataset.indices)
    return scanner_rival(codes, dataset.labels, list(label_names).index(task.negative_label))


def beside_scanner(
    request: LabelTraining, result: TrainingResult, report: Report, intervals: Mapping[str, Interval]
) -> Sequence[str]:
    """Say it where a scanner that learnt nothing does as well; beside the metric of the run all rivals are compared."""
    metric = "youden_j"
    reached, own = report.baselines.get(f"{SCANNER}_{metric}"), result.final_metrics.get(metric)
    if request.quick or reached is None or own is None or result.metric_name.removeprefix("eval_") == metric:
        return ()
    told = rival_told(metric, own, {BASELINES[SCANNER]: reached}, request.words, intervals.get(metric, UNKNOWN))
    return (told,) if told else ()


def joined(reports: Sequence[Report]) -> Report:
    """Put what several rivals reach into one report."""
    return Report(
        {name: value for report in reports for name, value in report.baselines.items()},
        warnings=[word for report in reports for word in report.warnings],
        intervals={name: interval for report in reports for name, interval in report.intervals.items()},
    )


def _majority(dataset: SplitRows, labels: Integers, negative: int | None) -> Report:
    names = dataset.label_names
    majority = int(np.bincount(dataset.train_labels(), minlength=len(names)).argmax())
    confusion = confusion_matrix(labels, np.full_like(labels, majority), len(names))
    found = averaged_scores(confusion) | rates_of(confusion, negative)
    kept = ("accuracy", "macro_f1", "youden_j", "tpr", "fpr")
    return Report({f"majority_{name}": found[name] for name in kept if name in found})


def _bag_of_words(request: LabelTraining, dataset: SplitRows, rows: Integers, negative: int | None) -> Report:
    counts = np.bincount(dataset.train_labels(), minlength=len(dataset.label_names)).tolist()
    weights = class_weights_of(request.class_weights, dataset.label_names, counts)
    confusion = bag_of_words_confusion(
        dataset.train_texts(),
        dataset.train_labels(),
        IndexedTexts(dataset.eval_texts(), rows),
        dataset.eval_labels()[rows],
        dataset.label_names,
        seed=request.seed,
        class_weights=None if weights is None else weights.tolist(),
    )
    scores = bag_of_words_scores(confusion, negative)
    rates = {} if negative is None else intervals_of_rates(confusion, negative)
    intervals = named(BAG_OF_WORDS, {**intervals_of_confusion(confusion), **rates})
    return Report(scores, intervals={name: intervals[name] for name in scores})


def scanner_rival(codes: Sequence[str], labels: Integers, negative: int) -> Report:
    """Score Bandit as a judge of whether a row is anything but the negative label.

    Shapes: one label (an index) for each text; all texts where there are at most MAX_ROWS, else so many of them, evenly
    spread. Gives the rates with their intervals, how many `rows` they are of, and how many of these are `unreadable`:
    no Python, or of another version. Such rows count as not flagged. Where they are most, or where Bandit is not
    installed, there are no scores but a sentence.
    """
    if not len(codes):
        return Report()
    if not is_installed(SCANNER):
        return Report(warnings=(NOT_INSTALLED,))
    rows = spread(len(codes), MAX_ROWS)
    examinations = examined(scanner_named(SCANNER), IndexedTexts(codes, rows))
    flagged, unreadable = np.zeros(len(rows), np.int64), 0
    for row, examination in enumerate(examinations):
        flagged[row] = bool(examination.findings)
        unreadable += bool(examination.unreadable)
    if 2 * unreadable > len(rows):
        said = f"Bandit reads {len(rows) - unreadable:,} of {counted(len(rows), 'rows')} as Python, too few to stand"
        return Report(warnings=(f"{said} beside this model.",))
    is_weak = np.asarray(labels)[rows] != negative
    confusion = np.bincount(2 * is_weak + flagged, minlength=4).reshape(2, 2)
    rates = rates_of(confusion, 0)
    counts = {"rows": len(rows), "unreadable": unreadable}
    intervals = {name: interval for name, interval in intervals_of_rates(confusion, 0).items() if name in rates}
    return Report(
        {f"{SCANNER}_{name}": value for name, value in {**rates, **counts}.items()}, intervals=named(SCANNER, intervals)
    )
