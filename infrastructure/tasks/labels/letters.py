"""How much letters say beside the tokens that they make up, found on rows that are set aside."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infrastructure.tasks.labels.token_scores import TokenScores, token_scores

# Letters are most of what is known of new words, so that few rows want more of them; rows that were written alike and
# stand on one side of a split want less: decision 034.
TRIED = (0.15, 0.3, 0.6)
MAX_ROWS = 4_000
NUM_PARTS, FEW_ROWS = 4, 1_000

Integers = NDArray[np.integer[Any]]


def weight_of_letters(
    rows: Sequence[Integers],
    labels: Integers,
    units: Integers,
    tokens: Sequence[str],
    num_labels: int,
    class_weights: NDArray[np.floating[Any]] | None,
    seed: int,
) -> float:
    """Give the weight with which labels of rows set aside are the least surprising.

    Shapes: one label and one unit for each row; rows of one unit are set aside together, drawn with `seed`. Of at most
    4,000 rows a quarter is set aside, each in turn where they are few.
    """
    rows, labels, units = rows[:MAX_ROWS], labels[:MAX_ROWS], units[:MAX_ROWS]
    known, numbers = np.unique(units, return_inverse=True)
    part_of = (np.random.default_rng(seed).permutation(len(known)) % NUM_PARTS)[numbers]
    surprise = np.zeros(len(TRIED))
    for part in range(NUM_PARTS if len(rows) <= FEW_ROWS else 1):
        learnt, aside = np.flatnonzero(part_of != part), np.flatnonzero(part_of == part)
        if not (len(learnt) and len(aside)):
            continue
        weights = np.ones(len(aside)) if class_weights is None else class_weights[labels[aside]]
        for number, letters in enumerate(TRIED):
            found = token_scores(
                [rows[row] for row in learnt.tolist()], labels[learnt], tokens, num_labels, letters, class_weights
            )
            surprise[number] += weights @ _surprise(found, [rows[row] for row in aside.tolist()], labels[aside])
    return TRIED[int(surprise.argmin())]


def _surprise(found: TokenScores, rows: Sequence[Integers], labels: Integers) -> NDArray[np.float64]:
    """Give the cross-entropy of each row [N]."""
    logits = np.stack([found.scores[row].mean(axis=0) for row in rows]) + found.bias  # [N, C]
    logits -= logits.max(axis=1, keepdims=True)
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(rows)), labels]
