"""Audit labelled rows: what they give away before any model learns from them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os.path import realpath
from typing import Any

from pydantic import Field

from application.checked_request import CheckedRequest
from application.dataset_ports import AuditFiles, DatasetAuditor, LabelledData, LabelledDataset
from application.ports import RunArchive
from application.training import LabelTraining
from application.training_request import TrainModelRequest
from domain.alarms import alarms_of
from domain.audit import Audit
from domain.exceptions import ConfigurationError, DatasetError
from domain.showing import shown
from domain.task import TASKS, task_named

TEXT = "text"
FORMS = (TEXT, "json", "html")
ENDINGS = {".json": "json", ".html": "html", ".htm": "html"}
KIND = "sequence_classification"
ANY_LABELS = "text_classification"
# What of a run decides which of its rows were held out.
OF_THE_SPLIT = ("task", "seed", "validation_split", "text_field", "label_field", "group_field", "eval_dataset")


class AuditDatasetRequest(CheckedRequest):
    """Labelled rows, and how to read them; what is None is as a training would have it.

    Without `task` the rows are of the task that knows their labels. `time_field` names a column of times. `run` is a
    finished run whose answers are scored too: what is not said here is as it was trained. `settings` are others of a
    training, such as encoding, seed or validation_split. With `output` the audit is written there, in the format
    `form`, which else follows from the ending of the name.
    """

    dataset_path: str
    eval_dataset: str | None = None
    task: str | None = None
    text_field: str | tuple[str, ...] | None = None
    label_field: str | None = None
    group_field: str | None = None
    time_field: str | None = None
    run: str | None = None
    runs_root: str = "runs"
    settings: dict[str, Any] = Field(default_factory=dict)
    form: str | None = None
    output: str | None = None

    @property
    def written_form(self) -> str:
        """The format that an audit is written in. Raises: ConfigurationError for one that is not known."""
        if self.form is None:
            return next((form for ending, form in ENDINGS.items() if str(self.output).lower().endswith(ending)), TEXT)
        if self.form not in FORMS:
            raise ConfigurationError(
                f"format {shown(self.form)} is not known.", remedy=f"Name one of {', '.join(FORMS)}."
            )
        return self.form


class AuditDatasetUseCase:
    """Reads and splits rows as a training would, looks for what they give away, and raises the alarms."""

    def __init__(self, data: LabelledData, auditor: DatasetAuditor, archive: RunArchive, files: AuditFiles) -> None:
        self._data = data
        self._auditor = auditor
        self._archive = archive
        self._files = files

    def execute(self, request: AuditDatasetRequest) -> Audit:
        """Audit, and write what was found where a file is named.

        Raises: DatasetError for rows that cannot be read, ConfigurationError for settings, RunError for the run.
        """
        form = request.written_form
        if request.output is not None:
            self._files.require(request.output)
        run = None if request.run is None else self._archive.find(request.run, request.runs_root)
        known = {} if run is None else self._archive.settings(run)
        settings = {name: known[name] for name in OF_THE_SPLIT if known.get(name) is not None}
        named = {name: getattr(request, name) for name in OF_THE_SPLIT if getattr(request, name, None) is not None}
        settings |= named | request.settings | {"dataset_path": request.dataset_path}
        time_field = settings.pop("time_field", request.time_field)
        _refuse(settings, time_field, request.output)
        training, dataset = self._loaded(settings)
        audit = self._auditor.audit(dataset, training, time_field, run)
        audit = replace(audit, notes=(*dataset.warnings, *audit.notes))
        audit = replace(audit, alarms=alarms_of(audit))
        if request.output is not None:
            self._files.write(request.output, self._files.text_of(audit, form))
        return audit

    def text_of(self, audit: Audit, form: str) -> str:
        """Give an audit as `text`, `json` or `html`."""
        return self._files.text_of(audit, form)

    def _loaded(self, settings: Mapping[str, Any]) -> tuple[LabelTraining, LabelledDataset]:
        """Read rows as the task that was named, else as the one that knows all their labels."""
        if "task" in settings:
            return self._read(settings)
        closed = [task.name for task in TASKS.values() if task.kind == KIND and task.labels]
        try:
            found = self._read({**settings, "task": ANY_LABELS})
        except DatasetError:
            # A text that only another task knows by its name, such as `func`, may be what is missing.
            for name in closed:
                try:
                    return self._read({**settings, "task": name})
                except DatasetError:
                    continue
            raise
        labels = found[1].label_names
        fitting = next((name for name in closed if _knows(name, labels)), None)
        return found if fitting is None else self._read({**settings, "task": fitting})

    def _read(self, settings: Mapping[str, Any]) -> tuple[LabelTraining, LabelledDataset]:
        training = TrainModelRequest(**settings).resolved()
        if not isinstance(training, LabelTraining):
            known = ", ".join(task.name for task in TASKS.values() if task.kind == KIND)
            raise ConfigurationError(f"the rows of {training.task} have no labels.", remedy=f"Name one of {known}.")
        return training, self._data.load(training)


def _knows(task: str, labels: Sequence[str]) -> bool:
    known = task_named(task)
    return known.negative_label in labels and set(labels) <= set(known.labels)


def _refuse(settings: Mapping[str, Any], time_field: Any, output: str | None) -> None:
    if time_field is not None and not isinstance(time_field, str):
        raise ConfigurationError(f"time_field is {shown(time_field)}, no name.", remedy="Name one column.")
    read = [settings["dataset_path"], settings.get("eval_dataset")]
    places = [_place(path) for path in read if isinstance(path, str)]
    if len(places) > len(set(places)):
        raise ConfigurationError(
            f"the rows to score on are those to learn from, {shown(read[1])}.",
            remedy="Name another file, or none: then a part of the rows is held out as a training would.",
        )
    if output is not None and _place(output) in places:
        raise ConfigurationError(f"output {output} holds the rows, which would be lost.", remedy="Name another file.")


def _place(path: str) -> str:
    try:
        return realpath(path)
    except ValueError:  # a NUL, which whoever opens the file refuses with a sentence
        return path
