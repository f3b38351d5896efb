"""What a training will take, found out before it begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """Figures of a training that has not begun.

    `lengths` are tokens of the rows to learn as they are fed: `p50`, `p90`, `p95`, `p99`, `longest`, and `share_cut`
    of 1; empty where rows have no tokens. `steps` has `total`, `per_epoch`, `evaluations`, `rows` of each and
    `rows_at_once`, or `tokens` and `tokens_at_once` where batches are measured so.
    `seconds` has `step` and `evaluation`, each the mean, `total` of both, without the report, and
    `budget` where there is one. `memory` has `peak_bytes` and
    `free_bytes`, beside what the process already holds on a CPU, None where the machine does not say. `disk` has
    `run_bytes` at the most, `checkpoint_bytes`, `model_bytes`, `cache_bytes` and `free_bytes`.
    """

    num_parameters: int
    num_trainable: int
    device: str
    precision: str
    lengths: Mapping[str, float]
    steps: Mapping[str, int]
    seconds: Mapping[str, float]
    memory: Mapping[str, int | None]
    disk: Mapping[str, int]
    baselines: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
