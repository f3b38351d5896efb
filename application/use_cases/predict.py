"""Predict with a finished model, row by row."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from application.ports import PredictorSource
from domain.generation import GenerationSettings


class PredictRequest(BaseModel):
    """A run or model directory, and rows without labels; `-` reads standard input, a row a line.

    The other fields are those of `GenerationSettings`; None leaves what travels with the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    input_path: str
    device: str = "auto"
    max_new_tokens: int | None = None
    num_beams: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None

    @property
    def options(self) -> Mapping[str, Any]:
        """The settings of generation that were given."""
        given = self.model_dump(exclude={"run", "input_path", "device"})
        return {name: value for name, value in given.items() if value is not None}


class PredictUseCase:
    """Answers rows in their order, as they come, without holding them all."""

    def __init__(self, predictors: PredictorSource) -> None:
        self._predictors = predictors

    def execute(
        self, request: PredictRequest, on_text: Callable[[str], None] | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Yield one mapping a row: `label` and `scores` for classification, `text` from a model that writes.

        With `on_text` a text is also told in pieces while it is written, all of them before its mapping.
        Raises: ConfigurationError, ModelError, DatasetError.
        """
        options = request.options
        GenerationSettings().changed(options)  # a wrong option need not wait for the model to open
        return self._predictors.open(request.run, request.device).predict(request.input_path, options, on_text)
