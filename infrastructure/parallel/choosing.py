"""Which way of sharing out a run takes."""

import os
from collections.abc import Callable

from domain.config import PARALLELS, TrainingConfig
from domain.exceptions import ConfigurationError
from infrastructure.parallel.ddp import DataDistributed
from infrastructure.parallel.ranks import Ranks, ranks_of_this_process
from infrastructure.parallel.replicas import Replicated
from infrastructure.parallel.strategy import Parallel


def _fully_sharded() -> type[Parallel]:
    """Load it where it is wanted: it brings what takes a second to load."""
    from infrastructure.parallel.fsdp import FullySharded

    return FullySharded


STRATEGIES: dict[str, Callable[[], type[Parallel]]] = {
    "single": lambda: Parallel,
    "data_parallel": lambda: Replicated,
    "ddp": lambda: DataDistributed,
    "fsdp": _fully_sharded,
}


def choose_parallel(name: str, timeout: float = TrainingConfig.rank_timeout) -> Parallel:
    """Open the way that a request names; "auto" is ddp where torchrun started several processes, else single.

    `timeout` is the seconds that they wait for each other.

    Raises: ConfigurationError for one that this launch cannot have.
    """
    assert name in PARALLELS, os.environ.get("RANK")
    ranks = ranks_of_this_process(timeout)
    chosen = ("ddp" if ranks.size > 1 else "single") if name == "auto" else name
    _require(chosen, ranks)
    return STRATEGIES[chosen]()(ranks)


def _require(name: str, ranks: Ranks) -> None:
    if name in ("ddp", "fsdp") and not ranks.launch.is_by_torchrun:
        raise ConfigurationError(
            f"parallel is {name}, but this is one process alone.",
            remedy="Start it by `athanor launch --devices N train ...` or torchrun, or leave parallel at auto.",
        )
    if name in ("single", "data_parallel") and ranks.size > 1:
        raise ConfigurationError(
            f"parallel is {name}, but torchrun started {ranks.size} processes.",
            remedy="Use parallel auto, ddp or fsdp, or start it without torchrun.",
        )
