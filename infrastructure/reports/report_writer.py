"""What a person reads after a training: pictures, simple baselines to compare with, samples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from application.ports import Run
from application.training_request import TrainModelRequest
from infrastructure.prediction import PredictorSource
from infrastructure.reports.pictures import draw_training_curves
from infrastructure.tasks.registry import kind_of
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker


class ReportWriter:
    """Draws the curves of a run and lets its kind of task add what belongs to it."""

    def write(
        self, run: Run, request: TrainModelRequest, dataset: Any, results: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Write `training_curves.png` and what else belongs to the task; gives `baselines` and `samples`."""
        directory = Path(run.path)
        entries = TrainingMetricsTracker(directory, file_name="metrics.jsonl").entries
        draw_training_curves(entries, f"eval_{results['metric_name']}", directory / "training_curves.png")

        def answer(inputs: Sequence[str], options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
            return PredictorSource().open(results["model_path"], request.device).answer(inputs, options)

        report = kind_of(request.task).report(request, dataset, results, answer, directory)
        return {"baselines": dict(report.baselines), "samples": tuple(report.samples)}
