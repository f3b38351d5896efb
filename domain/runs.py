"""What is said of runs beside each other, and in which order they stand."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.metrics import direction_of

FINISHED, RUNNING, STOPPED, INTERRUPTED = "finished", "running", "stopped", "interrupted"
UNREADABLE = "unreadable"
STATUSES = (FINISHED, RUNNING, STOPPED, INTERRUPTED, UNREADABLE)


@dataclass(frozen=True)
class RunFacts:
    """One run in a list.

    `status` is "finished"; "running" while a process uses it; "stopped" when it ended early and said why; "interrupted"
    when it said nothing; "unreadable" when `error` says what is damaged. `began` is ISO 8601 in UTC. `metric` is the
    value of `metric_name`: of the best model once there is a summary, before that of the latest evaluation, None before
    the first. `step` of `total_steps` is how far it came; of a finished run the step of its best model is in its
    summary. `size_bytes` adds up its files. `is_link` where what stands there is a
    symbolic link to the run.
    """

    run_id: str
    run_dir: str
    status: str
    began: str | None = None
    task: str | None = None
    data: str | None = None
    model: str | None = None
    metric_name: str | None = None
    metric: float | None = None
    step: int | None = None
    total_steps: int | None = None
    num_train_rows: int | None = None
    num_eval_rows: int | None = None
    stop_reason: str | None = None
    size_bytes: int = 0
    error: str = ""
    is_link: bool = False

    @property
    def num_rows(self) -> int | None:
        """Rows to learn from and to be scored on, None where neither is known."""
        known = [number for number in (self.num_train_rows, self.num_eval_rows) if number is not None]
        return sum(known) if known else None


@dataclass(frozen=True)
class Leftovers:
    """What a finished run needs no more, or what is left of a run that was deleted: places, and bytes in all."""

    run_id: str
    run_dir: str
    places: tuple[str, ...]
    num_bytes: int


def _by_metric(run: RunFacts) -> tuple[Any, ...]:
    """Put runs of one task and metric beside each other, the best first, and those without a result last."""
    if run.metric is None or not math.isfinite(run.metric):
        return (1, run.task or "", 0.0)
    name = run.metric_name or ""
    return (0, run.task or "", name, -run.metric if direction_of(name) == "max" else run.metric)


# Each is the least surprising way round: dates as they came, results from the best, sizes from the largest.
ORDERS: Mapping[str, Callable[[RunFacts], Any]] = {
    "date": lambda run: run.began or "",
    "name": lambda run: run.run_id,
    "task": lambda run: run.task or "",
    "data": lambda run: run.data or "",
    "model": lambda run: run.model or "",
    "status": lambda run: STATUSES.index(run.status),
    "best": _by_metric,
    "rows": lambda run: -(run.num_rows or 0),
    "size": lambda run: -run.size_bytes,
}


def in_order(runs: Iterable[RunFacts], order: str) -> tuple[RunFacts, ...]:
    """Sort by one of `ORDERS`; equals by date, then by name, so that the order is the same each time."""
    steady = sorted(runs, key=lambda run: (run.began or "", run.run_id, run.run_dir))
    return tuple(sorted(steady, key=ORDERS[order]))
