"""What each token says for each label by itself: a logistic regression on tokens and the letters they are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Letters of a token in a row, its blank in front included: pieces of words never met still say something.
SHORTEST, LONGEST = 2, 5
PENALTY = 0.1  # 1 / C of scikit-learn, on rows of length 1
MAX_WEIGHTS = 2_000_000  # features times labels; past it the rarer groups of letters are left out
MAX_ROUNDS = 60

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class TokenScores:
    """Scores [V, C] of which a text has the mean over its tokens, and what is added to it, [C]."""

    scores: Matrix
    bias: Matrix


def token_scores(
    rows: Sequence[NDArray[np.integer[Any]]],
    labels: NDArray[np.integer[Any]],
    tokens: Sequence[str],
    num_labels: int,
    letters: float,
    class_weights: NDArray[np.floating[Any]] | None = None,
) -> TokenScores:
    """Learn from token ids of each row.

    Shapes: one label for each row; `tokens` [V] spell each id, "" where it is a sign of the model. `letters` is what
    groups of them weigh beside a token.
    Tokens and groups of letters weigh by their inverse document frequency, and a row counts as a vector of length 1
    while it is learnt from. The mean is another multiple of it, which leaves the answer as it is.
    """
    from scipy import sparse

    counts = _counts(rows, len(tokens))
    parts = _parts(counts, tokens, max(0, MAX_WEIGHTS // num_labels - len(tokens)))
    features = sparse.hstack([_weighing(counts), letters * parts]).tocsr()  # [V, F]
    found = counts @ features
    lengths = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel()).clip(1e-12)
    scaled = sparse.diags(1.0 / lengths) @ counts
    weights = np.ones(len(labels)) if class_weights is None else class_weights[labels]
    solution, bias = _fitted(scaled.tocsr(), features, labels, num_labels, weights)
    num_tokens = np.array([len(row) for row in rows])
    scores = features @ solution * np.mean(num_tokens / lengths)
    return TokenScores(scores, bias)


def _counts(rows: Sequence[NDArray[np.integer[Any]]], num_tokens: int) -> "csr_matrix":
    from scipy import sparse

    numbers = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    ids = np.concatenate(rows)
    return sparse.csr_matrix((np.ones(len(ids)), (numbers, ids)), shape=(len(rows), num_tokens))


def _weighing(counts: "csr_matrix") -> Any:
    from scipy import sparse

    return sparse.diags(_rarity(counts))


def _rarity(counts: "csr_matrix") -> Matrix:
    """Give the inverse document frequency of each column, smoothed as scikit-learn does."""
    return np.log((1 + counts.shape[0]) / (1 + counts.getnnz(axis=0))) + 1.0


def _parts(counts: "csr_matrix", tokens: Sequence[str], at_most: int) -> "csr_matrix":
    """Give which groups of letters each token has, [V, G], weighted; those of two rows or more, the frequent first."""
    from scipy import sparse

    known: dict[str, int] = {}
    pairs = [
        (number, known.setdefault(token[start : start + size], len(known)))
        for number, token in enumerate(tokens)
        for size in range(SHORTEST, min(LONGEST, len(token) - 1) + 1)
        for start in range(len(token) - size + 1)
    ]
    if not pairs:
        return sparse.csr_matrix((len(tokens), 0))
    numbers, groups = np.array(pairs).T
    parts = sparse.csr_matrix((np.ones(len(pairs)), (numbers, groups)), shape=(len(tokens), len(known)))
    met = counts @ parts
    frequency = met.getnnz(axis=0)
    kept = np.sort(np.argsort(-frequency, kind="stable")[:at_most])
    kept = kept[frequency[kept] >= 2]
    return (parts[:, kept] @ sparse.diags(_rarity(met[:, kept]))).tocsr()


def _fitted(
    rows: "csr_matrix", features: "csr_matrix", labels: NDArray[np.integer[Any]], num_labels: int, weights: Matrix
) -> tuple[Matrix, Matrix]:
    """Minimise the cross-entropy of rows @ features @ W + b with a penalty on W; gives W [F, C] and b [C]."""
    from scipy.optimize import minimize

    num_features = features.shape[1]
    numbers = np.arange(len(labels))
    of_rows, of_features = rows.T.tocsr(), features.T.tocsr()

    def cost(flat: Matrix) -> tuple[float, Matrix]:
        solution = flat.reshape(num_features + 1, num_labels)
        logits = rows @ (features @ solution[:-1]) + solution[-1]
        logits -= logits.max(axis=1, keepdims=True)
        sizes = np.log(np.exp(logits).sum(axis=1))
        errors = np.exp(logits - sizes[:, None])
        loss = float(weights @ (sizes - logits[numbers, labels]))
        errors[numbers, labels] -= 1.0
        errors *= weights[:, None]
        gradient = np.empty_like(solution)
        gradient[:-1] = of_features @ (of_rows @ errors) + PENALTY * solution[:-1]
        gradient[-1] = errors.sum(axis=0)
        return loss + PENALTY / 2 * float(np.sum(solution[:-1] ** 2)), gradient.ravel()

    found = minimize(
        cost,
        np.zeros((num_features + 1) * num_labels),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MAX_ROUNDS, "maxcor": 5, "gtol": 1e-3, "ftol": 1e-6},
    )
    solution = found.x.reshape(num_features + 1, num_labels)
    return solution[:-1], solution[-1]
