"""The page of a run and that of an evaluation: what every kind has, around the sections of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import join, quote
from typing import Any

from application.ports import SplitDataset
from application.training import Training, training_of
from domain.exceptions import ConfigurationError
from domain.hub_names import name_of_data
from domain.interval import known
from domain.metrics import MetricEntry
from domain.results import EvaluationResult, Report, TrainingResult
from domain.run_layout import RunLayout
from domain.showing import duration
from domain.task import task_named
from domain.words import counted, part_trained, shared_out
from infrastructure.data.some_rows import QUICK_ROWS
from infrastructure.environment import environment
from infrastructure.model_files.card import read_card
from infrastructure.places import require_place
from infrastructure.reports.page.blocks import (
    Block,
    Column,
    Command,
    Facts,
    Folded,
    Page,
    Paragraph,
    Section,
    Table,
    Texts,
)
from infrastructure.reports.page.curves import Curves
from infrastructure.reports.page.html import write_page
from infrastructure.reports.page.parts import label_tables, parts_table
from infrastructure.reports.page.scores import Scores

_SAMPLE_WORDS = {"prompt": "given", "output": "written", "wanted": "wanted"}


@dataclass(frozen=True)
class RunTold:
    """All that is known of a run when its report is written; `audited` is what its rows give away."""

    layout: RunLayout
    request: Training
    dataset: SplitDataset
    result: TrainingResult
    report: Report
    entries: Sequence[MetricEntry]
    audited: Sequence[Block] = ()

    def page(self, sections: Sequence[Section]) -> Page:
        """Tell what was asked and what came out, with the sections of the kind in the midst."""
        found = [
            Section("Scores", [*self._warnings(), *self._scores.blocks()]),
            *sections,
            *self._samples(),
            Section("How the training went", self._curves()),
            Section("The data", self._data()),
            Section("The run", self._run()),
        ]
        return Page(f"{self.layout.directory.resolve().name}: {self.request.task}", self._sentence(), found)

    @property
    def num_judged(self) -> int:
        """Count the rows or windows that the scores are of."""
        part = self._known_data.get("evaluation", {})
        num_rows = int(part.get("num_rows", self.dataset.num_eval))
        return num_judged(self._scores.metrics, min(num_rows, QUICK_ROWS) if self.request.quick else num_rows)

    @property
    def _scores(self) -> Scores:
        metrics = self.report.test_metrics or self.result.final_metrics
        return Scores(metrics, self.report.baselines, known(self.report.intervals), self.request.words)

    def _sentence(self) -> str:
        result, words = self.result, self.request.words
        held_out = (
            f"{counted(self.num_judged, words.fed)} {'of the test part' if self.report.test_metrics else 'held out'}"
        )
        name = str(result.metric_name).removeprefix("eval_")
        return (
            f"{self.request.model_name} ({result.num_parameters:,} parameters"
            f"{part_trained(result.num_parameters, result.num_trainable)}) learnt {self.request.task} from"
            f" {counted(self.dataset.num_train, words.read)} of {name_of_data(str(self.request.dataset_path))} in"
            f" {counted(result.steps, 'steps')} and {duration(result.training_time)}, and reaches"
            f" {self._scores.sentence(name)}, on {held_out}.{_ended(result.stop_reason)}"
        )

    def _warnings(self) -> list[Block]:
        told = dict.fromkeys((*self.result.warnings, *self.report.warnings))
        return [Paragraph(warning, "warning") for warning in told]

    def _samples(self) -> list[Section]:
        blocks = []
        for number, sample in enumerate(self.report.samples, 1):
            texts = {_SAMPLE_WORDS.get(name, name): text for name, text in sample.items()}
            marked = ("written", "wanted") if {"written", "wanted"} <= texts.keys() else None
            blocks.append(Texts(f"Sample {number}", texts, marked))
        return [Section("What it writes", blocks)] if blocks else []

    def _curves(self) -> list[Block]:
        name = str(self.result.metric_name).removeprefix("eval_")
        num_steps = self.result.steps_per_epoch
        return Curves(self.entries, name, self._scores.rivals(name), num_steps, self.request.words).blocks()

    @property
    def _known_data(self) -> Mapping[str, Any]:
        data: Mapping[str, Any] = read_card(Path(self.result.model_path)).get("data", {})
        return data

    def _data(self) -> list[Block]:
        data = self._known_data
        facts = {"file": str(data.get("path") or "the task's own"), "SHA-256": str(data.get("sha256", ""))[:16]}
        if data.get("eval_path"):
            facts["file to be scored on"] = str(data["eval_path"])
        found: list[Block] = [Facts(facts | dict(self.dataset.facts)), parts_table(data)]
        looked_for: Mapping[str, int] = getattr(self.dataset, "audit", {})  # not every kind looks
        found.append(Facts({name: f"{count:,}" for name, count in looked_for.items()}))
        found += label_tables(data)
        warnings = [Paragraph(warning, "warning") for warning in dict.fromkeys(self.dataset.warnings)]
        return [*found, *warnings, *self.audited]

    def _run(self) -> list[Block]:
        result, again = self.result, quote(str(self.layout.run_file))
        speed = {name: f"{value:,.4g}" for name, value in result.throughput.items()}
        if "peak_memory_bytes" in result.throughput:
            speed["peak_memory_bytes"] = f"{result.throughput['peak_memory_bytes'] / 2**20:,.0f} MiB"
        if "padding_share" in result.throughput:
            speed["padding_share"] = f"{result.throughput['padding_share']:.1%}"
        facts = {
            "device": f"{result.device}{shared_out(result.num_devices, result.parallel)}",
            "precision": result.precision,
            "threads": str(result.num_threads),
            "dropped steps": str(result.num_dropped_steps),
            "returns to a checkpoint": str(result.num_rollbacks),
            **{name.removesuffix("_bytes").replace("_", " "): value for name, value in speed.items()},
        }
        settings = self.request.model_dump(mode="json")
        rows = [[name, "" if value is None else str(value)] for name, value in settings.items()]
        return [
            Paragraph("This repeats the run:"),
            Command(f"athanor train --config {again} --output NEW"),
            Facts(facts),
            Folded("Settings", [Table("Settings", [Column("name"), Column("value")], rows, rows_shown=200)]),
            Folded("Environment", [Facts(_flat(environment()))]),
        ]


def require_page(path: str) -> None:
    """Find fault with the place of a page before anything is computed. Raises: ConfigurationError."""
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise ConfigurationError(f"report {path} must end in .html, for it is a page.", remedy="Rename it.")
    require_place(path, "report")


def write_evaluation_page(
    path: str,
    run: str,
    dataset_path: str,
    result: EvaluationResult,
    sections: Sequence[Section],
    options: Sequence[str] = (),
) -> None:
    """Write what a finished model is worth on a file; `options` are those that this evaluation was asked with.

    Raises: ConfigurationError when the disk refuses.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_page(Path(path), _evaluation_page(path, Path(run), dataset_path, result, sections, options))
    except OSError as error:
        raise ConfigurationError(
            f"report {path} cannot be written: {error.strerror or error}.", remedy="Make room or choose another place."
        ) from error


