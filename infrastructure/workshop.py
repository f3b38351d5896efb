"""Opens the tools of one run and puts the trainer together."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import torch

from application.monitors import Monitors
from application.phases import phases_so_far, seconds_waited
from application.ports import CheckpointStore, MetricsTracker, Run, RunMonitor, SplitDataset, TrainableModel
from application.training import QuantileTraining, TextTraining, Training
from application.training_request import TrainModelRequest
from domain.events import Noted, RunOpened, Warned
from domain.exceptions import ModelError, RunError
from domain.metrics import direction_of
from domain.run_layout import METRICS, RunLayout
from domain.task import TASKS, is_preset, task_named
from infrastructure.data.hub.settling import with_settled_data
from infrastructure.data.kept.cache import collected_words
from infrastructure.data.some_rows import QUICK_ROWS, SomeRows
from infrastructure.environment import environment
from infrastructure.model_files.card import typed_card
from infrastructure.models.adapters.packing import require_adapters
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.facts import ModelFacts, facts_of
from infrastructure.models.flow.factory import is_flow
from infrastructure.models.tokenizer_files import keep_tokenizer
from infrastructure.parallel.choosing import choose_parallel
from infrastructure.parallel.ranks import ranks_of_this_process
from infrastructure.runs.run_log import RunLog
from infrastructure.tasks.adapter import lengths_of, rows_at_once
from infrastructure.tasks.kind import Prepared
from infrastructure.tasks.registry import kind_of
from infrastructure.tasks.series.suited import suited_to_table
from infrastructure.trackers.known import require_installed
from infrastructure.trackers.observer import Trackers
from infrastructure.training.advanced_trainer import AdvancedTrainer
from infrastructure.training.alike import (
    require_rows_for_all,
    require_same_settings,
    require_same_versions,
    require_seen,
)
from infrastructure.training.checkpoint_manager import CheckpointManager
from infrastructure.training.device import choose_device
from infrastructure.training.fitting import Parts, with_fastest_parts, with_steps_within
from infrastructure.training.following import checkpoints_kind, metrics_of
from infrastructure.training.precision import choose_precision
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker

Part = TypeVar("Part")
FITTED = ("batch_size", "gradient_accumulation_steps", "max_steps")


class TrainingWorkshop:
    """Knows where each tool of a run keeps its files."""

    def settle(self, training: Training, request: TrainModelRequest) -> Training:
        """Decide what a request leaves open, so that the run file repeats the run.

        A pretrained model says how long a text may be at most, whether fp16 has its range, and whether it is so small
        that it bears a higher rate; this machine says which precision it runs fastest, and the season of a table how
        far a forecaster sees. Data of the hub are named by their commit.
        Raises: ConfigurationError when the device or a package of a tracker or of an adapter is not there, ModelError,
        DatasetError.
        """
        require_installed(training.trackers)
        # What this launch cannot have is refused before data are read.
        parallel = choose_parallel(training.parallel, training.rank_timeout)
        ranks = parallel.ranks
        require_rows_for_all(ranks, training.training_config().step_size)
        require_same_versions(ranks, environment()["versions"])
        require_same_settings(ranks, request.model_dump_json(exclude={"device"}))
        device = choose_device(training.device, ranks.launch.local_rank)
        settled = ranks.of_first(self._settled(training, request, device))
        parallel.refuse(settled, request)
        return settled

    def _settled(self, training: Training, request: TrainModelRequest, device: torch.device) -> Training:
        require_adapters(training, device)
        training = with_settled_data(training, request)
        if is_flow(training.model_name):
            return _settled_flow(training, request, device)
        facts = _facts_of(training)
        precision = choose_precision(training.precision, training.use_mixed_precision, device, facts.outgrows_fp16)
        training = training.changed(precision=precision)
        if isinstance(training, TextTraining) and facts.positions and request.leaves_open("max_length"):
            training = training.changed(max_length=min(training.max_length, facts.positions))
        if isinstance(training, TextTraining) and facts.is_small and training.adapter == training.freeze == "none":
            small = task_named(training.task).settings_of_small
            training = training.changed(**{name: value for name, value in small.items() if request.leaves_open(name)})
        if isinstance(training, QuantileTraining):
            training = suited_to_table(training, request)
        return training

    def fit(
        self, training: Training, request: TrainModelRequest, model: TrainableModel, dataset: SplitDataset
    ) -> Training:
        """Find by measuring the rows at once where `batch_size` is auto, and the steps that a time budget has room for.

        Steps that were said are kept, so that a run file repeats its run; the clock alone then heeds the budget.
        Raises: ConfigurationError, DatasetError, TrainingError.
        """
        budget = training.time_budget if request.leaves_open("max_steps") else None
        finds_parts = request.is_measured("batch_size")
        if budget is None and not finds_parts:
            return training
        bundle = own(model, ModelBundle)
        with collected_words():  # told when the run prepares its parts
            prepared = kind_of(training.task, training.model_name).prepare(training, bundle, dataset)
        parts = Parts(prepared.adapter, prepared.train, prepared.evaluation)
        config = training.training_config()
        parallel = choose_parallel(config.parallel)
        if finds_parts:
            config = with_fastest_parts(config, bundle.model, parts, parallel)
        if budget is not None:
            config = with_steps_within(config, bundle.model, parts, lambda: budget - seconds_waited(), parallel)
        return training.changed(**{name: getattr(config, name) for name in FITTED})

    def tracker(self, run: Run) -> TrainingMetricsTracker:
        """Open the metrics of a run. Raises: RunError."""
        return metrics_of(ranks_of_this_process(), run.path, run.run_id)

    def checkpoints(self, run: Run, request: Training) -> CheckpointManager:
        """Open the checkpoints of the run."""
        return checkpoints_kind(ranks_of_this_process())(
            RunLayout(Path(run.path)).checkpoints,
            max_checkpoints=request.max_checkpoints,
            keep_best=request.keep_best,
            metric_name=request.metric_name,
            mode=direction_of(request.metric_name),
        )

    def trainer(
        self,
        run: Run,
        request: Training,
        model: TrainableModel,
        dataset: SplitDataset,
        tracker: MetricsTracker,
        checkpoints: CheckpointStore,
        monitor: RunMonitor,
    ) -> AdvancedTrainer:
        """Tokenise both parts and put everything together. Raises: ConfigurationError, DatasetError, RunError."""
        bundle = own(model, ModelBundle)
        metrics = own(tracker, TrainingMetricsTracker)
        states = own(checkpoints, CheckpointManager)
        layout = RunLayout(Path(run.path))
        require_seen(ranks_of_this_process(), layout.run_file)
        monitors = Monitors.of(monitor)
        if ranks_of_this_process().is_first:
            self._write_down(monitors, request, bundle, layout)
        known = states.list_checkpoints()
        monitors.notify(RunOpened(run.path, known[-1].name if known else ""))
        if metrics.num_damaged_lines:
            monitors.notify(Warned(f"{METRICS} has {metrics.num_damaged_lines} damaged lines, which are passed over."))
        prepared = prepare(request, bundle, dataset, layout.rehearsal)
        for name, found in dataset.facts.items():
            monitors.notify(Noted(f"{name}: {found}"))
        for warning in (*dataset.warnings, *bundle.warnings):
            monitors.notify(Warned(warning))
        return AdvancedTrainer(
            bundle,
            prepared.train,
            prepared.evaluation,
            run.path,
            task=prepared.adapter,
            config=request.training_config(),
            tracker=metrics,
            checkpoints=states,
            monitor=monitors,
            name=run.run_id,
            decisive=request.decisive(),
        )

    def _write_down(self, monitors: Monitors, request: Training, bundle: ModelBundle, layout: RunLayout) -> None:
        """Let a log and the trackers that are asked for be told of what happens."""
        log = _log_of(bundle, layout)
        for event in phases_so_far():  # of before there was a place for a log
            log.notify(event)
        trackers = Trackers(request.trackers, layout, request.model_dump(mode="json"), monitors.warn)
        monitors.join(log, *([trackers] if request.trackers else []))


def prepare(request: Training, bundle: ModelBundle, dataset: SplitDataset, rehearsal: Path) -> Prepared:
    """Tokenise both parts, and let the model know what must travel with it; --quick is scored on few rows.

    What is written at the end is written now, to `rehearsal`, where nothing stays: a name that no file can hold must
    not cost the training. Raises: ConfigurationError, DatasetError, ModelError.
    """
    kind = kind_of(request.task, request.model_name)
    with collected_words() as words:
        prepared = kind.prepare(request, bundle, dataset)
    bundle.warnings = (*bundle.warnings, *words, *prepared.warnings)
    bundle.card |= {
        # What is learnt in fp8 answers anywhere in what its products give.
        "precision": "bf16" if request.precision == "fp8" else request.precision,
        "batch_size": rows_at_once(request.training_config().step_size, prepared.train),
        **prepared.card,
        **request.reading.travelling(),
        "data": {
            "path": request.dataset_path,
            "sha256": prepared.train.sha256,
            "eval_path": request.eval_path,
            "eval_sha256": prepared.evaluation.sha256,
            "train": dict(prepared.train.statistics),
            "evaluation": dict(prepared.evaluation.statistics),
            **({"facts": dict(dataset.facts)} if dataset.facts else {}),
        },
    }
    with TemporaryDirectory() as aside:  # several ranks at once would write over each other
        place = rehearsal if ranks_of_this_process().is_first else Path(aside) / rehearsal.name
        typed_card(kind.card_type, bundle.rehearse(place), place)
    return replace(prepared, evaluation=_few(prepared.evaluation)) if request.quick else prepared


def _settled_flow(training: Training, request: TrainModelRequest, device: torch.device) -> Training:
    """Decide the same for a reader of code: no length limits it, and a finished one is gone on with more gently.

    Raises: ConfigurationError, ModelError for a task that has no such models.
    """
    if not task_named(training.task).settings_of_flow:
        owners = ", ".join(task.name for task in TASKS.values() if task.settings_of_flow)
        raise ModelError(
            f"model {training.model_name} reads source code by its names and lines, which task {training.task} has no"
            " use for.",
            remedy=f"Give another model, or --task {owners}.",
        )
    precision = choose_precision(training.precision, training.use_mixed_precision, device)
    tuned = {} if is_preset(training.model_name or "") else task_named(training.task).settings_of_tuned_flow
    open_ones = {name: value for name, value in tuned.items() if request.leaves_open(name)}
    return training.changed(**open_ones, precision=precision)


def _facts_of(training: Training) -> ModelFacts:
    """Look at the pretrained model of a training on texts; of any other nothing limits it."""
    presets, name = task_named(training.task).presets, training.model_name
    if not isinstance(training, TextTraining) or not presets or name is None or name in presets:
        return ModelFacts(positions=None, outgrows_fp16=False, is_small=False)
    return facts_of(name, presets)


def own(part: object, kind: type[Part]) -> Part:
    """Take back, through a port that does not name it, what this side of the port has made.

    Raises: TypeError for the part of another, which is a mistake in how the application was put together.
    """
    if not isinstance(part, kind):
        raise TypeError(f"{TrainingWorkshop.__name__} works with {kind.__name__}, and got {type(part).__name__}")
    return part


def _log_of(bundle: ModelBundle, layout: RunLayout) -> RunLog:
    """Begin what is written from now on: the log, and the tokenizer of the run. Raises: RunError."""
    try:
        keep_tokenizer(bundle.tokenizer, layout.tokenizer)
        return RunLog(layout.directory)
    except OSError as error:
        place = layout.directory
        raise RunError(f"{place} cannot be written: {error.strerror or error}.", remedy="Make room.") from error


def _few(evaluation: Any) -> SomeRows:
    return SomeRows(evaluation, lengths_of(evaluation), QUICK_ROWS)
