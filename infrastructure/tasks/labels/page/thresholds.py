"""What is gained and lost by answering only what the model is sure of, or by moving the border between two sides."""

from collections.abc import Sequence

import numpy as np

from infrastructure.reports.page.blocks import (
    Axis,
    Block,
    Cell,
    Chart,
    Choice,
    Column,
    Group,
    Level,
    Line,
    Mark,
    Paragraph,
    Section,
    Table,
)
from infrastructure.tasks.labels.page.answered import Answered, Booleans, Floats, RowNames
from infrastructure.tasks.labels.page.curves import Cuts
from infrastructure.tasks.labels.page.wording import estimated, part_told, percent, short

MAX_POINTS = 300
AIMS = (0.9, 0.95, 0.99, 0.999)
OF_ANSWERS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)
OF_A_CLASS = (0.05, *(number / 10 for number in range(1, 10)), 0.95, 0.99)
COSTS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 50)


def unsure(answered: Answered, rows: RowNames) -> Section:
    """Show how much is answered and how often rightly when answers below a score count as unsure."""
    cuts = Cuts.of(answered.scores, answered.is_right)
    blocks: list[Block] = [
        *part_told(answered, rows),
        Paragraph(_aim_told(cuts, rows)),
        Paragraph(
            'With --threshold 0.8, predict writes "unsure" instead of each answer whose score is below 0.8, and beside'
            " it what the answer would have been. It changes no other answer.",
            "note",
        ),
        _coverage_chart(cuts, rows),
        _coverage_table(cuts, answered, rows),
    ]
    return Section("Leaving out what it is unsure of", blocks)


def two_sides(answered: Answered, rows: RowNames, negative_label: str | None) -> Section:
    """Show precision against recall of one class against the rest, and what each threshold gives.

    Of two classes either can be chosen as what is looked for; with a negative label it is everything else.
    """
    names, labels = short(answered.names), answered.labels
    views: dict[str, Group] = {}
    if negative_label is not None:
        negative = answered.names.index(negative_label)
        scores = 1 - answered.scores_of(negative)
        named = names[1 - negative] if len(names) == 2 else f"anything but {names[negative]}"
        views[named] = Group(_view(named, scores, labels != negative, answered.answers != negative, rows))
    else:
        rarer_first = np.argsort(np.bincount(labels, minlength=2), kind="stable").tolist()
        for at in rarer_first:
            scores = answered.scores_of(at)
            views[names[at]] = Group(_view(names[at], scores, labels == at, answered.answers == at, rows))
    explained = (
        "Whatever scores at or above a threshold counts here as what is looked for, all else as the other side. The"
        ' --threshold of predict does not move this border: it writes "unsure" for answers below it. For another border'
        " compare the scores that predict writes with the threshold that you choose here."
    )
    blocks: list[Block] = [*part_told(answered, rows), Paragraph(explained, "note")]
    if len(views) > 1:
        return Section("Choosing a threshold", [*blocks, Choice("What is looked for", views)])
    return Section("Choosing a threshold", [*blocks, *views.values()])


def _aim_told(cuts: Cuts, rows: RowNames) -> str:
    now = cuts.hits[0] / cuts.num_rows
    for aim in AIMS:
        place = cuts.lowest_with(aim) if aim > now else None
        if place is not None:
            threshold, coverage = cuts.thresholds[place], cuts.coverage[place]
            return (
                f"Answering every {rows.noun}, it is right in {percent(now)}. To be right in {100 * aim:g} % of its"
                f" answers, it must leave out those with a score below {_rounded_up(threshold)}: it then answers"
                f" {percent(coverage)} of the {rows.noun}s."
            )
    if now == 1:
        return f"Answering every {rows.noun}, it is right in all of them: there is nothing to gain by leaving out any."
    return (
        f"Answering every {rows.noun}, it is right in {percent(now)}. No threshold makes it right in"
        f" {100 * next((aim for aim in AIMS if aim > now), 1):g} % of its answers."
    )


def _rounded_up(threshold: float) -> str:
    """Write a threshold with four digits, upwards, so that what is written keeps no more than what is meant."""
    return f"{np.ceil(threshold * 10_000) / 10_000:.4g}"


def _coverage_chart(cuts: Cuts, rows: RowNames) -> Chart:
    some = cuts.some(MAX_POINTS)
    accuracy = some.precision
    every = f"all answers: {percent(float(accuracy[0]))} right"
    return Chart(
        "Right answers against the share that is answered",
        Axis(f"share of {rows.noun}s that is answered", share=True),
        Axis("share of answers that is right", share=True),
        [Line("this model", some.coverage[::-1].tolist(), accuracy[::-1].tolist())],
        f"With {every}; with half of them answered, {percent(_right_with(cuts, 0.5))}.",
        marks=[Mark(every, float(some.coverage[0]), float(accuracy[0]))],
    )


def _right_with(cuts: Cuts, coverage: float) -> float:
    return float(cuts.precision[np.flatnonzero(cuts.coverage >= coverage)[-1]])


