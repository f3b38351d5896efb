"""What a person reads after a training: pictures, simple baselines to compare with, samples."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from application.phases import phase
from application.ports import Run, SplitDataset
from application.training import Training
from domain.exceptions import TrainingError
from domain.headlines import BASELINES, rivals_of
from domain.interval import UNKNOWN
from domain.launch import Launch
from domain.metrics import is_undefined
from domain.results import Report, TrainingResult
from domain.rivals import rival_told
from domain.run_layout import METRICS, RunLayout
from infrastructure.environment import environment
from infrastructure.memory import lost_memory_told
from infrastructure.model_files.card import read_card
from infrastructure.model_readme.told import ModelTold
from infrastructure.model_readme.writing import write_readme
from infrastructure.models.naming import named_on_hub
from infrastructure.prediction import FinishedModel
from infrastructure.predictors import opened_by_torch
from infrastructure.report_page import RunTold
from infrastructure.reports.curves import draw_training_curves
from infrastructure.reports.page.blocks import Section
from infrastructure.reports.page.html import write_page
from infrastructure.runs.outcomes import write_outcomes
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.kind import Examined, FinishedTask
from infrastructure.tasks.registry import kind_of
from infrastructure.tasks.scored import Scored
from infrastructure.training.machine import computing_with
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker

QUICK_TOLD = "a quick run proves that everything works; its scores say nothing of a training in earnest."


class ReportWriter:
    """Draws the curves of a run and lets its kind of task add what belongs to it."""

    def write(self, run: Run, request: Training, dataset: SplitDataset, result: TrainingResult) -> Report:
        """Write `report.html`, `training_curves.png` and what else belongs to the task.

        Of several processes of a run the first writes it.
        Raises: TrainingError when the disk refuses a picture; resuming the run writes the report again.
        """
        if not Launch.of(os.environ).is_first:
            return Report()
        try:
            # As many threads as trained the model: what a report measures may travel with it, to the bit.
            with phase("writing the report"), lost_memory_told("in the report"), computing_with(result.num_threads):
                return _written(RunLayout(Path(run.path)), request, dataset, result)
        except OSError as error:
            raise TrainingError(
                f"the report of {run.path} could not be written: {error.strerror or error}.",
                remedy="Make room and resume the run; its model and its checkpoints are intact.",
            ) from error


def _written(layout: RunLayout, request: Training, dataset: SplitDataset, result: TrainingResult) -> Report:
    entries = TrainingMetricsTracker(layout.directory, file_name=METRICS).entries
    trained = KeptModel(Path(result.model_path), request.device)
    findings = kind_of(request.task, request.model_name).report(request, dataset, result, trained, layout)
    rivals = rivals_on_the_same_rows(result, findings.report)
    draw_training_curves(entries, f"eval_{result.metric_name}", layout.training_curves, rivals)
    sections: Sequence[Section] = ()
    if findings.examined is not None:
        write_outcomes(layout.outcomes, _outcomes(findings.examined))
        sections = findings.examined.sections
    report = findings.report
    report = replace(report, warnings=(*_worth(request, result, report), *report.warnings))
    told = RunTold(layout, request, dataset, result, report, entries, findings.data)
    write_page(layout.report, told.page(sections))
    write_readme(_model_told(told))
    return report


def _model_told(told: RunTold) -> ModelTold:
    """Give what is known of the model, of which the readme tells what is true of any run of this request."""
    model = Path(told.result.model_path)
    return ModelTold(
        directory=model,
        request=told.request,
        result=told.result,
        report=told.report,
        card=read_card(model),  # with what the report of the kind has added
        base=named_on_hub(str(told.request.model_name)),
        versions=environment()["versions"],
        num_train=told.dataset.num_train,
        num_judged=told.num_judged,
        warnings=told.dataset.warnings,
        facts=told.dataset.facts,
    )


def _worth(request: Training, result: TrainingResult, report: Report) -> Sequence[str]:
    """Say what the scores are worth, beside what the kind has said itself."""
    if request.quick:
        return (QUICK_TOLD,)
    metrics = report.test_metrics or result.final_metrics
    metric = result.metric_name.removeprefix("eval_")
    rivals = rivals_of(metric, report.baselines, metrics)
    if is_undefined(metrics.get(metric)) or BASELINES["random_walk"] in rivals:  # of prices the kind judges itself
        return ()
    told = rival_told(metric, metrics[metric], rivals, request.words, report.intervals.get(metric, UNKNOWN))
    return (told,) if told else ()


def rivals_on_the_same_rows(result: TrainingResult, report: Report) -> Mapping[str, float]:
    """Give what baselines scored by the metric of a run; those of a test part cannot stand beside its curves."""
    return rivals_of(result.metric_name, {} if report.test_metrics else report.baselines, result.final_metrics)


def _outcomes(examined: Examined) -> Mapping[str, Any]:
    """Give the columns by which runs are compared row by row."""
    rows, dataset = range(len(examined.dataset)), examined.dataset
    names = {"row": [dataset.row_id(row) for row in rows], "digest": [dataset.digest(row) for row in rows]}
    return {**names, **examined.outcomes}


class KeptModel:
    """The model that a run keeps, opened when it is first asked: some reports never do."""

    def __init__(self, directory: Path, device: str) -> None:
        self.directory = directory
        self._device = device

    @cached_property
    def _model(self) -> FinishedModel:
        return opened_by_torch(str(self.directory), self._device)

    def answer(self, inputs: Sequence[str], options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Answer some inputs, in order."""
        return self._model.answer(inputs, options)

    @property
    def task(self) -> FinishedTask:
        """Its task, as it is known from the directory."""
        return self._model.task

    def score(self, dataset: Any, adapter: TaskAdapter) -> Mapping[str, Any]:
        """Give the metrics of an adapter over a data set."""
        return self._model.score(dataset, adapter)

    def score_rows(self, dataset: Any, adapter: TaskAdapter) -> Scored:
        """Give the same metrics, and what became of each row."""
        return self._model.score_rows(dataset, adapter)
