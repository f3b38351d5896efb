"""Whether a model is worth more than what needs no model."""

from collections.abc import Mapping

from domain.headlines import label_of, score_of
from domain.interval import UNKNOWN, Interval
from domain.metrics import direction_of, is_better
from domain.words import Words


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
