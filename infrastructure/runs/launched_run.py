"""The run of processes that torchrun started together: one directory, which the first of them alone writes."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from application.groups.data import RunSettings
from domain.exceptions import ConfigurationError
from domain.launch import Launch

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
    agent = os.getppid()
    started = os.stat(f"/proc/{agent}").st_ctime if Path("/proc").is_dir() else 0
    return f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(started))}-{agent:04x}"


class FollowedRun:
    """The run directory as the other processes see it: they write nothing there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return self._path.resolve().name

    @property
    def path(self) -> str:
        """Where it is, or will be."""
        return str(self._path)

    def open(self, request: RunSettings) -> None:
        """Leave it to the first."""

    def save_summary(self, response: Mapping[str, Any]) -> None:
        """Leave it to the first."""

    def save_failure(self, response: Mapping[str, Any], keep: bool) -> None:
        """Leave it to the first."""

    def close(self) -> None:
        """Leave it to the first."""
