"""Say what a training will take, without training and without leaving anything behind."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from application.monitors import Monitors
from application.phases import telling_phases
from application.ports import DatasetSource, Estimator, ModelSource, RunMonitor, RunStore, Workshop
from application.training_request import TrainModelRequest
from domain.exceptions import AthanorError


class PlanTrainingResponse(BaseModel):
    """What a training would take; the figures are those of `Estimate`, each group by its names.

    `baselines` are scores of simple rivals, named as in the response of a training; `facts` say what was found in the
    data. `success` is False where the
    training could not begin; `errors` then says why and what to do.
    """

    model_config = ConfigDict(frozen=True)

    success: bool
    errors: tuple[str, ...] = ()
    task: str | None = None
    dataset_path: str | None = None
    model_name: str | None = None
    max_length: int | None = None
    run_dir: str | None = None
    num_train_rows: int | None = None
    num_eval_rows: int | None = None
    num_parameters: int | None = None
    num_trainable: int | None = None
    device: str | None = None
    precision: str | None = None
    lengths: dict[str, float] = {}
    steps: dict[str, int] = {}
    seconds: dict[str, float] = {}
    memory: dict[str, int | None] = {}
    disk: dict[str, int] = {}
    baselines: dict[str, Any] = {}
    facts: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    exit_code: int = 0


class PlanTrainingUseCase:
    """Takes a training as far as its first batches, on the real data and the real model, and writes nothing."""

    def __init__(
        self, runs: RunStore, datasets: DatasetSource, models: ModelSource, workshop: Workshop, estimator: Estimator
    ) -> None:
        self._runs = runs
        self._datasets = datasets
        self._models = models
        self._workshop = workshop
        self._estimator = estimator

    def execute(self, request: TrainModelRequest, monitor: RunMonitor | None = None) -> PlanTrainingResponse:
        """Answer; what a training would refuse gives a response with `errors`, only programming errors are raised."""
        try:
            with telling_phases(Monitors.of(monitor).notify), self._estimator.aside():
                return self._planned(request)
        except AthanorError as error:
            return PlanTrainingResponse(success=False, errors=error.messages, exit_code=error.exit_code)

    def _planned(self, request: TrainModelRequest) -> PlanTrainingResponse:
        training = self._workshop.settle(request.resolved(), request)
        run = self._runs.reserve(training)
        dataset = self._datasets.load(training)
        model = self._models.build(training, dataset, run)
        training = self._workshop.fit(training, request, model, dataset)
        found = self._estimator.estimate(training, model, dataset, run)
        return PlanTrainingResponse(
            success=True,
            task=training.task,
            dataset_path=training.dataset_path,
            model_name=training.model_name,
            max_length=getattr(training, "max_length", None),
            run_dir=run.path,
            num_train_rows=dataset.num_train,
            num_eval_rows=dataset.num_eval,
            num_parameters=found.num_parameters,
            num_trainable=found.num_trainable,
            device=found.device,
            precision=found.precision,
            lengths=dict(found.lengths),
            steps=dict(found.steps),
            seconds=dict(found.seconds),
            memory=dict(found.memory),
            disk=dict(found.disk),
            baselines=dict(found.baselines),
            facts=dict(dataset.facts),
            warnings=found.warnings,
        )
