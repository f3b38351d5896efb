"""Adapters added to the weights that they stand beside, computed in fp32."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from infrastructure.models.adapters.layers import NAME, adapted_layers, has_adapters, take_out
from infrastructure.models.adapters.targets import is_turned
from infrastructure.spread_tensors import place_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What the quantised layers of bitsandbytes hold their weights in.
_PACKED = ("Params4bit", "Int8Params")
_OF_ADAPTER = re.compile(r"\.lora_\w+(\.|$)")


def merge(model: "PreTrainedModel") -> None:
    """Add the adapters of a model to its weights for good."""
    for _, layer in adapted_layers(model):
        layer.get_base_layer().weight.data = merged_weight(layer)
    take_out(model)


def is_plain(model: nn.Module) -> bool:
    """Tell whether the weights of a model are just what is to be saved: no adapter, and all numbers of one kind."""
    return not has_adapters(model) and len({parameter.dtype for parameter in model.parameters()}) < 2


def saved_bytes(model: nn.Module) -> int:
    """Tell how much the weights of a model take in its files, shared ones once and merged into those beside them."""
    if is_plain(model):
        state = (one for one in model.state_dict().values() if isinstance(one, Tensor))
        return sum({place_of(one): one.nbytes for one in state}.values())
    sizes = {}
    for owner, module in model.named_modules():
        for _, tensor in () if _OF_ADAPTER.search(owner) else _tensors_of(module):
            packed = type(tensor).__name__ in _PACKED
            count = module.in_features * module.out_features if packed else tensor.numel()
            sizes[id(tensor)] = 4 * int(count)
    return sum(sizes.values())


def plain_state(model: nn.Module) -> dict[str, Tensor]:
    """Give the weights as if the model had no adapters and nothing packed, in fp32 and on the CPU.

    Tensors that share memory go on to do so.
    """
    layers = dict(adapted_layers(model))
    seen: dict[int, Tensor] = {}

    def widened(tensor: Tensor) -> Tensor:
        if id(tensor) not in seen:
            plain = tensor.detach().cpu()
            seen[id(tensor)] = plain.float() if plain.is_floating_point() else plain
        return seen[id(tensor)]

    state: dict[str, Tensor] = {}
    for owner, module in model.named_modules(remove_duplicate=False):
        layer = next((name for name in _owners(owner) if name in layers), None)
        if layer is not None and owner != f"{layer}.base_layer":
            continue
        place = f"{layer or owner}." if layer or owner else ""
        for name, tensor in _tensors_of(module):
            if layer is not None and name == "weight":
                state[place + name] = _as_in_files(module, merged_weight(layers[layer])).cpu()
            elif type(tensor).__name__ in _PACKED:
                state[place + name] = _as_in_files(module, weight_of(module)).cpu()
            else:
                state[place + name] = widened(tensor)
    return state


@torch.no_grad()
def merged_weight(layer: Any) -> Tensor:
    """Give the weight of a layer with its adapter in it, in fp32 and in the layout of the layer.

    DoRA brings each row of the sum to the length that it has learnt. Source: Liu et al., ICML 2024, equation 5.
    """
    weight = weight_of(layer.get_base_layer())
    turned = bool(layer.fan_in_fan_out)
    added = layer.lora_B[NAME].weight.float() @ layer.lora_A[NAME].weight.float() * layer.scaling[NAME]  # [out, in]
    merged: Tensor = (weight.T if turned else weight) + added.to(weight.device)
    if NAME in layer.lora_magnitude_vector:
        length = layer.lora_magnitude_vector[NAME].weight.float().to(weight.device)
        merged = merged * (length / torch.linalg.norm(merged, dim=1))[:, None]
    return (merged.T if turned else merged).contiguous()


def weight_of(layer: nn.Module) -> Tensor:
    """Give the weight of a linear layer in fp32, unpacked where it is quantised."""
    from peft.utils.integrations import dequantize_module_weight

    return dequantize_module_weight(layer).detach().float()


def _as_in_files(layer: nn.Module, weight: Tensor) -> Tensor:
    """Turn a matrix as the model has it without packing: a packed layer has it as every linear layer does."""
    return weight.T.contiguous() if isinstance(layer, nn.Linear) and is_turned(layer) else weight


def _owners(name: str) -> Iterator[str]:
    """Give a name and those of everything that it stands in."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _tensors_of(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Give what a module itself holds and keeps, in the order of its state."""
    for name, parameter in module._parameters.items():
        if parameter is not None:
            yield name, parameter
    for name, buffer in module._buffers.items():
        if buffer is not None and name not in module._non_persistent_buffers_set:
            yield name, buffer
