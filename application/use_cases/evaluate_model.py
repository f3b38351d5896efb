"""Evaluate a finished model on labelled rows it has not seen."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from application.as_html import scores_html, titled_html, told_html
from application.ports import PredictorSource
from domain.exceptions import ConfigurationError
from domain.interval import known
from domain.program_tests import ProgramTesting

_OF_TESTS = tuple(field.name for field in fields(ProgramTesting))


class EvaluateModelRequest(BaseModel):
    """A run or model directory, and the rows to score it on.

    `reading` are fields of `Reading`, and names of fields such as `text_field`. With `report_path`, which
    ends in .html, a page about the rows is written there.

    With `run_tests` a model that writes is scored by the tests of each row: its programs are run, apart. The fields
    below it are those of `ProgramTesting`, where None takes the rule, and mean nothing without it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    run: str
    dataset_path: str
    device: str = "auto"
    reading: dict[str, Any] = {}
    report_path: str | None = None
    run_tests: bool = False
    samples: int | None = None
    temperature: float | None = None
    pass_at: tuple[int, ...] | None = None
    seed: int | None = None
    max_new_tokens: int | None = None
    time_limit: int | None = None
    memory_limit: int | None = None

    def testing(self) -> ProgramTesting | None:
        """Say how programs are tested, None where none are. Raises: ConfigurationError naming all that is wrong."""
        given = {name: getattr(self, name) for name in _OF_TESTS if getattr(self, name) is not None}
        if self.run_tests:
            return ProgramTesting(**given)
        if given:
            raise ConfigurationError.of([f"{name} means nothing without run_tests. Use --run-tests." for name in given])
        return None


class EvaluateModelResponse(BaseModel):
    """Metrics over all rows, None for one that cannot be computed on them.

    `intervals` hold, by the names of metrics, the low and the high end that the true value lies between with 95 %
    confidence: what other rows would change, not what another seed of the training would. `warnings` say which metrics
    cannot be computed, and what was unusual in the file. `task` says what the rows are and is no part of the answer to
    programs. `rows` say of each what became of the programs written for it, where their tests were run.
    """

    model_config = ConfigDict(frozen=True)

    metrics: dict[str, Any]
    num_rows: int
    intervals: dict[str, tuple[float, float]] = {}
    warnings: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()
    task: str | None = Field(default=None, exclude=True)

    def _repr_html_(self) -> str:
        scores = scores_html(self.metrics, self.metrics, self.intervals, self.task)
        return titled_html(f"{self.num_rows:,} rows", scores, told_html(self.warnings, "warning"))


class EvaluateModelUseCase:
    """Scores a model as it was saved, with the settings that travel with it."""

    def __init__(self, predictors: PredictorSource) -> None:
        self._predictors = predictors

    def execute(self, request: EvaluateModelRequest) -> EvaluateModelResponse:
        """Raises: ModelError, DatasetError, ConfigurationError."""
        testing = request.testing()
        predictor = self._predictors.open(request.run, request.device, request.reading)
        result = predictor.evaluate(request.dataset_path, request.report_path, testing)
        return EvaluateModelResponse(
            metrics=dict(result.metrics),
            num_rows=result.num_rows,
            intervals=known(result.intervals),
            warnings=result.warnings,
            rows=tuple(result.rows),
            task=result.task,
        )
