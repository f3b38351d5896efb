"""`athanor settings` lists what a run file may say, with the defaults that a run takes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from application.settings import run_file_schema, settings_of
from application.training import training_of
from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError
from domain.task import TASKS
from tests.support.command_line import athanor

ROOT = Path(__file__).resolve().parents[2]
FIELDS = {*TrainModelRequest.model_fields}


def test_every_setting_has_a_line_about_it() -> None:
    settings = settings_of()
    assert {setting.name for setting in settings} == FIELDS
    for setting in settings:
        assert setting.description.endswith("."), setting.name
        assert "\n" not in setting.description


@pytest.mark.parametrize("task", TASKS)
def test_the_defaults_of_a_task_are_those_that_its_runs_take(task: str) -> None:
    listed = {setting.name: setting.default for setting in settings_of(task)}
    resolved = TrainModelRequest(task=task).resolved().model_dump(mode="json")
    assert listed == {name: value for name, value in resolved.items() if name in listed}
    assert {*listed} == {*training_of(TASKS[task]).model_fields}
    by_task = {setting.name: setting.default_by_task.get(task, setting.default) for setting in settings_of()}
    assert json.loads(json.dumps({name: by_task[name] for name in listed} | {"task": task})) == listed


def test_the_settings_of_a_group_stand_together() -> None:
    groups = [setting.group for setting in settings_of()]
    assert [name for name, before in zip(groups, ["", *groups], strict=False) if name != before] == list(
        dict.fromkeys(groups)
    )


def test_types_units_and_choices_are_in_words() -> None:
    told = {setting.name: (setting.type, setting.unit) for setting in settings_of()}
    assert told["max_length"] == ("integer", "tokens")
    assert told["horizons"] == ("integer or list of integer", "rows")
    assert told["class_weights"] == ("balanced | none or number for each text", "")
    assert told["packing"] == ("true or false", "")
    assert "muon" in told["optimizer"][0]


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_the_schema_knows_what_stands_in_the_shipped_run_files(path: Path) -> None:
    properties: dict[str, dict[str, Any]] = run_file_schema()["properties"]
    for name, value in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        about = properties[name]
        assert value in about.get("enum", [value]), name
        assert about["description"]


NUMBERS = ("adapter_rank", "adapter_alpha", "batch_size", "epochs", "freeze", "layer_decay", "max_steps", "time_budget")


@pytest.mark.parametrize("truth", [True, False])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_yes_or_no_of_yaml_is_no_number(name: str, truth: bool) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is '{truth}', but"):
        TrainModelRequest(task="text_classification", **{name: truth})


def test_a_task_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean market_direction"):
        settings_of("market_directions")


def test_the_command_lists_them_for_people_and_programs() -> None:
    people = athanor("settings", "text_classification").stdout.splitlines()
    assert "learning_rate: number, default 0.001" in people
    assert "early_stopping_patience: integer (evaluations), default 3" in people
    assert "# Loop" in people
    assert "# Forecast" not in people
    assert "dataset_path: text, by task" in athanor("settings").stdout.splitlines()
    listed = json.loads(athanor("settings", "quantile_forecasting", "--json").stdout)
    assert {"name": "horizons", "group": "Forecast", "unit": "rows"}.items() <= next(
        one for one in listed if one["name"] == "horizons"
    ).items()
    schema = json.loads(athanor("settings", "--schema").stdout)
    assert schema["additionalProperties"] is False
    assert {*schema["properties"]} == FIELDS
    refused = athanor("settings", "--schema", "--json")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_a_value_of_the_wrong_type_is_told_by_what_it_may_be() -> None:
    with pytest.raises(
        ConfigurationError, match="batch_size is 'autoo', but: input should be a valid integer, or 'auto'"
    ):
        TrainModelRequest(batch_size="autoo").resolved()


def test_help_names_the_command() -> None:
    assert "settings" in athanor("--help").stdout
    assert "`athanor settings`" in athanor("train", "--help").stdout


def test_settings_that_go_with_shipped_data_leave_other_data_alone() -> None:
    task = TASKS["security_classification"]
    shipped = TrainModelRequest(task=task.name).resolved()
    named = TrainModelRequest(task=task.name, dataset_path=task.default_dataset).resolved()
    other = TrainModelRequest(task=task.name, dataset_path="functions.jsonl").resolved()
    longer = TrainModelRequest(task=task.name, epochs=3).resolved()
    assert shipped == named
    assert shipped.model_dump()["max_steps"] == task.settings_of_shipped["max_steps"]
    assert (other.model_dump()["max_steps"], other.model_dump()["eval_steps"]) == (None, None)
    assert longer.model_dump()["max_steps"] is None


def test_a_quick_run_takes_the_few_rows_of_a_task_unless_data_are_named() -> None:
    task = TASKS["security_classification"]
    quick = TrainModelRequest(task=task.name, quick=True).resolved().model_dump()
    named = TrainModelRequest(task=task.name, quick=True, dataset_path=task.default_dataset).resolved().model_dump()
    assert (quick["dataset_path"], quick["eval_dataset"]) == (task.quick_dataset, None)
    assert (named["dataset_path"], named["eval_dataset"]) == (task.default_dataset, task.default_eval_dataset)
