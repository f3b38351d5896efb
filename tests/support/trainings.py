"""Trainings of a kind that a test knows."""

from typing import Any, TypeVar

from application.training import Training
from application.training_request import TrainModelRequest

Kind = TypeVar("Kind", bound=Training)


def training(kind: type[Kind], task: str, **settings: Any) -> Kind:
    """Decide a request for a task of that kind."""
    found = TrainModelRequest(task=task, **settings).resolved()
    assert isinstance(found, kind)
    return found


def asked_again(known: Training) -> Training:
    """Decide what a training says as a request of its own, as its run file does."""
    return TrainModelRequest(**known.model_dump()).resolved()
