"""What can go wrong, said so that the reader knows what to do next."""

from collections.abc import Sequence
from typing import Self


class AthanorError(Exception):
    """A failure a person can act on: what is wrong, and the way out.

    `exit_code` is what a command line returns for it: 2 for bad input or configuration, 1 for a failed run.
    """

    exit_code = 1

    def __init__(self, problem: str, *, remedy: str = "") -> None:
        super().__init__(f"{problem} {remedy}".strip())
        self.problem = problem
        self.remedy = remedy
        self.messages: tuple[str, ...] = (str(self),)  # one for each fault found

    @classmethod
    def of(cls, faults: Sequence[str]) -> Self:
        """Report several faults at once, a line each."""
        error = cls("\n".join(faults))
        error.messages = tuple(faults)
        return error


class ConfigurationError(AthanorError):
    """A setting is wrong."""

    exit_code = 2


class DatasetError(AthanorError):
    """A data file or a row of it is wrong."""

    exit_code = 2


class ModelError(AthanorError):
    """A model cannot be found, opened or used for the task."""

    exit_code = 2


class CheckpointError(AthanorError):
    """A checkpoint is missing, damaged or of another run."""

    exit_code = 2


class RunError(AthanorError):
    """A run directory cannot be used."""

    exit_code = 2


class TrainingError(AthanorError):
    """A run failed after it began."""


class ExportError(AthanorError):
    """A finished model cannot be exported, or its export is not what the model is."""


class HubError(AthanorError):
    """The hub does not answer, or refuses what it is sent."""
