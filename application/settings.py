"""Every setting of a training, described: what a person looks up, and what an editor checks a run file by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from application.groups.known import GROUPS
from application.training_request import TrainModelRequest
from domain.task import TASKS

SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_WORDS: Mapping[Any, str] = {str: "text", int: "integer", float: "number", bool: "true or false"}


@dataclass(frozen=True)
class Setting:
    """One setting; `group` is its concern, `type` is in words, a default of None is explained by the description.

    `default_by_task` says which tasks have a default of their own, where no task was asked for.
    """

    name: str
    group: str
    type: str
    default: Any
    unit: str
    description: str
    default_by_task: Mapping[str, Any] = field(default_factory=dict)


def settings_of(task: str | None = None) -> tuple[Setting, ...]:
    """Describe all settings; or those that mean something to a task, with its defaults.

    Raises: ConfigurationError for a task that does not exist.
    """
    asked = TrainModelRequest() if task is None else TrainModelRequest(task=task).resolved()
    defaults = asked.model_dump(mode="json")
    return tuple(
        Setting(
            name=name,
            group=group.title,
            type=_in_words(about.annotation, _extra(about).get("enum", ())),
            default=defaults[name],
            unit=_extra(about).get("unit", ""),
            description=about.description or "",
            default_by_task=_by_task(name) if task is None else {},
        )
        for group in GROUPS
        for name, about in group.model_fields.items()
        if name in defaults
    )


def run_file_schema() -> dict[str, Any]:
    """Give the JSON Schema of a run file."""
    schema = TrainModelRequest.model_json_schema()
    return {"$schema": SCHEMA, **schema, "title": "Run file of Athanor", "description": "The settings of one training."}


def _by_task(name: str) -> dict[str, Any]:
    own = {
        task.name: {
            "dataset_path": task.default_dataset,
            **({"eval_dataset": task.default_eval_dataset} if task.default_eval_dataset else {}),
            "metric_name": task.metric_name,
            **task.settings_for(None),
            **task.settings_of_shipped,
        }
        for task in TASKS.values()
    }
    return {task: settings[name] for task, settings in own.items() if name in settings}


def _extra(about: Any) -> Mapping[str, Any]:
    return about.json_schema_extra if isinstance(about.json_schema_extra, dict) else {}


def _in_words(kind: Any, choices: Iterable[str] = ()) -> str:
    if choices:
        return " | ".join(choices)
    parts = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(_in_words(part) for part in parts if part is not type(None))
    if get_origin(kind) is Literal:
        return " | ".join(map(str, parts))
    if get_origin(kind) is tuple:
        return f"list of {_in_words(parts[0])}"
    if get_origin(kind) is dict:
        return f"{_in_words(parts[1])} for each {_in_words(parts[0])}"
    return _WORDS[kind]
