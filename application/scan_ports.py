"""What a scan needs from the world, said as promises and not as means."""

from collections.abc import Sequence
from typing import Protocol

from domain.known_findings import KnownFinding
from domain.scan import ExaminedFile, Gathered, ModelFacts, ScanReport, SourceFile


class SourceTrees(Protocol):
    """Finds the source files of trees; nothing that lies there is run, and nothing that never ends is opened."""

    def gather(self, paths: Sequence[str], since: str | None) -> Gathered:
        """Find the files below some paths, of those only what differs from a revision of git where one is named.

        Raises: DatasetError for a path that is not there, for an unknown revision, and outside of a repository.
        """

    def holds(self, base: str, path: str) -> bool:
        """Tell whether there is a file at a path as reports tell it."""


class Examiner(Protocol):
    """Looks at source files with what it was opened for."""

    @property
    def scanner(self) -> str | None:
        """Name the scanner and its version, None where none speaks."""

    @property
    def model(self) -> ModelFacts | None:
        """Tell of the model, None where none speaks."""

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the findings must know."""

    def examine(self, files: Sequence[SourceFile], min_score: float) -> Sequence[ExaminedFile]:
        """Say of each file what was found, in their order; what is known of the same content is not sought again.

        Where a model gives at least `min_score` to a weakness it says at which lines. A file that cannot be read any
        more, or that ends what examines it, says so and is not looked at.
        Raises: ModelError, TrainingError when memory is too small.
        """


class Examiners(Protocol):
    """Opens what looks at source files."""

    def open(self, run: str | None, device: str, expected_share: float) -> Examiner:
        """Open a scanner, where this Python has one, and the model of a run, where one is named.

        Its scores are to hold where `expected_share` of the pieces are weak.

        Raises: ConfigurationError where there is neither; ModelError for a run that says nothing of code.
        """


class Baselines(Protocol):
    """Keeps findings that are known: a file has all of them, is as it was before, or absent."""

    def read(self, path: str) -> Sequence[KnownFinding]:
        """Raises: DatasetError for what is no baseline."""

    def write(self, path: str, known: Sequence[KnownFinding]) -> None:
        """Raises: ConfigurationError when the disk refuses."""


class ScanFiles(Protocol):
    """Writes what a scan has found for people and programs."""

    def require(self, path: str) -> None:
        """Find fault with the place of a file before anything is looked at. Raises: ConfigurationError."""

    def text_of(self, report: ScanReport, form: str) -> str:
        """Give a report as `text`, `json`, `sarif` or `html`."""

    def write(self, path: str, text: str) -> None:
        """Write a whole file. Raises: ConfigurationError when the disk refuses."""
