"""Predict with a finished model, row by row."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from application.answers import Answers
from application.joining import ALL, NONE, Keep
from application.labels import LABEL_OPTIONS, Labels
from application.ports import AnswerFiles, PredictorSource
from domain.exceptions import ConfigurationError
from domain.generation import GenerationSettings

CSV = (".csv", ".csv.gz", ".tsv")
# What is asked for beside the settings of writing.
_OTHERS = {"run", "input_path", "device", "keep", "threshold", "reading", "for_spreadsheets", "strict"}

OnAnswer = Callable[[int, int | None], None]


class PredictRequest(BaseModel):
    """A run or model directory, and rows without labels; `-` reads standard input, a row a line.

    `keep` names the columns of the input that stand before its answers: "all", "none", or names; without it a file of
    answers has all, and answers that are not written to a file have none. A model that labels gives the `top_k`
    likeliest labels, and below `threshold` says that it is unsure. `reading` are fields of `Reading`, and names of
    fields such as `text_field`, that replace those of the model. A bad row is answered with nulls and the reason; when
    `strict` it stops. `for_spreadsheets` keeps a CSV from being taken for formulas. The other fields are those of
    `GenerationSettings`, for models that write, where `top_k` is how many tokens are drawn from; None leaves what
    travels with the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    input_path: str
    device: str = "auto"
    keep: str | tuple[str, ...] | None = None
    top_k: int | None = None
    threshold: float | None = None
    max_new_tokens: int | None = None
    num_beams: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_repeats: int | None = None
    stop: tuple[str, ...] | None = None
    reading: dict[str, Any] = {}
    for_spreadsheets: bool = False
    strict: bool = False

    @property
    def options(self) -> Mapping[str, Any]:
        """The settings of writing and labelling that were given."""
        given = self.model_dump(exclude=_OTHERS - {"threshold"})
        return {name: value for name, value in given.items() if value is not None}

    @property
    def writing(self) -> Mapping[str, Any]:
        """Those of them that are of writing whatever the model does."""
        return {name: value for name, value in self.options.items() if name not in LABEL_OPTIONS}

    def kept(self, unsaid: str) -> Keep:
        """Give what is kept, `unsaid` where nothing was said."""
        return Keep(unsaid if self.keep is None else self.keep, self.keep is not None)


class PredictUseCase:
    """Answers rows in their order, as they come, without holding them all."""

    def __init__(self, predictors: PredictorSource, files: AnswerFiles) -> None:
        self._predictors = predictors
        self._files = files

    def execute(self, request: PredictRequest, on_text: Callable[[str], None] | None = None) -> Answers:
        """Give one mapping a row: its number and id, `label`, `score` and `scores`, or `text` from a model that writes.

        Forecasts are a table: a row for each target and horizon with its time and quantiles.
        With `on_text` a text is also told in pieces while it is written, all of them before its mapping.
        Raises: ConfigurationError, ModelError, DatasetError.
        """
        answers = self._answers(request, request.kept(NONE), on_text=on_text)
        if not request.for_spreadsheets:
            return answers
        if not answers.is_table:
            raise ConfigurationError(
                f"for_spreadsheets is for tables, and {request.run} answers in JSON.",
                remedy="Write the answers into a table, such as --output answers.csv, or leave it out.",
            )
        return answers.for_spreadsheets()

    def write(self, request: PredictRequest, output_path: str, on_answer: OnAnswer | None = None) -> Answers:
        """Answer into a file, in the format that the ending of its name says; gives the answers, for their notes.

        `on_answer` is told after each how many there are, and of how many where that is known.
        Raises: ConfigurationError, ModelError, DatasetError, with nothing left behind.
        """
        if Path(output_path).resolve() == Path(request.input_path).resolve():
            raise ConfigurationError(
                f"--output {output_path} is the input, which would be lost.", remedy="Name another file."
            )
        is_table = self._files.holds_table(output_path)
        if request.for_spreadsheets and not output_path.lower().endswith(CSV):
            raise ConfigurationError(
                f"for_spreadsheets is for CSV, and --output {output_path} is none.",
                remedy="Write .csv, .csv.gz or .tsv.",
            )
        answers = self._answers(request, request.kept(ALL), as_table=is_table)
        if request.for_spreadsheets:
            answers = answers.for_spreadsheets()
        total = answers.num_rows
        counted = answers if on_answer is None else answers.told(lambda number: on_answer(number, total))
        self._files.write(output_path, counted)
        return answers

    def _answers(
        self,
        request: PredictRequest,
        keep: Keep,
        on_text: Callable[[str], None] | None = None,
        as_table: bool = False,
    ) -> Answers:
        # A wrong option need not wait for the model to open, but what `top_k` may be depends on what it does.
        GenerationSettings().changed(request.writing)
        Labels.require({"threshold": request.threshold})
        predictor = self._predictors.open(request.run, request.device, request.reading)
        return predictor.predict(request.input_path, request.options, on_text, request.strict, keep, as_table)
