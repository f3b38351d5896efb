"""Scores of the parts that rows of an evaluation are divided into, such as what a training has never seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from domain.interval import Interval
from infrastructure.statistics.confusions import intervals_of_confusion
from infrastructure.tasks.labels.intervals import intervals_of_rates
from infrastructure.tasks.labels.metrics import averaged_scores, binary_scores, confusion_matrix, summarise_rows
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.scored import Outcomes

_RATES = ("tpr", "fpr", "youden_j")


def scores_of_parts(
    scoring: LabelScoring, outcomes: Outcomes, parts: np.ndarray, part_names: Sequence[str]
) -> dict[str, Any]:
    """Give `per_part`: of each part `num_rows`, accuracy and macro F1, with a negative label tpr, fpr and Youden's J.

    `interval` is that of J, without a negative label of accuracy; None where it is not known. A J that a part without
    both sides has not is None, and `undefined` says why. Shapes: parts [N], -1 for a row of none, else an index of
    `part_names`; parts without rows are left out.
    """
    answers = summarise_rows(outcomes["logits"])[0]
    labels = outcomes["labels"]
    found = {}
    for number, name in enumerate(part_names):
        rows = np.flatnonzero(parts == number)
        if len(rows):
            found[name] = _scores(scoring, confusion_matrix(labels[rows], answers[rows], len(scoring.label_names)))
    return {"per_part": found} if found else {}


def _scores(scoring: LabelScoring, confusion: np.ndarray) -> dict[str, Any]:
    averages = averaged_scores(confusion)
    scores: dict[str, Any] = {
        "num_rows": int(confusion.sum()),
        **{name: averages[name] for name in ("accuracy", "macro_f1")},
    }
    if scoring.negative_label is None:
        return scores | {"interval": _ends(intervals_of_confusion(confusion).get("accuracy"))}
    negative = scoring.label_names.index(scoring.negative_label)
    rates = binary_scores(confusion, negative)
    scores |= {name: rates[name] for name in _RATES}
    scores |= {"interval": _ends(intervals_of_rates(confusion, negative).get("youden_j"))}
    if rates["youden_j"] is None:
        side = (
            f"every row is {scoring.negative_label}" if rates["tpr"] is None else f"no row is {scoring.negative_label}"
        )
        scores["undefined"] = side
    return scores


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None or not interval.is_known else [interval.low, interval.high]
