"""Which layers of a model get an adapter, and which weights beside them are trained in full."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from torch import nn

from domain.exceptions import ConfigurationError
from domain.showing import shown

if TYPE_CHECKING:
    from transformers import PreTrainedModel

AUTO = "auto"
MOST_NAMES_TOLD = 12


@dataclass(frozen=True)
class Parts:
    """What of a model can be adapted, and what is trained as it is.

    `layers` are the linear layers of the body by name, `in_full` the names of the parameters of the head and of those
    that no file held.
    """

    layers: Mapping[str, nn.Module]
    in_full: frozenset[str]


def parts_of(model: "PreTrainedModel", untrained: Collection[str] | None) -> Parts:
    """Divide a model; `untrained` are the names of the parameters that no file held, None for all of them.

    Of a model that is all new the embeddings and the head are trained in full, and the linear layers
    adapted all the same. The matrix that scores tokens is no head to be learnt anew, and stays as it is otherwise.
    """
    scores = _ids(_output_embeddings(model))
    body = _ids(model.base_model)
    embeddings = {id(p) for module in model.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}
    new = scores | embeddings if untrained is None else set()
    in_full = {
        name: parameter
        for name, parameter in model.named_parameters(remove_duplicate=False)
        if id(parameter) in new
        or name in (untrained or ())
        or (id(parameter) not in body and id(parameter) not in scores)
    }
    taken = {id(parameter) for parameter in in_full.values()} | scores
    layers = {
        name: module for name, module in model.named_modules() if is_linear(module) and taken.isdisjoint(_ids(module))
    }
    return Parts(layers, frozenset(in_full))


def is_linear(module: nn.Module) -> bool:
    """Tell whether a module multiplies by one matrix; the layers of GPT-2 have it turned round."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, nn.Linear | Conv1D)


def is_turned(module: nn.Module) -> bool:
    """Tell whether the matrix of a layer stands turned round in the files of its model; packed ones remember it."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, Conv1D) or issubclass(getattr(module, "source_cls", nn.Module), Conv1D)


def widths(layer: nn.Module) -> tuple[int, int]:
    """Give how many numbers a linear layer takes and gives; those of packed weights cannot be read off their shape."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    num_in, num_out = layer.weight.shape  # type: ignore[misc]  # of a Conv1D
    return int(num_in), int(num_out)


def chosen_layers(model: "PreTrainedModel", parts: Parts, named: str | Sequence[str], rank: int) -> list[str]:
    """Give the full names of the layers that are adapted: all, or those whose names end in what is `named`.

    Raises: ConfigurationError naming everything that fits no linear layer, or a rank above the width of one.
    """
    if named == AUTO:
        chosen, faults = list(parts.layers), []
    else:
        chosen = [layer for layer in parts.layers if any(_ends_in(layer, name) for name in named)]
        faults = [fault for name in named for fault in _faults_of(model, parts, name)]
    if not chosen and not faults:
        faults.append("adapter_targets fits no layer: the body of the model has no linear one. Use adapter=none.")
    narrow = min(chosen, key=lambda layer: min(widths(parts.layers[layer])), default=None)
    if narrow is not None and rank > (width := min(widths(parts.layers[narrow]))):
        faults.append(
            f"adapter_rank is {rank}, but layer {narrow} is only {width} wide. Use at most {width}, or leave the layer"
            " out of adapter_targets."
        )
    if faults:
        raise ConfigurationError.of(faults)
    return chosen


def short_names(model: nn.Module, chosen: Collection[str]) -> list[str]:
    """Give the shortest ends of names that fit the `chosen` modules and no other."""
    others = [name for name, _ in model.named_modules() if name and name not in chosen]
    found: dict[str, None] = {}
    for name in chosen:
        parts = name.split(".")
        ends = (".".join(parts[-length:]) for length in range(1, len(parts) + 1))
        found[next((end for end in ends if not any(_ends_in(other, end) for other in others)), name)] = None
    return list(found)


def modules_of(model: nn.Module, parameters: Collection[str], layers: Collection[str]) -> list[str]:
    """Give the largest modules that hold those parameters, by name, for a file that knows whole modules alone.

    Raises: ConfigurationError where, beside adapted `layers`, such a module would hold what is frozen too.
    """
    found: list[str] = []
    names = [name for name, _ in model.named_parameters(remove_duplicate=False)]

    def frozen_in(owner: str) -> bool:
        return any(_is_in(name, [owner]) and name not in parameters for name in names)

    for name, module in model.named_modules(remove_duplicate=False):
        own = [f"{name}.{inner}" for inner, _ in module.named_parameters(remove_duplicate=False)]
        if name and own and not _is_in(name, found) and all(one in parameters for one in own):
            found.append(name)
    for parameter in sorted(parameters):
        owner = parameter.rpartition(".")[0]
        if not _is_in(parameter, found):
            if not owner or (layers and frozen_in(owner)):
                raise ConfigurationError(
                    f"merge_adapter is false, but {parameter} is trained in full, which an adapter's file cannot hold.",
                    remedy="Use merge_adapter=true.",
                )
            found.append(owner)
    return found


def _is_in(name: str, owners: Collection[str]) -> bool:
    return any(name == owner or name.startswith(f"{owner}.") for owner in owners)


def _faults_of(model: nn.Module, parts: Parts, name: str) -> Iterator[str]:
    """Say why a name fits no layer that can be adapted."""
    if any(_ends_in(layer, name) for layer in parts.layers):
        return
    found = next((module for where, module in model.named_modules() if where and _ends_in(where, name)), None)
    ends = _last_parts(parts.layers)
    if found is None:
        nearest = get_close_matches(name[:80], ends, n=1)
        hint = f"Did you mean {nearest[0]}? " if nearest else ""
        told = f"names {shown(name)}, which the model does not have. {hint}"
    elif is_linear(found) or isinstance(found, nn.Embedding):
        told = f"names {shown(name)}, a head or an embedding: it is trained in full or stays as it is. Leave it out. "
    else:
        told = f"names {shown(name)}, which is no linear layer but a {type(found).__name__}. "
    yield f"adapter_targets {told}There are {_listed(ends)}."


def _ends_in(name: str, end: str) -> bool:
    return name == end or name.endswith(f".{end}")


def _last_parts(layers: Iterable[str]) -> list[str]:
    return sorted({layer.rpartition(".")[2] for layer in layers})


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES_TOLD} more" if len(names) > MOST_NAMES_TOLD else ""
    return ", ".join(names[:MOST_NAMES_TOLD]) + more


def _output_embeddings(model: "PreTrainedModel") -> nn.Module | None:
    found: nn.Module | None = model.get_output_embeddings()
    return found


def _ids(module: nn.Module | None) -> set[int]:
    return set() if module is None else {id(parameter) for parameter in module.parameters()}
