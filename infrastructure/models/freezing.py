"""Weights that a training leaves as they are, and what they are known by."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from application.phases import phase
from domain.exceptions import ConfigurationError
from infrastructure.models.layers import EMBEDDINGS, Depths, depths_of


@dataclass(frozen=True)
class FrozenBase:
    """Weights that a training leaves as they are, and that come again from where the model comes from.

    `names` are those of parameters in the state of the model, `digest` is what their values are known by. They are part
    of the finished model, unless it `stays_apart`.
    """

    names: frozenset[str]
    digest: str
    stays_apart: bool = False

    def holds(self, name: str) -> bool:
        """Tell whether an entry of a model's state is one of the weights, or says how one of them is stored."""
        return name in self.names or any(name[:at] in self.names for at, letter in enumerate(name) if letter == ".")


def freeze(model: nn.Module, what: str | int) -> tuple[str, ...]:
    """Let the embeddings, these and the first layers, or all but the head of a model stay as they are.

    Dropout acts in them as in the rest: it is noise that what stands above learns from. Gives what a person should
    know. Raises: ConfigurationError for more layers than there are, and where nothing is left to train.
    """
    if what == "none":
        return ()
    depths = depths_of(model, "freeze")
    highest = _highest(what, depths)
    for parameter in model.parameters():
        is_head = what == "all_but_head" and id(parameter) in depths.tied
        parameter.requires_grad_(depths.of[id(parameter)] > highest or is_head)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigurationError(
            f"freeze is {what}, but the head of this model is its table of embeddings: nothing is left to train.",
            remedy="Freeze fewer layers, or use all_but_head, which trains the table.",
        )
    return tuple(_told(what, depths))


def frozen_base(model: nn.Module, known_by: str = "", stays_apart: bool = False) -> FrozenBase | None:
    """Give what of a model is frozen, None when it is trained whole; else `known_by` stands for a digest of its values.

    Packed weights have one of the files they came from: how numbers are packed may differ from one GPU to another.
    """
    frozen = {name: p for name, p in model.named_parameters(remove_duplicate=False) if not p.requires_grad}
    if not frozen:
        return None
    if known_by:
        told = model.state_dict().keys() - {name for name, _ in (*model.named_parameters(), *model.named_buffers())}
        return FrozenBase(frozenset((*frozen, *told)), known_by, stays_apart)  # with what says how they are packed
    with phase("reading the frozen weights"):
        return FrozenBase(frozenset(frozen), _digest(frozen), stays_apart)


def _highest(what: str | int, depths: Depths) -> int:
    if what == "embeddings":
        return EMBEDDINGS
    if what == "all_but_head":
        return depths.num_layers
    if int(what) > depths.num_layers:
        raise ConfigurationError(
            f"freeze is {what}, but the model has {depths.num_layers} layers.",
            remedy=f"Use a number up to {depths.num_layers}, or all_but_head.",
        )
    return int(what)


def _told(what: str | int, depths: Depths) -> Iterator[str]:
    if not depths.tied:
        return
    if what == "all_but_head":
        yield (
            "the head of this model is its table of embeddings: the table is trained, and gradients go through all "
            "layers to reach it."
        )
    else:
        yield "the head of this model is its table of embeddings, and is frozen with them."


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    told: dict[int, str] = {}
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} {told.get(id(tensor), '')}\n".encode())
        if told.setdefault(id(tensor), name) == name:
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
