"""What the values of a target can be, and forecasts kept to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TargetValues:
    """What values of one target can be, in its own unit; bounds of `integers` are whole."""

    floor: float | None = None
    ceiling: float | None = None
    integers: bool = False

    @property
    def are_free(self) -> bool:
        """Tell whether there is nothing to keep to."""
        return self == TargetValues()

    def kept_to(self, values: np.ndarray) -> np.ndarray:
        """Bring values in fp64 to the nearest that can be; what ascends goes on to do so.

        A count that lay between two quantiles still does: it is whole, so that it lies above every number that the
        lower one is rounded up from, and below every one that the upper one is rounded down from.
        """
        if self.integers:
            values = np.rint(values) + 0.0  # no -0
        if self.floor is not None:
            values = np.maximum(values, self.floor)
        if self.ceiling is not None:
            values = np.minimum(values, self.ceiling)
        return values

    def __str__(self) -> str:
        low, high = self.floor, self.ceiling
        bounds = f"{'from ' if high is not None else 'of at least '}{low:.10g}" if low is not None else ""
        if high is not None:
            bounds += f" to {high:.10g}" if bounds else f"of at most {high:.10g}"
        return " ".join(part for part in ("whole numbers" if self.integers else "numbers", bounds) if part)


def kept_to(values: Sequence[TargetValues], own: np.ndarray) -> np.ndarray:
    """Keep forecasts [..., T, H, Q] in the units of the targets to what those can be; `values` [T], or none."""
    bound = [number for number, of_target in enumerate(values) if not of_target.are_free]
    if not bound:
        return own
    own = own.copy()
    for number in bound:
        own[..., number, :, :] = values[number].kept_to(own[..., number, :, :])
    return own
