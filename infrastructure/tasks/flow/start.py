"""How a reader of few rows begins: by what short runs of tokens say, before any step."""

from collections.abc import Sequence

import numpy as np

from application.phases import phase
from infrastructure.models.flow.factory import FlowReader
from infrastructure.models.flow.grams import NONE, grams_of
from infrastructure.tasks.flow.rows import bounded

# Runs of fewer rows say nothing of others; of more than so many the rarest are left out.
LEAST_ROWS, MOST_GRAMS = 2, 300_000
CLOSENESS = 10.0  # C of scikit-learn, on rows of length 1


def start_from_grams(reader: FlowReader, texts: Sequence[str], is_weak: np.ndarray, weights: np.ndarray) -> bool:
    """Let a reader answer as a logistic regression on short runs of tokens, of texts [N] that weigh `weights` [N].

    Tells whether there was anything to learn: weak texts and safe ones, and runs that several share.
    """
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    with phase("learning what runs of tokens say"):
        size = len(reader.vocabulary)
        rows = [np.unique(grams_of(reader.vocabulary.encode(bounded(text)).ids, size)) for text in texts]
        met, counts = np.unique(np.concatenate(rows), return_counts=True)
        common = np.flatnonzero((counts >= LEAST_ROWS) & (met != NONE))
        common = np.sort(common[np.argsort(-counts[common], kind="stable")[:MOST_GRAMS]])
        if not len(common) or is_weak.all() or not is_weak.any():
            return False
        known, rarity = met[common], np.log((1 + len(rows)) / (1 + counts[common])) + 1.0
        of_row = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        runs = np.concatenate(rows)
        places = np.searchsorted(known, runs).clip(max=len(known) - 1)
        of_row, places = of_row[known[places] == runs], places[known[places] == runs]
        lengths = np.sqrt(np.bincount(of_row, rarity[places] ** 2, minlength=len(rows)))
        features = sparse.csr_matrix(
            (rarity[places] / lengths[of_row], (of_row, places)), shape=(len(rows), len(known))
        )
        found = LogisticRegression(C=CLOSENESS, max_iter=1_000).fit(features, is_weak, sample_weight=weights)
    reader.model.start_from(known, found.coef_[0], rarity, float(found.intercept_[0]))
    return True
