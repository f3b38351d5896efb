"""Takes the steps of a range test, as a training takes them."""

from dataclasses import replace

from application.phases import phase
from application.ports import RunMonitor, SplitDataset, TrainableModel
from application.training import Training
from domain.exceptions import ConfigurationError, TrainingError
from domain.rate_sweep import RateSweep, SweptLosses
from domain.step_size import StepSize
from infrastructure.data.kept.cache import collected_words
from infrastructure.memory import SMALLER, halved, is_out_of_memory, lost_memory_told, release_cached
from infrastructure.models.bundle import ModelBundle
from infrastructure.parallel.choosing import choose_parallel
from infrastructure.tasks.adapter import plan_of
from infrastructure.tasks.registry import kind_of
from infrastructure.training.arguments import metric_of
from infrastructure.training.batches import Batches
from infrastructure.training.machine import computing_with, summing_in_one_order
from infrastructure.training.session import Session, open_session
from infrastructure.training.step import UpdateInterruptedError, train_step
from infrastructure.workshop import own


class TrainingSweeper:
    """Has the feed, the batches, the optimizer and the step of a training, and rates of its own."""

    def sweep(
        self, training: Training, model: TrainableModel, dataset: SplitDataset, sweep: RateSweep, monitor: RunMonitor
    ) -> SweptLosses:
        """Take steps until the loss diverges, the sweep ends or the monitor asks to stop.

        Raises: ConfigurationError, DatasetError, ModelError as a training would; TrainingError for lost memory.
        """
        bundle = own(model, ModelBundle)
        parallel = choose_parallel(training.parallel, training.rank_timeout)
        if parallel.ranks.size > 1:
            raise ConfigurationError(
                f"a sweep of learning rates is the work of one process, but there are {parallel.ranks.size}.",
                remedy="Find the rate with one process, and train with many.",
            )
        with collected_words():  # the training tells them
            prepared = kind_of(training.task, training.model_name).prepare(training, bundle, dataset)
        # An average would follow the weights and nobody would ask for it.
        config = replace(training.training_config(), average_decay=0.0)
        metric_of(config.metric_name, prepared.adapter)  # what a training refuses is refused before the sweep
        plan_of(config, prepared.train)
        with lost_memory_told("in the sweep"), computing_with(None):
            session = open_session(bundle.model, prepared.adapter, config, bundle.base, parallel)
            batches = Batches(session, prepared.train, config.step_size)
            try:
                with summing_in_one_order(config.deterministic, session.device):
                    return _swept(session, batches, config.step_size, sweep, monitor)
            finally:
                batches.close()


def _swept(session: Session, batches: Batches, size: StepSize, sweep: RateSweep, monitor: RunMonitor) -> SweptLosses:
    swept, at_once = SweptLosses(), size.at_once
    with phase("trying learning rates", sweep.steps, "steps") as done:
        for step in range(sweep.steps):
            if monitor.stop_requested():
                break
            loss, at_once = _loss_of(session, batches, step, at_once, sweep.rate_at(step))
            swept.take_in(loss)
            done.advance()
            if swept.diverged:
                break
    return swept


def _loss_of(session: Session, batches: Batches, step: int, at_once: int, rate: float) -> tuple[float, int]:
    """Take a step, in smaller parts where memory runs out; gives its loss before the update, and what went at once."""
    while True:
        try:
            return train_step(session, batches.at(step, at_once), rate).loss, at_once
        except UpdateInterruptedError as error:
            raise TrainingError("memory ran out in an update.", remedy=f"{SMALLER}.") from error
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            at_once = halved(at_once, f"at step {step} of the sweep", error)
        # Behind the except block, which had kept the lost attempt and all its tensors alive.
        session.optimizer.zero_grad(set_to_none=True)
        release_cached()
