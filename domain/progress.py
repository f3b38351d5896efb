"""Where a training stands: counters, smoothed loss, best score, patience."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from domain.metrics import is_better
from domain.schedule import Plateau

EMA_DECAY = 0.98
LR_AFTER_ROLLBACK = 0.5


@dataclass(frozen=True)
class StepResult:
    """What one optimizer step did; `loss` is the mean over its targets, `applied` is False when it was dropped."""

    loss: float
    grad_norm: float
    learning_rate: float
    applied: bool
    finite: bool
    num_rows: int
    num_tokens: int
    row_ids: tuple[int, ...] = ()


@dataclass
class EarlyStopping:
    """Stops when the metric has not improved by `min_delta` for `patience` evaluations; a patience of 0 never stops."""

    patience: int
    min_delta: float = 0.0
    reference: float | None = None
    num_without_gain: int = 0

    def says_stop(self, value: float, direction: str) -> bool:
        """Take in one evaluation."""
        if is_better(value, self.reference, direction, self.min_delta):
            self.reference, self.num_without_gain = value, 0
        else:
            self.num_without_gain += 1
        return 0 < self.patience <= self.num_without_gain


@dataclass
class SinceLog:
    """Sums over the steps since the last logged one; they become means and rates when they are logged."""

    num_rows: int = 0
    num_tokens: int = 0
    num_applied: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0

    @property
    def mean_loss(self) -> float:
        """Mean loss of the applied steps, NaN when there was none."""
        return self.loss_sum / self.num_applied if self.num_applied else math.nan

    def per_second(self, count: int) -> float:
        """Turn a count into a rate."""
        return count / self.seconds if self.seconds > 0 else 0.0


@dataclass
class Progress:
    """The whole changing state of a run beside tensors; it travels in every checkpoint as JSON.

    `step` is the position in the feed, `applied_steps` what the schedule counts: a dropped step moves the first
    alone. `stopped` is empty while the run goes on, then the reason.
    """

    direction: str
    early_stopping: EarlyStopping
    micro_batch_size: int
    plateau: Plateau = field(default_factory=Plateau)
    step: int = 0
    applied_steps: int = 0
    num_rows: int = 0
    num_tokens: int = 0
    loss_ema: float | None = None
    best_metric: float | None = None
    best_step: int | None = None
    best_epoch: int | None = None
    best_metrics: dict[str, Any] = field(default_factory=dict)
    last_metric: float | None = None
    evaluated_at: int | None = None
    bad_steps_in_row: int = 0
    num_bad_steps: int = 0
    num_rollbacks: int = 0
    lr_scale: float = 1.0
    train_seconds: float = 0.0
    since_log: SinceLog = field(default_factory=SinceLog)
    stopped: str = ""

    def advance(self, result: StepResult, seconds: float = 0.0) -> None:
        """Count one step; only an applied one moves the schedule and the smoothed loss."""
        self.step += 1
        self.train_seconds += seconds
        self.since_log.seconds += seconds
        for sums in (self, self.since_log):
            sums.num_rows += result.num_rows
            sums.num_tokens += result.num_tokens
        if result.applied:
            self.applied_steps += 1
            self.since_log.num_applied += 1
            self.since_log.loss_sum += result.loss
            previous = self.loss_ema
            self.loss_ema = result.loss if previous is None else EMA_DECAY * previous + (1 - EMA_DECAY) * result.loss
        if result.finite:
            self.bad_steps_in_row = 0
        else:
            self.bad_steps_in_row += 1
            self.num_bad_steps += 1

    def consider(self, metrics: Mapping[str, Any], metric_name: str, epoch: int) -> bool:
        """Take in an evaluation; True when it is the best so far. Patience may end the run.

        The plateau counts too, whatever the schedule; only the one of that name asks it.
        """
        value = float(metrics.get(metric_name, math.nan))
        best = is_better(value, self.best_metric, self.direction)
        if best:
            self.best_metric, self.best_step, self.best_epoch = value, self.step, epoch
            self.best_metrics = dict(metrics)
        self.last_metric, self.evaluated_at = value, self.step
        self.plateau.take_in(value, self.direction)
        if self.early_stopping.says_stop(value, self.direction):
            self.stop("early_stopping")
        return best

    def roll_back(self, to: "Progress") -> "Progress":
        """Go back to an earlier state at a lower learning rate, remembering how often that happened."""
        to.num_rollbacks = self.num_rollbacks + 1
        to.num_bad_steps = self.num_bad_steps
        to.train_seconds = self.train_seconds
        to.lr_scale = self.lr_scale * LR_AFTER_ROLLBACK
        to.micro_batch_size = min(self.micro_batch_size, to.micro_batch_size)
        return to

    def stop(self, reason: str) -> None:
        """End the run after this step; the first reason counts."""
        self.stopped = self.stopped or reason

    def to_json(self) -> dict[str, Any]:
        """Give plain values for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Progress":
        """Read what `to_json` gave."""
        parts = {
            "early_stopping": EarlyStopping(**values["early_stopping"]),
            "plateau": Plateau(**values.get("plateau", {})),
            "since_log": SinceLog(**values["since_log"]),
        }
        return cls(**{**values, **parts})
