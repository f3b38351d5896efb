"""All that is known of a model when its readme is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from application.training import Training
from domain.hub_names import name_of_model, names_hub
from domain.interval import known
from domain.results import Report, TrainingResult
from domain.task import Task, is_preset, task_named
from infrastructure.model_files.model_directory import ADAPTER_CONFIG, opens_in_transformers
from infrastructure.reports.page.scores import Scores

TRANSFORMERS, PEFT, ATHANOR = "transformers", "peft", "athanor"


@dataclass(frozen=True)
class ModelTold:
    """A finished model in `directory` and the training behind it.

    `card` is what travels with it, `base` the model of the hub that it was tuned from, empty for none, `versions` those
    of the libraries by name. `num_train` counts what was learnt from, `num_judged` what the scores are of; `warnings`
    are those of the data, and `facts` what was found in it. Nothing here tells of a clock or of the run directory: two
    runs of one request have the same readme.
    """

    directory: Path
    request: Training
    result: TrainingResult
    report: Report
    card: Mapping[str, Any]
    base: str
    versions: Mapping[str, str]
    num_train: int
    num_judged: int
    warnings: Sequence[str] = ()
    facts: Mapping[str, str] | None = None

    @property
    def task(self) -> Task:
        """The task that it was trained for."""
        return task_named(self.request.task)

    @property
    def is_tested(self) -> bool:
        """Tell whether the scores are those of a test part."""
        return bool(self.report.test_metrics)

    @property
    def scores(self) -> Scores:
        """The same scores as in the report of the run."""
        metrics = self.report.test_metrics or self.result.final_metrics
        return Scores(metrics, self.report.baselines, known(self.report.intervals), self.request.words)

    @property
    def metric(self) -> str:
        """The metric that the best state was chosen by."""
        return str(self.result.metric_name).removeprefix("eval_")

    @property
    def library(self) -> str:
        """The library that opens the directory."""
        if (self.directory / ADAPTER_CONFIG).exists():
            return PEFT
        return TRANSFORMERS if opens_in_transformers({path.name for path in self.directory.iterdir()}) else ATHANOR

    @property
    def began_from(self) -> str:
        """What it was trained from: a preset, a model of the hub, or the name of a directory."""
        return self.base or name_of_model(str(self.request.model_name))

    @property
    def is_tuned(self) -> bool:
        """Tell whether it goes on from weights that others had trained."""
        return not is_preset(str(self.request.model_name))

    @property
    def data(self) -> Mapping[str, Any]:
        """What the card says of the data."""
        known_data: Mapping[str, Any] = self.card.get("data", {})
        return known_data

    @property
    def labels(self) -> Sequence[str]:
        """The labels that it knows, in their order."""
        return tuple(map(str, self.card.get("labels") or self.task.labels))

    @property
    def data_name(self) -> str:
        """What the data are called, without the places of this machine."""
        return self.name_of_data(str(self.request.dataset_path))

    def name_of_data(self, path: str) -> str:
        """Give the name of a file of data; those that come with Athanor are found by theirs from anywhere."""
        shipped = (self.task.default_dataset, self.task.default_eval_dataset, self.task.quick_dataset)
        return path if path in shipped else shared_name(path)


def shared_name(path: str) -> str:
    """Give the name of a file or directory by which others may know it: where it lies here is nobody's business."""
    return path if names_hub(path) else Path(path).name or path
