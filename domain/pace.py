"""How fast a training goes, and what is left of it: the steps, and the evaluations among them."""

from collections import deque

from domain.events import EvaluationCompleted, Event, RolledBack, RunStarted, StepCompleted

# The first steps of a run are slower than the rest, and a machine may slow down: the last ones tell best.
INTERVALS_HEEDED = 50
# A forward pass takes about a third of a forward and a backward one.
SCORED_BESIDE_LEARNT = 1 / 3


class Pace:
    """Takes in the events of a run with the seconds at which they came, whatever clock they are of.

    Saving, logging and reading are counted with the steps, between which they happen. An evaluation counts as long as
    the last one; before the first one it is guessed from the number of its rows.
    """

    def __init__(self) -> None:
        self._started: RunStarted | None = None
        self._intervals: deque[tuple[int, float]] = deque(maxlen=INTERVALS_HEEDED)  # steps, seconds
        self._holds_first = True
        self._step = self._scored_at = 0
        self._since = 0.0
        self._scoring = 0.0  # seconds of the evaluations since the last step that was told
        self._of_evaluation: float | None = None
        self._rows_per_second = 0.0

    def take_in(self, event: Event, now: float) -> None:
        """Heed one event."""
        if isinstance(event, RunStarted):
            self._started, self._step, self._since = event, event.first_step, now
            self._scored_at = event.first_step
        elif isinstance(event, StepCompleted):
            self._take_in_step(event, now)
        elif isinstance(event, EvaluationCompleted):
            self._of_evaluation, self._scored_at = event.seconds, event.step
            self._scoring += event.seconds
        elif isinstance(event, RolledBack):
            self._step, self._since, self._scoring = event.to_step, now, 0.0

    def seconds_left(self) -> float | None:
        """Tell how long it will take to the last step and its evaluation; None before the first step was told."""
        if self._started is None or not self._intervals:
            return None
        of_step = sum(seconds for _, seconds in self._intervals) / sum(steps for steps, _ in self._intervals)
        return (self._started.total_steps - self._step) * of_step + self._evaluations_left()

    def _take_in_step(self, event: StepCompleted, now: float) -> None:
        done = event.step - self._step
        if done > 0:
            if self._holds_first:  # what is done once, at the first step, is left out from the second on
                self._holds_first = bool(not self._intervals)
                self._intervals.clear()
            self._intervals.append((done, max(0.0, now - self._since - self._scoring)))
        self._step, self._since, self._scoring = event.step, now, 0.0
        self._rows_per_second = event.samples_per_second

    def _evaluations_left(self) -> float:
        assert self._started is not None
        total, every = self._started.total_steps, self._started.eval_steps
        if not every or not self._started.num_eval_rows:
            return 0.0
        number = total // every - self._scored_at // every + bool(total % every)
        if self._of_evaluation is not None:
            return number * self._of_evaluation
        if not self._rows_per_second:
            return 0.0
        return number * self._started.num_eval_rows / self._rows_per_second * SCORED_BESIDE_LEARNT
