"""The same weights in every process; gradients are added up while they are computed."""

from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from infrastructure.parallel.strategy import Forward, Parallel


class DataDistributed(Parallel):
    """`DistributedDataParallel` of torch."""

    name = "ddp"

    def entered(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Wrap the way into the model; all begin with the weights of the first rank."""
        # Which weights a pass uses depends on its rows: marks, what is known ahead. Buffers are those of each rank,
        # for a pass of an evaluation, which not all ranks make, would wait for the others to send theirs.
        forward = DistributedDataParallel(Forward(model), find_unused_parameters=True, forward_sync_buffers=False)
        forward.register_comm_hook(None, _added_up)
        return forward

    def only_adding(self, forward: nn.Module) -> AbstractContextManager[object]:
        """Leave the gradients where they are: they are sent once, with the last pass."""
        assert isinstance(forward, DistributedDataParallel)
        return forward.no_sync()

    def summed(self, tensor: Tensor) -> Tensor:
        """Add up over all ranks."""
        with self.ranks.working():
            dist.all_reduce(tensor)
        return tensor


def _added_up(state: object, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:  # type: ignore[name-defined]
    """Add up gradients: each is a share of one sum, so that nothing remains to be divided."""
    done: Any = dist.all_reduce(bucket.buffer(), async_op=True).get_future()
    return done.then(lambda future: future.value()[0])
