"""Opens the tools of one run and puts the trainer together."""

from pathlib import Path
from typing import Any

from application.ports import RunMonitor
from application.training_request import TrainModelRequest
from domain.events import RunOpened, Warned
from domain.exceptions import RunError
from domain.metrics import direction_of
from infrastructure.data.cache import collected_words
from infrastructure.data.some_rows import SomeRows
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.card import typed_card
from infrastructure.models.tokenizer_files import keep_tokenizer
from infrastructure.runs.run_log import RunLog
from infrastructure.runs.run_store import REHEARSAL, RunDirectory
from infrastructure.tasks.adapter import lengths_of
from infrastructure.tasks.registry import TOKENIZER, kind_of
from infrastructure.training.advanced_trainer import AdvancedTrainer
from infrastructure.training.checkpoint_manager import CheckpointManager
from infrastructure.training.device import choose_device
from infrastructure.training.precision import choose_precision
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker

METRICS_FILE = "metrics.jsonl"
QUICK_EVAL_ROWS = 64


class TrainingWorkshop:
    """Knows where each tool of a run keeps its files."""

    def settle(self, request: TrainModelRequest) -> TrainModelRequest:
        """Decide what only this machine can: the precision it runs fastest. The run file then repeats the run.

        Raises: ConfigurationError when the device is not there.
        """
        device = choose_device(request.device)
        return request.changed(precision=choose_precision(request.precision, request.use_mixed_precision, device))

    def tracker(self, run: RunDirectory, request: TrainModelRequest) -> TrainingMetricsTracker:
        """Create the run directory if it is new and open its metrics. Raises: RunError."""
        run.open(request)
        return TrainingMetricsTracker(run.path, experiment_name=run.run_id, file_name=METRICS_FILE)

    def checkpoints(self, run: RunDirectory, request: TrainModelRequest) -> CheckpointManager:
        """Open the checkpoints of the run."""
        assert request.metric_name is not None
        return CheckpointManager(
            Path(run.path) / "checkpoints",
            max_checkpoints=request.max_checkpoints,
            keep_best=request.keep_best,
            metric_name=request.metric_name,
            mode=direction_of(request.metric_name),
        )

    def trainer(
        self,
        run: RunDirectory,
        request: TrainModelRequest,
        model: ModelBundle,
        dataset: Any,
        tracker: TrainingMetricsTracker,
        checkpoints: CheckpointManager,
        monitor: RunMonitor,
    ) -> AdvancedTrainer:
        """Tokenise both parts and put everything together. Raises: ConfigurationError, DatasetError, RunError."""
        try:
            keep_tokenizer(model.tokenizer, Path(run.path) / TOKENIZER)
            log = RunLog(Path(run.path), monitor)
        except OSError as error:
            raise RunError(f"{run.path} cannot be written: {error.strerror or error}.", remedy="Make room.") from error
        known = checkpoints.list_checkpoints()
        log.notify(RunOpened(run.path, known[-1].name if known else ""))
        if tracker.num_damaged_lines:
            log.notify(Warned(f"{METRICS_FILE} has {tracker.num_damaged_lines} damaged lines, which are passed over."))
        with collected_words() as words:
            prepared = kind_of(request.task).prepare(request, model, dataset)
        model.warnings = (*model.warnings, *words)
        for warning in (*dataset.warnings, *model.warnings, *prepared.warnings):
            log.notify(Warned(warning))
        model.card |= {
            "precision": request.precision,
            "batch_size": request.batch_size,
            **prepared.card,
            **request.reading.travelling(),
            "data": {
                "path": request.dataset_path,
                "sha256": prepared.train.sha256,
                "eval_path": request.eval_dataset,
                "eval_sha256": prepared.evaluation.sha256,
                "train": dict(prepared.train.statistics),
                "evaluation": dict(prepared.evaluation.statistics),
            },
        }
        # What is written at the end is written now: a name that no file can hold must not cost the training.
        place = Path(run.path) / REHEARSAL
        typed_card(kind_of(request.task).card_type, model.rehearse(place), place)
        return AdvancedTrainer(
            model,
            prepared.train,
            _few(prepared.evaluation) if request.quick else prepared.evaluation,
            run.path,
            task=prepared.adapter,
            config=request.training_config(),
            tracker=tracker,
            checkpoints=checkpoints,
            monitor=log,
            name=run.run_id,
            decisive=request.decisive(),
        )


def _few(evaluation: Any) -> SomeRows:
    """Proving that scoring works takes a few rows; all of them may take minutes."""
    return SomeRows(evaluation, lengths_of(evaluation), QUICK_EVAL_ROWS)
