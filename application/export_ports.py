"""What `athanor export` needs from the world beside the other ports."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.export import Export, Parity, Score, Speed


@dataclass(frozen=True)
class Wanted:
    """What is to be made of which model: every part of it decided and checked."""

    run: str
    output_dir: str
    format: str
    weights: str
    calibration: str | None
    dataset_path: str | None


class Draft(Protocol):
    """An export that stands aside and is not there yet."""

    @property
    def task(self) -> str:
        """Name the task of the model."""

    @property
    def rows_told(self) -> str:
        """Say which rows it is compared on."""

    @property
    def warnings(self) -> Sequence[str]:
        """What a person should know of it."""

    @property
    def sizes(self) -> tuple[int, int]:
        """Give the bytes of the weights and graphs before and after."""

    def write(self) -> None:
        """Make the graphs or weights. Raises: ExportError for a model that cannot be exported."""

    def compared(self) -> tuple[Parity, Score | None]:
        """Ask model and export about the same rows."""

    def speed(self) -> tuple[Sequence[Speed], int]:
        """Measure both by turns; gives also the threads that each had."""

    def keep(self, told: Export) -> Export:
        """Let it be there, whole, with what is told of it. Raises: OSError of the disk, with nothing left behind."""


class ModelExporter(Protocol):
    """Makes exports of finished models."""

    def require(self, wanted: Wanted) -> None:
        """Find fault with packages and places before anything is opened.

        Raises: ConfigurationError with every fault, RunError for a place that is taken.
        """

    def draft(self, wanted: Wanted) -> AbstractContextManager[Draft]:
        """Open a model for an export; nothing of it stays behind the block but what was kept.

        Raises: ModelError, ConfigurationError, DatasetError for what cannot be exported so.
        """
