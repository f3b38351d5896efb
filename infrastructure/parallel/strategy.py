"""How one step of a run is shared out over devices: alone on one, which every other way resembles."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from infrastructure.parallel.ranks import ALONE, Ranks
from infrastructure.parallel.row_gradients import RowGradients

Result = TypeVar("Result")


class Forward(nn.Module):
    """The one way into a model: work of a task is done with it in here, so that whatever wraps this sees every pass."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, work: Callable[..., Result], *given: Any) -> Result:
        """Call `work` with the model and what else it is given."""
        return work(self.model, *given)


def unwrapped(model: nn.Module) -> nn.Module:
    """Give the model inside wrappers of torch that its caller has put around it: how it is spread is a setting here."""
    while isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        model = model.module
    return model


class Parallel:
    """One device of one process; the others change what is different with them.

    `ranks` are the processes of the run. A step has so many parts that each rank has one at least.
    """

    name = "single"
    # Whether each rank holds a part of each weight alone.
    shards = False

    def __init__(self, ranks: Ranks = ALONE) -> None:
        self.ranks = ranks
        self._rows: RowGradients | None = None

    def devices(self, device: torch.device) -> Sequence[torch.device]:
        """Name those that this rank shares its part of a step out to, where `device` is its own."""
        return [device]

    def remark(self, device: torch.device) -> str:
        """Say what a person should know of this way on such a device; empty for nothing."""
        return ""

    def refuse(self, training: Any, request: Any) -> None:
        """Look at settings before data are read. Raises: ConfigurationError for those that cannot be had in this way.

        `training` has them decided, and `request` says which were left open.
        """

    def entered(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Give the way into a model that is on its device: called as `Forward` is."""
        self._rows = RowGradients(model)
        return Forward(model)

    def one_gradient(self, forward: nn.Module) -> AbstractContextManager[object]:
        """Stand around all passes of a step; behind it the model has the whole gradient of this rank."""
        return nullcontext() if self._rows is None else self._rows.collected()

    def sharing_lost_memory(self) -> AbstractContextManager[None]:
        """Let memory that runs out inside the block, where passes are made, count as run out in all ranks."""
        return self.ranks.sharing_lost_memory()

    def sending_gradients(self) -> AbstractContextManager[None]:
        """Make the last backward pass of a step inside the block: ranks wait there for each other."""
        return nullcontext() if self.ranks.size == 1 else self.ranks.ended_by_lost_memory()

    def only_adding(self, forward: nn.Module) -> AbstractContextManager[object]:
        """Add gradients of a pass to those of this rank inside the block; the last pass of a step goes without."""
        return nullcontext()

    def summed(self, tensor: Tensor) -> Tensor:
        """Add up a tensor of one number over all ranks."""
        if self.ranks.size > 1:
            with self.ranks.working():
                dist.all_reduce(tensor)
        return tensor

    def norm_of_gradient(self, model: nn.Module) -> Tensor:
        """Give the norm of the gradient of all weights, over all ranks; a number of the device."""
        if self._rows is not None:
            return nn.utils.get_total_norm(self._rows.parts())
        return nn.utils.get_total_norm([weight.grad for weight in model.parameters() if weight.grad is not None])

    def whole(self, model: nn.Module) -> Mapping[str, Any] | None:
        """Give the first rank the whole weights of a model, by name; None where the model has them itself."""
        return None


SINGLE = Parallel()
