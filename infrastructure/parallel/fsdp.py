"""Each process holds a part of every weight; whole ones are put together block by block while they are needed."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from domain.exceptions import ConfigurationError
from infrastructure.models.adapters.layers import has_adapters
from infrastructure.models.layers import blocks_of
from infrastructure.parallel.ddp import kept_buffers, send_buffers
from infrastructure.parallel.ranks import ALONE, Ranks
from infrastructure.parallel.skeletons import give_memory
from infrastructure.parallel.strategy import Forward, Parallel
from infrastructure.spread_tensors import put_together


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
        self._kept_buffers: list[str] = []

    def refuse(self, training: Any, request: Any) -> None:
        """Refuse what wants a whole model in one place. Raises: ConfigurationError with each such setting."""
        faults = []
        if (adapter := getattr(training, "adapter", "none")) != "none":
            faults.append(f"adapter {adapter} cannot be trained with parallel fsdp. Use parallel ddp.")
        if training.precision in ("fp16", "fp8"):
            faults.append(f"precision {training.precision} cannot be had with parallel fsdp. Use bf16, or fp32.")
        if request.is_measured("batch_size"):
            faults.append("batch_size auto cannot be measured with parallel fsdp. Give a number.")
        if training.time_budget is not None and request.leaves_open("max_steps"):
            faults.append("time_budget plans no steps with parallel fsdp. Give max_steps, which it then ends early.")
        if faults:
            raise ConfigurationError.of(faults)

    def entered(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Divide the weights of the first rank among all, block after block, each weight with what belongs to it.

        No device holds more than one block whole, and the other ranks may come with weights that have no content.
        """
        if has_adapters(model):
            raise ConfigurationError("an adapter cannot be trained with parallel fsdp.", remedy="Use parallel ddp.")
        mesh = init_device_mesh(device.type, (self.ranks.size,))
        forward = Forward(model)
        self._kept_buffers = kept_buffers(model)
        with self.ranks.working():
            self._take_buffers(model)
            divided = [self._divided(part, mesh, device) for part in (*blocks_of(model), forward)]
            for part in divided:
                self._watch(part, model)
        # Behind a training pass the backward pass divides the weights again; an evaluation has none.
        forward.register_forward_hook(_divide_again)
        return forward

    @contextmanager
    def one_gradient(self, forward: nn.Module) -> Iterator[None]:
        """Give all, behind the passes, what those of the first rank have left in buffers that are kept."""
        yield
        assert isinstance(forward, Forward)
        with self.ranks.working():
            send_buffers(forward.model, self._kept_buffers)

    def sharing_lost_memory(self) -> AbstractContextManager[None]:
        """Let memory that runs out inside the block end the run: the others wait inside as well."""
        return self.ranks.ended_by_lost_memory()

    def sending_gradients(self) -> AbstractContextManager[None]:
        """Make the last backward pass of a step inside the block."""
        return self.ranks.ended_by_lost_memory()

    def norm_of_gradient(self, model: nn.Module) -> Tensor:
        """Give the norm of the gradient of all weights, over all ranks."""
        self._leave_unused(model)
        with self.ranks.working():
            norm = super().norm_of_gradient(model)
            return norm.full_tensor() if isinstance(norm, DTensor) else norm

    @torch.no_grad()
    def _take_buffers(self, model: nn.Module) -> None:
        for buffer, value in zip(model.buffers(), self.ranks.of_first(list(model.buffers())), strict=True):
            if not self.ranks.is_first:
                buffer.copy_(value)

    @torch.no_grad()
    def _divided(self, part: nn.Module, mesh: DeviceMesh, device: torch.device) -> FSDPModule:
        """Make a `FSDPModule` of a part, and give each rank its rows of the weights that are not divided yet."""
        give_memory(part, device)
        weights = {name: one for name, one in part.named_parameters() if not isinstance(one, DTensor)}
        for name, weight in weights.items():
            if not weight.ndim:
                raise ConfigurationError(
                    f"parallel is fsdp, but the weight {name} is a single number, which has no rows to divide.",
                    remedy="Make it a tensor of one row, or use parallel ddp.",
                )
        for weight in weights.values():
            weight.data = weight.data.contiguous()
        whole = {name: weight.detach() for name, weight in weights.items()}
        divided = fully_shard(part, mesh=mesh, mp_policy=MixedPrecisionPolicy(reduce_dtype=torch.float32))
        divided.set_gradient_divide_factor(1.0)  # each rank's gradient is a share of one sum
        divided.set_force_sum_reduction_for_comms(True)  # gloo knows no other
        # Which weights a pass uses depends on its rows: marks, what is known ahead.
        divided.set_reduce_scatter_unused_params(True)
        spread = dict(part.named_parameters())
        for name, values in whole.items():
            rows = spread[name]
            assert isinstance(rows, DTensor)
            self._send_rows(values, rows.to_local())
        return divided

    def _send_rows(self, whole: Tensor, own: Tensor) -> None:
        """Send each rank the rows that it holds of a weight of the first rank; `own` takes those of this one."""
        most = -(-len(whole) // self.ranks.size)
        received = own.new_empty(most, *own.shape[1:])
        parts = None
        if self.ranks.is_first:
            parts = [received.new_zeros(received.shape) for _ in range(self.ranks.size)]
            for part, rows in zip(parts, whole.split(most), strict=False):
                part[: len(rows)] = rows
        dist.scatter(received, parts, src=0)
        own.copy_(received[: len(own)])

    def whole(self, model: nn.Module) -> Mapping[str, Any]:
        """Put the weights together, one after the other, in the memory of the first rank."""
        return put_together(model.state_dict(), self.ranks.is_first)

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
