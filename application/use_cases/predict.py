"""Predict with a finished model, row by row."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from application.answers import Answers
from application.ports import AnswerFiles, PredictorSource
from domain.exceptions import ConfigurationError
from domain.generation import GenerationSettings

CSV = (".csv", ".csv.gz")


class PredictRequest(BaseModel):
    """A run or model directory, and rows without labels; `-` reads standard input, a row a line.

    `reading` are fields of `Reading`, and names of fields such as `text_field`, that replace those of the model. A bad
    row is answered with nulls and the reason; when `strict` it stops. `for_spreadsheets` keeps a CSV from being taken
    for formulas. The other fields are those of `GenerationSettings`; None leaves what travels with the model.
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
    max_repeats: int | None = None
    stop: tuple[str, ...] | None = None
    reading: dict[str, Any] = {}
    for_spreadsheets: bool = False
    strict: bool = False

    @property
    def options(self) -> Mapping[str, Any]:
        """The settings of generation that were given."""
        given = self.model_dump(exclude={"run", "input_path", "device", "reading", "for_spreadsheets", "strict"})
        return {name: value for name, value in given.items() if value is not None}


class PredictUseCase:
    """Answers rows in their order, as they come, without holding them all."""

    def __init__(self, predictors: PredictorSource, files: AnswerFiles) -> None:
        self._predictors = predictors
        self._files = files

    def execute(self, request: PredictRequest, on_text: Callable[[str], None] | None = None) -> Answers:
        """Give one mapping a row: `label` and `scores` for classification, `text` from a model that writes.

        Forecasts are a table: a row for each target and horizon with its time and quantiles.
        With `on_text` a text is also told in pieces while it is written, all of them before its mapping.
        Raises: ConfigurationError, ModelError, DatasetError.
        """
        options = request.options
        GenerationSettings().changed(options)  # a wrong option need not wait for the model to open
        answers = self._predictors.open(request.run, request.device, request.reading).predict(
            request.input_path, options, on_text, request.strict
        )
        if not request.for_spreadsheets:
            return answers
        if not answers.is_table:
            raise ConfigurationError(
                f"for_spreadsheets is for tables, and {request.run} answers in JSON.", remedy="Leave it out."
            )
        return answers.for_spreadsheets()

    def write(self, request: PredictRequest, output_path: str) -> Answers:
        """Answer into a file, in the format that the ending of its name says; gives the answers, for their notes.

        Raises: ConfigurationError, ModelError, DatasetError, with nothing left behind.
        """
        if Path(output_path).resolve() == Path(request.input_path).resolve():
            raise ConfigurationError(
                f"--output {output_path} is the input, which would be lost.", remedy="Name another file."
            )
        if request.for_spreadsheets and not output_path.lower().endswith(CSV):
            raise ConfigurationError(
                f"for_spreadsheets is for CSV, and --output {output_path} is none.", remedy="Write .csv or .csv.gz."
            )
        answers = self.execute(request)
        self._files.write(output_path, answers)
        return answers
