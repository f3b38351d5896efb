"""What a person is told of a run while it goes on, whoever shows it: a terminal, a log, a notebook."""

from collections.abc import Mapping

from domain.events import (
    EvaluationCompleted,
    Event,
    MicroBatchHalved,
    Noted,
    PhaseAdvanced,
    PhaseEnded,
    PhaseStarted,
    RolledBack,
    RunFinished,
    RunStarted,
    StepCompleted,
    StepDropped,
    Warned,
)
from domain.pace import Pace
from domain.showing import duration
from domain.step_size import ROWS
from domain.words import counted, part_trained, shared_out
from presentation.cli.wording import headlines, speed_of, words_of


class Teller:
    """Finds words for the events of one run, in the order in which they come; `now` is seconds of any one clock."""

    def __init__(self) -> None:
        self._task = ""
        self._pace = Pace()

    def take_in(self, event: Event, now: float) -> None:
        """Remember what later words need."""
        self._pace.take_in(event, now)
        if isinstance(event, RunStarted):
            self._task = event.task

    def sentence(self, event: Event) -> str:
        """Say what is worth a line of its own, wherever it is shown; empty for nothing."""
        words = words_of(self._task)
        match event:
            case RunStarted():
                return _begun(event)
            case EvaluationCompleted():
                first = headlines(event.metrics, self._task, brief=True)
                scores = "  ".join(f"{label} {score}" for label, score in first.items())
                return f"epoch {event.epoch + 1}, step {event.step}: {scores}{'  (best so far)' * event.is_best}"
            case StepDropped():
                rows = ", ".join(map(str, event.row_ids[:8])) + (" ..." if len(event.row_ids) > 8 else "")
                return f"warning: step {event.step} was dropped, its loss or gradient is not finite; {words.fed} {rows}"
            case RolledBack():
                return (
                    f"warning: back from step {event.from_step} to {event.to_step}, "
                    f"learning rate now {event.lr_scale:g} of the plan"
                )
            case MicroBatchHalved():
                size = (
                    f"{event.micro_batch_size} {words.fed}"
                    if event.unit == ROWS
                    else f"{event.micro_batch_size:,} tokens"
                )
                return f"warning: memory ran out; micro-batches now have {size}, the steps stay equal"
            case Noted():
                return event.message
            case Warned():
                return f"warning: {event.message}"
            case RunFinished():
                return f"{event.stop_reason} after {event.step} steps"
            case _:
                return ""

    def facts(self, event: StepCompleted) -> Mapping[str, str]:
        """Give what there is to say of a step by name, the most important first."""
        left = self._pace.seconds_left()
        return {
            **({} if left is None or event.step == event.total_steps else {"left": f"{duration(left)} left"}),
            "loss": f"loss {event.loss_ema:.3f}",
            "epoch": f"epoch {event.epoch + 1}",
            "speed": speed_of(words_of(self._task), event.tokens_per_second, event.samples_per_second),
            "lr": f"lr {event.learning_rate:.1e}",
        }


def so_far(event: PhaseStarted | PhaseAdvanced) -> str:
    """Say how far a phase is: what it does, and the share or the number that is done."""
    if isinstance(event, PhaseStarted):
        return f"{event.phase} ..."
    if event.total:
        return f"{event.phase} ... {share(event):.0%}"
    return f"{event.phase} ... {event.done:,} {event.unit}"


def share(event: PhaseAdvanced) -> float:
    """Give the share of a phase that is done, of one whose end is known."""
    return min(1.0, event.done / event.total)


def over(event: PhaseEnded) -> str:
    """Say what a phase did, and how long it took."""
    done = f" {counted(event.done, event.unit)} in" if event.done else ""
    return f"{event.phase}:{done} {duration(event.seconds)}"


def _begun(event: RunStarted) -> str:
    first = f", from step {event.first_step}" if event.first_step else ""
    return (
        f"{event.run_id}: {counted(event.num_train_rows, words_of(event.task).fed)} to learn, "
        f"{event.num_eval_rows:,} to score, {_short(event.num_parameters)} parameters"
        f"{part_trained(event.num_parameters, event.num_trainable)}, "
        f"{event.precision} on {event.device}{shared_out(event.num_devices, event.parallel)}, "
        f"{event.total_steps:,} steps{first}"
    )


def _short(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 1e5 else f"{number:,}"
