"""Which classes are taken for which, and how well each is recognised."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from infrastructure.reports.page.blocks import Block, Cell, Column, Estimate, Matrix, Paragraph, Section, Table
from infrastructure.statistics.confusions import scores_of_classes
from infrastructure.statistics.shares import interval_of_f1
from infrastructure.tasks.labels.metrics import tallies
from infrastructure.tasks.labels.page.answered import Answered, RowNames
from infrastructure.tasks.labels.page.wording import counted, estimated, part_told, percent, readable, short

MAX_CLASSES_IN_MATRIX = 100
MAX_CLASSES_LISTED = 500
MAX_PAIRS = 100
PAIRS_SHOWN = 10


def confusions(answered: Answered, rows: RowNames) -> Section:
    """Show the most confused pairs, and the matrix of at most MAX_CLASSES_IN_MATRIX classes."""
    names, confusion = readable(answered.names), answered.confusion
    blocks: list[Block] = [*part_told(answered, rows), Paragraph(_errors_told(answered, rows))]
    pairs = _pairs(answered)
    if pairs:
        shown = f"the {len(pairs)} most confused pairs" if len(pairs) == MAX_PAIRS else "most confused pairs"
        columns = (
            Column("true class"),
            Column("answered"),
            Column(f"{rows.noun}s", "count"),
            Column("share of the true class", "share"),
            Column("the other way round", "count"),
        )
        blocks.append(Table(shown.capitalize(), columns, pairs, PAIRS_SHOWN))
    if len(names) <= MAX_CLASSES_IN_MATRIX:
        blocks.append(Matrix("Confusion matrix", names, confusion.tolist(), f"{rows.noun}s"))
    else:
        blocks.append(
            Paragraph(
                f"There are {len(names):,} classes: the matrix of each with each is shown for at most"
                f" {MAX_CLASSES_IN_MATRIX}.",
                "note",
            )
        )
    return Section("Confusions", blocks)


def each_class(answered: Answered, rows: RowNames, per_class: Mapping[str, Mapping[str, Any]]) -> Section:
    """List the scores of each class, the least recognised first; `per_class` are the metrics of the same rows."""
    hits, supports, answers = (counts.tolist() for counts in tallies(answered.confusion))
    f1 = scores_of_classes(*tallies(answered.confusion))[2]
    occurs = np.add(supports, answers) > 0
    worst_first = np.lexsort((-np.asarray(supports), np.where(occurs, f1, np.inf)))[:MAX_CLASSES_LISTED].tolist()
    names, overlap = readable(answered.names), answered.overlap
    listed: list[Sequence[Cell]] = [
        (
            names[at],
            Estimate(
                float(f1[at]) if occurs[at] else None, *interval_of_f1(hits[at], supports[at], answers[at], overlap)
            ),
            estimated(hits[at], answers[at], overlap),
            estimated(hits[at], supports[at], overlap),
            supports[at],
            answers[at],
            per_class.get(answered.names[at], {}).get("pr_auc"),
        )
        for at in worst_first
    ]
    columns = (
        Column("class"),
        Column("F1", "share"),
        Column("precision", "share"),
        Column("recall", "share"),
        Column(f"{rows.noun}s", "count"),
        Column("answered", "count"),
        Column("average precision", "share"),
    )
    left_out = len(names) - len(listed)
    said = f" The {left_out:,} best recognised classes are left out." if left_out else ""
    explained = (
        "Precision: how often this answer is right. Recall: how many of the class are found. F1: both in one."
        " In brackets the range that other rows of the same kind would give, in 95 of 100 cases."
    )
    blocks: list[Block] = [*part_told(answered, rows), Paragraph(explained + said, "note")]
    return Section("Classes", [*blocks, Table("Scores of each class, the lowest F1 first", columns, listed)])


def _errors_told(answered: Answered, rows: RowNames) -> str:
    confusion = answered.confusion
    total, wrong = len(answered), int(len(answered) - confusion.trace())
    if not wrong:
        everything = "The one row was" if total == 1 else f"All {counted(total, rows)} were"
        return f"{everything.replace('row', rows.noun)} answered right, so no class was taken for another."
    (true, answer), count = _most_confused(answered)[0][:2], _most_confused(answered)[0][2]
    names = short(answered.names)
    share = percent(count / max(int(confusion[true].sum()), 1))
    return (
        f"{wrong:,} of {counted(total, rows)} ({percent(wrong / total)}) were answered wrong. Most often {names[true]}"
        f" was taken for {names[answer]}: {count:,} times, {share} of that class."
    )


def _pairs(answered: Answered) -> list[Sequence[Cell]]:
    names, confusion = readable(answered.names), answered.confusion
    support = confusion.sum(axis=1)
    return [
        (names[true], names[answer], count, count / int(support[true]), int(confusion[answer, true]))
        for true, answer, count in _most_confused(answered)
    ]


def _most_confused(answered: Answered) -> list[tuple[int, int, int]]:
    """Give at most MAX_PAIRS pairs of a class and an answer with their rows; of equals the rarer class comes first."""
    wrong = answered.confusion.copy()
    np.fill_diagonal(wrong, 0)
    true, answer = np.nonzero(wrong)
    counts = wrong[true, answer]
    order = np.lexsort((answered.confusion.sum(axis=1)[true], -counts))[:MAX_PAIRS]
    return list(zip(true[order].tolist(), answer[order].tolist(), counts[order].tolist(), strict=True))
