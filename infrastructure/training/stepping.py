"""The steps of a run, one after the other: begun, computed again in smaller parts where memory runs out, and read."""

import time
from collections.abc import Callable

from domain.config import TrainingConfig
from domain.events import Event, MicroBatchHalved
from domain.plan import TrainingPlan
from domain.progress import Progress, StepResult
from infrastructure.memory import halved, is_out_of_memory, release_cached
from infrastructure.training.batches import Batches
from infrastructure.training.compiling import CompiledLayers, is_failed_compilation
from infrastructure.training.in_flight import InFlight, most_unknown
from infrastructure.training.session import Session
from infrastructure.training.step import begin_step


class Stepping:
    """Begins steps on the device and counts them in the progress when it is known what became of them.

    On a CPU that is at once. On a GPU it is one step later, but for steps behind which the run is scored or saved, and
    for such as might be the last of too many bad ones: what follows those must not be begun before they are known.
    """

    def __init__(
        self,
        session: Session,
        batches: Batches,
        config: TrainingConfig,
        plan: TrainingPlan,
        notify: Callable[[Event], None],
        warn: Callable[[Progress, str], None],
    ) -> None:
        self._session = session
        self._batches = batches
        self._config = config
        self._plan = plan
        self._notify = notify
        self._warn = warn
        self._in_flight = InFlight(most_unknown(session))

    def num_begun(self, progress: Progress) -> int:
        """Count the steps that are behind the run or under way, which is the number of the next one."""
        return progress.step + len(self._in_flight)

    def begin(self, progress: Progress) -> None:
        """Begin the next step, in smaller parts when memory runs out. Raises: UpdateInterruptedError."""
        started, step = time.perf_counter(), self.num_begun(progress)
        applied = self._in_flight.applied(progress.applied_steps)
        # As they are now: both change only where no step is in flight.
        num_reductions, lr_scale = progress.plateau.num_reductions, progress.lr_scale

        def rate_after(applied_steps: int) -> float:
            factor = self._plan.lr_factor(applied_steps, num_reductions)
            return self._config.learning_rate * factor * lr_scale

        while True:
            try:
                batch = self._batches.at(step, progress.micro_batch_size)
                self._in_flight.add(begin_step(self._session, batch, rate_after, applied), started)
                return
            except (RuntimeError, MemoryError) as error:
                if self._session.compiled is not None and is_failed_compilation(error):
                    self._go_on_without(self._session.compiled, progress, error)
                elif is_out_of_memory(error):
                    self.halve(progress, error)
                else:
                    raise

    def halve(self, progress: Progress, error: BaseException) -> None:
        """Compute the next step in smaller parts; its sum over targets stays the same. Raises: TrainingError."""
        step = self.num_begun(progress)
        progress.micro_batch_size = halved(progress.micro_batch_size, f"at step {step}", error)
        self._session.optimizer.zero_grad(set_to_none=True)
        if self._session.compiled is not None and self._session.compiled.graphs:
            self._go_on_without(self._session.compiled, progress, error)
        release_cached()
        self._notify(MicroBatchHalved(step, progress.micro_batch_size, self._config.step_size.unit))

    def _go_on_without(self, compiled: CompiledLayers, progress: Progress, error: BaseException) -> None:
        """Compute with layers as they are written from now on."""
        compiled.undo()
        self._session.compiled = None
        self._session.optimizer.zero_grad(set_to_none=True)
        reason = str(error).strip().partition("\n")[0]
        self._warn(progress, f"the layers are not compiled from step {self.num_begun(progress)} on: {reason}")

    def known(self, progress: Progress, is_last: bool = False) -> StepResult | None:
        """Count the oldest step that must be known before another is begun, or of the last ones any; None for none."""
        if len(self._in_flight) <= (0 if is_last else self._may_be_unknown(progress)):
            return None
        result, seconds = self._in_flight.read(progress.applied_steps)
        progress.advance(result, seconds)
        return result

    def forget(self) -> None:
        """Let go of what is not known yet, where the run goes back to a state before it."""
        self._in_flight.forget()

    def _may_be_unknown(self, progress: Progress) -> int:
        begun = self.num_begun(progress)
        if self._plan.evaluates_at(begun) or self._plan.saves_at(begun):
            return 0
        # All of them may be bad, and the run must stop or go back behind the last bad one that it bears.
        more_bad_ones = max(1, self._config.max_bad_steps) - 1 - progress.bad_steps_in_row
        return max(0, min(self._in_flight.most, more_bad_ones))
