"""A temperature by which the scores of a classifier mean what they say, fitted on the validation part.

Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from infrastructure.tasks.labels.metrics import as_finite, expected_calibration_error

# One number is fitted; from less rows it would follow chance more than the model.
LEAST_ROWS = 50
LEAST, MOST = 0.2, 20.0

Floats = NDArray[np.float64]


def calibration(
    logits: NDArray[Any], labels: NDArray[Any], label_names: Sequence[str], negative_label: str | None
) -> Mapping[str, float | int]:
    """Give the `temperature` that makes the labels likeliest, and the expected calibration error before and after it.

    The error is that of the probability of any label but the negative one, or where there is none, of the answer.
    Both are told for the rows that the temperature was fitted on, of which there are `rows`, and `weak_share` of them
    have another label than the negative one. It is 1 for less than `LEAST_ROWS` of them, and where all have the same
    label.

    Shapes: logits [N, C], labels [N] in 0..C-1, label_names [C].
    """
    if not len(labels):
        return {}
    finite = as_finite(logits).astype(np.float64)
    temperature = 1.0
    if len(labels) >= LEAST_ROWS and len(np.unique(labels)) > 1:
        temperature = _fitted(finite, labels)
    negative = label_names.index(negative_label) if negative_label in label_names else None
    found = {
        "temperature": temperature,
        "ece_before": _error(finite, labels, negative),
        "ece_after": _error(finite / temperature, labels, negative),
        "rows": len(labels),
    }
    return found if negative is None else {**found, "weak_share": float(np.mean(labels != negative))}


def _fitted(logits: Floats, labels: NDArray[Any]) -> float:
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(logits / math.exp(log_temperature), axis=1)[rows, labels].mean())

    found = minimize_scalar(loss, bounds=(math.log(LEAST), math.log(MOST)), method="bounded")
    return math.exp(float(found.x))


def _error(logits: Floats, labels: NDArray[Any], negative: int | None) -> float:
    probabilities = np.exp(log_softmax(logits, axis=1))  # [N, C]
    if negative is None:
        return expected_calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)
    return expected_calibration_error(1.0 - probabilities[:, negative], labels != negative)
