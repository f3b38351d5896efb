"""A setting that means nothing to a task is refused in a sentence that says what to do instead, and it works."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from application.foreign import foreign_faults
from application.groups.known import GROUPS, NAMES
from application.training import FOREIGN_TO_FLOW, TRAININGS, AnyTraining, LabelTraining, Training, training_of
from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError
from domain.task import TASKS, Task
from infrastructure.predictors import PredictorSource
from infrastructure.runs.run_file import dump_request, read_request
from infrastructure.tasks.registry import KINDS
from tests.support.trainings import asked_again

# Of each setting a value that is not its default.
OTHERS: dict[str, Any] = {
    "eval_dataset": "x.csv",
    "validation_split": 0.3,
    "text_field": "x",
    "label_field": "x",
    "group_field": "x",
    "lowercase": True,
    "word_dropout": 0.1,
    "linear_start": True,
    "mark_weight": 0.5,
    "findings": "bandit",
    "source_field": "x",
    "messages_field": "x",
    "chat_template": "plain",
    "target_field": "x",
    "packing": True,
    "mask_share": 0.2,
    "sample_rows": 3,
    "tokenizer": "char",
    "freeze": "embeddings",
    "layer_decay": 0.9,
    "adapter": "lora",
    "adapter_rank": 4,
    "adapter_alpha": 1.0,
    "adapter_dropout": 0.1,
    "adapter_targets": ("x",),
    "merge_adapter": False,
    "quantize": "4bit",
    "vocab_size": 500,
    "max_length": 64,
    "batch_tokens": 4096,
    "time_column": "x",
    "time_format": "%Y",
    "decimal": ",",
    "time_zone": "UTC",
    "columns": ("x",),
    "split": (0.5, 0.5),
    "unsorted_stamps": "sort",
    "duplicate_stamps": "mean",
    "gaps": "fill",
    "missing_values": "refuse",
    "context_length": 9,
    "horizons": 3,
    "window_stride": 2,
    "patch_length": 3,
    "calendar": ("hour",),
    "holidays": ("DE",),
    "volatility_window": 5,
    "instance_norm": False,
    "target_columns": ("x",),
    "series_column": ("x",),
    "static_columns": ("x",),
    "known_columns": ("x",),
    "quantiles": (0.1, 0.9),
    "calibration": "guarded",
    "sharpness_weight": 1.0,
    "crossing_weight": 1.0,
    "floor": 0.0,
    "ceiling": 9.0,
    "integers": True,
    "value_scale": "log",
    "price_column": "x",
    "dead_band": 0.1,
    "session_gaps": "cut",
    "num_labels": 3,
    "class_weights": "balanced",
    "label_smoothing": 0.1,
    "max_new_tokens": 5,
    "num_beams": 2,
    "max_repeats": 2,
}
FOREIGN = [
    (task, name)
    for task, known in TASKS.items()
    for name in NAMES
    if name not in training_of(known).model_fields and not (name == "validation_split" and "split" in known.settings)
]
# What may be said instead of a foreign setting is said with another one.
NAMED = re.compile(r"with (\w+)(?: and (\w+))?")


def refused(**settings: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        TrainModelRequest(**settings).resolved()
    (message,) = caught.value.messages
    return message


@pytest.mark.parametrize(("task", "name"), FOREIGN)
def test_a_foreign_setting_is_refused_and_what_it_says_instead_is_taken(task: str, name: str) -> None:
    message = refused(task=task, **{name: OTHERS[name]})
    fault, remedy = message.split(". ", 1)
    assert fault == f"{name} means nothing to task {task}"
    instead = NAMED.search(remedy)
    names = [one for one in instead.groups() if one] if instead else []
    taken = {one: OTHERS[one] for one in names}
    assert names or "Leave it out" in remedy
    TrainModelRequest(task=task, **taken).resolved()


def test_a_preset_of_another_task_is_refused_and_no_setting_that_nobody_gave() -> None:
    assert "is no preset of this task" in refused(task="text_classification", model_name="encoder-flow-mini")


@pytest.mark.parametrize("name", OTHERS)
def test_a_setting_is_taken_by_the_tasks_that_a_refusal_names(name: str) -> None:
    for task in (task for task, foreign in FOREIGN if foreign == name):
        told = refused(task=task, **{name: OTHERS[name]}).partition(" it is for ")[2]
        for known in (known for known in TASKS if re.search(rf"\b{known}\b", told)):
            value = len(TASKS[known].labels or "ab") if name == "num_labels" else OTHERS[name]
            model = "encoder-mini" if name in FOREIGN_TO_FLOW and TASKS[known].settings_of_flow else None
            asked = TrainModelRequest(task=known, model_name=model, **{name: value})
            assert name in asked.resolved().model_fields_set


@pytest.mark.parametrize("task", TASKS)
def test_foreign_settings_at_their_default_are_no_fault_and_leave_no_trace(task: str) -> None:
    defaults = {name: about.default for name, about in TrainModelRequest.model_fields.items() if name in OTHERS}
    of_before = {"label_field": "label"} if task != "text_classification" else {}
    own = {*training_of(TASKS[task]).model_fields}
    said = {name: value for name, value in {**defaults, **of_before}.items() if name not in own}
    assert TrainModelRequest(task=task, **said).resolved() == TrainModelRequest(task=task).resolved()


def test_all_foreign_settings_are_named_together_with_other_faults() -> None:
    with pytest.raises(ConfigurationError) as caught:
        TrainModelRequest(task="text_classification", horizons=3, packing=True, epochs=0).resolved()
    assert [message.split()[0] for message in caught.value.messages] == ["packing", "horizons", "num_epochs"]


@pytest.mark.parametrize("task", TASKS)
def test_a_run_file_holds_the_settings_of_its_task_alone_and_repeats_the_run(task: str, tmp_path: Path) -> None:
    training = TrainModelRequest(task=task, seed=7).resolved()
    (tmp_path / "run.yaml").write_text(dump_request(training), encoding="utf-8")
    again = read_request(tmp_path / "run.yaml")
    assert again.model_fields_set == {*training_of(TASKS[task]).model_fields}
    assert again.resolved() == training == asked_again(training)


def test_a_run_file_of_before_holds_every_setting_and_is_taken_as_it_was_meant(tmp_path: Path) -> None:
    resolved = TrainModelRequest(label_field="label").resolved()
    everything = {**TrainModelRequest().model_dump(), **resolved.model_dump()}
    assert {*everything} == {*NAMES}
    (tmp_path / "run.yaml").write_text(dump_request(TrainModelRequest(**everything)), encoding="utf-8")
    assert read_request(tmp_path / "run.yaml").resolved() == resolved


class TestOfAFinishedModel:
    """`predict` and `evaluate` refuse before a model is opened."""

    @pytest.mark.parametrize(
        ("task", "given", "said"),
        [
            (
                "text_classification",
                {"time_format": "%Y"},
                "time_format means nothing .* Leave it out: it is for quant",
            ),
            ("language_modeling", {"decimal": ","}, "decimal means nothing .* Leave it out"),
            (
                "sequence_to_sequence",
                {"text_field": "x"},
                "text_field means nothing .* Use source_field or target_field",
            ),
            ("market_direction", {"label_field": "x"}, "label_field means nothing .* Leave it out: a table is read"),
        ],
    )
    def test_a_foreign_setting_is_refused(self, task: str, given: dict[str, str], said: str, tmp_path: Path) -> None:
        (tmp_path / "athanor.json").write_text(json.dumps({"task": task}), encoding="utf-8")
        with pytest.raises(ConfigurationError, match=said):
            PredictorSource().open(str(tmp_path), "cpu", given)


class TestGroups:
    def test_hold_each_setting_once(self) -> None:
        assert len(NAMES) == len({*NAMES}) == len(TrainModelRequest.model_fields)
        assert {*NAMES} == {*TrainModelRequest.model_fields}
        assert len({group.title for group in GROUPS}) == len(GROUPS)
        assert not {group.title.lower() for group in GROUPS} & {*NAMES}, "a heading has the anchor of a setting"

    def test_are_understood_whole_or_not_at_all(self) -> None:
        for training in TRAININGS.values():
            for group in GROUPS:
                assert {*group.model_fields} & {*training.model_fields} in ({*group.model_fields}, set())

    def test_are_declared_by_every_kind(self) -> None:
        assert {*TRAININGS} == {*KINDS}

    @pytest.mark.parametrize("task", TASKS)
    def test_hold_the_settings_that_a_task_decides(self, task: str) -> None:
        known = TASKS[task]
        decided = (known.settings, known.settings_of_pretrained, known.settings_of_adapter, known.settings_of_head)
        assert {name for settings in decided for name in settings} <= {*training_of(known).model_fields}

    def test_of_a_kind_that_declares_none_are_all(self) -> None:
        toy = Task("toy", "of elsewhere", "x", text_fields=("text",), metric_name="loss", default_dataset="x.csv")
        assert training_of(toy) is AnyTraining
        assert {*AnyTraining.model_fields} == {*NAMES}
        assert list(foreign_faults(toy, NAMES)) == []


def test_a_task_that_decides_what_means_nothing_to_its_kind_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = replace(TASKS["text_classification"], name="odd", settings={"vocab_size": 400, "horizons": 3})
    monkeypatch.setattr("domain.task.TASKS", {"odd": odd})
    assert "horizons means nothing to task odd" in refused(task="odd", validation_split=0.1)


def test_what_neither_request_nor_task_decides_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Task(
        "toy", "sequence_classification", "x", text_fields=("text",), metric_name="macro_f1", default_dataset="x.csv"
    )
    monkeypatch.setattr("domain.task.TASKS", {"toy": toy})
    with pytest.raises(ConfigurationError, match="validation_split is not given, and task toy has no default for it"):
        TrainModelRequest(task="toy", vocab_size=400).resolved()
    training: Training = TrainModelRequest(task="toy", vocab_size=400, validation_split=0.1).resolved()
    assert isinstance(training, LabelTraining)
    assert (training.epochs, training.word_dropout, training.lowercase) == (3, 0.0, False)
