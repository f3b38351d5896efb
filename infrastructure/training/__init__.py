"""Training as a library: data sets, the loop, optimizers, losses, metrics and checkpoints."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.config import TrainingConfig
    from domain.metrics import MetricEntry, MetricStatistics
    from domain.results import TrainingResult
    from domain.retention import CheckpointMetadata
    from infrastructure.data.labels.code_dataset import CodeDataset
    from infrastructure.training.advanced_trainer import AdvancedTrainer
    from infrastructure.training.checkpoint_manager import CheckpointManager
    from infrastructure.training.dataset_loader import DatasetLoader
    from infrastructure.training.losses import (
        ClassificationLoss,
        CombinedQuantileLoss,
        LanguageModelingLoss,
        PinballLoss,
    )
    from infrastructure.training.optimizers import OptimizerBuilder
    from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker
    from infrastructure.training.training_state import TrainingState

__all__ = [
    "AdvancedTrainer",
    "CheckpointManager",
    "CheckpointMetadata",
    "ClassificationLoss",
    "CodeDataset",
    "CombinedQuantileLoss",
    "DatasetLoader",
    "LanguageModelingLoss",
    "MetricEntry",
    "MetricStatistics",
    "OptimizerBuilder",
    "PinballLoss",
    "TrainingConfig",
    "TrainingMetricsTracker",
    "TrainingResult",
    "TrainingState",
]

# Loaded when a name is first asked for: whoever lists checkpoints or counts metrics does not wait for transformers.
_HOMES = {
    "AdvancedTrainer": "infrastructure.training.advanced_trainer",
    "CheckpointManager": "infrastructure.training.checkpoint_manager",
    "CheckpointMetadata": "domain.retention",
    "ClassificationLoss": "infrastructure.training.losses",
    "CodeDataset": "infrastructure.data.labels.code_dataset",
    "CombinedQuantileLoss": "infrastructure.training.losses",
    "DatasetLoader": "infrastructure.training.dataset_loader",
    "LanguageModelingLoss": "infrastructure.training.losses",
    "MetricEntry": "domain.metrics",
    "MetricStatistics": "domain.metrics",
    "OptimizerBuilder": "infrastructure.training.optimizers",
    "PinballLoss": "infrastructure.training.losses",
    "TrainingConfig": "domain.config",
    "TrainingMetricsTracker": "infrastructure.training.training_metrics_tracker",
    "TrainingResult": "domain.results",
    "TrainingState": "infrastructure.training.training_state",
}


def __getattr__(name: str) -> object:
    """Load a name of `__all__` from its module and keep it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
