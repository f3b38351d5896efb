"""Whether a model is worth more than what needs no model."""

from collections.abc import Mapping
from typing import Any

from domain.headlines import label_of, score_of
from domain.interval import UNKNOWN, Interval
from domain.metrics import direction_of, is_better
from domain.words import Words, counted

SCANNER, SEASONAL = "bandit", "seasonal_naive"  # before the names of their scores


def scanner_told(scores: Mapping[str, Any]) -> str:
    """Say on which rows a scanner was judged; empty where there is none among the scores."""
    if (rows := scores.get(f"{SCANNER}_rows")) is None:
        return ""
    if not (unreadable := scores.get(f"{SCANNER}_unreadable")):
        return f"flags a row where it finds anything; judged on {counted(rows, 'rows')}"
    count = "counts" if unreadable == 1 else "count"
    return (
        f"flags a row where it finds anything; {unreadable:,} of {counted(rows, 'rows')} it could not read, "
        f"which {count} as not flagged"
    )


def season_told(scores: Mapping[str, Any]) -> str:
    """Say how far back the seasonal rival of forecasts reads; empty where there is none among the scores."""
    rows = scores.get(f"{SEASONAL}_rows")
    return "" if rows is None else f"repeats what came {rows:,} steps before, a season of the training part"


def remark_on(rival: str, scores: Mapping[str, Any]) -> str:
    """Say what a reader must know of a rival beside its scores; empty where its name says it."""
    told = {SCANNER: scanner_told, SEASONAL: season_told}.get(rival)
    return told(scores) if told else ""


def rival_told(
    metric: str, value: float, rivals: Mapping[str, float], words: Words, interval: Interval = UNKNOWN
) -> str:
    """Say it in a sentence when the best rival does as well, or cannot be told apart on these rows; empty for neither.

    `rivals` are what others reach in the metric, by what they are called; `interval` is that of the model.
    """
    direction = direction_of(metric)
    best: tuple[str, float] | None = None
    for name, reached in rivals.items():
        if is_better(reached, best[1] if best else None, direction):
            best = (name, reached)
    if best is None:
        return ""
    told = f"{best[0]} reaches {label_of(metric, words)} {score_of(metric, best[1])}"
    if not is_better(value, best[1], direction):
        return f"{told}, and this model {score_of(metric, value)}: something so simple does as well or better."
    if interval.is_known and interval.low <= best[1] <= interval.high:
        return f"{told}, within the range of this model: these rows do not tell the two apart."
    return ""
