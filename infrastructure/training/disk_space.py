"""Whether the disk holds what a run will write, asked before it begins."""

import math
from collections.abc import Iterable
from typing import Any

from torch import Tensor

from domain.plan import TrainingPlan
from infrastructure.training.checkpoint_manager import CheckpointManager, CheckpointNotSavedError
from infrastructure.training.optimizers import state_bytes
from infrastructure.training.parallel import unwrapped
from infrastructure.training.session import Session

# At the least: the best, the newest, and the one that is being written before another may go.
LEAST_CHECKPOINTS = 3
MIB = 2**20


def require_room(session: Session, checkpoints: CheckpointManager, plan: TrainingPlan, max_checkpoints: int) -> str:
    """Compare free space with the checkpoints and the model that a run will write.

    Gives a warning when not all that should be kept will fit, empty when it will.
    Raises: CheckpointNotSavedError with the numbers when not even the least will.
    """
    model = _bytes_of(unwrapped(session.model).state_dict().values())
    average = _bytes_of(session.average.state_dict().values()) if session.average is not None else 0
    checkpoint = model + average + state_bytes(session.optimizer)
    saves = 1 + math.ceil(plan.total_steps / min(plan.save_steps, plan.eval_steps))
    # What stands there already makes room for what replaces it.
    free = checkpoints.free_bytes + checkpoints.size_bytes
    least, wanted = (min(saves, count) * checkpoint + model for count in (LEAST_CHECKPOINTS, max_checkpoints + 1))
    if free < least:
        raise CheckpointNotSavedError(
            f"the run will write about {_mib(least)} ({min(saves, LEAST_CHECKPOINTS)} checkpoints of "
            f"{_mib(checkpoint)} and a model of {_mib(model)}), but {_mib(free)} are free.",
            remedy="Make room and resume the run, or choose a disk with more room.",
        )
    if free < wanted:
        return (
            f"the checkpoints and the model of this run will take about {_mib(wanted)}, but {_mib(free)} are free: "
            "older checkpoints will make room sooner than max_checkpoints says."
        )
    return ""


def _bytes_of(tensors: Iterable[Any]) -> int:
    """Sum the sizes of tensors, shared memory once."""
    sizes = {tensor.data_ptr(): tensor.nbytes for tensor in tensors if isinstance(tensor, Tensor)}
    return sum(sizes.values())


def _mib(count: int) -> str:
    return f"{math.ceil(count / MIB):,} MiB"
