"""What observers of a run are told. They can ask for a stop; they never change its arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.config import SINGLE
from domain.step_size import ROWS


@dataclass(frozen=True)
class PhaseStarted:
    """A part of the job that may take long has begun; it goes through `total` of a unit, 0 where that is not known."""

    phase: str
    total: int
    unit: str


@dataclass(frozen=True)
class PhaseAdvanced:
    """A phase has come so far; told about once a second."""

    phase: str
    done: int
    total: int
    unit: str


@dataclass(frozen=True)
class PhaseEnded:
    """A phase is over, well or badly. Phases may lie within one another, as brackets do."""

    phase: str
    done: int
    unit: str
    seconds: float


@dataclass(frozen=True)
class RunOpened:
    """The run directory is there and belongs to this process; `checkpoint` is its newest one, empty for none."""

    run_dir: str
    checkpoint: str


@dataclass(frozen=True)
class RunStarted:
    """Training is about to begin, or to go on from `first_step`; it is scored every `eval_steps` and at its end.

    `num_trainable` of the parameters are trained; None stands for all. `num_devices` share out each step, in the way
    that `parallel` names.
    """

    run_id: str
    task: str
    device: str
    precision: str
    num_parameters: int
    num_train_rows: int
    num_eval_rows: int
    total_steps: int
    first_step: int
    eval_steps: int = 0
    num_trainable: int | None = None
    num_devices: int = 1
    parallel: str = SINGLE


@dataclass(frozen=True)
class StepCompleted:
    """Some steps are done; `loss` is their mean, rates are since the last such event, and `loss_ema` is smoothed."""

    step: int
    total_steps: int
    epoch: int
    loss: float
    loss_ema: float
    grad_norm: float
    learning_rate: float
    tokens_per_second: float
    samples_per_second: float
    memory_bytes: int


@dataclass(frozen=True)
class StepDropped:
    """A step was not applied because its loss or gradient was not finite."""

    step: int
    row_ids: tuple[str, ...]


@dataclass(frozen=True)
class RolledBack:
    """The run went back to a checkpoint with a lower learning rate."""

    from_step: int
    to_step: int
    lr_scale: float


@dataclass(frozen=True)
class MicroBatchHalved:
    """Memory ran out; the same rows are now computed in smaller micro-batches, of so many rows or tokens as `unit`."""

    step: int
    micro_batch_size: int
    unit: str = ROWS


@dataclass(frozen=True)
class EvaluationCompleted:
    """The evaluation part was scored."""

    step: int
    epoch: int
    metrics: Mapping[str, Any]
    is_best: bool
    seconds: float


@dataclass(frozen=True)
class CheckpointSaved:
    """A state is safe on disk."""

    step: int
    name: str
    size_bytes: int


@dataclass(frozen=True)
class Noted:
    """Something that was found and is no reason to worry."""

    message: str


@dataclass(frozen=True)
class Warned:
    """Something a person should know, that does not stop the run."""

    message: str


@dataclass(frozen=True)
class RunFinished:
    """Training is over."""

    step: int
    stop_reason: str
    seconds: float


@dataclass(frozen=True)
class RunClosed:
    """The report is written and the summary kept; `status` is finished, stopped or failed.

    Nothing of the run follows, only what observers say of themselves.
    """

    run_dir: str
    status: str


Event = (
    PhaseStarted
    | PhaseAdvanced
    | PhaseEnded
    | RunOpened
    | RunStarted
    | StepCompleted
    | StepDropped
    | RolledBack
    | MicroBatchHalved
    | EvaluationCompleted
    | CheckpointSaved
    | Noted
    | Warned
    | RunFinished
    | RunClosed
)
