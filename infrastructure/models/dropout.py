"""Whether a model draws random numbers while it learns."""

from collections.abc import Mapping
from typing import Any

from torch import nn


def draws(model: nn.Module) -> bool:
    """Tell whether a pass in training may differ from the next.

    Dropout has a layer of its own, or a number by whose name it is known: in a layer that applies it itself, as those
    of attention do, or in the config of a model, which may have parts with configs of their own.
    """
    configs: dict[int, Any] = {}  # layers share that of their model
    for layer in model.modules():
        if _layer_draws(layer):
            return True
        config = vars(layer).get("config")
        if hasattr(config, "to_dict"):
            configs[id(config)] = config
    return any(_names_dropout(config.to_dict()) for config in configs.values())


def _layer_draws(layer: nn.Module) -> bool:
    if isinstance(layer, nn.modules.dropout._DropoutNd):
        return layer.p > 0
    return isinstance(layer, nn.RReLU) or _names_dropout(vars(layer))


def _names_dropout(values: Mapping[Any, Any]) -> bool:
    return any(
        _names_dropout(value)
        if isinstance(value, Mapping)
        else "drop" in str(name) and isinstance(value, int | float) and value > 0
        for name, value in values.items()
    )
