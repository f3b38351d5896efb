"""What a forecaster is given of windows."""

from collections.abc import Mapping
from typing import Any

from infrastructure.data.series.windows import to_learn

# Of what windows hold; those behind the first three are there where a table has covariates.
MODEL_INPUTS = (
    *("values", "observed", "calendar"),
    *("categories", "zero", "ahead", "ahead_categories", "static", "static_categories"),
)


def inputs_of(window: Mapping[str, Any]) -> dict[str, Any]:
    """Take what a forecaster is given, of arrays or tensors by name."""
    return {name: value for name, value in to_learn(window).items() if name in MODEL_INPUTS}
