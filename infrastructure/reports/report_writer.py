"""What a person reads after a training: pictures, and simple baselines to compare with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from application.ports import Run
from application.training_request import TrainModelRequest
from infrastructure.reports.pictures import draw_confusion_matrix, draw_training_curves
from infrastructure.tasks.baselines import bag_of_words_baseline
from infrastructure.tasks.sequence_classification import class_weights_of
from infrastructure.training.dataset_loader import SplitRows
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker


class ReportWriter:
    """Draws the curves and the confusion matrix of a run and trains the baseline it must be compared with."""

    def write(
        self, run: Run, request: TrainModelRequest, dataset: SplitRows, results: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Write `training_curves.png` and `confusion_matrix.png`; gives the scores of the baselines."""
        directory = Path(run.path)
        metrics = results["final_metrics"]
        entries = TrainingMetricsTracker(directory, file_name="metrics.jsonl").entries
        draw_training_curves(entries, f"eval_{results['metric_name']}", directory / "training_curves.png")
        if "confusion_matrix" not in metrics:
            return {}
        names = dataset.label_names
        draw_confusion_matrix(metrics["confusion_matrix"], names, directory / "confusion_matrix.png")
        labels = dataset.train_labels()
        weights = class_weights_of(request.class_weights, names, np.bincount(labels, minlength=len(names)).tolist())
        bag_of_words = bag_of_words_baseline(
            dataset.train_texts(),
            labels,
            dataset.eval_texts(),
            dataset.eval_labels(),
            names,
            seed=request.seed,
            class_weights=None if weights is None else weights.tolist(),
        )
        majority = {name: metrics[name] for name in ("majority_accuracy", "majority_macro_f1")}
        return {**majority, **bag_of_words}