def _coverage_table(cuts: Cuts, answered: Answered, rows: RowNames) -> Table:
    lowest, highest = float(cuts.thresholds[0]), float(cuts.thresholds[-1])
    chosen = [0.0, *(threshold for threshold in OF_ANSWERS if lowest < threshold <= highest)]
    found = cuts.at(chosen)
    listed: list[Sequence[Cell]] = [
        (
            threshold,
            kept / cuts.num_rows,
            estimated(hits, kept, answered.overlap),
            1 - kept / cuts.num_rows,
            kept - hits,
        )
        for threshold, kept, hits in zip(chosen, found.kept.tolist(), found.hits.tolist(), strict=True)
    ]
    columns = (
        Column("threshold", "number"),
        Column("answered", "share"),
        Column("right of these", "share"),
        Column("unsure", "share"),
        Column(f"wrong {rows.noun}s", "count"),
    )
    return Table("What each threshold answers", columns, listed, rows_shown=len(listed))


def _view(name: str, scores: Floats, is_positive: Booleans, is_answered: Booleans, rows: RowNames) -> tuple[Block, ...]:
    cuts = Cuts.of(scores, is_positive)
    if not 0 < cuts.num_hits < cuts.num_rows:
        side = "no" if not cuts.num_hits else "every"
        return (Paragraph(f"In these rows {side} {rows.noun} is {name}, so no threshold can be judged.", "warning"),)
    best = cuts.best()
    now = _cut_now(is_positive, is_answered)
    right = f"{percent(float(now.precision[0]))} of what it calls" if now.kept[0] else "it calls nothing"
    said = (
        f"As it answers now, {right} {name}{' is right' if now.kept[0] else ''}, and it finds"
        f" {percent(float(now.recall[0]))} of all {name} (F1 {percent(float(now.f1[0]))}). The best F1,"
        f" {percent(float(cuts.f1[best]))}, is at the threshold {cuts.thresholds[best]:.4g}. It was chosen on these"
        f" {rows.noun}s, so others will show a little less."
    )
    return (
        Paragraph(said),
        _precision_chart(cuts, best, name),
        _precision_table(cuts, best, now),
        _cost_table(cuts, name, rows),
    )


def _cut_now(is_positive: Booleans, is_answered: Booleans) -> Cuts:
    """Give the answers as they are as one cut."""
    kept, hits = np.array([is_answered.sum()]), np.array([(is_answered & is_positive).sum()])
    return Cuts(np.array([np.nan]), kept, hits, len(is_positive), int(is_positive.sum()))


def _precision_chart(cuts: Cuts, best: int, name: str) -> Chart:
    some = cuts.some(MAX_POINTS)
    recall, precision = some.recall[::-1].tolist(), some.precision[::-1].tolist()
    base = cuts.num_hits / cuts.num_rows
    at = float(cuts.recall[best]), float(cuts.precision[best])
    return Chart(
        f"Precision and recall of {name}",
        Axis(f"recall: share of all {name} that is found", share=True),
        Axis(f"precision: share of what is called {name} that is right", share=True),
        [Line("this model", recall, precision)],
        f"Best F1 at recall {percent(at[0])} with precision {percent(at[1])}.",
        levels=[Level(f"by chance {percent(base)}", base, 3)],
        marks=[Mark(f"best F1: {percent(float(cuts.f1[best]))}", *at)],
    )


def _precision_table(cuts: Cuts, best: int, now: Cuts) -> Table:
    chosen = sorted({*OF_A_CLASS, float(cuts.thresholds[best])})
    columns = (
        Column("threshold", "number"),
        Column("precision", "share"),
        Column("recall", "share"),
        Column("F1", "share"),
        Column("called so", "share"),
        Column("note"),
    )
    listed = [("best F1" if row[0] == cuts.thresholds[best] else "", row) for row in _lines(cuts.at(chosen))]
    listed.insert(0, ("as it answers now", (None, *_lines(now)[0][1:])))
    return Table("What each threshold gives", columns, [(*row, note) for note, row in listed], rows_shown=len(listed))


def _lines(cuts: Cuts) -> list[tuple[Cell, ...]]:
    parts = (cuts.thresholds, cuts.precision, cuts.recall, cuts.f1, cuts.coverage)
    return list(zip(*(part.tolist() for part in parts), strict=True))


def _cost_table(cuts: Cuts, name: str, rows: RowNames) -> Table:
    """List the cheapest threshold for several prices of a miss, in false alarms."""
    listed: list[Sequence[Cell]] = []
    for miss in COSTS:
        place = cuts.cheapest(miss)
        none = place == len(cuts.kept)
        kept, hits = (0, 0) if none else (int(cuts.kept[place]), int(cuts.hits[place]))
        missed, alarms = cuts.num_hits - hits, kept - hits
        cost = 1_000 * (miss * missed + alarms) / cuts.num_rows
        listed.append((miss, None if none else float(cuts.thresholds[place]), missed, alarms, cost))
    columns = (
        Column("cost of a miss", "number"),
        Column("cheapest threshold", "number"),
        Column("missed", "count"),
        Column("false alarms", "count"),
        Column(f"cost of 1,000 {rows.noun}s", "number"),
    )
    return Table(f"Cheapest thresholds of {name}, where a false alarm costs 1", columns, listed, len(listed))
