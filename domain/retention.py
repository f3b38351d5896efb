"""Which checkpoints stay on disk."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class CheckpointMetadata:
    """What is known of a saved checkpoint without opening its tensors.

    `epoch` starts at 0, `step` counts feed positions, `metric_value` is None when it was saved without a score.
    """

    name: str
    step: int
    epoch: int
    metric_name: str
    metric_value: float | None
    saved_at: float
    size_bytes: int


def ranked(checkpoints: Sequence[CheckpointMetadata], direction: str) -> list[CheckpointMetadata]:
    """Order the scored checkpoints, best first; of equals the earlier one, which was reached with less work."""
    sign = -1.0 if direction == "max" else 1.0
    scored = [
        (c.metric_value, c) for c in checkpoints if c.metric_value is not None and c.metric_value == c.metric_value
    ]
    return [c for _, c in sorted(scored, key=lambda pair: (sign * pair[0], pair[1].step))]


def kept(
    checkpoints: Sequence[CheckpointMetadata], direction: str, max_checkpoints: int, keep_best: int = 1
) -> set[str]:
    """Choose the names that stay: the best `keep_best`, then the newest, `max_checkpoints` in all.

    The newest always stays, for it is where a resumed run goes on: with `max_checkpoints` of 1 there may be two.
    """
    stay = {checkpoint.name for checkpoint in ranked(checkpoints, direction)[:keep_best]}
    newest_first = sorted(checkpoints, key=lambda checkpoint: checkpoint.step, reverse=True)
    for position, checkpoint in enumerate(newest_first):
        if position == 0 or len(stay) < max_checkpoints:
            stay.add(checkpoint.name)
    return stay
