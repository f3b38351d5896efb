"""What a forecaster is given of windows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infrastructure.data.series.windows import to_learn

# Of what windows hold; those behind the first three are there where a table has covariates.
MODEL_INPUTS = (
    *("values", "observed", "calendar"),
    *("categories", "zero", "ahead", "ahead_categories", "static", "static_categories"),
)


def model_inputs(window: Mapping[str, Any]) -> dict[str, Tensor]:
    """Take what a forecaster is given, of arrays or tensors by name."""
    found = {name: value for name, value in to_learn(window).items() if name in MODEL_INPUTS}
    return {name: torch.from_numpy(of) if isinstance(of, np.ndarray) else of for name, of in found.items()}
