"""Whether a score of 90 % is right nine times in ten."""

import math

import numpy as np

from infrastructure.reports.page.blocks import (
    Axis,
    Band,
    Block,
    Cell,
    Chart,
    Column,
    Estimate,
    Facts,
    Folded,
    Line,
    Paragraph,
    Section,
    Table,
)
from infrastructure.statistics.shares import interval_of_share
from infrastructure.tasks.labels.page.answered import Answered, RowNames
from infrastructure.tasks.labels.page.calibration import Calibration, calibration_of
from infrastructure.tasks.labels.page.wording import counted, estimated, part_told, percent

TOLD_ABOUT = 0.9
LEAST_ROWS_TOLD = 20


def confidence(answered: Answered, rows: RowNames) -> Section:
    """Show how often answers of each score are right."""
    found = calibration_of(answered.scores, answered.is_right, answered.overlap)
    interval = f" ({_ends(found)})" if found.interval.is_known else ""
    facts = {
        "expected calibration error": percent(found.error) + interval,
        "what true scores would show": percent(found.by_chance),
        "mean score": percent(float(answered.scores.mean())),
        "right": percent(float(answered.is_right.mean())),
    }
    blocks: list[Block] = [
        *part_told(answered, rows),
        Paragraph(_told(found, rows)),
        Facts(facts),
        _chart(found, answered.overlap),
        Folded("Scores in figures", [_table(found, rows, answered.overlap)]),
    ]
    return Section("How sure it is", blocks)


def _told(found: Calibration, rows: RowNames) -> str:
    enough = np.flatnonzero(found.counts >= LEAST_ROWS_TOLD)
    bins = enough if len(enough) else np.arange(len(found.counts))
    at = int(bins[np.abs(found.scores[bins] - TOLD_ABOUT).argmin()])
    said = (
        f"When it says {100 * found.scores[at]:.0f} %, it is right {100 * found.accuracy[at]:.0f} % of the time"
        f" ({counted(int(found.counts[at]), rows)})."
    )
    points = abs(100 * found.surplus)
    if found.error <= found.most_by_chance:
        return f"{said} Over all, so many {rows.noun}s show no difference from scores that are true."
    if points < 50 * found.error:
        return f"{said} It is too sure of some scores and not sure enough of others."
    side = "too sure" if found.surplus > 0 else "not sure enough"
    return f"{said} Over all it is {side}, by {points:.1f} points."


def _ends(found: Calibration) -> str:
    low, high = (f"{100 * end:.1f}" for end in found.interval)
    return f"{low} to {high}"


def _chart(found: Calibration, overlap: int) -> Chart:
    drawn = np.flatnonzero(found.counts >= LEAST_ROWS_TOLD)
    drawn = drawn if len(drawn) > 1 else np.arange(len(found.counts))
    scores, accuracy = found.scores[drawn].tolist(), found.accuracy[drawn].tolist()
    counted_right = zip(found.right[drawn].tolist(), found.counts[drawn].tolist(), strict=True)
    ends = [interval_of_share(right, count, overlap) for right, count in counted_right]
    low, high = math.floor(10 * min(scores)) / 10, 1.0
    return Chart(
        "How often answers of a score are right",
        Axis("score of the answer", share=True),
        Axis("share that is right", share=True),
        [
            Line("as scores promise", [low, high], [low, high], 2, "dashed"),
            Line("this model", scores, accuracy, 0),
            Line("", scores, accuracy, 0, "dots"),
        ],
        "; ".join(f"score {percent(x)}: right {percent(y)}" for x, y in zip(scores, accuracy, strict=True)),
        bands=[Band("95 % interval", scores, [end.low for end in ends], [end.high for end in ends])],
    )


def _table(found: Calibration, rows: RowNames, overlap: int) -> Table:
    columns = (
        Column("scores from", "share"),
        Column("to", "share"),
        Column(f"{rows.noun}s", "count"),
        Column("mean score", "share"),
        Column("right", "share"),
    )
    bins = zip(found.low, found.high, found.counts, found.scores, found.right, strict=True)
    listed: list[tuple[Cell | Estimate, ...]] = [
        (float(low), float(high), int(count), float(score), estimated(int(right), int(count), overlap))
        for low, high, count, score, right in bins
    ]
    return Table("Right answers by score", columns, listed)
