"""The run of processes that torchrun started together: one directory, which the first of them alone writes."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from application.groups.data import RunSettings
from domain.exceptions import ConfigurationError
from domain.launch import Launch
from infrastructure.runs.run_place import RunPlace

LETTERS_OF_A_NAME = 12


def name_of_launch(launch: Launch) -> str:
    """Name what torchrun started, alike in all its processes and after a restart.

    Raises: ConfigurationError on several nodes that have no name in common.
    """
    if plain := "".join(letter for letter in launch.name if letter.isalnum() or letter in "-_"):
        return plain[:LETTERS_OF_A_NAME]
    if launch.num_nodes > 1:
        raise ConfigurationError(
            f"{launch.num_nodes} nodes have no name for their run in common.",
            remedy="Give --output, a directory that all of them see, or torchrun an --rdzv-id.",
        )
    return _agent()


def written_by(launch: Launch) -> str:
    """Give the line of a run file that says which torchrun began the run; none without one.

    By it a torchrun that starts all processes anew knows the run for its own, and takes up no other that stands there.
    """
    return f"# Begun by the torchrun {launch.name} {os.uname().nodename} {_agent()}\n" if launch.is_by_torchrun else ""


def _agent() -> str:
    agent = os.getppid()
    return f"{_ticks_of_start(agent):x}-{agent:x}"


def _ticks_of_start(process: int) -> int:
    """Tell when a process began, in ticks since its machine did; 0 where that is not told.

    The times of its directory are those of the first look at it, and of the first one after it was forgotten.
    """
    with suppress(OSError, ValueError, IndexError):
        return int(
            Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
        )
    return 0


class FollowedRun(RunPlace):
    """The run directory as the other processes see it: they write nothing there."""

    def open(self, request: RunSettings) -> None:
        """Leave it to the first."""

    def save_summary(self, response: Mapping[str, Any]) -> None:
        """Leave it to the first."""

    def save_failure(self, response: Mapping[str, Any], keep: bool) -> None:
        """Leave it to the first."""

    def close(self) -> None:
        """Leave it to the first."""
