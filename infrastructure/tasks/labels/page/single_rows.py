"""Rows to be read one by one: the worst errors, and labels that may be wrong."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from infrastructure.reports.page.blocks import Block, Cell, Column, Folded, Paragraph, Section, Table
from infrastructure.statistics.confident_learning import Candidates
from infrastructure.tasks.labels.page.answered import Answered, Integers, RowNames
from infrastructure.tasks.labels.page.noise import candidates
from infrastructure.tasks.labels.page.wording import clipped_text, counted, part_told, percent, readable

MAX_ERRORS = 50
MAX_CANDIDATES = 50
MAX_PAIRS = 20
ROWS_SHOWN = 10
TOO_MANY = 0.2  # of the rows: then the model says more of itself than of the labels


def worst_errors(answered: Answered, rows: RowNames) -> Section:
    """List the wrong answers with the largest loss, with their texts."""
    wrong = np.flatnonzero(~answered.is_right)
    blocks: list[Block] = list(part_told(answered, rows))
    if not len(wrong):
        return Section("Worst errors", [*blocks, Paragraph(f"No {rows.noun} was answered wrong.")])
    worst = wrong[np.argsort(-answered.losses[wrong], kind="stable")[:MAX_ERRORS]]
    said = f"Of {counted(len(wrong), rows)} answered wrong, these gave their label the lowest score."
    table = Table("Worst errors", _columns(rows, "answered", "score"), _listed(answered, rows, worst), ROWS_SHOWN)
    return Section("Worst errors", [*blocks, Paragraph(said if len(wrong) > MAX_ERRORS else _all_told(wrong)), table])


def doubtful_labels(answered: Answered, rows: RowNames) -> Section:
    """List the rows whose labels may be wrong: candidates for somebody to look at."""
    found = candidates(answered)
    title = "Labels to look at"
    blocks: list[Block] = list(part_told(answered, rows))
    if not len(found):
        said = f"No {rows.noun} has an answer that speaks clearly against its label."
        return Section(title, [*blocks, Paragraph(said)])
    share = len(found) / len(answered)
    said = (
        f"In {counted(len(found), rows)} ({percent(share)}) the model is as sure of another class as it is, on average,"
        " of rows that have that label. Such labels are wrong more often than others, but many are right and only hard:"
        " somebody has to look. This holds for rows that the model has not learned from."
    )
    blocks.append(Paragraph(said))
    if share > TOO_MANY:
        too_many = "That is so many that they say more of the model than of the labels: look at the first ones only."
        blocks.append(Paragraph(too_many, "warning"))
    worst = found.rows[:MAX_CANDIDATES]
    listed = _listed(answered, rows, worst, found.suggested)
    table = Table(
        f"Labels to look at, the {len(listed)} most contradicted",
        _columns(rows, "may be", "its score"),
        listed,
        ROWS_SHOWN,
    )
    source = "Northcutt, Jiang and Chuang, Confident Learning, Journal of Artificial Intelligence Research 70 (2021)."
    folded = Folded("By pair of classes, and the source", [_pairs(answered, rows, found), Paragraph(source, "note")])
    return Section(title, [*blocks, table, folded])


def _all_told(wrong: Integers) -> str:
    return "This is the only wrong answer." if len(wrong) == 1 else f"These are all {len(wrong)} wrong answers."


def _columns(rows: RowNames, answer: str, score: str) -> list[Column]:
    columns = [
        Column(rows.noun),
        Column("label"),
        Column(answer),
        Column(score, "share"),
        Column("score of the label", "share"),
    ]
    return columns if rows.text is None else [*columns, Column("text", "prose")]


def _listed(
    answered: Answered, rows: RowNames, chosen: Integers, classes: Integers | None = None
) -> list[Sequence[Cell]]:
    """Give a line for each chosen row [K], with its answer or another class [K] and the score of that."""
    names = readable(answered.names)
    found: list[Sequence[Cell]] = []
    for number, row in enumerate(chosen.tolist()):
        at = int(answered.answers[row] if classes is None else classes[number])
        line = (
            rows.name(row),
            names[answered.labels[row]],
            names[at],
            *answered.scores_at(row, (at, answered.labels[row])),
        )
        found.append(line if rows.text is None else (*line, clipped_text(rows.text(row))))
    return found


def _pairs(answered: Answered, rows: RowNames, found: Candidates) -> Table:
    names = readable(answered.names)
    pairs = Counter(zip(answered.labels[found.rows].tolist(), found.suggested.tolist(), strict=True))
    columns = (Column("label"), Column("may be"), Column(f"{rows.noun}s", "count"))
    listed = [(names[label], names[other], count) for (label, other), count in pairs.most_common(MAX_PAIRS)]
    return Table("Pairs with most candidates", columns, listed, ROWS_SHOWN)
