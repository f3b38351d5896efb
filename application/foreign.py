"""Settings that mean nothing to a task, refused with what to do instead."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from application.training import training_of, understands
from domain.task import TASKS, Task

# Defaults of before, which stand in run files that were written then.
_FORMER_DEFAULTS: Mapping[str, tuple[Any, ...]] = {"label_field": ("label",)}
# Of a setting that more tasks understand than this, their names help nobody.
_MOST_TASKS_TOLD = 4


def foreign_faults(task: Task, names: Iterable[str]) -> Iterator[str]:
    """Say of each setting that a task does not understand what to do instead."""
    training = training_of(task)
    for name in names:
        if not understands(task, name):
            yield f"{name} means nothing to task {task.name}. {training.instead.get(name) or _left_out(name)}"


def says_something(name: str, value: Any, default: Any) -> bool:
    """Tell whether a value is more than a default, of today or of before: run files name those too."""
    return value is not None and value != default and value not in _FORMER_DEFAULTS.get(name, ())


def _left_out(name: str) -> str:
    knowing = [task.name for task in TASKS.values() if understands(task, name)]
    told = f": it is for {' and '.join(knowing)}" if 0 < len(knowing) <= _MOST_TASKS_TOLD else ""
    return f"Leave it out{told}."
