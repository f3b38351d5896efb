"""What `athanor lr-find` needs from the world, said as promises and not as means."""

from typing import Protocol

from application.ports import RunMonitor, SplitDataset, TrainableModel
from application.training import Training
from domain.rate_sweep import RateFound, RateSweep, SweptLosses


class RateSweeper(Protocol):
    """Takes the first steps of a training at learning rates that rise."""

    def sweep(
        self, training: Training, model: TrainableModel, dataset: SplitDataset, sweep: RateSweep, monitor: RunMonitor
    ) -> SweptLosses:
        """Take steps as the training would, of its training part alone, until the loss diverges or somebody stops.

        The model is of no use then. Nothing is written but the data cache.
        Raises: ConfigurationError for several processes, and as a training would; TrainingError when memory is too
        small for a single row.
        """


class SweepPictures(Protocol):
    """Draws sweeps: after a kill at any instant a picture is whole, as it was before, or absent."""

    def require_place(self, path: str) -> None:
        """Find fault with the place of a picture before anything is computed for it. Raises: ConfigurationError."""

    def draw(self, path: str, sweep: RateSweep, swept: SweptLosses, found: RateFound) -> None:
        """Draw losses over rates. Raises: RunError when the disk refuses."""
