"""Directories of finished models of every kind, saved without a training."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from infrastructure.models.bundle import ModelBundle
from tests.support import tiny, tiny_series, tiny_text

TASKS = ("text_classification", tiny_text.MASKED, *tiny_text.TEXT_TASKS, *tiny_series.SERIES_TASKS)
OF_ALL = {"precision": "fp32", "batch_size": 8}  # not "auto", which computes in bf16 where that is faster


def finished_once(new_directory: Callable[[str], Path]) -> Callable[[str], Path]:
    """Give finished models by task, each made in a directory of its own when it is first wanted."""
    return cache(lambda task: finished(task, new_directory(task)))


def finished(task: str, directory: Path) -> Path:
    """Save a model of a task as a run does at its end."""
    _bundle(task, directory / "data").save(directory / "model", {"step": 1, "metrics": {}})
    return directory / "model"


def _bundle(task: str, directory: Path) -> ModelBundle:
    directory.mkdir(parents=True)
    if task == "text_classification":
        tokens = tiny.tokenizer()
        card = {"task": task, "max_length": 64, "labels": list(tiny.LABELS), "label_field": "label"}
        return ModelBundle(tiny.model(tokens), tokens, {**card, "text_field": "text", **OF_ALL})
    made: Any = (tiny_series if task in tiny_series.SERIES_TASKS else tiny_text).ready(task, directory)
    known = made.prepared.card if task in tiny_series.SERIES_TASKS else made.card
    made.bundle.card |= {**OF_ALL, **known}
    bundle: ModelBundle = made.bundle
    return bundle


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    """Change a JSON file; `change` gives the new content, or None when it has changed the old."""
    content = json.loads(path.read_text(encoding="utf-8"))
    changed = change(content)
    path.write_text(json.dumps(content if changed is None else changed), encoding="utf-8")
