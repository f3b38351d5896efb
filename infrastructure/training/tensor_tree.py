"""Nested training state as strict JSON and named tensors, and back without the change of a bit.

JSON knows neither tuples nor whole numbers as keys, NaN or tensors. Where one stands, the JSON holds an object whose
only marked key says so: {"$tuple": [...]}, {"$dict": [[key, value], ...]}, {"$float": "nan"}, {"$tensor": name}.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from domain.exceptions import CheckpointError
from infrastructure.spread_tensors import can_be_told_by_rows, held, is_by_rows, is_spread, place_of

MARK = "$"
# What a safetensors file can name; every other dtype travels as its bytes.
_NAMED_DTYPES = frozenset(
    {
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
        torch.complex64,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint64,
        torch.uint32,
        torch.uint16,
        torch.uint8,
        torch.bool,
    }
)
# The one key of a safetensors header that is no tensor.
_RESERVED_NAME = "__metadata__"


def split_tree(tree: Any, copied: bool = False, rank: int | None = None) -> tuple[Any, dict[str, Tensor]]:
    """Separate a nested state into what strict JSON can say and the tensors it names by their path.

    The tree is made of dicts with str or int keys, lists, tuples, str, bool, numbers, None and dense tensors. A
    subclass of one of these (OrderedDict, torch.Size, numpy.float64) comes back as the plain kind; gradients are left
    behind. A tensor that stands in several places is named once. The tensors are on the CPU, contiguous and free of
    overlap, but unless they are `copied` may share memory with those of the tree: write them before the tree changes.

    With a `rank` the tree may hold tensors that are spread over ranks by rows: the first one gives its own rows and
    all that is not spread, each other one its rows alone, where it has any. The structure is the same on all ranks.
    Raises: CheckpointError that names the place of anything else.
    """
    splitter = _Splitter(copied, rank)
    try:
        return splitter.structure_of(tree, ""), splitter.tensors
    except RecursionError as error:
        raise CheckpointError(
            "the state contains itself or is nested too deeply.", remedy="Save plain values and tensors."
        ) from error


def join_tree(structure: Any, tensors: dict[str, Tensor]) -> Any:
    """Undo `split_tree`; places that shared a tensor share it again. Raises: CheckpointError when the two disagree."""
    try:
        return _joined(structure, tensors)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CheckpointError(
            f"the state and its tensors do not belong together ({type(error).__name__}: {error}).",
            remedy="Use another checkpoint.",
        ) from error


class _Splitter:
    def __init__(self, copied: bool, rank: int | None) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._names = {_RESERVED_NAME}
        self._copied = copied
        self._rank = rank
        self._references: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._storages: set[int] = set()

    def structure_of(self, value: Any, path: str) -> Any:
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
        if isinstance(value, Tensor):
            return self._reference(value, path)
        if isinstance(value, dict):
            return self._dict_structure(value, path)
        if isinstance(value, list | tuple):
            items = [self.structure_of(item, _below(path, index)) for index, item in enumerate(value)]
            return items if isinstance(value, list) else {"$tuple": items}
        raise _refusal(path, f"is of type {_type_name(value)}", "Turn it into plain values or tensors.")

    def _dict_structure(self, value: dict[Any, Any], path: str) -> dict[str, Any]:
        for key in value:
            if isinstance(key, bool) or not isinstance(key, int | str):
                raise _refusal(path, f"has the key {key!r} of type {_type_name(key)}", "Use str or int keys.")
        items = [(key, self.structure_of(item, _below(path, key))) for key, item in value.items()]
        if all(isinstance(key, str) and not key.startswith(MARK) for key in value):
            return dict(items)
        return {"$dict": [[key, item] for key, item in items]}

    def _reference(self, whole: Tensor, path: str) -> dict[str, Any]:
        tensor, rows = self._held(whole, path)
        if (
            type(tensor) not in (Tensor, Parameter)
            or tensor.layout is not torch.strided
            or tensor.is_meta
            or tensor.is_quantized
        ):
            kind = f"{_type_name(tensor)}, {tensor.layout}, on {tensor.device}"
            raise _refusal(path, f"is a special tensor ({kind})", "Gather it into a plain dense one.")
        view = (tensor.dtype, tensor.shape, tensor.stride(), tensor.is_conj(), tensor.is_neg())
        address = place_of(whole)  # 0 for what is empty, and is not shared
        place = (tensor.device, address, *view)
        if address and place in self._references:
            return self._references[place]
        name = path or "tensor"
        while name in self._names:
            name += "'"
        self._names.add(name)
        self._references[place] = reference = {"$tensor": name, **rows}
        is_named = tensor.dtype in _NAMED_DTYPES
        if not is_named:
            reference |= {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
        if not self._rank or (rows and tensor.numel()):
            values = self._separate(tensor)
            self.tensors[name] = values if is_named else _bytes_of(values, path)
        return reference

    def _held(self, tensor: Tensor, path: str) -> tuple[Tensor, dict[str, int]]:
        """Give what this rank holds of a tensor, and how many rows all hold together where each has its own."""
        if not is_spread(tensor):
            return tensor, {}
        if tensor.device_mesh.size() == 1:
            return held(tensor), {}
        if self._rank is None:
            return tensor, {}  # which is refused: a part of it would be taken for the whole
        if not can_be_told_by_rows(tensor) or tensor.dtype not in _NAMED_DTYPES:
            raise _refusal(path, f"is of {tensor.dtype} and spread as {tensor.placements}", "Spread it by rows.")
        return held(tensor), {"rows": tensor.shape[0]} if is_by_rows(tensor) else {}

    def _separate(self, tensor: Tensor) -> Tensor:
        values = tensor.detach().to("cpu", copy=self._copied).resolve_conj().resolve_neg().contiguous()
        storage = values.untyped_storage().data_ptr()
        if storage in self._storages:
            # Another view of the same memory is in already, and safetensors takes no overlap.
            return values.clone()
        self._storages.add(storage)
        return values


def _bytes_of(values: Tensor, path: str) -> Tensor:
    try:
        return values.reshape(-1).view(torch.uint8)
    except RuntimeError as error:
        raise _refusal(path, f"is a tensor of {values.dtype}", "Convert it to a common dtype.") from error


def _joined(structure: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(structure, list):
        return [_joined(item, tensors) for item in structure]
    if not isinstance(structure, dict):
        return structure
    marks = [key for key in structure if key.startswith(MARK)]
    if not marks:
        return {key: _joined(item, tensors) for key, item in structure.items()}
    (mark,) = marks
    content = structure[mark]
    if mark == "$tensor":
        return _tensor(structure, tensors)
    if mark == "$tuple":
        return tuple(_joined(item, tensors) for item in content)
    if mark == "$dict":
        return {key: _joined(item, tensors) for key, item in content}
    if mark == "$float":
        return float(content)
    raise ValueError(f"unknown mark {mark!r}")


def _tensor(reference: dict[str, Any], tensors: dict[str, Tensor]) -> Tensor:
    values = tensors[reference["$tensor"]]
    if "rows" in reference and len(values) != reference["rows"]:
        raise ValueError(f"{reference['$tensor']} has {len(values)} of {reference['rows']} rows")
    if "dtype" not in reference:
        return values
    return values.view(getattr(torch, reference["dtype"])).reshape(reference["shape"])


def _below(path: str, key: object) -> str:
    return f"{path}/{key}" if path else str(key)


def _refusal(path: str, problem: str, remedy: str) -> CheckpointError:
    return CheckpointError(f"the state at {path or 'its root'} {problem}, which no checkpoint can hold.", remedy=remedy)


def _type_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
