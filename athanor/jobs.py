"""The jobs of the command line as functions: each makes a request and has the use case carry it out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Any

from application.answers import Answers
from application.ports import RunMonitor
from application.use_cases.evaluate_model import EvaluateModelRequest, EvaluateModelResponse
from application.use_cases.plan_training import PlanTrainingResponse
from application.use_cases.predict import PredictRequest
from application.use_cases.train_model import TrainModelRequest, TrainModelResponse
from infrastructure.container import Container
from presentation import notebook

Place = str | PathLike[str]


def train(
    task: str = "security_classification",
    dataset_path: Place | None = None,
    *,
    model_name: str | None = None,
    output_dir: Place | None = None,
    quick: bool = False,
    monitor: RunMonitor | None = None,
    **settings: Any,
) -> TrainModelResponse:
    """Train a model; `settings` are the other fields of `TrainModelRequest`, and None takes the task's default.

    A failed run raises nothing: the response says `success=False` and gives `errors`.
    Raises: ConfigurationError for a setting that does not exist or is of a wrong type.
    """
    request = _request(task, dataset_path, model_name, output_dir, quick, settings)
    with _watched(monitor) as watching:
        return Container().train_model().execute(request, watching)


def plan(
    task: str = "security_classification",
    dataset_path: Place | None = None,
    *,
    model_name: str | None = None,
    output_dir: Place | None = None,
    quick: bool = False,
    monitor: RunMonitor | None = None,
    **settings: Any,
) -> PlanTrainingResponse:
    """Say what `train` with these arguments would take, and write nothing: rows, steps, time, memory, disk, baselines.

    A training that could not begin raises nothing: the response says `success=False` and gives `errors`.
    Raises: ConfigurationError for a setting that does not exist or is of a wrong type.
    """
    request = _request(task, dataset_path, model_name, output_dir, quick, settings)
    with _watched(monitor) as watching:
        return Container().plan_training().execute(request, watching)


def resume(run: Place, *, monitor: RunMonitor | None = None, accept_changes: bool = False) -> TrainModelResponse:
    """Go on with a run that was killed or stopped; with `accept_changes` even where settings or data have changed.

    A failed run raises nothing: the response says `success=False` and gives `errors`.
    """
    with _watched(monitor) as watching:
        return Container().resume_training().execute(fspath(run), watching, accept_changes)


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
    return Container().evaluate_model().execute(request)


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
    return Container().predict().execute(request, on_text)


def _request(
    task: str,
    dataset_path: Place | None,
    model_name: str | None,
    output_dir: Place | None,
    quick: bool,
    settings: Mapping[str, Any],
) -> TrainModelRequest:
    return TrainModelRequest(
        task=task,
        dataset_path=None if dataset_path is None else fspath(dataset_path),
        model_name=model_name,
        output_dir=None if output_dir is None else fspath(output_dir),
        quick=quick,
        **settings,
    )


@contextmanager
def _watched(monitor: RunMonitor | None) -> Iterator[RunMonitor | None]:
    """Show a run in a notebook where nobody else watches it."""
    if monitor is not None or not notebook.is_notebook():
        yield monitor
        return
    with notebook.watched() as shown:
        yield shown
