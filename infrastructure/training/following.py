"""What a rank does in place of the first one, which alone writes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.run_layout import METRICS
from infrastructure.parallel.ranks import Ranks
from infrastructure.training.checkpoint_manager import CheckpointManager
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker


class UnwrittenMetrics(TrainingMetricsTracker):
    """Takes metrics and keeps none."""

    def __init__(self) -> None:
        self.num_damaged_lines = 0

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None, epoch: int | None = None) -> None:
        """Pass over them."""

    def rewind(self, step: int) -> None:
        """Pass over it."""

    def finish(self) -> str:
        """Name no file."""
        return ""


class FollowedCheckpoints(CheckpointManager):
    """Reads states and writes its part of shared ones; removes none, which the first one may still want."""

    def _make_ready(self) -> None:
        """Leave it to the first."""

    def discard(self, but: str | None = None) -> None:
        """Leave it to the first."""

    def delete_checkpoint(self, name: str) -> bool:
        """Leave it to the first."""
        return False


def metrics_of(ranks: Ranks, directory: str | Path, name: str = "training") -> TrainingMetricsTracker:
    """Open the metrics of a run, called `name`, in this process. Raises: RunError."""
    return TrainingMetricsTracker(directory, name, file_name=METRICS) if ranks.is_first else UnwrittenMetrics()


def checkpoints_kind(ranks: Ranks) -> type[CheckpointManager]:
    """Say what keeps the states of a run in this process."""
    return CheckpointManager if ranks.is_first else FollowedCheckpoints
