"""The rows that a model and its export are compared on: those of the run, those of a file, or made ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from application.training import Training
from domain.exceptions import AthanorError
from domain.run_layout import RunLayout
from domain.task import task_named
from infrastructure.data.feed import batches_by_length
from infrastructure.data.some_rows import SomeRows
from infrastructure.exporting.documents import DocumentsApart
from infrastructure.exporting.opened import Opened
from infrastructure.runs.run_file import read_request
from infrastructure.tasks.adapter import Batch, TaskAdapter, items_of, lengths_of
from infrastructure.tasks.kind import FinishedTask
from infrastructure.tasks.registry import kind_of
from infrastructure.tasks.writing.finished_writer import FinishedWriter
from infrastructure.training.evaluation import rows_to_score

# Enough to tell a share of 99.9 %, and few enough that a comparison takes a minute and no hour.
MOST_ROWS = 2_000
CALIBRATION_ROWS = 128
ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Rows:
    """Rows with their targets, and the adapter that makes batches of them and scores them.

    `told` says which rows they are, and `metric` is what the run was chosen by. `train` are those that calibrate, None
    where they cannot be had.
    """

    dataset: Any
    adapter: TaskAdapter
    told: str
    metric: str
    train: Any = None
    warnings: tuple[str, ...] = ()

    def batches(self) -> Iterator[tuple[Sequence[int], Batch]]:
        """Give batches of rows of about equal lengths, with the numbers of the rows."""
        at_once = rows_to_score(self.dataset, ROWS_AT_ONCE, torch.device("cpu"))
        for rows in batches_by_length(lengths_of(self.dataset), at_once):
            numbers = [int(row) for row in rows]
            yield numbers, self.batch(numbers)

    def batch(self, rows: Sequence[int]) -> Batch:
        """Make a batch of some rows."""
        return self.adapter.collate(items_of(self.dataset, rows), None)

    def calibrating(self) -> Iterator[Batch]:
        """Give some rows of `train`, a batch each."""
        rows = SomeRows(self.train, lengths_of(self.train), CALIBRATION_ROWS)
        for row in range(len(rows)):
            yield self.adapter.collate(items_of(rows, [row]), None)

    def name(self, row: int) -> str:
        """Name a row as its file does."""
        return f"row {self.dataset.row_id(row)}"


def rows_for(opened: Opened, dataset_path: str | None) -> Rows | None:
    """Give the rows of a file, or else those of the evaluation part of a run; None where there are none.

    Raises: DatasetError for a file that is named.
    """
    if dataset_path is not None:
        dataset, adapter = _scored(opened.task, dataset_path)
        training = _training_of(opened.run)
        metric = training.metric_name if training else task_named(opened.card.task).metric_name
        return Rows(_some(dataset), adapter, f"{Path(dataset_path).name}, {_counted(dataset)}", metric)
    training = _training_of(opened.run)
    return None if training is None else _rows_of_run(opened, training)


def _rows_of_run(opened: Opened, training: Training) -> Rows | None:
    kind = kind_of(training.task, training.model_name)
    try:
        dataset: Any = kind.load(training)
        prepared = kind.prepare(training, opened.bundle, dataset)
    except AthanorError:  # of files that are gone, or are others by now
        return None
    if not len(prepared.evaluation):
        return None
    adapter = _adapter_of(opened.task, prepared.evaluation)
    name = Path(training.eval_path or training.dataset_path).name
    told = f"the evaluation part of {name}, {_counted(prepared.evaluation)}"
    warnings: tuple[str, ...] = ()
    if (prepared.train.sha256, prepared.evaluation.sha256) != opened.digests:
        warnings = (f"{name} is not what the run has read: the model may have learnt from rows it is scored on.",)
    return Rows(_some(prepared.evaluation), adapter, told, training.metric_name, prepared.train, warnings)


def _training_of(run: Path | None) -> Training | None:
    return None if run is None else read_request(RunLayout(run).run_file).resolved()


def _scored(task: FinishedTask, path: str) -> tuple[Any, TaskAdapter]:
    if isinstance(task, FinishedWriter):
        dataset = task.rows(path)
        return dataset, task.adapter(dataset, 0)
    return task.scored(path)


def _adapter_of(task: Any, dataset: Any) -> TaskAdapter:
    """Score as the finished model does, without texts that are written out."""
    adapter: TaskAdapter = task.adapter(dataset, 0) if isinstance(task, FinishedWriter) else task.adapter
    return adapter


def _counted(dataset: Any) -> str:
    if len(dataset) > MOST_ROWS:
        return f"{MOST_ROWS:,} rows spread over its {len(dataset):,}"
    return f"{len(dataset):,} rows"


def _some(dataset: Any) -> Any:
    some = SomeRows(dataset, lengths_of(dataset), MOST_ROWS) if len(dataset) > MOST_ROWS else dataset
    start = getattr(dataset, "document_start_id", None)
    return some if start is None else DocumentsApart(some, start)
