"""How long a training may take: the steps that fit into it, and the clock that ends it."""

import math
import re
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from domain.events import EvaluationCompleted, Event, RunStarted
from domain.plan import TrainingPlan

TIME_BUDGET = "time_budget"
EXAMPLE = "90s, 5m or 1h30m"
_WRITTEN = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", re.ASCII)
_FACTORS = (3600, 60, 1)
# The report scores the rows once more and draws, which takes about so long; a rival learns at most so many rows.
REPORT_SECONDS = 4.0
SECONDS_OF_ROW, MOST_ROWS = 5e-4, 20_000
# Of what is left the plan takes so much: a machine does not go at one pace, states are saved, and a run that is
# killed and resumed does some steps twice.
PLANNED_SHARE = 0.85


def seconds_of(written: str) -> float | None:
    """Read a time such as 90s, 5m, 1h30m or 90, in seconds; None for anything else."""
    found = _WRITTEN.fullmatch(written.strip().lower())
    if found is None or not any(found.groups()):
        return None
    return sum(float(part) * factor for part, factor in zip(found.groups(), _FACTORS, strict=True) if part)


def as_written(seconds: float) -> str:
    """Write a time as it may be typed, up to whole seconds: 1m30s."""
    minutes, rest = divmod(max(1, math.ceil(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return "".join(f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if count)


@dataclass(frozen=True)
class Durations:
    """Seconds of a step and of an evaluation, as they were measured."""

    of_step: float
    of_evaluation: float

    def of_steps(self, steps: int, eval_steps: int) -> float:
        """Give the seconds of so many steps and of the evaluations among and behind them."""
        return steps * self.of_step + math.ceil(steps / eval_steps) * self.of_evaluation


def seconds_of_report(of_evaluation: float, num_rows: int) -> float:
    """Guess how long the report takes, of an evaluation's seconds and the number of rows that were learnt."""
    return of_evaluation + REPORT_SECONDS + min(num_rows, MOST_ROWS) * SECONDS_OF_ROW


def steps_within(seconds: float, pace: Durations, plan: TrainingPlan) -> int:
    """Say how many steps of a plan end, with all that follows, within so many seconds; 0 where none does."""
    usable = (seconds - seconds_of_report(pace.of_evaluation, plan.num_rows)) * PLANNED_SHARE
    return bisect_right(range(1, plan.total_steps + 1), usable, key=lambda n: pace.of_steps(n, plan.eval_steps))


def least_seconds(pace: Durations, plan: TrainingPlan) -> float:
    """Give the seconds that a single step takes with all that follows."""
    return pace.of_steps(1, 1) / PLANNED_SHARE + seconds_of_report(pace.of_evaluation, plan.num_rows)


class Clock:
    """Ends a run so early that what follows its last step is done within the time budget; without one never.

    It watches the run as other observers do. It is asked before each step, and grants the first whatever the time.
    """

    def __init__(self, budget: float | None, spent: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._end = math.inf if budget is None else now() + budget - spent
        self._of_evaluation = 0.0
        self._num_rows = 0
        self._is_first = True

    def notify(self, event: Event) -> None:
        """Heed how long evaluations take, and how many rows the report will be about."""
        if isinstance(event, RunStarted):
            self._num_rows = event.num_train_rows
        if isinstance(event, EvaluationCompleted):
            self._of_evaluation = max(self._of_evaluation, event.seconds)

    def stop_requested(self) -> str:
        """Give the reason to stop, empty for none."""
        behind = self._of_evaluation + seconds_of_report(self._of_evaluation, self._num_rows)
        is_over = self._now() + behind >= self._end
        is_first, self._is_first = self._is_first, False
        return TIME_BUDGET if is_over and not is_first else ""
