"""Whether a model draws random numbers while it learns."""

from typing import Any

from torch import nn


def draws(model: nn.Module) -> bool:
    """Tell whether a pass in training may differ from the next: dropout of a layer, or one that its config names."""
    if any(isinstance(part, nn.modules.dropout._DropoutNd) and part.p > 0 for part in model.modules()):
        return True
    config: Any = getattr(model, "config", None)
    named = config.to_dict() if hasattr(config, "to_dict") else {}
    return any("drop" in name and isinstance(value, int | float) and value > 0 for name, value in named.items())
