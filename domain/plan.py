"""What a training will do, decided before its first step."""

from dataclasses import dataclass

from domain.config import TrainingConfig
from domain.exceptions import ConfigurationError
from domain.schedule import Decay, lr_factor
from domain.step_size import ROWS, StepSize, steps_of_epoch

WARMUP_SHARE = 0.06


@dataclass(frozen=True)
class TrainingPlan:
    """Steps and cadence of one training. A step is one optimizer update; steps are counted from 0 before they run."""

    num_rows: int
    step_size: StepSize
    steps_per_epoch: int
    total_steps: int
    warmup_steps: int
    scheduler: str
    decay: Decay
    eval_steps: int
    save_steps: int
    logging_steps: int

    @classmethod
    def of(cls, config: TrainingConfig, num_rows: int, num_tokens: int = 0, longest_row: int = 1) -> "TrainingPlan":
        """Derive the plan of `num_rows` training rows; tokens of all and of the longest count where batches do so.

        Raises: ConfigurationError when the warm-up is too long, or a row too long for a batch.
        """
        size = config.step_size
        size.require_room(longest_row)
        amount, largest = (num_rows, 1) if size.unit == ROWS else (num_tokens, longest_row)
        steps_per_epoch = steps_of_epoch(amount, largest, size.per_step)
        total_steps = config.max_steps or steps_per_epoch * config.num_epochs
        warmup_steps = int(total_steps * WARMUP_SHARE) if config.warmup_steps is None else config.warmup_steps
        if warmup_steps >= total_steps:
            raise ConfigurationError(
                f"warmup_steps is {warmup_steps}, but the run has {total_steps} steps and must be longer.",
                remedy="Lower warmup_steps or train for more epochs.",
            )
        eval_steps = config.eval_steps or steps_per_epoch
        return cls(
            num_rows=num_rows,
            step_size=size,
            steps_per_epoch=steps_per_epoch,
            total_steps=total_steps,
            warmup_steps=warmup_steps,
            scheduler=config.scheduler,
            decay=Decay(
                least=config.eta_min / config.learning_rate,
                t_0=config.t_0,
                t_mult=config.t_mult,
                gamma=config.gamma,
                plateau_factor=config.plateau_factor,
            ),
            eval_steps=eval_steps,
            save_steps=config.save_steps or eval_steps,
            logging_steps=config.logging_steps,
        )

    def lr_factor(self, applied_steps: int, num_reductions: int = 0) -> float:
        """Give the share of the peak learning rate after `applied_steps` updates and reductions of a plateau."""
        return lr_factor(self.scheduler, applied_steps, self.total_steps, self.warmup_steps, self.decay, num_reductions)

    def epoch_of(self, step: int) -> int:
        """Say which epoch, from 0, the step belongs to; what comes before the first step belongs to the first epoch."""
        return max(0, step) // self.steps_per_epoch

    def logs_at(self, done: int) -> bool:
        """Ask after `done` steps."""
        return done % self.logging_steps == 0 or self._is_last(done)

    def evaluates_at(self, done: int) -> bool:
        """Ask after `done` steps; the last step is always evaluated."""
        return done % self.eval_steps == 0 or self._is_last(done)

    def saves_at(self, done: int) -> bool:
        """Ask after `done` steps; the last step is always saved."""
        return done % self.save_steps == 0 or self._is_last(done)

    def _is_last(self, done: int) -> bool:
        return done == self.total_steps
