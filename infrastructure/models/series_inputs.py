"""What a forecaster is given of windows, as tensors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infrastructure.data.series.inputs import inputs_of


def model_inputs(window: Mapping[str, Any]) -> dict[str, Tensor]:
    """Take what a forecaster is given, of arrays or tensors by name."""
    return {n: torch.from_numpy(of) if isinstance(of, np.ndarray) else of for n, of in inputs_of(window).items()}
