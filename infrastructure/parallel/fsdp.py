"""Each process holds a part of every weight; whole ones are put together block by block while they are needed."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from infrastructure.models.layers import blocks_of
from infrastructure.parallel.ranks import ALONE, Ranks
from infrastructure.parallel.strategy import Forward, Parallel


class FullySharded(Parallel):
    """FSDP2 of torch: weights, gradients and moments are `DTensor`s, of which each rank holds some rows.

    What stands in no block is whole during every pass: tasks take the weights of heads out of a model and multiply.
    Weights are sent as they are, and autocast brings them to the format of the products: on a CPU a norm takes no
    weights in bf16 beside values in fp32. Gradients are added up in fp32, and with each pass, also where several make a
    step: kept until the last one they would be whole in every rank, and memory would not fall with the number of ranks.
    """

    name = "fsdp"
    shards = True

    def __init__(self, ranks: Ranks = ALONE) -> None:
        super().__init__(ranks)
        self._learning: list[str] = []
        self._have_learnt: set[str] = set()

    def entered(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Divide the weights among the ranks, block after block, which also brings them to the device."""
        shared: dict[str, Any] = {
            "mesh": init_device_mesh(device.type, (self.ranks.size,)),
            "mp_policy": MixedPrecisionPolicy(reduce_dtype=torch.float32),
        }
        for block in blocks_of(model):
            fully_shard(block, **shared)
        forward = Forward(model)
        fully_shard(forward, **shared)  # which makes a `FSDPModule` of it
        for part in _parts(forward):
            part.set_gradient_divide_factor(1.0)  # each rank's gradient is a share of one sum
            part.set_force_sum_reduction_for_comms(True)  # gloo knows no other
            # Which weights a pass uses depends on its rows: marks, what is known ahead.
            part.set_reduce_scatter_unused_params(True)
            self._watch(part, model)
        # Behind a training pass the backward pass divides the weights again; an evaluation has none.
        forward.register_forward_hook(_divide_again)
        return forward

    def sharing_lost_memory(self) -> AbstractContextManager[None]:
        """Let memory that runs out inside the block end the run: the others wait inside as well."""
        return self.ranks.ended_by_lost_memory()

    def sending_gradients(self) -> AbstractContextManager[None]:
        """Make the last backward pass of a step inside the block."""
        return self.ranks.ended_by_lost_memory()

    def summed(self, tensor: Tensor) -> Tensor:
        """Add up over all ranks."""
        with self.ranks.working():
            dist.all_reduce(tensor)
        return tensor

    def clipped(self, model: nn.Module, max_norm: float) -> Tensor:
        """Shorten the gradient of all weights to a norm; gives the norm that it had, over all ranks."""
        self._leave_unused(model)
        with self.ranks.working():
            norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
            return norm.full_tensor() if isinstance(norm, DTensor) else norm

    def _watch(self, part: FSDPModule, model: nn.Module) -> None:
        """Note from now on which weights of a part get a gradient.

        That they are put together here once has another reason: what is first made inside an evaluation, where torch
        records nothing, cannot be trained with.
        """
        part.unshard()
        for name, parameter in model.named_parameters():
            if not isinstance(parameter, DTensor) and parameter.requires_grad:
                self._learning.append(name)
                parameter.register_post_accumulate_grad_hook(partial(self._note, name))
        part.reshard()

    def _note(self, name: str, parameter: Tensor) -> None:
        self._have_learnt.add(name)

    def _leave_unused(self, model: nn.Module) -> None:
        """Take away the gradients, all zero, of weights that no rank has used: an optimizer would let them decay."""
        numbers = self.ranks.summed(*(name in self._have_learnt for name in self._learning))
        self._have_learnt.clear()
        parameters = dict(model.named_parameters())
        for name, number in zip(self._learning, numbers, strict=True):
            if not number:
                parameters[name].grad = None


def _divide_again(forward: nn.Module, given: object, found: object) -> None:
    if isinstance(forward, FSDPModule) and not torch.is_grad_enabled():
        forward.reshard()


def _parts(forward: nn.Module) -> Iterator[FSDPModule]:
    yield from (module for module in forward.modules() if isinstance(module, FSDPModule))
