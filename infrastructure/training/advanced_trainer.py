"""The training loop."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from application.monitors import Monitors
from application.phases import seconds_waited
from application.ports import RunMonitor
from domain.config import TrainingConfig
from domain.events import (
    EvaluationCompleted,
    Noted,
    RolledBack,
    RunFinished,
    RunStarted,
    StepCompleted,
    StepDropped,
    Warned,
)
from domain.exceptions import TrainingError
from domain.metrics import LOSS, direction_of, is_undefined, undefined_told
from domain.progress import EarlyStopping, Progress, SinceLog, StepResult
from domain.results import TrainingResult
from domain.run_layout import RunLayout
from domain.schedule import Plateau
from domain.time_budget import TIME_BUDGET, Clock
from infrastructure.memory import lost_memory_told
from infrastructure.models.bundle import ModelBundle
from infrastructure.parallel.choosing import choose_parallel
from infrastructure.parallel.strategy import unwrapped
from infrastructure.tasks.adapter import TaskAdapter, plan_of, rows_at_once
from infrastructure.tasks.plain_module import LossFunction
from infrastructure.tasks.task_of_model import task_for
from infrastructure.training.alike import require_rows_for_all, require_same_data
from infrastructure.training.arguments import config_of, metric_of, whole_task, with_rows
from infrastructure.training.batches import Batches
from infrastructure.training.checkpoint_manager import CheckpointManager
from infrastructure.training.compiling import compiled_layers
from infrastructure.training.device import memory_bytes
from infrastructure.training.disk_space import require_room
from infrastructure.training.fingerprints import data_of, settings_of_loop
from infrastructure.training.following import checkpoints_kind, metrics_of
from infrastructure.training.machine import computing_with, summing_in_one_order
from infrastructure.training.run_states import RunStates
from infrastructure.training.scoring import Scoring, names_of
from infrastructure.training.session import open_session
from infrastructure.training.step import UpdateInterruptedError
from infrastructure.training.stepping import Stepping
from infrastructure.training.throughput import throughput_of
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker

LOGGED = ("learning_rate", "grad_norm", "tokens_per_second", "samples_per_second", "memory_bytes")


class AdvancedTrainer:
    """Trains any transformers model, or a plain `nn.Module` with a loss function.

    Settings are those of `TrainingConfig`, given by name or as one `config`. Datasets have a length and items by
    index: dicts with `input_ids` and `labels` for a model, whatever `PlainModule` takes for a module. A directory
    that holds checkpoints of the same plan and data is taken up where they stand.
    """

    def __init__(
        self,
        model: nn.Module | ModelBundle,
        train_dataset: Any,
        eval_dataset: Any = None,
        output_dir: str | Path = "out",
        *,
        task: TaskAdapter | None = None,
        loss_function: LossFunction | None = None,
        config: TrainingConfig | None = None,
        tracker: TrainingMetricsTracker | None = None,
        checkpoints: CheckpointManager | None = None,
        monitor: RunMonitor | None = None,
        name: str = "",
        decisive: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self._bundle = model if isinstance(model, ModelBundle) else ModelBundle(unwrapped(model))
        self._config = config = config or config_of(settings)
        parallel = choose_parallel(config.parallel, config.rank_timeout)
        self._ranks = ranks = parallel.ranks
        require_rows_for_all(ranks, config.step_size)
        self._train_dataset = with_rows(train_dataset)
        self._eval_dataset = eval_dataset if eval_dataset is not None and len(eval_dataset) else None
        self._layout = RunLayout(Path(output_dir))
        self._monitors = Monitors.of(monitor)
        self._name = name or self._layout.directory.name
        self._task = whole_task(task or task_for(self._bundle.model, loss_function, train_dataset))
        self._metric = metric_of(config.metric_name, self._task)
        self._direction = direction_of(self._metric)
        self._plan = plan_of(config, train_dataset)
        self._tracker = tracker or metrics_of(ranks, output_dir)
        self._checkpoints = checkpoints or checkpoints_kind(ranks)(
            self._layout.checkpoints, config.max_checkpoints, config.metric_name, self._direction, config.keep_best
        )
        ranks.wait_for_all()  # reading may have taken one of them long
        self._session = open_session(self._bundle.model, self._task, config, self._bundle.base, parallel)
        place = (self._session.device, parallel, config, self._plan.total_steps, train_dataset)
        self._session.compiled = compiled_layers(self._bundle.model, *place)
        self._batches = Batches(self._session, train_dataset, config.step_size)
        self._steps = Stepping(self._session, self._batches, config, self._plan, self._monitors.notify, self._warn)
        self._scoring = (
            None
            if self._eval_dataset is None
            else Scoring(
                self._session, self._eval_dataset, rows_at_once(config.step_size, self._eval_dataset), self._warn
            )
        )
        known = data_of(self._bundle, train_dataset, self._eval_dataset)
        require_same_data(ranks, known)
        self._states = RunStates(
            self._session,
            self._checkpoints,
            {**(settings_of_loop(config) if decisive is None else decisive), "precision": self._session.precision.name},
            known,
            warn=self._warn,
            saved=self._monitors.notify,
        )

    def train(self, accept_changes: bool = False) -> TrainingResult:
        """Train until the plan is done, patience ends, somebody asks to stop or nothing helps any more.

        The best model stands in `output_dir/model`. A state of other settings or data is gone on from only with
        `accept_changes`.
        Raises: TrainingError, CheckpointError when the disk is full or the checkpoints are of another run.
        """
        try:
            one_order = summing_in_one_order(self._config.deterministic, self._session.device)
            with self._ranks.working(), lost_memory_told("in the training"), computing_with(None), one_order:
                return self._train(accept_changes)
        finally:
            self._batches.close()
            self._states.close()

    def _train(self, accept_changes: bool) -> TrainingResult:
        started, plan = time.perf_counter(), self._plan
        self._monitors.join(Clock(self._config.time_budget, seconds_waited()))
        progress = self._begin(accept_changes)
        self._score_untrained(progress)
        interrupted = ""
        while self._steps.num_begun(progress) < plan.total_steps and not progress.stopped:
            interrupted = self._ranks.first_said(self._monitors.stop_requested())
            if interrupted:
                break
            self._states.look(progress)
            try:
                self._steps.begin(progress)
            except UpdateInterruptedError as error:
                progress = self._taken_back(progress, error)
            while (result := self._steps.known(progress)) is not None:
                progress = self._behind(progress, result)
        while (result := self._steps.known(progress, is_last=True)) is not None:
            progress = self._behind(progress, result)
        if interrupted == TIME_BUDGET:
            self._warn(progress, f"the time budget was spent before step {plan.total_steps}, the last planned one.")
            if progress.evaluated_at != progress.step:
                self._evaluate(progress)
        if interrupted:
            self._save(progress)
        self._states.settle(progress, must_be_saved=True)
        return self._finish(progress, interrupted, time.perf_counter() - started)

    # Beginning

    def _begin(self, accept_changes: bool) -> Progress:
        fresh = self._fresh()
        progress = self._states.restored(fresh, accept_changes)
        if shortage := require_room(self._session, self._checkpoints, self._plan, self._config.max_checkpoints):
            self._warn(progress or fresh, shortage)
        if progress is None:
            progress = fresh
            # A run that goes astray at once has a state to return to, and a disk without room for one is found now.
            self._save(progress, at_once=True)
        self._rank_as(progress)
        self._tracker.rewind(progress.step)
        if remark := self._session.parallel.remark(self._session.device):
            self._warn(progress, remark)
        for note in self._batches.remarks():
            self._monitors.notify(Noted(note))
        self._monitors.notify(
            RunStarted(
                run_id=self._name,
                task=str(self._bundle.card.get("task", "")),
                device=str(self._session.device),
                precision=self._session.precision.name,
                num_parameters=self._bundle.num_parameters,
                num_train_rows=self._plan.num_rows,
                num_eval_rows=len(self._eval_dataset) if self._eval_dataset is not None else 0,
                total_steps=self._plan.total_steps,
                first_step=progress.step,
                eval_steps=self._plan.eval_steps,
                num_trainable=self._bundle.num_trainable,
                num_devices=self._session.num_devices,
                parallel=self._session.parallel.name,
            )
        )
        return progress

    def _fresh(self) -> Progress:
        patience = EarlyStopping(self._config.early_stopping_patience, self._config.early_stopping_min_delta)
        return Progress(
            self._direction, patience, self._config.step_size.at_once, Plateau(self._config.plateau_patience)
        )

    # One step

    def _behind(self, progress: Progress, result: StepResult) -> Progress:
        """Do what is due behind a step that is counted; gives an earlier progress where the run goes back."""
        if not result.finite and (earlier := self._dropped(progress, result)) is not None:
            return earlier
        if self._plan.logs_at(progress.step):
            self._log(progress, result)
        if self._plan.evaluates_at(progress.step):
            self._evaluate(progress)
        if self._plan.saves_at(progress.step) or progress.best_step == progress.step or progress.stopped:
            self._save(progress)
        return progress

    def _taken_back(self, progress: Progress, error: UpdateInterruptedError) -> Progress:
        """Return to the newest state: an update that was broken off is neither applied nor not."""
        self._steps.halve(progress, error)
        lost = f"memory ran out inside the update of step {self._steps.num_begun(progress)}"
        earlier = progress.return_to(self._newest_state(progress, lost, "take a smaller model"))
        self._warn(earlier, f"{lost}; the run went back to {earlier.step}.")
        return earlier

    def _dropped(self, progress: Progress, result: StepResult) -> Progress | None:
        """Tell of a step that was not applied; after too many in a row, give the state of the last checkpoint."""
        self._monitors.notify(StepDropped(progress.step - 1, names_of(self._train_dataset, result.row_ids)))
        if progress.bad_steps_in_row < max(1, self._config.max_bad_steps):
            return None
        if progress.num_rollbacks >= self._config.max_rollbacks:
            progress.stop("diverged")
            return None
        reason = f"the loss is not finite at step {progress.step}"
        earlier = progress.roll_back(self._newest_state(progress, reason, "lower learning_rate"))
        self._monitors.notify(RolledBack(progress.step, earlier.step, earlier.lr_scale))
        return earlier

    def _newest_state(self, progress: Progress, reason: str, way_out: str) -> Progress:
        """Load the newest whole state and take back what was logged since. Raises: TrainingError when there is none."""
        self._steps.forget()
        self._states.settle(progress)
        earlier = self._states.restored(self._fresh())
        if earlier is None:
            raise TrainingError(
                f"{reason} and no checkpoint is whole: {' '.join(self._checkpoints.damaged)}",
                remedy=f"Check the disk, {way_out} and train anew.",
            )
        self._rank_as(earlier)
        self._tracker.rewind(earlier.step)
        return earlier

    # What happens between steps

    def _log(self, progress: Progress, result: StepResult) -> None:
        since = progress.since_log
        epoch = self._plan.epoch_of(progress.step - 1)
        event = StepCompleted(
            step=progress.step,
            total_steps=self._plan.total_steps,
            epoch=epoch,
            loss=since.mean_loss,
            loss_ema=progress.loss_ema if progress.loss_ema is not None else result.loss,
            grad_norm=result.grad_norm,
            learning_rate=result.learning_rate,
            tokens_per_second=since.per_second(since.num_tokens),
            samples_per_second=since.per_second(since.num_rows),
            memory_bytes=memory_bytes(self._session.device),
        )
        logged = {name: getattr(event, name) for name in LOGGED}
        logged |= {"train_loss": event.loss, "train_loss_ema": event.loss_ema}
        self._tracker.log_metrics(logged, step=progress.step, epoch=epoch)
        self._monitors.notify(event)
        progress.since_log = SinceLog()

    def _score_untrained(self, progress: Progress) -> None:
        """Let a model that answers before its first step be a candidate for the best."""
        if self._bundle.answers_untrained and not progress.step and progress.evaluated_at is None:
            self._tracker.rewind(-1)  # of a start that was broken off
            self._evaluate(progress)
            progress.take_lead(len(self._eval_dataset or ()) or 1)
            self._save(progress)

    def _evaluate(self, progress: Progress) -> None:
        if self._scoring is None:
            return
        started = time.perf_counter()
        metrics = self._scoring.metrics(progress)
        seconds = time.perf_counter() - started
        epoch = self._plan.epoch_of(progress.step - 1)
        self._settle_metric(progress, metrics)
        is_best = progress.consider(metrics, progress.judged_by or self._metric, epoch)
        numbers = {f"eval_{name}": value for name, value in metrics.items() if isinstance(value, int | float)}
        took = {"evaluation_seconds": seconds, "train_seconds": progress.train_seconds}
        self._tracker.log_metrics({**numbers, **took}, progress.step, epoch)
        self._monitors.notify(EvaluationCompleted(progress.step, epoch, metrics, is_best, seconds))

    def _settle_metric(self, progress: Progress, metrics: Mapping[str, Any]) -> None:
        """Tell what could not be computed; where that is the metric itself, the loss chooses the best model."""
        if told := undefined_told(metrics, "the evaluation part"):
            self._warn(progress, told)
        if progress.judged_by or progress.best_metric is not None or not is_undefined(metrics.get(self._metric)):
            return
        if not is_undefined(metrics.get(LOSS)):
            progress.judge_by(LOSS)
            self._rank_as(progress)
            self._warn(progress, f"{self._metric} cannot choose the best model, so the loss does.")

    def _rank_as(self, progress: Progress) -> None:
        """Let saved states be ranked by what chooses the best model."""
        self._checkpoints.judge_by(progress.judged_by or self._config.metric_name, progress.direction)

    def _save(self, progress: Progress, at_once: bool = False) -> None:
        self._states.save(progress, self._plan.epoch_of(progress.step - 1), at_once)

    def _warn(self, progress: Progress, message: str) -> None:
        """Say what a person should know, now and in the summary, but only once."""
        if progress.note(message):
            self._monitors.notify(Warned(message))

    # The end

    def _finish(self, progress: Progress, interrupted: str, seconds: float) -> TrainingResult:
        self._states.take_best(progress)
        if self._session.average is not None:
            self._session.average.settle_in(self._session.trained)
        reason = interrupted or progress.stopped or "completed"
        step = progress.step if progress.best_step is None else progress.best_step
        weights = self._session.parallel.whole(self._bundle.model)
        if self._ranks.is_first:
            self._bundle.save(self._layout.model, {"step": step, "metrics": progress.best_metrics}, weights)
        self._ranks.wait_for_all()
        self._monitors.notify(RunFinished(progress.step, reason, seconds))
        return TrainingResult(
            **progress.outcome(),
            metric_name=progress.judged_by or self._metric,
            stop_reason=reason,
            training_time=seconds,
            total_steps=self._plan.total_steps,
            steps_per_epoch=self._plan.steps_per_epoch,
            num_parameters=self._bundle.num_parameters,
            num_trainable=self._bundle.num_trainable,
            precision=self._session.precision.name,
            device=str(self._session.device),
            throughput=throughput_of(progress, self._session, self._batches),
            num_threads=torch.get_num_threads(),
            warnings=(*self._bundle.warnings, *progress.notes, *self._monitors.faults),
            model_path=str(self._layout.model),
            num_devices=self._session.num_devices,
            parallel=self._session.parallel.name,
        )
