"""How a reader of few rows begins: by what short runs of tokens say, before any step."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from application.phases import phase
from infrastructure.code_reading.grams import NONE, grams_of
from infrastructure.code_reading.vocabulary import Vocabulary
from infrastructure.models.flow.factory import FlowReader, Learnable
from infrastructure.tasks.flow.rows import bounded

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Runs of fewer rows say nothing of others; of more than so many the rarest are left out.
LEAST_ROWS, MOST_GRAMS = 2, 300_000
MOST_WEIGHTS = 2_000_000  # runs times kinds: of many kinds fewer runs are asked
CLOSENESS = 10.0  # C of scikit-learn, on rows of length 1
UNMET = 5.0  # of a kind that no row has, below the rarest


def start_from_grams(reader: FlowReader, texts: Sequence[str], learnable: Learnable, weights: np.ndarray) -> bool:
    """Let a reader answer as logistic regressions on short runs of tokens, of texts [N] that weigh `weights` [N].

    One tells weak texts from safe ones, and one the kinds of weak ones apart, or their labels where no kinds are known.
    Tells whether there was anything to learn: texts of both sorts, and runs that several share.
    """
    is_weak = learnable.labels != learnable.negative_label
    if is_weak.all() or not is_weak.any():
        return False
    with phase("learning what runs of tokens say"):
        runs = [_runs(reader.vocabulary, text) for text in texts]
        met, counts = np.unique(np.concatenate(runs), return_counts=True)
        common = np.flatnonzero((counts >= LEAST_ROWS) & (met != NONE))
        common = np.sort(common[np.argsort(-counts[common], kind="stable")[:MOST_GRAMS]])
        if not len(common):
            return False
        known, rarity = met[common], np.log((1 + len(texts)) / (1 + counts[common])) + 1.0
        features = _features(runs, known, rarity)
        kind = _kinds(reader, learnable)
        num_kinds = reader.model.kinds.out_features
        scores, bias = np.zeros((len(known), 1 + num_kinds)), np.zeros(1 + num_kinds)
        told, offset = _regression(features, is_weak.astype(int), weights, 2)
        scores[:, 0], bias[0] = told[:, 1] - told[:, 0], offset[1] - offset[0]
        asked = np.argsort(-counts[common], kind="stable")[: MOST_WEIGHTS // num_kinds]
        scores[asked, 1:], bias[1:] = _regression(
            features[is_weak][:, asked], kind[is_weak], weights[is_weak], num_kinds
        )
    reader.model.start_from(known, scores, rarity, bias)
    return True


def _runs(vocabulary: Vocabulary, text: str) -> np.ndarray:
    return np.unique(grams_of(vocabulary.encode(bounded(text)).ids, len(vocabulary)))


def _features(runs: Sequence[np.ndarray], known: np.ndarray, rarity: np.ndarray) -> "csr_matrix":
    """Give texts as vectors of length 1, [N, G], of the runs that are known."""
    from scipy import sparse

    text, run = np.repeat(np.arange(len(runs)), [len(each) for each in runs]), np.concatenate(runs)
    place = np.searchsorted(known, run).clip(max=len(known) - 1)
    text, place = text[known[place] == run], place[known[place] == run]
    lengths = np.sqrt(np.bincount(text, rarity[place] ** 2, minlength=len(runs)))
    return sparse.csr_matrix((rarity[place] / lengths[text], (text, place)), shape=(len(runs), len(known)))


def _kinds(reader: FlowReader, learnable: Learnable) -> np.ndarray:
    """Give the place of the kind of each text [N], or of its label among those but the negative one."""
    if reader.model.config.kinds:
        return np.searchsorted(reader.model.config.kinds, learnable.kinds)
    return learnable.labels - (learnable.labels > learnable.negative_label)


def _regression(
    features: "csr_matrix", labels: np.ndarray, weights: np.ndarray, num_labels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give scores [G, C] and what is added to them [C]; of labels that no text has, as little as needed."""
    from sklearn.linear_model import LogisticRegression

    scores, bias = np.zeros((features.shape[1], num_labels)), np.zeros(num_labels)
    present = np.unique(labels)
    if len(present) > 1:
        found = LogisticRegression(C=CLOSENESS, max_iter=1_000).fit(features, labels, sample_weight=weights)
        # Of two labels the regression tells the second alone.
        two = len(present) == 2
        scores[:, present] = (np.stack([-found.coef_[0], found.coef_[0]]) / 2 if two else found.coef_).T
        bias[present] = np.array([-found.intercept_[0], found.intercept_[0]]) / 2 if two else found.intercept_
    bias[np.setdiff1d(np.arange(num_labels), present)] = bias[present].min() - UNMET
    return scores, bias