def _evaluation_page(
    path: str,
    run: Path,
    dataset_path: str,
    result: EvaluationResult,
    sections: Sequence[Section],
    options: Sequence[str],
) -> Page:
    words = training_of(task_named(result.task)).words
    scores = Scores(result.metrics, result.metrics, known(result.intervals), words)
    usual = task_named(result.task).metric_name.removeprefix("eval_")
    metric = usual if usual in result.metrics else next(iter(result.metrics))  # tests tell no loss
    rows = counted(result.num_rows, words.fed)
    sentence = f"{run} reaches {scores.sentence(metric)}, on {rows} of {name_of_data(dataset_path)}."
    again = ["athanor", "evaluate", str(run), "--dataset", dataset_path, *options, "--report", path]
    warnings = [Paragraph(warning, "warning") for warning in result.warnings]
    return Page(
        f"{run.resolve().name} on {name_of_data(dataset_path)}: {result.task}",
        sentence,
        [
            Section("Scores", [*warnings, *scores.blocks()]),
            *sections,
            Section("This page again", [Command(join(again)), Folded("Environment", [Facts(_flat(environment()))])]),
        ],
    )


def num_judged(metrics: Mapping[str, Any], otherwise: int) -> int:
    """Count the rows or windows that metrics are of, where they say so."""
    supports = [scores["support"] for scores in metrics.get("per_class", {}).values()]
    return int(metrics.get("num_windows") or sum(supports) or otherwise)


def _ended(reason: str) -> str:
    """Say why a training ended before its last step; the name of a signal is what stopped it."""
    known = {
        "completed": "",
        "early_stopping": " It ended early, for its score got no better.",
        "time_budget": " It ended early, for its time budget was spent.",
        "diverged": " It diverged: its loss was no finite number any more.",
    }
    return known.get(reason, f" It was stopped by {reason}, and can be resumed.")


def _flat(facts: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in facts.items():
        inner = value.items() if isinstance(value, Mapping) else [(name.replace("_", " "), value)]
        found |= {key: str(item) for key, item in inner}
    return found
