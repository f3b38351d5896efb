"""Training as a library: data sets, the loop, metrics and checkpoints."""

from domain.config import TrainingConfig
from domain.metrics import MetricEntry, MetricStatistics
from domain.retention import CheckpointMetadata
from infrastructure.data.code_dataset import CodeDataset
from infrastructure.training.advanced_trainer import AdvancedTrainer
from infrastructure.training.checkpoint_manager import CheckpointManager
from infrastructure.training.dataset_loader import DatasetLoader
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker
from infrastructure.training.training_state import TrainingState

__all__ = [
    "AdvancedTrainer",
    "CheckpointManager",
    "CheckpointMetadata",
    "CodeDataset",
    "DatasetLoader",
    "MetricEntry",
    "MetricStatistics",
    "TrainingConfig",
    "TrainingMetricsTracker",
    "TrainingState",
]
