"""Train a model: the whole job, step by step."""

from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any

from pydantic import BaseModel, ConfigDict

from application.as_html import places_html, scores_html, titled_html, told_html
from application.monitors import Monitors
from application.phases import telling_phases
from application.ports import (
    CheckpointStore,
    DatasetSource,
    ModelSource,
    ReportWriter,
    Run,
    RunMonitor,
    RunStore,
    SplitDataset,
    TrainableModel,
    Workshop,
)
from application.training import Training
from application.training_request import TrainModelRequest
from domain.events import RunClosed, Warned
from domain.exceptions import AthanorError, RunError
from domain.interval import known
from domain.results import TrainingResult
from domain.run_layout import RunLayout
from domain.time_budget import TIME_BUDGET

__all__ = ["TrainModelRequest", "TrainModelResponse", "TrainModelUseCase"]

BAD_INPUT = 2
EXIT_CODE_OF_STOP = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}
FINISHED = ("completed", "early_stopping", TIME_BUDGET)
DIVERGED = "diverged"


class TrainModelResponse(BaseModel):
    """What became of a training.

    `best_epoch` counts from 1, as the screen does, and `best_step` optimizer steps; `training_time` is seconds in the
    loop, evaluation and saving included; `num_devices` shared out its steps in the way that `parallel` names.
    `final_metrics` are those of the best model on the validation part, by which it was chosen; `test_metrics` those
    on a test part, where the task sets one apart. `exit_code` is what a command line should return. `intervals` hold,
    by the names of metrics and baselines, the low and the high end that the true value lies between with 95 %
    confidence, on the test part or else the validation part: what other rows would change, not what another seed
    would. `success` is False when the run failed, was stopped before its end or never began for bad input; `errors`
    then says why and what to do.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    success: bool
    best_metric: float | None = None
    best_epoch: int | None = None
    best_step: int | None = None
    training_time: float = 0.0
    model_path: str | None = None
    metrics_file: str | None = None
    errors: tuple[str, ...] = ()
    run_id: str | None = None
    run_dir: str | None = None
    task: str | None = None
    metric_name: str | None = None
    stop_reason: str | None = None
    final_metrics: dict[str, Any] = {}
    test_metrics: dict[str, Any] = {}
    baselines: dict[str, Any] = {}
    intervals: dict[str, tuple[float, float]] = {}
    samples: tuple[dict[str, str], ...] = ()
    throughput: dict[str, float] = {}
    num_parameters: int | None = None
    num_trainable: int | None = None
    num_devices: int | None = None
    parallel: str | None = None
    num_train_rows: int | None = None
    num_eval_rows: int | None = None
    facts: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    exit_code: int = 0

    def _repr_html_(self) -> str:
        title = f"{self.task or 'training'}: {self.stop_reason if self.success else 'failed'}"
        metrics = self.test_metrics or self.final_metrics
        scores = scores_html(metrics, self.baselines, self.intervals, self.task)
        told = told_html(self.errors, "error") + told_html(self.warnings, "warning")
        return titled_html(title, scores, places_html(self.run_dir), told)


class TrainModelUseCase:
    """Turns a request into a trained model on disk and a response that never lies about it."""

    def __init__(
        self, runs: RunStore, datasets: DatasetSource, models: ModelSource, workshop: Workshop, reports: ReportWriter
    ) -> None:
        self._runs = runs
        self._datasets = datasets
        self._models = models
        self._workshop = workshop
        self._reports = reports

    def execute(
        self,
        request: TrainModelRequest,
        monitor: RunMonitor | None = None,
        run: Run | None = None,
        accept_changes: bool = False,
    ) -> TrainModelResponse:
        """Train as asked, in a new run directory or in `run`, which then goes on from its newest checkpoint.

        With `accept_changes` it goes on even where settings or data are others than they were.
        A failed run gives a response with `errors`; only programming errors are raised.
        """
        monitors = Monitors() if monitor is None else Monitors(monitor)
        with telling_phases(monitors.notify):
            return self._execute(request, monitors, run, accept_changes)

    def _execute(
        self, request: TrainModelRequest, monitors: Monitors, run: Run | None, accept_changes: bool
    ) -> TrainModelResponse:
        try:
            if run is None and (path := self._runs.begun_before(request)):
                if (finished := self._runs.told_before(path)) is not None:
                    return TrainModelResponse.model_validate(finished)
                run, request = self._runs.reopen(path)
            training, run = self._validate(request, run)  # 1
            # 3 before 2: a tokenizer from scratch may see the training part alone, and the model needs its size.
            dataset = self._datasets.load(training)  # 3
            model = self._models.build(training, dataset, run)  # 2
            # What of 1 is found by measuring, which needs both; the run file then has the numbers.
            training = self._workshop.fit(training, request, model, dataset)
            run.open(training)
            tracker = self._workshop.tracker(run)  # 4
            checkpoints = self._workshop.checkpoints(run, training)  # 5
            trainer = self._workshop.trainer(run, training, model, dataset, tracker, checkpoints, monitors)  # 6
            for warning in request.warnings:
                monitors.notify(Warned(warning))
            result = trainer.train(accept_changes)  # 7
            metrics_file = tracker.finish()  # 8
            told = request.warnings
            response = self._respond(run, training, dataset, model, checkpoints, result, metrics_file, told)  # 9
            return _closed(run, monitors, response)
        except AthanorError as error:
            failure = self._respond_failed(run, error)
            return failure if run is None else _closed(run, monitors, failure)
        finally:
            if run is not None:
                run.close()

    def _validate(self, request: TrainModelRequest, run: Run | None) -> tuple[Training, Run]:
        training = self._workshop.settle(request.resolved(), request)
        return training, run or self._runs.reserve(training)

    def _respond(
        self,
        run: Run,
        training: Training,
        dataset: SplitDataset,
        model: TrainableModel,
        checkpoints: CheckpointStore,
        result: TrainingResult,
        metrics_file: str,
        told: tuple[str, ...],
    ) -> TrainModelResponse:
        interrupted = result.stop_reason not in FINISHED
        report = self._reports.write(run, training, dataset, result)
        response = TrainModelResponse(
            success=not interrupted,
            best_metric=result.best_metric,
            best_epoch=result.best_epoch,
            best_step=result.best_step,
            training_time=result.training_time,
            model_path=result.model_path,
            metrics_file=metrics_file,
            errors=(_way_out(result.stop_reason, run, training),) if interrupted else (),
            run_id=run.run_id,
            run_dir=run.path,
            task=training.task,
            metric_name=result.metric_name,
            stop_reason=result.stop_reason,
            final_metrics=dict(result.final_metrics),
            test_metrics=dict(report.test_metrics),
            baselines=dict(report.baselines),
            intervals=known(report.intervals),
            samples=tuple(map(dict, report.samples)),
            throughput=dict(result.throughput),
            num_parameters=result.num_parameters,
            num_trainable=result.num_trainable,
            num_devices=result.num_devices,
            parallel=result.parallel,
            num_train_rows=dataset.num_train,
            num_eval_rows=dataset.num_eval,
            facts=dict(dataset.facts),
            warnings=tuple(
                dict.fromkeys((*told, *dataset.warnings, *model.warnings, *result.warnings, *report.warnings))
            ),
            exit_code=EXIT_CODE_OF_STOP.get(result.stop_reason, int(interrupted)),
        )
        run.save_summary(response.model_dump())
        if response.success and not training.keep_checkpoints:
            checkpoints.discard()
        return response

    def _respond_failed(self, run: Run | None, error: AthanorError) -> TrainModelResponse:
        response = TrainModelResponse(
            success=False,
            errors=error.messages,
            exit_code=error.exit_code,
            run_id=run.run_id if run else None,
            run_dir=run.path if run else None,
        )
        if run is not None:
            run.save_failure(response.model_dump(), keep=error.exit_code != BAD_INPUT)
        return response


def _closed(run: Run, monitors: Monitors, response: TrainModelResponse) -> TrainModelResponse:
    """Tell observers that nothing follows; what went wrong with them since the training stands in the summary too."""
    stopped = "failed" if response.stop_reason in (None, DIVERGED) else "stopped"
    monitors.notify(RunClosed(run.path, "finished" if response.success else stopped))
    late = tuple(fault for fault in monitors.faults if fault not in response.warnings)
    if not late:
        return response
    response = response.model_copy(update={"warnings": (*response.warnings, *late)})
    if response.stop_reason is not None:  # it has a summary
        with suppress(RunError):  # the one that was kept before says all that matters
            run.save_summary(response.model_dump())
    return response


def _way_out(stopped_by: str, run: Run, training: Training) -> str:
    """Say what can be done about a run that did not reach its end."""
    if stopped_by != DIVERGED:
        return f"stopped ({stopped_by}) after saving; `athanor resume {quote(run.path)}` goes on."
    rate = training.learning_rate
    run_file, lower = str(RunLayout(Path(run.path)).run_file), f"{rate / 10:g}"
    return (
        f"diverged: the loss stayed without a finite value at learning_rate {rate:g}, at half of it, and on. "
        f"To go on from the last good state, write learning_rate: {lower} in {run_file} and run "
        f"`athanor resume {quote(run.path)} --accept-changes`; to begin anew, run "
        f"`athanor train --config {quote(run_file)} --set learning_rate={lower} --output NEW`."
    )
