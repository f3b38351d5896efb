"""Whether the disk holds what a run will write, asked before it begins."""

import errno
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from domain.plan import TrainingPlan
from infrastructure.models.adapters.merging import saved_bytes
from infrastructure.spread_tensors import place_of
from infrastructure.training.checkpoint_manager import CheckpointManager, CheckpointNotSavedError
from infrastructure.training.optimizers import state_bytes
from infrastructure.training.session import Session

# At the least: the best, the newest, and the one that is being written before another may go.
LEAST_CHECKPOINTS = 3
CHOOSE = "choose a disk with more room"
MIB = 2**20


@dataclass(frozen=True)
class DiskNeeds:
    """Bytes of a checkpoint and of the model, and of all that a run has on disk at once: at the least, and as asked."""

    checkpoint: int
    model: int
    num_least: int
    least: int
    wanted: int


def disk_needs(session: Session, plan: TrainingPlan, max_checkpoints: int) -> DiskNeeds:
    """Tell what a run will write."""
    trained = _bytes_of(session.trained.state_dict().values())
    apart = session.base is not None and session.base.stays_apart
    model = trained if apart else saved_bytes(session.model)
    average = _bytes_of(session.average.state_dict().values()) if session.average is not None else 0
    checkpoint = trained + average + state_bytes(session.optimizer)
    saves = 1 + math.ceil(plan.total_steps / min(plan.save_steps, plan.eval_steps))
    num_least = min(saves, LEAST_CHECKPOINTS)
    wanted = min(saves, max_checkpoints + 1) * checkpoint + model
    return DiskNeeds(checkpoint, model, num_least, num_least * checkpoint + model, wanted)


def require_room(session: Session, checkpoints: CheckpointManager, plan: TrainingPlan, max_checkpoints: int) -> str:
    """Compare free space with the checkpoints and the model that a run will write.

    Gives a warning when not all that should be kept will fit, empty when it will.
    Raises: CheckpointNotSavedError with the numbers when not even the least will.
    """
    needs = disk_needs(session, plan, max_checkpoints)
    # What stands there already makes room for what replaces it.
    free = session.parallel.ranks.of_first(checkpoints.free_bytes + checkpoints.size_bytes)
    if free < needs.least:
        # Begun with the words of the system, by which a tuning tells what any further trial would meet too.
        raise CheckpointNotSavedError(
            f"{os.strerror(errno.ENOSPC)}: {too_little(needs, free)}",
            remedy=f"Make room and resume the run, or {CHOOSE}.",
        )
    return tight(needs, free)


def too_little(needs: DiskNeeds, free: int) -> str:
    """Say that a run cannot be on this disk."""
    return (
        f"the run will write about {_mib(needs.least)} ({needs.num_least} checkpoints of {_mib(needs.checkpoint)} and a"
        f" model of {_mib(needs.model)}), but {_mib(free)} are free."
    )


def tight(needs: DiskNeeds, free: int) -> str:
    """Say, if it is so, that not all that should be kept has room; empty otherwise."""
    if free >= needs.wanted:
        return ""
    return (
        f"the checkpoints and the model of this run will take about {_mib(needs.wanted)}, but {_mib(free)} are free: "
        "older checkpoints will make room sooner than max_checkpoints says."
    )


def _bytes_of(tensors: Iterable[Any]) -> int:
    """Sum the sizes of tensors, shared memory once."""
    sizes = {place_of(tensor): tensor.nbytes for tensor in tensors if isinstance(tensor, Tensor)}
    return sum(sizes.values())


def _mib(count: int) -> str:
    return f"{math.ceil(count / MIB):,} MiB"
