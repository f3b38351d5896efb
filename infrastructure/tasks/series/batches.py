"""Windows as batches: what forecasts of values and of classes have in common."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from infrastructure.data.series.windows import Window
from infrastructure.models.series_inputs import model_inputs
from infrastructure.tasks.adapter import Batch
from infrastructure.tasks.series.asking import Arrays, Ask

HALF = (torch.bfloat16, torch.float16)


def cut_windows(items: Sequence[Window]) -> Batch:
    """Cut windows of one series in one go: `values`, `observed`, `calendar` [B, L, .] and what is to be forecast."""
    windows = items[0].source.cut(np.array([item.anchor for item in items]))
    return {name: torch.from_numpy(array) for name, array in windows.items()}


def forecast_of(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Ask a forecaster; gives `forecast` [B, T, H, Q] or `logits` [B, C]."""
    output: dict[str, Tensor] = model(**model_inputs(batch))
    return output


def arrays_of(tensors: Batch) -> dict[str, np.ndarray]:
    """Bring tensors back, bf16 and fp16 as fp32."""
    return {name: (of.float() if of.dtype in HALF else of).cpu().numpy() for name, of in tensors.items()}


def asking(model: nn.Module) -> Ask:
    """Let a model be asked by arrays."""
    device = next(model.parameters()).device

    @torch.no_grad()
    def ask(arrays: Arrays) -> Arrays:
        return arrays_of(model(**{name: tensor.to(device) for name, tensor in model_inputs(arrays).items()}))

    return ask
