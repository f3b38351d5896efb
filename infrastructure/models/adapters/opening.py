"""A directory of an adapter, found safe and put onto its base."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from domain.exceptions import ModelError
from domain.showing import shown
from infrastructure.model_files.model_directory import RESTORE
from infrastructure.models.adapters.files import LENGTHS, PREFIX
from infrastructure.models.adapters.layers import NAME, adapted_layers, lora_config, put_in
from infrastructure.models.adapters.settings import ADAPTER_WEIGHTS, AdapterSettings
from infrastructure.models.adapters.targets import is_linear, widths
from infrastructure.randomness import drawing

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What stands beside a layer, with the name that some programs leave in.
_PART = re.compile(rf"(?P<layer>.+)\.(?P<part>lora_A|lora_B|{LENGTHS})(\.{NAME})?(\.weight)?")
ROOM = 1 << 20
MOST_FAULTS = 3
OTHER_BASE = "Give the base it was trained beside, or merge it there and give the merged model."

Parts = Mapping[str, Mapping[str, Tensor]]


def put_onto(
    model: "PreTrainedModel",
    loading: Mapping[str, Any],
    settings: AdapterSettings,
    directory: Path,
    only_what_fits: bool = False,
) -> dict[str, Any]:
    """Put the adapter of a directory into its base; gives anew what the library says of loading.

    Every tensor must fit: layers that are linear, matrices as wide as these, parameters that are there, and what the
    base shares must be shared still. With `only_what_fits` a head of other labels or of another task is left out.
    Raises: ModelError naming the file and the first tensors that do not.
    """
    path = directory / ADAPTER_WEIGHTS
    named = _tensors_of(model)
    layers, others = _divided(model, _tensors(path, sum(tensor.nbytes for tensor in named.values())))
    _make_room(model, others)
    named = _tensors_of(model)
    if only_what_fits:
        others = {name: one for name, one in others.items() if not _is_other_head(model, named, name, one)}
    faults = [*_faults_of_layers(model, layers, settings), *_faults_of_others(named, others)]
    faults += _faults_of_shared(model, layers, named, others, settings)
    if not layers:
        faults.append("no adapter is in it")
    if faults:
        more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise ModelError(f"{path} does not fit its base: {'; '.join(faults[:MOST_FAULTS])}{more}.", remedy=OTHER_BASE)
    _adapt(model, layers, settings)
    for name, tensor in others.items():
        named[name].data.copy_(tensor)
    return {
        **loading,
        "missing_keys": [key for key in loading["missing_keys"] if key not in others],
        "mismatched_keys": [entry for entry in loading["mismatched_keys"] if entry[0] not in others],
    }


def _make_room(model: "PreTrainedModel", others: Mapping[str, Tensor]) -> None:
    """Give the vocabulary of a base the rows for tokens that a training added."""
    table: Any = model.get_input_embeddings()
    known = [others[name] for name, one in _tensors_of(model).items() if one is table.weight and name in others]
    if known and known[0].ndim == 2 and known[0].shape[0] > table.weight.shape[0]:
        with drawing(torch.device("cpu")):  # rows that those of the file replace
            model.resize_token_embeddings(known[0].shape[0])


def _adapt(model: "PreTrainedModel", layers: Parts, settings: AdapterSettings) -> None:
    """Put matrices beside the layers of a model."""
    ranks = {layer: len(parts["lora_A"]) for layer, parts in layers.items()}
    widest = max(ranks.values())
    config = lora_config(
        model,
        list(layers),
        r=widest,
        # The library tries each pattern on each layer: of hundreds of equal ones that takes a minute.
        rank_pattern={f"^{re.escape(layer)}": rank for layer, rank in ranks.items() if rank < widest},
        use_dora=settings.is_dora,
        init_lora_weights=False,
    )
    with drawing(torch.device("cpu")):  # the library draws matrices that those of the file replace
        put_in(model, config)
    for name, layer in adapted_layers(model):
        layer.scaling[NAME] = settings.scale(name, ranks[name])
        for part, tensor in layers[name].items():
            getattr(layer, part)[NAME].weight.data.copy_(tensor)


def _tensors(path: Path, base_bytes: int) -> dict[str, Tensor]:
    """Read the tensors of an adapter, finite numbers all of them, and no more than its base has. Raises: ModelError."""
    if not path.is_file():
        raise ModelError(
            f"{path.parent} has no {path.name}; other formats may carry code and are not opened.",
            remedy="Save the adapter again with save_pretrained, which writes safetensors.",
        )
    try:
        if (size := path.stat().st_size) > 2 * base_bytes + ROOM:
            raise ModelError(f"{path} has {size:,} bytes, but its base only {base_bytes:,}.", remedy=OTHER_BASE)
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} is damaged: {error}.", remedy=RESTORE) from error
    for name, tensor in tensors.items():
        if not (tensor.is_floating_point() and bool(torch.isfinite(tensor).all())):
            raise ModelError(f"{path}: {shown(name)} holds NaN, infinities or no fractions at all.", remedy=RESTORE)
    return tensors


def _divided(model: "PreTrainedModel", tensors: Mapping[str, Tensor]) -> tuple[Parts, dict[str, Tensor]]:
    """Tell matrices beside layers from tensors that take the place of others."""
    layers: dict[str, dict[str, Tensor]] = {}
    others: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        name = key.removeprefix(PREFIX)
        found = _PART.fullmatch(name)
        if found is None:
            others[_own_name(model, name)] = tensor
        else:
            layers.setdefault(_own_name(model, found["layer"]), {})[found["part"]] = tensor
    return layers, others


def _own_name(model: "PreTrainedModel", name: str) -> str:
    """Give the name that a part of an encoder has in a model with a head."""
    inner = f"{model.base_model_prefix}.{name}"
    is_there = {module for module, _ in model.named_modules()} | set(_tensors_of(model))
    return inner if name not in is_there and inner in is_there else name


def _faults_of_layers(model: nn.Module, layers: Parts, settings: AdapterSettings) -> Iterator[str]:
    modules = dict(model.named_modules())
    wanted = {"lora_A", "lora_B", *([LENGTHS] if settings.is_dora else [])}
    for name, parts in layers.items():
        layer = modules.get(name)
        if layer is None or not is_linear(layer):
            yield f"it has no linear layer {shown(name)}"
        elif set(parts) != wanted:
            yield f"layer {name} has {' and '.join(sorted(parts))}, but should have {' and '.join(sorted(wanted))}"
        else:
            num_in, num_out = widths(layer)
            rank = parts["lora_A"].shape[0] if parts["lora_A"].ndim == 2 else 0
            shapes = {"lora_A": (rank, num_in), "lora_B": (num_out, rank), LENGTHS: (num_out,)}
            for part, tensor in parts.items():
                if rank < 1 or tuple(tensor.shape) != shapes[part]:
                    yield f"{part} of layer {name}, {num_in} to {num_out} wide, has the shape {list(tensor.shape)}"


def _is_other_head(model: "PreTrainedModel", there: Mapping[str, Tensor], name: str, tensor: Tensor) -> bool:
    """Tell whether a tensor is of a head that a model does not have, or has for other labels."""
    body = model.base_model
    if name in there:
        is_of_body = any(there[name] is one for one in _tensors_of(body).values())
        return not is_of_body and there[name].shape != tensor.shape
    below = {model.base_model_prefix, *(child for child, _ in body.named_children())}
    is_pooler = ".pooler." in f".{name}"  # made anew with a head, as in what is opened without an adapter
    return "lora_" not in name and (is_pooler or name.partition(".")[0] not in below)


def _faults_of_shared(
    model: nn.Module,
    layers: Parts,
    there: Mapping[str, Tensor],
    others: Mapping[str, Tensor],
    settings: AdapterSettings,
) -> Iterator[str]:
    """Say which tensors of the base would change in one place and not in another, where it has a single one for both.

    The library gives the matrix that scores tokens an adapter, or a copy, of its own; in the merged model the table
    that looks them up would change with it.
    """
    names: dict[int, list[str]] = {}
    for name, tensor in there.items():
        names.setdefault(id(tensor), []).append(name)
    owners = dict(model.named_modules(remove_duplicate=False))
    for called in names.values():
        adapted = [name for name in called if name.rpartition(".")[0] in layers]
        beside = [
            name for name in called if owners[name.rpartition(".")[0]] is not owners[called[0].rpartition(".")[0]]
        ]
        if not beside:
            continue
        if adapted:
            yield f"{adapted[0]} and {next(n for n in called if n != adapted[0])} are one in the base"
        given = [name for name in called if name in others and others[name].shape == there[name].shape]
        differs = any(not torch.equal(others[name], others[given[0]]) for name in given)
        is_part = settings.has_copies and 0 < len(given) < len(called)
        if differs or (is_part and not torch.equal(others[given[0]].to(there[given[0]].dtype), there[given[0]])):
            other = next(name for name in called if name != given[0])
            yield f"{given[0]} is the same as {other} in the base, and not in the adapter"


def _faults_of_others(there: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> Iterator[str]:
    for name, tensor in others.items():
        if name not in there:
            yield f"it has no {shown(name)}"
        elif there[name].shape != tensor.shape:
            yield f"{name} has the shape {list(tensor.shape)}, and there {list(there[name].shape)}"


def _tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Give parameters by every name they have, and buffers."""
    return {**dict(model.named_parameters(remove_duplicate=False)), **dict(model.named_buffers())}
