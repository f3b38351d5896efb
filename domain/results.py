"""What a training or an evaluation gave, and what a report adds to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.config import SINGLE
from domain.interval import Interval


@dataclass(frozen=True, eq=False)
class TrainingResult(Mapping[str, Any]):
    """What became of a training; each field also answers by its name, `result["best_metric"]`.

    `best_epoch` counts from 1, as the screen does, `best_step` and `steps` count optimizer steps. The `best_` fields
    are None where nothing was scored, and `final_metrics` are those of the best model. `training_time` is seconds in
    the loop, evaluation and saving included. `stop_reason` is "completed", "early_stopping", "time_budget",
    "diverged", or what a monitor gave. `num_devices` shared out each step, in the way that `parallel` names.
    """

    best_metric: float | None
    best_epoch: int | None
    best_step: int | None
    metric_name: str
    stop_reason: str
    training_time: float
    steps: int
    total_steps: int
    steps_per_epoch: int
    train_loss: float | None
    final_metrics: Mapping[str, Any]
    num_dropped_steps: int
    num_rollbacks: int
    num_parameters: int
    num_trainable: int
    precision: str
    device: str
    throughput: Mapping[str, float]
    num_threads: int
    warnings: tuple[str, ...]
    model_path: str
    num_devices: int = 1
    parallel: str = SINGLE

    def __getitem__(self, name: str) -> Any:
        if name not in self.__dataclass_fields__:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dataclass_fields__)

    def __len__(self) -> int:
        return len(self.__dataclass_fields__)


@dataclass(frozen=True)
class Report:
    """What a summary says beside the metrics.

    `baselines` are scores of simple rivals, `samples` show what the model writes, `test_metrics` are scores on rows
    that nobody looked at before, and `warnings` say what a reader of the scores must know. `intervals` are those of
    metrics and baselines, by their names, on the part that is judged in the end.
    """

    baselines: Mapping[str, Any] = field(default_factory=dict)
    samples: Sequence[Mapping[str, str]] = ()
    test_metrics: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class EvaluationResult:
    """Metrics over all rows, None for one that cannot be computed on them; `task` says what the rows are.

    `warnings` say which metrics those are, and what was unusual in the file. `intervals` are those of metrics, by their
    names, where the rows tell one. `rows` say of each what became of it, where its programs were run.
    """

    metrics: Mapping[str, Any]
    num_rows: int
    task: str
    warnings: tuple[str, ...] = ()
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()
