"""Windows as batches: what forecasts of values and of classes have in common."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from domain.exceptions import DatasetError
from infrastructure.data.series.inputs import model_inputs
from infrastructure.data.series.series import Series, SeriesRecipe
from infrastructure.data.series.windows import Window
from infrastructure.tasks.adapter import Batch


def cut_windows(items: Sequence[Window]) -> Batch:
    """Cut windows of one series in one go: `values`, `observed`, `calendar` [B, L, .] and what is to be forecast."""
    windows = items[0].source.cut(np.array([item.anchor for item in items]))
    return {name: torch.from_numpy(array) for name, array in windows.items()}


def forecast_of(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Ask a forecaster; gives `forecast` [B, T, H, Q] or `logits` [B, C]."""
    output: dict[str, Tensor] = model(**model_inputs(batch))
    return output


def histories(series: Series, anchors: np.ndarray, recipe: SeriesRecipe, model: nn.Module) -> dict[str, torch.Tensor]:
    """Give what a forecaster sees at anchors [B] of many series, on the model's device."""
    found = {**series.history(anchors, recipe.context_length), **series.known_ahead(anchors, max(recipe.horizons))}
    return on_device_of(model, found)


def on_device_of(model: nn.Module, arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Bring what a model reads to where it is."""
    device = next(model.parameters()).device
    return {name: tensor.to(device) for name, tensor in model_inputs(arrays).items()}


def last_history(series: Series, context_length: int, model: nn.Module) -> dict[str, torch.Tensor]:
    """Give what a forecaster sees before the end of a series, one window on the model's device.

    Raises: DatasetError when there is nothing to see.
    """
    history = series.history(np.array([len(series) - 1]), context_length)
    if not history["observed"].any():
        rows = min(context_length, len(series))
        raise DatasetError(
            f"the last {rows:,} rows of the table hold no values, so there is nothing to forecast from.",
            remedy="Give a table that ends with values.",
        )
    return on_device_of(model, history)
