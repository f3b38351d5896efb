"""Forecasts of some windows beside what came, as all who read them take them in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating[Any]]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of B windows, all of them standardised.

    Shapes: forecast [B, T, H, Q] ascending in Q, target [B, T, H] NaN where unknown, last [B, T] the last observed
    value of each target, NaN where there is none. `assumed` [B, T] is True where the forecast follows from the training
    part and not from a history, `thin` [B, T] where that hardly varies. `level` and `unit` [B, T] bring targets back to
    their own units, None where nobody said them. `series` [B] numbers the series of a long table that each
    is of, None of any other table; `beside` are by name what needs no model [B, T, H], and the changes of the series
    [B, T]. `begins` and `known` [B] are when each window begins and when all of it has come, in one unit. `width`
    [B, T] says by how much bands are wider than calibrated, as they follow what came; None where they do not.
    """

    forecast: Numbers
    target: Numbers
    last: Numbers
    assumed: Booleans
    thin: Booleans
    level: Numbers | None = None
    unit: Numbers | None = None
    series: Integers | None = None
    beside: Mapping[str, Numbers] = field(default_factory=dict)
    begins: Integers | None = None
    known: Integers | None = None
    width: Numbers | None = None

    def __len__(self) -> int:
        return len(self.forecast)

    def given(self, forecast: Numbers) -> "Forecasts":
        """Copy with another forecast of the same."""
        return replace(self, forecast=forecast)


class ForecastReader(Protocol):
    """Takes in what a model forecasts, batch by batch, in the order of the windows."""

    def add(self, found: Forecasts) -> None:
        """Take in a batch."""

    def metrics(self) -> dict[str, Any]:
        """Give what was found."""

    def outcomes(self) -> Mapping[str, np.ndarray]:
        """Give what became of each window, in the order they came; nothing where that is not looked at."""
