"""Learning rate as a function of the number of applied steps, and of evaluations without gain for one schedule."""

import math
from dataclasses import dataclass

from domain.metrics import is_better

SCHEDULERS = ("constant", "linear", "cosine", "cosine_with_restarts", "exponential", "plateau")

# How many cycles "cosine_with_restarts" has when nobody says how long the first one is.
NUM_CYCLES = 3
# What "exponential" has fallen to one step after the last, when nobody says its gamma.
EXPONENTIAL_END = 0.01


@dataclass(frozen=True)
class Decay:
    """How the learning rate falls behind the warm-up; each schedule reads what concerns it.

    `least` is the share of the peak that no schedule falls below. `t_0` is the length of the first cosine cycle in
    steps, None lets three cycles fill the run exactly; each cycle is `t_mult` times as long as the one before it.
    `gamma` is the exponential factor of a step, None falls to a hundredth over the run. `plateau_factor` is that of
    one reduction.
    """

    least: float = 0.0
    t_0: int | None = None
    t_mult: int = 2
    gamma: float | None = None
    plateau_factor: float = 0.5


PLAIN_DECAY = Decay()


def lr_factor(
    scheduler: str,
    step: int,
    total_steps: int,
    warmup_steps: int,
    decay: Decay = PLAIN_DECAY,
    num_reductions: int = 0,
) -> float:
    """Give the share of the peak learning rate for the update number `step`, counted from 0.

    Warm-up rises linearly and its first step is not zero; "linear" and "cosine" would reach `decay.least` one step
    after the last, so no step is wasted at either end. `num_reductions` is what a `Plateau` has counted.
    Source of the restarts: Loshchilov and Hutter, SGDR (2017).
    """
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    step, num_steps = step - warmup_steps, max(1, total_steps - warmup_steps)
    if scheduler == "constant":
        return 1.0
    if scheduler == "exponential":
        gamma = EXPONENTIAL_END ** (1.0 / num_steps) if decay.gamma is None else decay.gamma
        return max(decay.least, gamma**step)
    if scheduler == "plateau":
        return max(decay.least, decay.plateau_factor**num_reductions)
    if scheduler == "cosine_with_restarts":
        start, end = _cycle(step, num_steps, decay)
        step, num_steps = step - start, end - start
    remaining = max(0.0, (num_steps - step) / num_steps)
    share = remaining if scheduler == "linear" else 0.5 * (1.0 - math.cos(math.pi * remaining))
    return decay.least + (1.0 - decay.least) * share


def _cycle(step: int, num_steps: int, decay: Decay) -> tuple[int, int]:
    """Find the cycle that holds `step`: its first step and that of the next one."""
    if decay.t_0 is None:
        # Whole steps by rounding down: a cycle that began between two steps would spend one at almost zero.
        lengths = [decay.t_mult**cycle for cycle in range(NUM_CYCLES)]
        starts = [num_steps * sum(lengths[:cycle]) // sum(lengths) for cycle in range(NUM_CYCLES + 1)]
        begun = max(cycle for cycle in range(NUM_CYCLES) if starts[cycle] <= min(step, num_steps - 1))
        return starts[begun], starts[begun + 1]
    if decay.t_mult == 1:
        start = step - step % decay.t_0
        return start, start + decay.t_0
    start, length = 0, decay.t_0
    while step >= start + length:
        start, length = start + length, length * decay.t_mult
    return start, start + length


@dataclass
class Plateau:
    """Asks for a lower learning rate each time the metric has not improved for `patience` evaluations."""

    patience: int = 2
    reference: float | None = None
    num_without_gain: int = 0
    num_reductions: int = 0

    def take_in(self, value: float, direction: str) -> None:
        """Take in one evaluation; a score that is not a number is no gain."""
        if is_better(value, self.reference, direction):
            self.reference, self.num_without_gain = value, 0
            return
        self.num_without_gain += 1
        if self.num_without_gain >= self.patience:
            self.num_reductions, self.num_without_gain = self.num_reductions + 1, 0


def average_decay(limit: float, num_updates: int) -> float:
    """Give the decay of a weight average that has seen `num_updates`: it remembers about a tenth of the run."""
    return min(limit, (1.0 + num_updates) / (10.0 + num_updates))
