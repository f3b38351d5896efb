"""Tell all that is known of one run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from application.as_html import facts_html, places_html, scores_html, titled_html, told_html
from application.ports import RunArchive
from application.training_request import TrainModelRequest
from domain.exceptions import AthanorError
from domain.runs import RunFacts

TOLD_BESIDE = ("task", "output_dir", "dataset_path", "model_name")


@dataclass(frozen=True)
class ShownRun:
    """A run: `facts` as in a list, its `summary`, and its settings.

    `chosen` are those settings that are not what its task would have taken by itself. Both are empty where the run
    file cannot be read, and `warnings` then say why.
    """

    facts: RunFacts
    summary: Mapping[str, Any]
    settings: Mapping[str, Any]
    chosen: Mapping[str, Any]
    warnings: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        facts, summary = self.facts, self.summary
        metrics = summary.get("test_metrics") or summary.get("final_metrics", {})
        scores = scores_html(metrics, summary.get("baselines", {}), summary.get("intervals", {}), facts.task)
        of_run = {"task": facts.task, "data": facts.data, "model": facts.model, "began": facts.began}
        chosen = {name: str(value) for name, value in self.chosen.items()}
        known = facts_html({**{name: value or "" for name, value in of_run.items()}, **chosen})
        told = told_html(summary.get("errors", ()), "error") + told_html(self.warnings, "warning")
        return titled_html(f"{facts.run_id}: {facts.status}", known, scores, places_html(facts.run_dir), told)


class ShowRunUseCase:
    """Reads a run, finished or not."""

    def __init__(self, archive: RunArchive) -> None:
        self._archive = archive

    def execute(self, run: str, root: str = "runs") -> ShownRun:
        """Tell of the run at a path, or of that name below `root`.

        Raises: RunError when there is none or its summary is damaged.
        """
        path = self._archive.find(run, root)
        summary, facts = self._archive.summary(path), self._archive.facts(path)
        try:
            settings = self._archive.settings(path)
            return ShownRun(facts, summary, settings, _chosen(settings))
        except AthanorError as error:
            return ShownRun(facts, summary, {}, {}, error.messages)


def _chosen(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    # What a task cannot do without has no usual value, and a model of its own brings settings of its own.
    known = {name: settings[name] for name in TOLD_BESIDE if name in settings}
    try:
        usual = TrainModelRequest(**known).resolved().model_dump()
    except AthanorError:  # of a task that is not known here, or has other rules by now
        usual = TrainModelRequest().model_dump()
    return {
        name: value
        for name, value in settings.items()
        if name not in TOLD_BESIDE and value is not None and (name not in usual or value != usual[name])
    }
