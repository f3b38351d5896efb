"""Where in a model of the transformers library each weight stands, from its embeddings up to its head."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from domain.exceptions import ConfigurationError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

EMBEDDINGS = 0
# What turns tokens and positions into the input of the first layer beside tables: norms and projections of theirs.
_BELOW_THE_LAYERS = re.compile(r"emb|project_in")
# Made anew where a checkpoint has none, as a head is: models that were trained to fill gaps have no pooler.
_OF_THE_HEAD = re.compile(r"pooler")


@dataclass(frozen=True)
class Depths:
    """Where the parameters of a model stand, by their `id`.

    0 are the embeddings, 1 to `num_layers` the layers from the first to be computed, and `head` what stands above them.
    An encoder stands below its decoder. A norm behind the last layer of a stack belongs to that layer; a table that
    tokens are both read and scored with belongs to the embeddings, and is in `tied` as well.
    """

    num_layers: int
    of: Mapping[int, int]
    tied: frozenset[int]

    @property
    def head(self) -> int:
        """The depth of what stands above the layers."""
        return self.num_layers + 1


def depths_of(model: nn.Module, setting: str) -> Depths:
    """Find where the parameters of a model stand, whatever wraps it, for a setting that wants to know.

    Raises: ConfigurationError for a model whose layers cannot be told.
    """
    inner = _of_the_library(model)
    stacks = _stacks(inner) if inner is not None else []
    if inner is None or not stacks:
        raise ConfigurationError(
            f"{setting} needs to know the layers of a model, and those of {type(inner or model).__name__} cannot be "
            "told.",
            remedy=f"Leave {setting} out, or take a model with layers of the transformers library.",
        )
    num_layers = sum(len(stack.layers) for stack in stacks)
    of = {id(parameter): num_layers + 1 for parameter in model.parameters()}
    body = inner.base_model
    scored_with = _output_head(inner)
    tables = _tables(body)
    for name, parameter in body.named_parameters(remove_duplicate=False):
        if id(parameter) in tables or _BELOW_THE_LAYERS.search(name):
            of[id(parameter)] = EMBEDDINGS
        elif not (_OF_THE_HEAD.search(name) or id(parameter) in scored_with):
            of[id(parameter)] = _nearest(stacks, name).last
    for stack in stacks:
        for depth, layer in enumerate(stack.layers, start=stack.first):
            of |= {id(parameter): depth for part in layer for parameter in part.parameters()}
    return Depths(num_layers, of, frozenset(tables & scored_with))


def blocks_of(model: nn.Module) -> list[nn.Module]:
    """Find the layers of a model that are called whole, one after the other, and share no weight with anything else.

    None for a model whose layers cannot be told, and for one that keeps their parts in lists of their own.
    """
    inner = _of_the_library(model)
    layers = [layer for stack in _stacks(inner) for layer in stack.layers] if inner is not None else []
    # What torch itself makes is often not called: models take the weights out of lists of projections and norms.
    found = [parts[0] for parts in layers if len(parts) == 1 and not type(parts[0]).__module__.startswith("torch.")]
    holders = Counter(id(parameter) for module in model.modules() for parameter in module.parameters(recurse=False))
    return [block for block in dict.fromkeys(found) if _is_alone(block, holders)]


def stacks_of(model: nn.Module) -> list[list[list[nn.Module]]]:
    """Find the stacks of layers of a model, in the order in which they are computed, and the parts of each layer.

    None for a model whose layers cannot be told.
    """
    inner = _of_the_library(model)
    return [] if inner is None else [[list(parts) for parts in stack.layers] for stack in _stacks(inner)]


@dataclass(frozen=True)
class _Stack:
    """Layers that follow each other: the path of what holds them, the depth of the first, and the parts of each."""

    path: str
    first: int
    layers: Sequence[Sequence[nn.Module]]

    @property
    def last(self) -> int:
        return self.first + len(self.layers) - 1


def _is_alone(block: nn.Module, holders: Mapping[int, int]) -> bool:
    """Tell whether each parameter of a block is held as often inside of it as in the whole model."""
    inside = Counter(id(parameter) for module in block.modules() for parameter in module.parameters(recurse=False))
    return bool(inside) and all(holders[parameter] == count for parameter, count in inside.items())


def _of_the_library(model: nn.Module) -> "PreTrainedModel | None":
    from transformers import PreTrainedModel

    return next((module for module in model.modules() if isinstance(module, PreTrainedModel)), None)


def _stacks(model: "PreTrainedModel") -> list[_Stack]:
    """Find the stacks in the order in which they are computed, which is that of their declaration."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    lists = dict(_outermost_lists(model.base_model))
    # Older architectures do not say what a layer is: there every list counts.
    marked = {
        path: found
        for path, found in lists.items()
        if all(isinstance(one, GradientCheckpointingLayer) for one in found)
    }
    beside: dict[tuple[str, int], list[nn.ModuleList]] = defaultdict(list)
    for path, found in (marked or lists).items():
        # XLM and its kin keep the parts of their layers in lists of their own, side by side.
        beside[path.rpartition(".")[0], len(found)].append(found)
    stacks, first = [], EMBEDDINGS + 1
    for (path, length), parts in beside.items():
        stacks.append(_Stack(path, first, list(zip(*parts, strict=True))))
        first += length
    return stacks


def _outermost_lists(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.ModuleList]]:
    for name, child in module.named_children():
        place = f"{path}.{name}".removeprefix(".")
        if isinstance(child, nn.ModuleList) and len(child):
            yield place, child
        else:
            yield from _outermost_lists(child, place)


def _tables(body: nn.Module) -> set[int]:
    return {id(p) for module in body.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}


def _output_head(model: "PreTrainedModel") -> set[int]:
    head = model.get_output_embeddings()
    return set() if head is None else {id(parameter) for parameter in head.parameters()}


def _nearest(stacks: Sequence[_Stack], name: str) -> _Stack:
    """Find the stack that a parameter outside of all stands beside: the last of those that share most of its path."""
    return max(reversed(stacks), key=lambda stack: len(_shared(stack.path.split("."), name.split("."))))


def _shared(one: Sequence[str], other: Sequence[str]) -> list[str]:
    shared = []
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        shared.append(a)
    return shared
