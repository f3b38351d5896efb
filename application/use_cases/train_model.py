"""Train a model: the whole job, step by step."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from application.ports import (
    DatasetSource,
    ModelSource,
    ReportWriter,
    Run,
    RunMonitor,
    RunStore,
    SplitDataset,
    TrainableModel,
    Unwatched,
    Workshop,
)
from application.training_request import TrainModelRequest
from domain.exceptions import AthanorError

__all__ = ["TrainModelRequest", "TrainModelResponse", "TrainModelUseCase"]

BAD_INPUT = 2
EXIT_CODE_OF_STOP = {"SIGINT": 130, "SIGTERM": 143}
FINISHED = ("completed", "early_stopping")


class TrainModelResponse(BaseModel):
    """What became of a training.

    `best_epoch` starts at 0, `best_step` counts optimizer steps; `training_time` is seconds in the loop, evaluation
    and saving included. `final_metrics` are those of the best model on the validation part, by which it was chosen;
    `test_metrics` those on a test part, where the task sets one apart. `exit_code` is what a command line should
    return. `success` is False when the run failed, was stopped before its end or never began for bad input; `errors`
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
    samples: tuple[dict[str, str], ...] = ()
    throughput: dict[str, float] = {}
    num_parameters: int | None = None
    num_train_rows: int | None = None
    num_eval_rows: int | None = None
    warnings: tuple[str, ...] = ()
    exit_code: int = 0


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
        self, request: TrainModelRequest, monitor: RunMonitor | None = None, run: Run | None = None
    ) -> TrainModelResponse:
        """Train as asked, in a new run directory or in `run`, which then goes on from its newest checkpoint.

        A failed run gives a response with `errors`; only programming errors are raised.
        """
        monitor = monitor or Unwatched()
        try:
            request, run = self._validate(request, run)  # 1
            # 3 before 2: a tokenizer from scratch may see the training part alone, and the model needs its size.
            dataset = self._datasets.load(request)  # 3
            model = self._models.build(request, dataset, run)  # 2
            tracker = self._workshop.tracker(run, request)  # 4
            checkpoints = self._workshop.checkpoints(run, request)  # 5
            trainer = self._workshop.trainer(run, request, model, dataset, tracker, checkpoints, monitor)  # 6
            results = trainer.train()  # 7
            metrics_file = tracker.finish()  # 8
            return self._respond(run, request, dataset, model, results, metrics_file)  # 9
        except AthanorError as error:
            return self._respond_failed(run, error)
        finally:
            if run is not None:
                run.close()

    def _validate(self, request: TrainModelRequest, run: Run | None) -> tuple[TrainModelRequest, Run]:
        resolved = self._workshop.settle(request.resolved())
        return resolved, run or self._runs.reserve(resolved)

    def _respond(
        self,
        run: Run,
        request: TrainModelRequest,
        dataset: SplitDataset,
        model: TrainableModel,
        results: Mapping[str, Any],
        metrics_file: str,
    ) -> TrainModelResponse:
        stopped_by = results["stop_reason"]
        interrupted = stopped_by not in FINISHED
        report = self._reports.write(run, request, dataset, results)
        response = TrainModelResponse(
            success=not interrupted,
            errors=(f"stopped ({stopped_by}) after saving; `athanor resume {run.path}` goes on.",)
            if interrupted
            else (),
            exit_code=EXIT_CODE_OF_STOP.get(stopped_by, int(interrupted)),
            run_id=run.run_id,
            run_dir=run.path,
            task=request.task,
            metrics_file=metrics_file,
            num_train_rows=dataset.num_train,
            num_eval_rows=dataset.num_eval,
            **{**report, "warnings": (*dataset.warnings, *model.warnings, *report["warnings"])},
            **{name: value for name, value in results.items() if name in TrainModelResponse.model_fields},
        )
        run.save_summary(response.model_dump())
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
