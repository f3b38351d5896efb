"""What an evaluation of a model gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# By name, an array whose first axis is the rows. None at all where a task knows only of the whole.
Outcomes = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Scored:
    """Metrics over all rows, and what became of each, in the order of the data set."""

    metrics: Mapping[str, Any]
    outcomes: Outcomes


def by_number(values: Sequence[np.ndarray], order: np.ndarray) -> np.ndarray:
    """Join what batches gave and put it in the order of the data set; `order` [N] are the rows as they came."""
    joined = np.concatenate(values)
    ordered = np.empty_like(joined)
    ordered[order] = joined
    return ordered
