"""A temperature and a shift by which the scores of a classifier mean what they say, fitted on the validation part.

A temperature keeps odds of one, so that it cannot mend scores that are too high throughout, as they are after a
training whose classes were weighed.

Sources: Guo et al., On Calibration of Modern Neural Networks, ICML 2017; Platt, Probabilistic Outputs for Support
Vector Machines, 1999.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from infrastructure.tasks.labels.metrics import as_finite, expected_calibration_error

# From less rows what is fitted would follow chance more than the model.
LEAST_ROWS = 50
LEAST, MOST = 0.2, 20.0
MOST_SHIFT = 10.0
# Of the log-likelihood of all rows: half of what chance gives a number that is not needed in one case of twenty.
LEAST_GAIN = 1.92

Floats = NDArray[np.float64]


def calibration(
    logits: NDArray[Any], labels: NDArray[Any], label_names: Sequence[str], negative_label: str | None
) -> Mapping[str, float | int]:
    """Give the `temperature` and `shift` that make the labels likeliest, and the expected calibration error before and
    after them.

    Logits are divided by the temperature, and then the shift is added to that of the negative label. It is 0 where
    there is none, and where chance could make it as useful.

    The error is that of the probability of any label but the negative one, or where there is none, of the answer.
    Both are told for the rows that these were fitted on, of which there are `rows`, and `weak_share` of them
    have another label than the negative one. Nothing is fitted to less than `LEAST_ROWS` of them, or where all have the
    same label.

    Shapes: logits [N, C], labels [N] in 0..C-1, label_names [C].
    """
    if not len(labels):
        return {}
    finite = as_finite(logits).astype(np.float64)
    negative = label_names.index(negative_label) if negative_label in label_names else None
    temperature, shift = 1.0, 0.0
    if len(labels) >= LEAST_ROWS and len(np.unique(labels)) > 1:
        temperature, shift = _fitted(finite, labels, negative)
    found = {
        "temperature": temperature,
        "shift": shift,
        "ece_before": _error(finite, labels, negative),
        "ece_after": _error(_applied(finite, temperature, shift, negative), labels, negative),
        "rows": len(labels),
    }
    return found if negative is None else {**found, "weak_share": float(np.mean(labels != negative))}


def _fitted(logits: Floats, labels: NDArray[Any], negative: int | None) -> tuple[float, float]:
    rows = np.arange(len(labels))

    def loss(found: Floats) -> float:
        shift = float(found[1]) if len(found) > 1 else 0.0
        calibrated = _applied(logits, math.exp(float(found[0])), shift, negative)
        return -float(log_softmax(calibrated, axis=1)[rows, labels].mean())

    bounds = [(math.log(LEAST), math.log(MOST)), (-MOST_SHIFT, MOST_SHIFT)]
    alone = minimize(loss, [0.0], bounds=bounds[:1], method="L-BFGS-B")
    best = alone
    if negative is not None:
        both = minimize(loss, [float(alone.x[0]), 0.0], bounds=bounds, method="L-BFGS-B")
        best = both if (float(alone.fun) - float(both.fun)) * len(labels) > LEAST_GAIN else alone
    return math.exp(float(best.x[0])), float(best.x[1]) if len(best.x) > 1 else 0.0


def _applied(logits: Floats, temperature: float, shift: float, negative: int | None) -> Floats:
    calibrated = logits / temperature
    if negative is not None:
        calibrated[:, negative] += shift
    return calibrated


def _error(logits: Floats, labels: NDArray[Any], negative: int | None) -> float:
    probabilities = np.exp(log_softmax(logits, axis=1))  # [N, C]
    if negative is None:
        return expected_calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)
    return expected_calibration_error(1.0 - probabilities[:, negative], labels != negative)
