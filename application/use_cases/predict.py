"""Predict with a finished model, row by row."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from application.ports import PredictorSource


class PredictRequest(BaseModel):
    """A run or model directory, and rows without labels; `-` reads standard input, a row a line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    input_path: str
    device: str = "auto"


class PredictUseCase:
    """Answers rows in their order, as they come, without holding them all."""

    def __init__(self, predictors: PredictorSource) -> None:
        self._predictors = predictors

    def execute(self, request: PredictRequest) -> Iterator[Mapping[str, Any]]:
        """Yield one mapping a row: `label` and `scores` for classification. Raises: ModelError, DatasetError."""
        return self._predictors.open(request.run, request.device).predict(request.input_path)
