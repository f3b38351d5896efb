"""Windows as batches: what forecasts of values and of classes have in common."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from infrastructure.data.windows import Window
from infrastructure.tasks.adapter import Batch


def cut_windows(items: Sequence[Window]) -> Batch:
    """Cut windows of one series in one go: `values`, `observed`, `calendar` [B, L, .] and what is to be forecast."""
    windows = items[0].source.cut(np.array([item.anchor for item in items]))
    return {name: torch.from_numpy(array) for name, array in windows.items()}


def forecast_of(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Ask a forecaster; gives `forecast` [B, T, H, Q] or `logits` [B, C]."""
    output: dict[str, Tensor] = model(values=batch["values"], observed=batch["observed"], calendar=batch["calendar"])
    return output
