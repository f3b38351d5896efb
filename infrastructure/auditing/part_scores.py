"""What a score is worth without the rows that training knows: the evaluation part as it is, and without them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from domain.audit import ALL_ROWS, PartScores, Scores
from domain.exceptions import RunError
from infrastructure.auditing.bag_of_words import Floats, Integers
from infrastructure.auditing.folds import auc_of
from infrastructure.runs.outcomes import outcomes_of
from infrastructure.statistics.confusions import averages

FEWEST_ROWS = 10
NO_CLONE = "no clone in training"
NOTHING_SHARED = "neither clone nor any of these in training"
Booleans = NDArray[np.bool_]


def parts_of(has_clone: Booleans, shares: Mapping[str, Booleans]) -> dict[str, Booleans]:
    """Name the parts of the evaluation rows [E]: all, those without a clone, those that share no value of a column.

    `shares` tell of each column which rows [E] have a value that stands in training too; columns that share nothing
    leave no part.
    """
    parts = {ALL_ROWS: np.ones_like(has_clone), NO_CLONE: ~has_clone}
    shared = {column: known for column, known in shares.items() if known.any()}
    parts |= {f"no {column} in training": ~known for column, known in shared.items()}
    if shared and (len(shared) > 1 or has_clone.any()):
        parts[NOTHING_SHARED] = ~np.logical_or.reduce([has_clone, *shared.values()])
    return parts


def scored_part(
    name: str,
    rows: Booleans,
    labels: Integers,
    scores: Floats | None,
    answers: Integers | None,
    negative: int | None,
    num_classes: int,
) -> PartScores:
    """Score a bag of words by its probabilities [E, C] and a run by its answers [E], -1 for none, on some rows [E]."""
    told = labels[rows]
    if len(told) < FEWEST_ROWS:
        return PartScores(name, len(told), why_not=f"fewer than {FEWEST_ROWS} rows are left")
    if len(np.unique(told)) < 2:
        return PartScores(name, len(told), why_not="the rows that are left have one label")
    words = None if scores is None else scores_of(scores[rows].argmax(axis=1), told, negative, num_classes)
    if words is not None and scores is not None:
        words = _with_auc(words, auc_of(scores[rows], told, negative))
    if answers is None:
        return PartScores(name, len(told), words)
    known = answers[rows] >= 0
    run = scores_of(answers[rows][known], told[known], negative, num_classes) if known.any() else None
    return PartScores(name, len(told), words, run, int(known.sum()))


def scores_of(answers: Integers, labels: Integers, negative: int | None, num_classes: int) -> Scores:
    """Score answers [N] against labels [N]."""
    cells = labels * num_classes + answers
    confusion = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    found = averages(confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0))
    return Scores(float(found["accuracy"]), float(found["macro_f1"]), None, _youden(answers, labels, negative))


def _youden(answers: Integers, labels: Integers, negative: int | None) -> float | None:
    """Give the share of other labels that is told from the negative one, less that of it which is told for others."""
    if negative is None:
        return None
    flagged, is_positive = answers != negative, labels != negative
    if is_positive.all() or not is_positive.any():
        return None
    return float(flagged[is_positive].mean() - flagged[~is_positive].mean())


def _with_auc(scores: Scores, auc: float | None) -> Scores:
    return Scores(scores.accuracy, scores.macro_f1, auc, scores.youden_j)


def answers_of_run(run: str, digests: Sequence[str], label_names: Sequence[str]) -> Integers:
    """Give the number of what a run answered to each row [E], -1 for one that it was not scored on.

    Rows are found by their digests, which are equal for equal rows of any file.
    Raises: RunError for a run that labels nothing or was scored on none of the rows.
    """
    columns = outcomes_of(run)
    if not {"digest", "label", "answer"} <= columns.keys():
        raise RunError(f"{run} labels no texts, so it has no answers to these rows.", remedy="Name a run that does.")
    numbers = {name: number for number, name in enumerate(label_names)}
    answers = [numbers.get(answer, -1) for answer in columns["answer"]]
    by_digest = dict(zip(columns["digest"], answers, strict=True))
    found = np.array([by_digest.get(digest, -1) for digest in digests], dtype=np.int64)
    if (found < 0).all():
        raise RunError(
            f"{run} was scored on none of the {len(digests):,} rows that are held out here.",
            remedy="Give the data, the task, the seed and the eval_dataset that it was trained with.",
        )
    return found
