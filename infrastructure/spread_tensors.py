"""Tensors that are spread over ranks by rows, each of which holds some of them: `DTensor` of torch."""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def is_spread(value: Any) -> "TypeGuard[DTensor]":
    """Tell whether a value is a tensor that several ranks hold together."""
    # Where nobody has loaded what makes one, which takes half a second, there is none.
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(value, module.DTensor)


def held(tensor: Tensor) -> Tensor:
    """Give what of a tensor is in the memory of this rank, sharing it; [R, ...] of the rows, perhaps none."""
    if not is_spread(tensor):
        return tensor
    local: Tensor = tensor.to_local()
    return local.detach()


def place_of(tensor: Tensor) -> int:
    """Tell where the memory of a tensor begins, 0 for none; ranks agree on which spread ones have the same.

    A rank without rows of a weight has memory for some: only of what an optimizer adds it has none.
    """
    return held(tensor).untyped_storage().data_ptr() if is_spread(tensor) else tensor.data_ptr()


def put_together(state: Mapping[str, Any], keep: bool) -> dict[str, Any]:
    """Give a state with whole tensors on the processor in place of those that are spread.

    All ranks call it. Those that do not `keep` what they see take part, and get None in its place. One tensor at a time
    is whole on a device. A weight that stands in two places does so again.
    """
    known: dict[int, Tensor | None] = {}
    found: dict[str, Any] = {}
    for name, value in state.items():
        if not is_spread(value):
            found[name] = value
            continue
        place = place_of(value)
        if place not in known:
            with torch.no_grad():
                whole = value.full_tensor()
            known[place] = whole.to("cpu") if keep else None
        found[name] = known[place]
    return found


def is_by_rows(tensor: "DTensor") -> bool:
    """Tell whether each rank holds rows of its own, in the order of the ranks; otherwise each holds all."""
    return any(placement.is_shard() for placement in tensor.placements)


def can_be_told_by_rows(tensor: "DTensor") -> bool:
    """Tell whether the ranks hold all of it or rows of it, and nothing else."""
    placements = tensor.placements
    return len(placements) == 1 and (placements[0].is_replicate() or placements[0].is_shard(0))


def spread_like(like: "DTensor", rows: Callable[[int, int], Tensor]) -> "DTensor":
    """Make a tensor of the shape of `like`, spread as that is; `rows` gives those from one number to before another.

    Shapes: rows gives [stop - start, ...] of what is [R, ...].
    """
    from torch.distributed.tensor import DTensor
    from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

    shape, offset = compute_local_shape_and_global_offset(like.shape, like.device_mesh, like.placements)
    contiguous = torch.empty(like.shape, device="meta")
    return DTensor.from_local(
        rows(offset[0], offset[0] + shape[0]),
        like.device_mesh,
        like.placements,
        run_check=False,
        shape=like.shape,
        stride=contiguous.stride(),
    )
