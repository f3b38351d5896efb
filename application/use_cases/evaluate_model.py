"""Evaluate a finished model on labelled rows it has not seen."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from application.as_html import scores_html, titled_html, told_html
from application.ports import PredictorSource
from domain.interval import known


class EvaluateModelRequest(BaseModel):
    """A run or model directory, and the rows to score it on.

    `reading` are fields of `Reading`, and names of fields such as `text_field`. With `report_path`, which
    ends in .html, a page about the rows is written there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    run: str
    dataset_path: str
    device: str = "auto"
    reading: dict[str, Any] = {}
    report_path: str | None = None


class EvaluateModelResponse(BaseModel):
    """Metrics over all rows, None for one that cannot be computed on them.

    `intervals` hold, by the names of metrics, the low and the high end that the true value lies between with 95 %
    confidence: what other rows would change, not what another seed of the training would. `warnings` say which metrics
    cannot be computed, and what was unusual in the file. `task` says what the rows are and is no part of the answer to
    programs.
    """

    model_config = ConfigDict(frozen=True)

    metrics: dict[str, Any]
    num_rows: int
    intervals: dict[str, tuple[float, float]] = {}
    warnings: tuple[str, ...] = ()
    task: str | None = Field(default=None, exclude=True)

    def _repr_html_(self) -> str:
        scores = scores_html(self.metrics, self.metrics, self.intervals, self.task)
        return titled_html(f"{self.num_rows:,} rows", scores, told_html(self.warnings, "warning"))


class EvaluateModelUseCase:
    """Scores a model as it was saved, with the settings that travel with it."""

    def __init__(self, predictors: PredictorSource) -> None:
        self._predictors = predictors

    def execute(self, request: EvaluateModelRequest) -> EvaluateModelResponse:
        """Raises: ModelError, DatasetError."""
        predictor = self._predictors.open(request.run, request.device, request.reading)
        result = predictor.evaluate(request.dataset_path, request.report_path)
        return EvaluateModelResponse(
            metrics=dict(result.metrics),
            num_rows=result.num_rows,
            intervals=known(result.intervals),
            warnings=result.warnings,
            task=result.task,
        )
