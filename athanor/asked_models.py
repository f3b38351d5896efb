"""Finished models as functions: scored on rows, and asked for answers."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike, fspath
from typing import Any

from application.answers import Answers
from application.use_cases.evaluate_model import EvaluateModelRequest, EvaluateModelResponse
from application.use_cases.predict import PredictRequest
from infrastructure.answers_container import AnswersContainer

Place = str | PathLike[str]


def evaluate(
    run: Place,
    dataset_path: Place,
    *,
    device: str = "auto",
    reading: Mapping[str, Any] | None = None,
    report_path: Place | None = None,
    run_tests: bool = False,
    samples: int | None = None,
    temperature: float | None = None,
    pass_at: Sequence[int] | None = None,
    seed: int | None = None,
    max_new_tokens: int | None = None,
    time_limit: int | None = None,
    memory_limit: int | None = None,
) -> EvaluateModelResponse:
    """Score a finished model on rows with their labels or targets; `reading` is that of `EvaluateModelRequest`.

    With `report_path`, a name that ends in .html, a page about them is written there. With `run_tests` a model that
    writes programs is scored by the tests of each row, which run apart; what stands below it is about these.

    Raises: ModelError, DatasetError, ConfigurationError.
    """
    request = EvaluateModelRequest(
        run=fspath(run),
        dataset_path=fspath(dataset_path),
        device=device,
        reading=dict(reading or {}),
        report_path=None if report_path is None else fspath(report_path),
        run_tests=run_tests,
        samples=samples,
        temperature=temperature,
        pass_at=None if pass_at is None else tuple(pass_at),
        seed=seed,
        max_new_tokens=max_new_tokens,
        time_limit=time_limit,
        memory_limit=memory_limit,
    )
    return AnswersContainer().evaluate_model().execute(request)


def predict(
    run: Place,
    input_path: Place,
    *,
    device: str = "auto",
    reading: Mapping[str, Any] | None = None,
    keep: str | Sequence[str] | None = None,
    top_k: int | None = None,
    threshold: float | None = None,
    max_new_tokens: int | None = None,
    num_beams: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    max_repeats: int | None = None,
    stop: Sequence[str] | None = None,
    strict: bool = False,
    on_text: Callable[[str], None] | None = None,
) -> Answers:
    """Answer rows with a finished model, one by one as they are asked for; `reading` is that of `PredictRequest`.

    What is None is as it travels with the model. `keep` repeats columns of the input, "all" or names; `top_k` gives as
    many labels, and below `threshold` a label is "unsure". A bad row is answered with nulls and the reason; when
    `strict` it stops. `on_text` is told a text in pieces while it is written.
    Raises: ModelError, ConfigurationError; DatasetError once what cannot be read is reached.
    """
    request = PredictRequest(
        run=fspath(run),
        input_path=fspath(input_path),
        device=device,
        reading=dict(reading or {}),
        keep=keep if keep is None or isinstance(keep, str) else tuple(keep),
        threshold=threshold,
        max_new_tokens=max_new_tokens,
        num_beams=num_beams,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        max_repeats=max_repeats,
        stop=None if stop is None else tuple(stop),
        strict=strict,
    )
    return AnswersContainer().predict().execute(request, on_text)
