"""The tasks: what their rows hold, what they are scored by, what they do when nothing is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from domain.exceptions import ConfigurationError

SEVERITIES = ("safe", "low", "medium", "high", "critical")


@dataclass(frozen=True)
class Task:
    """One thing that can be trained.

    `kind` chooses the adapter that knows its data and loss; `settings` are the task's own defaults for fields of
    the request that are left unsaid.
    """

    name: str
    kind: str
    summary: str
    text_fields: tuple[str, ...]
    metric_name: str
    default_dataset: str
    labels: tuple[str, ...] = ()
    negative_label: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


# Figures behind the settings: benchmarks/ag_news.py and benchmarks/security.py.
TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="text_classification",
            kind="sequence_classification",
            summary="any text or code, any labels",
            text_fields=("text", "code", "content", "sentence"),
            metric_name="macro_f1",
            default_dataset="data/classification.json",
            settings={
                "model_name": "encoder-mini",
                "epochs": 6,
                "batch_size": 32,
                "learning_rate": 1e-3,
                "vocab_size": 30_000,
                "lowercase": True,
                "word_dropout": 0.6,
                "average_decay": 0.999,
                "validation_split": 0.1,
            },
        ),
        Task(
            name="security_classification",
            kind="sequence_classification",
            summary="source code, labelled safe or with the severity of its weakness",
            text_fields=("code", "text"),
            metric_name="macro_f1",
            default_dataset="data/security.json",
            labels=SEVERITIES,
            negative_label="safe",
            settings={
                "model_name": "encoder-mini",
                "epochs": 10,
                "batch_size": 16,
                "learning_rate": 1e-3,
                "vocab_size": 8_000,
                "lowercase": False,
                "word_dropout": 0.1,
                "average_decay": 0.999,
                "validation_split": 0.2,
            },
        ),
    )
}


def task_named(name: str) -> Task:
    """Find a task. Raises: ConfigurationError naming the nearest one."""
    if name in TASKS:
        return TASKS[name]
    nearest = get_close_matches(name, TASKS, n=1)
    hint = f"Did you mean {nearest[0]}?" if nearest else f"Choose one of {', '.join(TASKS)}."
    raise ConfigurationError(f"task {name!r} is not known.", remedy=hint)
