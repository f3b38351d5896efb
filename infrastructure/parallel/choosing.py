"""Which way of sharing out a run takes."""

from collections.abc import Callable

from domain.config import OF_ONE_PROCESS, OF_SEVERAL_PROCESSES, TrainingConfig
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
    ranks = ranks_of_this_process(timeout)
    chosen = ("ddp" if ranks.size > 1 else "single") if name == "auto" else name
    _require(chosen, ranks)
    return STRATEGIES[chosen]()(ranks)


def _require(name: str, ranks: Ranks) -> None:
    if name in OF_SEVERAL_PROCESSES and not ranks.launch.is_by_torchrun:
        raise ConfigurationError(
            f"parallel is {name}, but this is one process alone.",
            remedy="Start it by `athanor launch --devices N train ...` or torchrun, or leave parallel at auto.",
        )
    if name in OF_ONE_PROCESS and ranks.size > 1:
        raise ConfigurationError(
            f"parallel is {name}, but torchrun started {ranks.size} processes.",
            remedy=f"Use parallel auto, {' or '.join(OF_SEVERAL_PROCESSES)}, or start it without torchrun.",
        )
