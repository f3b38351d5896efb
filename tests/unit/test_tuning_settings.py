"""How much of a model is trained is said in words or layers, and refused in a sentence otherwise."""

from typing import Any

import pytest
import yaml

from application.training import TextTraining
from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError
from infrastructure.runs.run_file import dump_request
from tests.support.trainings import training


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("none", "none"), ("embeddings", "embeddings"), ("all_but_head", "all_but_head"), ("3", 3), ("'3'", 3)],
)
def test_what_is_frozen_may_be_typed_as_it_is_read(typed: str, meant: Any) -> None:
    found = training(TextTraining, "text_classification", freeze=yaml.safe_load(typed))
    assert found.freeze == meant


@pytest.mark.parametrize("freeze", [0, -1, True, False, 1.5, "head", "", [2], "all but head"])
def test_another_value_is_refused_with_those_there_are(freeze: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"freeze is .*embeddings") as caught:
        TrainModelRequest(task="text_classification", freeze=freeze).resolved()
    assert len(caught.value.messages) == 1


@pytest.mark.parametrize("decay", [0.0, -0.5, 1.5, float("nan"), float("inf")])
def test_a_layer_decay_outside_its_range_is_refused(decay: float) -> None:
    with pytest.raises(ConfigurationError, match=r"layer_decay is .* must be above 0 and at most 1"):
        TrainModelRequest(task="text_classification", layer_decay=decay).resolved()


@pytest.mark.parametrize(
    ("task", "said", "rate"),
    [
        ("text_classification", {"model_name": "encoder-mini"}, 1e-3),
        ("text_classification", {"model_name": "owner/name"}, 3e-5),
        ("text_classification", {"model_name": "owner/name", "freeze": 2}, 3e-5),
        ("text_classification", {"model_name": "owner/name", "freeze": "all_but_head"}, 1e-3),
        ("text_classification", {"model_name": "owner/name", "freeze": "all_but_head", "learning_rate": 1e-4}, 1e-4),
        ("text_classification", {"model_name": "owner/name", "adapter": "lora"}, 5e-4),
        ("sequence_to_sequence", {"model_name": "owner/name", "adapter": "dora"}, 2e-4),
        ("language_modeling", {"model_name": "owner/name"}, 5e-5),
        ("language_modeling", {"model_name": "owner/name", "freeze": "all_but_head"}, 5e-5),
    ],
)
def test_the_rate_suits_what_is_trained_and_stands_in_the_run_file(
    task: str, said: dict[str, Any], rate: float
) -> None:
    found = TrainModelRequest(task=task, **said).resolved()
    assert found.learning_rate == rate
    assert yaml.safe_load(dump_request(found))["learning_rate"] == rate
