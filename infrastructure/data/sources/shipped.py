"""Where the data of a name are: those that come with the project, those of the hub, and files."""

from pathlib import Path

from domain.task import Task
from infrastructure.data.hub.parts import TRAIN, on_this_disk
from infrastructure.shipped_files import found


def located(path: str, task: Task, part: str = TRAIN) -> Path:
    """Find the shipped data of a task also from another working directory, and data of the hub as a file.

    `part` of a data set of the hub is taken where none is named. Raises: DatasetError for one that cannot be had.
    """
    shipped = (task.default_dataset, task.default_eval_dataset, task.quick_dataset)
    return found(path) if path in shipped else Path(on_this_disk(path, part))
