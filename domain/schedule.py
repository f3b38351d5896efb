"""Learning rate as a function of the step alone."""

import math

SCHEDULERS = ("constant", "linear", "cosine")


def lr_factor(scheduler: str, step: int, total_steps: int, warmup_steps: int) -> float:
    """Give the share of the peak learning rate for the update number `step`, counted from 0.

    Warm-up rises linearly and its first step is not zero; the decay of "linear" and "cosine" would reach zero one
    step after the last, so no step is wasted at either end.
    """
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    if scheduler == "constant":
        return 1.0
    remaining = max(0.0, (total_steps - step) / max(1, total_steps - warmup_steps))
    if scheduler == "linear":
        return remaining
    return 0.5 * (1.0 - math.cos(math.pi * remaining))


def average_decay(limit: float, num_updates: int) -> float:
    """Give the decay of a weight average that has seen `num_updates`: it remembers about a tenth of the run."""
    return min(limit, (1.0 + num_updates) / (10.0 + num_updates))
