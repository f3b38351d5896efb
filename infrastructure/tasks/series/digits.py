"""How many digits of a forecast are told."""

from math import floor, log10

import numpy as np

from infrastructure.data.series.target_values import TargetValues

# A forecast is float32 in units of the scale of its series, 7.2 digits: what stands behind would be noise. Its level is
# added in float64, so a large one takes none of them away.
DIGITS_OF_SCALE = 7


def told(own: np.ndarray, unit: float, values: TargetValues) -> list[list[float]]:
    """Round forecasts [H, Q] of a target to what their unit bears, and keep them to what its values can be."""
    decimals = DIGITS_OF_SCALE - 1 - floor(log10(unit))
    rounded = [[round(value, decimals) for value in quantiles] for quantiles in own.tolist()]
    return values.kept_to(np.array(rounded)).tolist()  # digits left out may have led past a bound
