"""Opens the tools of one run and puts the trainer together."""

from pathlib import Path

from application.ports import RunMonitor
from application.training_request import TrainModelRequest
from domain.events import Warned
from domain.exceptions import RunError
from domain.metrics import direction_of
from domain.task import task_named
from infrastructure.data.code_dataset import CodeDataset
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.factory import keep_tokenizer
from infrastructure.runs.run_log import RunLog
from infrastructure.runs.run_store import RunDirectory
from infrastructure.tasks.sequence_classification import SequenceClassification, class_weights_of
from infrastructure.training.advanced_trainer import AdvancedTrainer
from infrastructure.training.checkpoint_manager import CheckpointManager
from infrastructure.training.dataset_loader import SplitRows
from infrastructure.training.device import choose_device
from infrastructure.training.precision import choose_precision
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker

METRICS_FILE = "metrics.jsonl"


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
            metric_name=request.metric_name,
            mode=direction_of(request.metric_name),
        )

    def trainer(
        self,
        run: RunDirectory,
        request: TrainModelRequest,
        model: ModelBundle,
        dataset: SplitRows,
        tracker: TrainingMetricsTracker,
        checkpoints: CheckpointManager,
        monitor: RunMonitor,
    ) -> AdvancedTrainer:
        """Tokenise both parts and put everything together. Raises: ConfigurationError, DatasetError, RunError."""
        assert model.tokenizer is not None
        try:
            keep_tokenizer(model, run)
            log = RunLog(Path(run.path), monitor)
        except OSError as error:
            raise RunError(f"{run.path} cannot be written: {error.strerror}.", remedy="Make room.") from error
        train, evaluation = dataset.tokenized(model.tokenizer, request.max_length)
        for warning in (*dataset.warnings, *model.warnings, *_length_warnings(train, request.max_length)):
            log.notify(Warned(warning))
        model.card |= {
            "precision": request.precision,
            "batch_size": request.batch_size,
            "text_field": train.rows.text_field,
            "data": {
                "path": request.dataset_path,
                "sha256": train.rows.sha256,
                "eval_path": request.eval_dataset,
                "eval_sha256": evaluation.rows.sha256,
                "train": dict(train.statistics),
                "evaluation": dict(evaluation.statistics),
            },
        }
        return AdvancedTrainer(
            model,
            train,
            evaluation,
            run.path,
            task=_task(request, model, train),
            config=request.training_config(),
            tracker=tracker,
            checkpoints=checkpoints,
            monitor=log,
            name=run.run_id,
        )


def _task(request: TrainModelRequest, model: ModelBundle, train: CodeDataset) -> SequenceClassification:
    counts = list(train.statistics["label_counts"].values())
    assert model.tokenizer is not None
    return SequenceClassification(
        train.label_names,
        pad_token_id=train.pad_token_id,
        mask_token_id=model.tokenizer.mask_token_id,
        special_token_ids=model.tokenizer.all_special_ids,
        word_dropout=request.word_dropout or 0.0,
        label_smoothing=request.label_smoothing,
        class_weights=class_weights_of(request.class_weights, train.label_names, counts),
        negative_label=task_named(request.task).negative_label,
        majority=max(range(len(counts)), key=counts.__getitem__),
    )


def _length_warnings(train: CodeDataset, max_length: int) -> list[str]:
    num_cut, num_rows = train.tokens.num_cut, len(train.tokens)
    if not num_cut:
        return []
    return [
        f"{num_cut} of {num_rows} rows ({num_cut / num_rows:.0%}) of {train.rows.path.name} are longer than "
        f"max_length {max_length} and were cut; what decides their label may be lost."
    ]
