"""Where a training stands: counters, smoothed loss, best score, patience."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from domain.metrics import direction_of, is_better
from domain.rules import between, whole
from domain.schedule import Plateau

EMA_DECAY = 0.98
LR_AFTER_ROLLBACK = 0.5
# What stays true of a run whose settings change, and what only where it is scored as before.
_COUNTED = (
    "step",
    "applied_steps",
    "num_rows",
    "num_tokens",
    "loss_ema",
    "num_bad_steps",
    "train_seconds",
    "since_log",
    "evaluation_rows_at_once",
    "notes",
)
_SCORED = (
    "direction",
    "judged_by",
    "lead",
    "best_metric",
    "best_step",
    "best_epoch",
    "best_metrics",
    "last_metric",
    "last_metrics",
    "last_epoch",
    "evaluated_at",
)


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
    alone. `micro_batch_size` is rows, or tokens where batches are measured so. `loss_ema` is the smoothed loss, None
    before the first applied step. `evaluation_rows_at_once` is None until
    memory runs out in an evaluation. `notes` is what a reader of the summary must know of the way to it. `judged_by` is
    the metric that takes the place of one that cannot be computed. A state must gain `lead` on that of step 0 to be
    better. `stopped` is empty while the run goes on, then the reason.
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
    judged_by: str | None = None
    lead: float = 0.0
    best_metric: float | None = None
    best_step: int | None = None
    best_epoch: int | None = None
    best_metrics: dict[str, Any] = field(default_factory=dict)
    last_metric: float | None = None
    last_metrics: dict[str, Any] = field(default_factory=dict)
    last_epoch: int | None = None
    evaluated_at: int | None = None
    evaluation_rows_at_once: int | None = None
    bad_steps_in_row: int = 0
    num_bad_steps: int = 0
    num_rollbacks: int = 0
    lr_scale: float = 1.0
    train_seconds: float = 0.0
    since_log: SinceLog = field(default_factory=SinceLog)
    notes: list[str] = field(default_factory=list)
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
            self._smooth(result.loss)
        if result.finite:
            self.bad_steps_in_row = 0
        else:
            self.bad_steps_in_row += 1
            self.num_bad_steps += 1

    def _smooth(self, loss: float) -> None:
        """Average the losses of the applied steps, each weighing 0.98 times as much as the one behind it.

        The weights of all steps so far are divided by their sum, as Adam corrects its averages: without that the first
        loss of a run would weigh half of all for 34 steps. So it is a mean of what it smooths and never outside of it.
        `loss_ema` and `applied_steps` are the whole state: a checkpoint written before the correction goes on from its
        own value.
        """
        weight = (1 - EMA_DECAY) / (1 - EMA_DECAY**self.applied_steps)
        self.loss_ema = loss if self.loss_ema is None else (1 - weight) * self.loss_ema + weight * loss

    @property
    def rank(self) -> float | None:
        """Give what a state is ranked by among the saved ones: its score, that of step 0 with its lead."""
        if self.last_metric is None or self.evaluated_at != self.step:
            return None
        return self.last_metric + (self.lead if self.direction == "max" else -self.lead) * (self.step == 0)

    def take_lead(self, num_rows: int) -> None:
        """Let the state of step 0, scored on so many rows, stand until another gains a standard error on it.

        A smaller gain is within what other rows would change. Only scores between 0 and 1 have one here.
        """
        if self.best_step == 0 and self.best_metric is not None and self.direction == "max":
            share = min(max(self.best_metric, 0.0), 1.0)
            self.lead = math.sqrt(share * (1.0 - share) / num_rows)

    def consider(self, metrics: Mapping[str, Any], metric_name: str, epoch: int) -> bool:
        """Take in an evaluation; True when it is the best so far. Patience may end the run.

        The plateau counts too, whatever the schedule; only the one of that name asks it.
        """
        given = metrics.get(metric_name)
        value = math.nan if given is None else float(given)
        best = is_better(value, self.best_metric, self.direction, self.lead if self.best_step == 0 else 0.0)
        if best:
            self.best_metric, self.best_step, self.best_epoch = value, self.step, epoch
            self.best_metrics = dict(metrics)
        self.last_metric, self.last_metrics = value, dict(metrics)
        self.last_epoch, self.evaluated_at = epoch, self.step
        self.plateau.take_in(value, self.direction)
        if self.early_stopping.says_stop(value, self.direction):
            self.stop("early_stopping")
        return best

    def judge_by(self, metric_name: str) -> None:
        """Let another metric choose the best from now on; nothing has been scored before."""
        self.judged_by, self.direction = metric_name, direction_of(metric_name)

    def return_to(self, earlier: "Progress") -> "Progress":
        """Go back to an earlier state, remembering what was learnt of the machine and the data meanwhile."""
        earlier.num_rollbacks = self.num_rollbacks
        earlier.num_bad_steps = self.num_bad_steps
        earlier.train_seconds = self.train_seconds
        earlier.lr_scale = self.lr_scale
        earlier.micro_batch_size = min(self.micro_batch_size, earlier.micro_batch_size)
        earlier.evaluation_rows_at_once = self.evaluation_rows_at_once
        for note in self.notes:
            earlier.note(note)
        return earlier

    def roll_back(self, to: "Progress") -> "Progress":
        """Go back to an earlier state at a lower learning rate, remembering how often that happened."""
        earlier = self.return_to(to)
        earlier.num_rollbacks += 1
        earlier.lr_scale *= LR_AFTER_ROLLBACK
        return earlier

    def settle_for(self, scored: "Progress") -> None:
        """Let the best be an evaluation of another state, where the one that was best is lost."""
        self.best_metric, self.best_step = scored.last_metric, scored.evaluated_at
        self.best_epoch, self.best_metrics = scored.last_epoch, dict(scored.last_metrics)

    def take_up(self, earlier: "Progress", scores_remain: bool, unit_remains: bool = True) -> None:
        """Go on where a run with other settings stood; what stopped it or slowed it holds no more.

        Scores remain where they can be compared with those to come, and what memory had room for where batches are
        still measured in rows, or in tokens.
        """
        for name in (*_COUNTED, *(_SCORED if scores_remain else ())):
            setattr(self, name, getattr(earlier, name))
        if unit_remains:
            self.micro_batch_size = min(self.micro_batch_size, earlier.micro_batch_size)

    def note(self, message: str) -> bool:
        """Keep what the summary must say, once; False when it was known."""
        if message in self.notes:
            return False
        self.notes.append(message)
        return True

    @property
    def epoch_of_best(self) -> int | None:
        """Count the epoch of the best score from 1, as people do; `best_epoch` counts from 0, as the plan does."""
        return None if self.best_epoch is None else self.best_epoch + 1

    def outcome(self) -> dict[str, Any]:
        """Give what a result tells of the way of a run and of its best state, by name."""
        return {
            "best_metric": self.best_metric,
            "best_epoch": self.epoch_of_best,
            "best_step": self.best_step,
            "steps": self.step,
            "train_loss": self.loss_ema,
            "final_metrics": self.best_metrics,
            "num_dropped_steps": self.num_bad_steps,
            "num_rollbacks": self.num_rollbacks,
        }

    def throughput(self) -> dict[str, float]:
        """Give the rates of the whole training, by name."""
        busy = max(self.train_seconds, 1e-9)
        return {
            "tokens_per_second": self.num_tokens / busy,
            "samples_per_second": self.num_rows / busy,
            "steps_per_second": self.step / busy,
        }

    def faults(self) -> Iterator[str]:
        """Say what cannot be of a state that was read from somewhere."""
        for name in ("step", "num_rows", "num_tokens", "num_bad_steps", "num_rollbacks"):
            yield from whole(name, getattr(self, name), at_least=0)
        if not 0 <= self.applied_steps <= self.step:
            yield f"applied_steps is {self.applied_steps}, but must lie between 0 and step, {self.step}."
        yield from whole("micro_batch_size", self.micro_batch_size, at_least=1)
        if self.evaluation_rows_at_once is not None:
            yield from whole("evaluation_rows_at_once", self.evaluation_rows_at_once, at_least=1)
        yield from between("lr_scale", self.lr_scale, 0.0, 1.0, above=True)

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
