"""How a program was started: alone, or by torchrun as one process of several."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from domain.exceptions import ConfigurationError

# What torchrun tells each process that it starts, and of what it counts.
_NUMBERS = {
    "RANK": "rank",
    "WORLD_SIZE": "size",
    "LOCAL_RANK": "local_rank",
    "LOCAL_WORLD_SIZE": "local_size",
    "TORCHELASTIC_RESTART_COUNT": "num_restarts",
}
_NEEDED = ("RANK", "WORLD_SIZE", "LOCAL_RANK")


@dataclass(frozen=True)
class Launch:
    """Place of this process among those of one run: `rank` of `size`, `local_rank` of `local_size` on its node.

    `num_restarts` is how often all of them were started anew after one had ended. `name` is the same in all of them,
    and after a restart; it is empty where torchrun was given none.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    num_restarts: int = 0
    name: str = ""
    is_by_torchrun: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Launch":
        """Read what torchrun says; a program that it did not start is alone.

        Raises: ConfigurationError for a part of it, or for numbers that cannot be.
        """
        if not any(name in environment for name in _NEEDED):
            return cls()
        if missing := [name for name in _NEEDED if name not in environment]:
            are = "is" if len(missing) == 1 else "are"
            raise _wrong(f"{' and '.join(missing)} {are} missing in the environment beside {_told(environment)}")
        given = {name: environment[name] for name in _NUMBERS if name in environment}
        if wrong := [name for name, value in given.items() if not value.isascii() or not value.isdecimal()]:
            raise _wrong(f"{wrong[0]} is {given[wrong[0]]!r} in the environment, which is no number")
        numbers = {field: int(given[name]) for name, field in _NUMBERS.items() if name in given}
        numbers.setdefault("local_size", numbers["size"])
        if not (numbers["rank"] < numbers["size"] and numbers["local_rank"] < numbers["local_size"]):
            raise _wrong(f"the environment says {_told(environment)}, which cannot be")
        name = environment.get("TORCHELASTIC_RUN_ID", "")
        return cls(**numbers, name="" if name == "none" else name, is_by_torchrun=True)

    @property
    def is_first(self) -> bool:
        """Tell whether this is the process that writes and speaks for all."""
        return self.rank == 0

    @property
    def num_nodes(self) -> int:
        """Count the machines."""
        return -(-self.size // self.local_size)


def num_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _told(environment: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={environment[name]}" for name in _NUMBERS if name in environment)


def _wrong(problem: str) -> ConfigurationError:
    return ConfigurationError(f"{problem}.", remedy="Start it by torchrun, or without these variables.")
