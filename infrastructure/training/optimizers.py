"""Optimizers with their parameter groups."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from domain.exceptions import ConfigurationError
from infrastructure.models.adapters.layers import adapted_layers
from infrastructure.models.layers import depths_of
from infrastructure.spread_tensors import is_spread
from infrastructure.training.muon import Muon

LR_SCALE = "lr_scale"

# Fused kernels do in one pass over memory what the plain ones do in ten.
_OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": lambda groups, **k: torch.optim.AdamW(groups, **{"betas": (0.9, 0.999), "fused": True, **k}),
    "adam": lambda groups, **k: torch.optim.Adam(groups, **{"betas": (0.9, 0.999), "fused": True, **k}),
    # Torch has no fused kernel of it for weights that ranks hold together.
    "sgd": lambda groups, **k: _SGD(groups, **{"momentum": 0.9, "fused": not is_spread(groups[0]["params"][0]), **k}),
    "rmsprop": lambda groups, **k: torch.optim.RMSprop(groups, **{"alpha": 0.99, **k}),
    "muon": Muon,
}


class _SGD(torch.optim.SGD):
    """Begins with momenta of zeros: torch leaves them without content where it is the first step that is dropped."""

    def step(self, closure: Any = None) -> Any:
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"] if group["momentum"] else ():
                if parameter.grad is not None and self.state[parameter].get("momentum_buffer") is None:
                    self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        return super().step(closure)


class OptimizerBuilder:
    """Builds optimizers by name."""

    def build(
        self,
        name: str,
        model: nn.Module,
        lr: float,
        *,
        weight_decay: float = 0.01,
        layer_decay: float = 1.0,
        **settings: Any,
    ) -> torch.optim.Optimizer:
        """Give an optimizer over the trainable parameters of a model; only matrices outside embeddings decay.

        With a `layer_decay` below 1 each group has the share of the learning rate that its layer takes as `lr_scale`.
        `settings` are those of the optimizer: `betas`, `momentum`, `eps` and whatever else it knows.
        Raises: ConfigurationError for an unknown name or setting, or for a model that has nothing to train.
        """
        if name not in _OPTIMIZERS:
            raise ConfigurationError(f"optimizer {name!r} is not known.", remedy=f"Use {', '.join(_OPTIMIZERS)}.")
        groups = muon_groups(model, weight_decay) if name == "muon" else parameter_groups(model, weight_decay)
        if layer_decay < 1.0:
            groups = by_layer(groups, model, layer_decay)
        if not groups:
            raise ConfigurationError("the model has no trainable parameter.", remedy="Unfreeze a part of it.")
        try:
            return _OPTIMIZERS[name](groups, lr=lr, **settings)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"optimizer {name!r} refuses its settings ({error}).", remedy="Correct or drop them."
            ) from error


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Take up the moments that `state_dict` gave; the settings stay those that the optimizer was built with.

    Raises: ValueError, KeyError, TypeError and others of torch when the state is of other parameters.
    """
    settings = [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, built_with in zip(optimizer.param_groups, settings, strict=True):
        group.update(built_with)


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Tell how much the moments take once the first update has made them."""
    total = 0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            total += _moments(optimizer, group) * parameter.nbytes
    return total


def _moments(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> int:
    """Count the tensors that an optimizer keeps beside each parameter of a group."""
    if isinstance(optimizer, Muon):
        return 1 if group["orthogonal"] else 2
    if isinstance(optimizer, torch.optim.SGD):
        return int(bool(group["momentum"]))
    return 1 if isinstance(optimizer, torch.optim.RMSprop) else 2


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Divide the parameters: weight decay for matrices, none for biases, norms and embeddings."""
    embeddings = _embeddings(model)
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decays = [p for p in trainable if p.ndim >= 2 and id(p) not in embeddings]
    others = [p for p in trainable if p.ndim < 2 or id(p) in embeddings]
    groups = [{"params": decays, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def muon_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Divide the parameters as `parameter_groups` does, with the hidden matrices apart as `orthogonal`.

    Hidden is a matrix that neither looks tokens up nor scores them: rows of an embedding or of an output head are
    seen as often as their token occurs, and have no common geometry that an orthogonal update could respect. The two
    factors of an adapter are outside too: what is hidden is their product, and neither update sees the other.
    """
    adapters = {id(p) for _, layer in adapted_layers(model) for p in layer.parameters()}
    outer = _embeddings(model) | _output_head(model) | adapters
    groups = []
    for group in parameter_groups(model, weight_decay):
        hidden = [p for p in group["params"] if p.ndim == 2 and id(p) not in outer]
        others = [p for p in group["params"] if p.ndim != 2 or id(p) in outer]
        groups += [{**group, "params": hidden, "orthogonal": True}, {**group, "params": others, "orthogonal": False}]
    return [group for group in groups if group["params"]]


def by_layer(groups: Iterable[Mapping[str, Any]], model: nn.Module, layer_decay: float) -> list[dict[str, Any]]:
    """Divide each group by layers: the head has the full rate, each layer below `layer_decay` of the one above it.

    Source: Howard and Ruder, Universal Language Model Fine-tuning for Text Classification, ACL 2018, section 3.2.
    Raises: ConfigurationError for a model whose layers cannot be told.
    """
    depths = depths_of(model, "layer_decay")
    divided = []
    for group in groups:
        layers: dict[int, list[nn.Parameter]] = defaultdict(list)
        for parameter in group["params"]:
            layers[depths.of[id(parameter)]].append(parameter)
        for depth, parameters in sorted(layers.items(), reverse=True):
            scale = layer_decay ** (depths.head - depth)
            divided.append({**group, "params": parameters, LR_SCALE: scale})
    return divided


def _embeddings(model: nn.Module) -> set[int]:
    return {id(p) for module in model.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}


def _output_head(model: nn.Module) -> set[int]:
    """Find what a transformers model scores tokens with; another module has none that could be told apart."""
    find = getattr(model, "get_output_embeddings", None)
    head = find() if find is not None else None
    return set() if head is None else {id(parameter) for parameter in head.parameters()}
