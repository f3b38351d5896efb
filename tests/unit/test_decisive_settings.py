"""Every setting either decides the result or stands on the list of those that cannot."""

from typing import Any

import pytest

from application.training import CANNOT_MATTER, TRAININGS, Training
from application.training_request import TrainModelRequest
from domain.config import WITHOUT_EFFECT, TrainingConfig
from domain.task import TASKS

FIELDS = tuple(TrainModelRequest.model_fields)
OF_KINDS = {name: task for task, known in TASKS.items() for name in TRAININGS[known.kind].model_fields}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_decisive_or_on_the_list_of_those_that_cannot_matter(name: str) -> None:
    training = TrainModelRequest(task=OF_KINDS[name]).resolved()
    assert (name in training.decisive()) is (name not in CANNOT_MATTER)


@pytest.mark.parametrize("name", sorted(CANNOT_MATTER))
def test_what_cannot_matter_is_a_field_and_says_why(name: str) -> None:
    assert name in FIELDS
    assert len(CANNOT_MATTER[name].split()) > 3


@pytest.mark.parametrize("name", sorted(WITHOUT_EFFECT))
def test_what_has_no_effect_on_the_loop_is_a_setting_of_it(name: str) -> None:
    assert name in TrainingConfig.__dataclass_fields__


@pytest.mark.parametrize(
    "changes",
    [
        {"label_smoothing": 0.1},
        {"task": "text_classification", "freeze": 2},
        {"task": "text_classification", "layer_decay": 0.9},
        {"task": "text_classification", "adapter": "dora"},
        {"word_dropout": 0.5},
        {"class_weights": {"a": 2.0, "b": 1.0}},
        {"max_length": 64},
        {"seed": 1},
        {"task": "quantile_forecasting", "quantiles": (0.1, 0.9)},
        {"metric_name": "accuracy"},
    ],
    ids=str,
)
def test_a_changed_value_changes_what_the_result_follows_from(changes: dict[str, Any]) -> None:
    unchanged = {name: value for name, value in changes.items() if name == "task"}
    assert decided(**changes).decisive() != decided(**unchanged).decisive()


def decided(**settings: Any) -> Training:
    return TrainModelRequest(**settings).resolved()
