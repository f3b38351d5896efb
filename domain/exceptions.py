"""What can go wrong, said so that the reader knows what to do next."""

from collections.abc import Sequence


class AthanorError(Exception):
    """A failure a person can act on: what is wrong, and the way out.

    `exit_code` is what a command line returns for it: 2 for bad input or configuration, 1 for a failed run.
    """

    exit_code = 1

    def __init__(self, problem: str, *, remedy: str = "") -> None:
        super().__init__(f"{problem} {remedy}".strip())
        self.problem = problem
        self.remedy = remedy

    @property
    def messages(self) -> tuple[str, ...]:
        """One sentence for each fault found."""
        return (str(self),)


class ConfigurationError(AthanorError):
    """A setting is wrong."""

    exit_code = 2

    @classmethod
    def of(cls, faults: Sequence[str]) -> "ConfigurationError":
        """Report several faults at once, a line each."""
        return _Several(faults)


class _Several(ConfigurationError):
    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self._faults = tuple(faults)

    @property
    def messages(self) -> tuple[str, ...]:
        return self._faults


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
