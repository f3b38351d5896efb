"""Optimizers with their parameter groups."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from domain.exceptions import ConfigurationError

# Fused kernels do in one pass over memory what the plain ones do in ten.
_OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": lambda groups, **k: torch.optim.AdamW(groups, **{"betas": (0.9, 0.999), "fused": True, **k}),
    "adam": lambda groups, **k: torch.optim.Adam(groups, **{"betas": (0.9, 0.999), "fused": True, **k}),
    "sgd": lambda groups, **k: torch.optim.SGD(groups, **{"momentum": 0.9, "fused": True, **k}),
    "rmsprop": lambda groups, **k: torch.optim.RMSprop(groups, **{"alpha": 0.99, **k}),
}


class OptimizerBuilder:
    """Builds optimizers by name."""

    def build(
        self, name: str, model: nn.Module, lr: float, *, weight_decay: float = 0.01, **settings: Any
    ) -> torch.optim.Optimizer:
        """Give an optimizer over the trainable parameters of a model; only matrices outside embeddings decay.

        Raises: ConfigurationError for an unknown name.
        """
        if name not in _OPTIMIZERS:
            raise ConfigurationError(f"optimizer {name!r} is not known.", remedy=f"Use {', '.join(_OPTIMIZERS)}.")
        return _OPTIMIZERS[name](parameter_groups(model, weight_decay), lr=lr, **settings)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Divide the parameters: weight decay for matrices, none for biases, norms and embeddings."""
    embeddings = {id(p) for module in model.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decays = [p for p in trainable if p.ndim >= 2 and id(p) not in embeddings]
    others = [p for p in trainable if p.ndim < 2 or id(p) in embeddings]
    groups = [{"params": decays, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
