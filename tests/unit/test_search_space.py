"""Search spaces: those of tasks, those that people write, and what is wrong with these."""

from typing import Any

import pytest

from application.search_spaces import default_values, space_of
from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError
from domain.search_space import Choice, Range, Space, combinations_of, is_within, size_of
from domain.task import TASKS

TEXTS = TrainModelRequest(task="text_classification")


def faults_of(written: Any, request: TrainModelRequest = TEXTS) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        space_of(request, written)
    return caught.value.messages


@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_a_space_around_its_defaults_whose_values_it_takes(task: str) -> None:
    request = TrainModelRequest(task=task)
    space, notes = space_of(request, None)
    assert notes == ()
    assert {"model_name", "learning_rate", "weight_decay", "batch_size"} <= set(space)
    assert is_within(default_values(request, space), space)
    for name, dimension in space.items():
        for value in dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high):
            request.changed(**{name: value}).resolved()


def test_an_adapter_brings_its_rank_and_a_number_of_steps_takes_epochs_away() -> None:
    tuned = TEXTS.changed(model_name="some/base", adapter="lora")
    assert {"adapter_rank", "adapter_dropout"} <= set(space_of(tuned, None)[0])
    assert "model_name" not in space_of(tuned, None)[0]
    assert "epochs" in space_of(TEXTS, None)[0]
    assert "epochs" not in space_of(TEXTS.changed(max_steps=50), None)[0]


def test_what_a_training_says_itself_is_not_searched() -> None:
    request = TEXTS.changed(learning_rate=1e-3, batch_tokens=4096)
    assert not {"learning_rate", "batch_size", "batch_tokens"} & set(space_of(request, None)[0])
    space, notes = space_of(request, {"learning_rate": {"low": 1e-4, "high": 1e-2}, "epochs": [1, 2]})
    assert set(space) == {"epochs"}
    assert notes == ("not searched, because the training says what they are: learning_rate.",)


def test_a_space_is_read_as_its_settings_are() -> None:
    written = {
        "learning_rate": {"low": "1e-4", "high": "1e-2", "log": True},  # YAML takes them for texts
        "epochs": {"low": 1, "high": 4},
        "batch_size": [16, "32"],
        "lowercase": [True, False],
        "optimizer": ["adamw", "muon"],
    }
    space, _ = space_of(TEXTS, written)
    assert space == {
        "learning_rate": Range(1e-4, 1e-2, log=True),
        "epochs": Range(1, 4, is_whole=True),
        "batch_size": Choice((16, 32)),
        "lowercase": Choice((True, False)),
        "optimizer": Choice(("adamw", "muon")),
    }


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({}, "the space names no settings"),
        (["learning_rate"], "the space names no settings"),
        ({"learning_rat": [1, 2]}, "Did you mean 'learning_rate'?"),
        ({"zzz": [1, 2]}, "Settings that can be tuned: model_name"),
        ({"seed": [1, 2]}, "seed is luck"),
        ({"dataset_path": ["a", "b"]}, "dataset_path cannot be tuned"),
        ({"output_dir": ["a", "b"]}, "output_dir cannot be tuned"),
        ({"metric_name": ["loss", "accuracy"]}, "metric_name cannot be tuned"),
        ({"context_length": [8, 16]}, "context_length means nothing to this task"),
        ({"learning_rate": 0.001}, "leaves nothing to choose"),
        ({"learning_rate": {"low": 1e-2, "high": 1e-4}}, "is not below its high"),
        ({"learning_rate": {"low": 1e-3, "high": 1e-3}}, "is not below its high"),
        ({"learning_rate": {"low": 0, "high": 1e-3, "log": True}}, "a log range lies above 0"),
        ({"learning_rate": {"low": 1e-4}}, "learning_rate has no high"),
        ({"learning_rate": {"low": "tiny", "high": 1}}, "low of learning_rate is 'tiny', which is no number"),
        ({"learning_rate": {"low": 1e-4, "high": float("inf")}}, "high of learning_rate is inf, which is no number"),
        ({"learning_rate": {"low": 1e-4, "high": 1e-2, "lgo": True}}, "learning_rate has 'lgo', which is not known"),
        ({"learning_rate": {"low": 1e-4, "high": 1e-2, "log": "yes"}}, "must be true or false"),
        ({"epochs": {"low": 1.5, "high": 3}}, "epochs is a whole number"),
        ({"batch_size": [16]}, "batch_size has 1 values"),
        ({"batch_size": [16, 16]}, "names a value twice"),
        ({"weight_decay": [0, 0.0, 0.1]}, "names a value twice"),
        ({"learning_rate": ["1e-3", 0.001]}, "names a value twice"),
        ({"batch_size": [16, [32]]}, "a value that is a list"),
        ({"batch_size": [16, "many"]}, "batch_size is 'many'"),
        ({"batch_size": [16, 0]}, "batch_size is 0"),
        ({"optimizer": ["adamw", "adamx"]}, "optimizer 'adamx' is not known"),
        ({"adapter_rank": [4, 8]}, "Add adapter=lora"),
        ({"batch_size": [8, 16], "batch_tokens": [512, 1024]}, "batch_size is 8 and batch_tokens 512"),
    ],
)
def test_what_is_wrong_with_a_space_is_told(written: Any, said: str) -> None:
    assert any(said in fault for fault in faults_of(written))


def test_every_fault_is_told_at_once() -> None:
    assert len(faults_of({"seed": [1, 2], "epochs": {"low": 3, "high": 1}, "batch_size": [0, 8]})) == 3


@pytest.mark.parametrize("name", ["label_smoothing", "vocab_size", "max_length"])
def test_what_changes_the_meaning_of_a_loss_is_refused_where_the_loss_decides(name: str) -> None:
    written = {name: [0.1, 0.2] if name == "label_smoothing" else [400, 500]}
    assert "changes what the loss means" in faults_of(written, TrainModelRequest(task="code_generation"))[0]
    space_of(TEXTS, written)


def test_where_all_is_said_there_is_nothing_to_search() -> None:
    (fault,) = faults_of({"epochs": [1, 2]}, TEXTS.changed(epochs=3))
    assert "nothing is left to search" in fault


def test_a_space_without_ranges_can_be_counted_out() -> None:
    space: Space = {"a": Choice((1, "x")), "b": Range(1, 3, is_whole=True)}
    assert size_of(space) == 6 == len(list(combinations_of(space)))
    assert list(combinations_of({"a": Range(0.0, 1.0)})) == []


def test_a_rate_is_tried_with_three_digits_and_within_its_range() -> None:
    assert Range(1e-4, 1e-2).rounded(0.00123456) == 0.00123
    assert Range(1.2345e-4, 1e-2).rounded(1.2345e-4) == 1.2345e-4
    assert Range(1, 9, is_whole=True).rounded(4) == 4
