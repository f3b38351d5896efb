"""What repeats a training: the settings that say something, and the words of a command line."""

import json
from collections.abc import Mapping
from shlex import quote
from typing import Any

from application.training import CANNOT_MATTER, Training
from application.training_request import TrainModelRequest
from domain.exceptions import AthanorError
from domain.run_layout import RUN_FILE
from domain.showing import harmless
from domain.strict_json import strict_json
from infrastructure.model_readme.told import ModelTold

BY_RUN_FILE = f"athanor train --config {RUN_FILE} --output NEW"
# Said by an option of their own, or by nobody: a place of this machine.
_SAID = ("task", "dataset_path", "model_name", "output_dir")
_PATHS = ("eval_dataset",)
_OF_THE_FORM = ("merge_adapter",)


def telling_settings(told: ModelTold) -> dict[str, Any]:
    """Give the settings of a training that are not what its task would have taken, by name."""
    usual = _usual(told.request)
    settings = told.request.model_dump(mode="json")
    return {
        name: told.name_of_data(str(value)) if name in _PATHS else value
        for name, value in settings.items()
        if name not in _SAID and value is not None and value != usual.get(name) and _matters(name)
    }


def command(told: ModelTold) -> str:
    """Give a command line that asks for the same training, files by their names alone."""
    words = ["athanor", "train", "--task", told.task.name, "--dataset", told.data_name, "--model", told.began_from]
    for name, value in telling_settings(told).items():
        words += ["--set", f"{name}={typed(value)}"]
    return " ".join([*(quote(harmless(word)) for word in words), "--output", "NEW"])


def _matters(name: str) -> bool:
    return name in (*_PATHS, *_OF_THE_FORM) or name not in CANNOT_MATTER


def _usual(request: Training) -> Mapping[str, Any]:
    """Give the settings of a training of which only task, data and model are said; none where that says too little."""
    said = {name: value for name in _SAID if name != "output_dir" and (value := getattr(request, name)) is not None}
    try:
        return TrainModelRequest(**said).resolved().model_dump(mode="json")
    except AthanorError:  # a task from elsewhere that leaves a setting open
        return {}


def typed(value: Any) -> str:
    """Write a value as `--set` reads it: JSON, but for a text that is none."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value
    return strict_json(value, ensure_ascii=False)
