"""Trainings as functions: each makes a request and has the use case carry it out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Any

from application.ports import RunMonitor
from application.use_cases.plan_training import PlanTrainingResponse
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
