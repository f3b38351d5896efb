"""What a caller of the trainer gave, checked."""

import warnings
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from domain.config import TrainingConfig
from domain.exceptions import ConfigurationError, DatasetError
from domain.former_names import by_todays_names
from infrastructure.tasks.adapter import TaskAdapter

OF_A_TASK = ("metric_names", "collate", "count_targets", "count_tokens", "loss_sum", "evaluation")
OF_AN_EVALUATION = ("ask", "merge", "metrics")


def config_of(settings: Mapping[str, Any]) -> TrainingConfig:
    """Make the settings of the loop. Raises: ConfigurationError naming the nearest one for a name it does not know."""
    settings, word = by_todays_names(settings)
    if word:
        warnings.warn(word, FutureWarning, stacklevel=3)
    known = TrainingConfig.__dataclass_fields__
    unknown = [name for name in settings if name not in known]
    if unknown:
        nearest = get_close_matches(unknown[0], known, n=1)
        hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Known settings: {', '.join(known)}."
        raise ConfigurationError(f"setting {unknown[0]!r} is not known.", remedy=hint)
    return TrainingConfig(**settings)


def with_rows(dataset: Any) -> Any:
    """Give the data set back. Raises: DatasetError when it is empty."""
    if not len(dataset):
        raise DatasetError("the training dataset is empty.", remedy="Give at least one row.")
    return dataset


def whole_task(task: TaskAdapter) -> TaskAdapter:
    """Give a task back. Raises: ConfigurationError for one of which the loop could not ask all that it will."""
    _require(task, OF_A_TASK)
    _require(task.evaluation(), OF_AN_EVALUATION)
    return task


def _require(part: Any, names: Iterable[str]) -> None:
    if missing := [name for name in names if not hasattr(part, name)]:
        raise ConfigurationError(
            f"{type(part).__name__} has no {' and no '.join(missing)}.",
            remedy="Give it what TaskAdapter and Evaluation in infrastructure/tasks/adapter.py say of them.",
        )


def metric_of(name: str, task: TaskAdapter) -> str:
    """Give the metric as the task calls it, without `eval_`. Raises: ConfigurationError when it has none such."""
    metric = name.removeprefix("eval_")
    if metric not in task.metric_names:
        nearest = get_close_matches(metric, task.metric_names, n=1)
        hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Choose one of {', '.join(task.metric_names)}."
        raise ConfigurationError(f"metric_name {name!r} is not known.", remedy=hint)
    return metric
