"""What may be asked of a tuning."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, SerializeAsAny

from application.training_request import TrainModelRequest
from domain.study import SAMPLERS

__all__ = ["TuneModelRequest"]


class TuneModelRequest(BaseModel):
    """What to tune: a training, and how its settings are searched.

    `trials` are those of the study in all, the defaults among them; `timeout` is the seconds after which none is begun.
    `space` is a search space as it is written, None for that of the task. `workers` are processes on this machine.
    `storage` is the address of a database that several machines share, None for a file in `output_dir`; `study` is the
    name by which they know each other. The best are trained with `seeds` seeds in all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    training: SerializeAsAny[TrainModelRequest]
    trials: int = 20
    timeout: float | None = None
    space: Mapping[str, Any] | None = None
    workers: int = 1
    storage: str | None = None
    study: str | None = None
    sampler: str = SAMPLERS[0]
    pruner: str = "median"
    seeds: int = 3
    output_dir: str | None = None
