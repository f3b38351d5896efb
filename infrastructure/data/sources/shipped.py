"""The data that comes with the project."""

from pathlib import Path

from domain.task import Task
from infrastructure.shipped_files import found


def located(path: str, task: Task) -> Path:
    """Find the shipped data of a task also from another working directory."""
    return found(path) if path in (task.default_dataset, task.default_eval_dataset, task.quick_dataset) else Path(path)
