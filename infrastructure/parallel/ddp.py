"""The same weights in every process; gradients are added up while they are computed."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
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
        # Which weights a pass uses depends on its rows: marks, what is known ahead. Buffers are not sent within a pass:
        # one that is tried again, for memory ran out, would wait for those that have theirs already.
        forward = DistributedDataParallel(
            _Entered(model, device), find_unused_parameters=True, forward_sync_buffers=False
        )
        forward.register_comm_hook(None, _added_up)
        self._kept_buffers = kept_buffers(model)
        return forward

    @contextmanager
    def one_gradient(self, forward: nn.Module) -> Iterator[None]:
        """Give all, behind the passes, what those of the first rank have left in buffers that are kept, as statistics.

        What is scored, saved and gone on from is then the same in all of them.
        """
        try:
            yield
        except (RuntimeError, MemoryError):
            # A pass that was broken off behind its forward would send gradients with the first one that is tried again.
            forward.reducer._reset_state()  # type: ignore[operator, union-attr]
            raise
        model: Any = forward.module.model  # type: ignore[union-attr]  # what `entered` has wrapped
        with self.ranks.working():
            send_buffers(model, self._kept_buffers)

    def only_adding(self, forward: nn.Module) -> AbstractContextManager[object]:
        """Leave the gradients where they are: they are sent once, with the last pass."""
        assert isinstance(forward, DistributedDataParallel)
        return forward.no_sync()


def kept_buffers(model: nn.Module) -> list[str]:
    """Name the buffers that a state holds."""
    kept = model.state_dict().keys()
    return [name for name, _ in model.named_buffers() if name in kept]


def send_buffers(model: nn.Module, names: Iterable[str]) -> None:
    """Give all ranks what the first one has in some buffers."""
    for name in names:
        dist.broadcast(model.get_buffer(name), src=0)


class _Entered(Forward):
    """Has a weight of its own that nothing uses: where it finds none torch complains of having looked for such."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        super().__init__(model)
        self.unused = nn.Parameter(torch.zeros(1, device=device))


def _added_up(state: object, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:  # type: ignore[name-defined]
    """Add up gradients: each is a share of one sum, so that nothing remains to be divided."""
    done: Any = dist.all_reduce(bucket.buffer(), async_op=True).get_future()
    return done.then(lambda future: future.value()[0])
