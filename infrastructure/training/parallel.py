"""One model on several devices of one process."""

import torch
from torch import nn


def wrapped(model: nn.Module, device: torch.device, data_parallel: bool) -> nn.Module:
    """Spread each micro-batch over all visible GPUs when asked to and when there are several."""
    if data_parallel and device.type == "cuda" and torch.cuda.device_count() > 1:
        return nn.DataParallel(model)
    return model


def unwrapped(model: nn.Module) -> nn.Module:
    """Give the model inside wrappers of torch (DataParallel, compile)."""
    while True:
        if isinstance(model, nn.DataParallel):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod  # type: ignore[assignment]  # checked in the line above
        else:
            return model
