"""Training as a library: data sets, the loop, optimizers, losses, metrics and checkpoints."""

from domain.config import TrainingConfig
from domain.metrics import MetricEntry, MetricStatistics
from domain.retention import CheckpointMetadata
from infrastructure.data.code_dataset import CodeDataset
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
    "TrainingState",
]
