"""Find the learning rate of a training, as `athanor lr-find` does."""

from contextlib import nullcontext
from os import PathLike, fspath
from typing import Any

from application.ports import RunMonitor
from application.training_request import TrainModelRequest
from application.use_cases.find_learning_rate import FindLearningRateRequest, FindLearningRateResponse
from domain.rate_sweep import STEPS
from infrastructure.container import Container

Place = str | PathLike[str]


def find_learning_rate(
    task: str = "security_classification",
    dataset_path: Place | None = None,
    *,
    model_name: str | None = None,
    start: float | None = None,
    end: float | None = None,
    steps: int = STEPS,
    picture: Place | None = None,
    monitor: RunMonitor | None = None,
    **settings: Any,
) -> FindLearningRateResponse:
    """Try learning rates from `start` to `end` on the first steps of a training; `settings` are those of `train`.

    Without ends the task and the optimizer decide. `picture`, a name that ends in .png, is drawn; nothing else is
    written. `train(..., learning_rate=found.learning_rate)` takes the rate. Where there is none to suggest, the
    response says `success=False` and gives `errors`.
    Raises: ConfigurationError for a setting that does not exist or is of a wrong type.
    """
    request = FindLearningRateRequest(
        training=TrainModelRequest(
            task=task,
            dataset_path=None if dataset_path is None else fspath(dataset_path),
            model_name=model_name,
            **settings,
        ),
        start=start,
        end=end,
        steps=steps,
        picture=None if picture is None else fspath(picture),
    )
    return Container().find_learning_rate().execute(request, lambda doing: nullcontext(monitor))
