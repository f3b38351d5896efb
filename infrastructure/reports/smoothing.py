"""Smooths a noisy line for the eye."""

import numpy as np
from numpy.typing import NDArray

_FEW = 24  # points that a line may join as they are
_SHARE = 1 / 30  # of the points stand to either side of a mean


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give for each point the mean of those around it, as many to the left as to the right: [N] to [N].

    So the line lags behind nothing, begins and ends in its own points, and never leaves the range of what it
    smooths. Few points stay as they are. NaN stays NaN and weighs nothing.
    """
    if values.size <= _FEW:
        return values
    reach = max(round(values.size * _SHARE), 1)
    found = np.full(values.size, np.nan)
    for place in np.flatnonzero(np.isfinite(values)).tolist():
        half = min(reach, place, values.size - 1 - place)
        around = values[place - half : place + half + 1]
        known = around[np.isfinite(around)]
        # Divided before they are summed: losses that exploded overflow. Clipped: rounding must not leave the range.
        found[place] = np.clip((known / known.size).sum(), known.min(), known.max())
    return found
