"""Tell on one screen what became of a training."""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from application.use_cases.train_model import TrainModelResponse
from presentation.cli.wording import BASELINES, HEADLINES, counted, rows_of, score_of

MAX_CLASSES_SHOWN = 12
# All samples together: with the scores above and the facts below, a screen has 40 lines.
MAX_SAMPLE_LINES = 27
SAMPLE_WORDS = {"prompt": "given", "output": "written"}
BINARY_RATES = ("tpr", "fpr", "youden_j", "auc")
TAB = "    "


def write_summary(console: Console, response: TrainModelResponse) -> None:
    """Write scores beside baselines, what the model writes, and where everything is."""
    metrics = response.final_metrics
    rows = counted(response.num_eval_rows, rows_of(response.task).read)
    console.print(f"{response.task}: scores on {rows} held out", style="bold", highlight=False)
    _write_scores(console, metrics, response.baselines)
    write_classes(console, metrics)
    _write_samples(console, response.samples)
    write_facts(console, {**_remarks(metrics), **_facts(response)})


def write_classes(console: Console, metrics: Mapping[str, Any]) -> None:
    """Write a line for each class, unless there are none or too many."""
    classes = metrics.get("per_class", {})
    if not 0 < len(classes) <= MAX_CLASSES_SHOWN:
        return
    table = Table(box=None)
    for column in ("label", "precision", "recall", "f1", "rows"):
        table.add_column(column, justify="left" if column == "label" else "right")
    for label, scores in classes.items():
        numbers = [f"{scores[name]:.3f}" for name in ("precision", "recall", "f1")]
        table.add_row(Text(harmless(label)), *numbers, str(scores["support"]))
    console.print(table)


def write_facts(console: Console, facts: Mapping[str, str]) -> None:
    """Write names and values in two columns; long values run on, so that a path can be copied."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        console.print(f" {name:<{width}}  {value}", highlight=False, markup=False, soft_wrap=True)


def harmless(line: str) -> str:
    """Spell out what would move a cursor, ring a bell or turn the direction of a terminal's text."""
    return "".join(
        letter if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else _spelt(letter)
        for letter in line.replace("\t", TAB)
    )


def _spelt(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def _write_scores(console: Console, metrics: Mapping[str, Any], baselines: Mapping[str, Any]) -> None:
    """Write the headlines of this model and, where there are baselines, those that can be compared."""
    names = [name for name in HEADLINES if metrics.get(name) is not None]
    beside = [prefix for prefix in BASELINES if any(f"{prefix}_{name}" in baselines for name in names)]
    if beside:
        names = [name for name in names if any(f"{prefix}_{name}" in baselines for prefix in beside)]
    table = Table(box=None)
    table.add_column("")
    for name in names:
        table.add_column(HEADLINES[name].label, justify="right")
    table.add_row("this model", *(score_of(name, metrics[name]) for name in names), style="bold")
    for prefix in beside:
        table.add_row(BASELINES[prefix], *(score_of(name, baselines.get(f"{prefix}_{name}")) for name in names))
    console.print(table)


def _write_samples(console: Console, samples: Sequence[Mapping[str, str]]) -> None:
    num_texts = sum(map(len, samples))
    if not num_texts:
        return
    max_lines = max(1, MAX_SAMPLE_LINES // num_texts)
    width = max(len(SAMPLE_WORDS.get(name, name)) for sample in samples for name in sample)
    for sample in samples:
        console.print()
        for name, text in sample.items():
            label = SAMPLE_WORDS.get(name, name)
            for line in _trimmed(text, max_lines):
                line_text = Text.assemble((f" {label:<{width}} | ", "dim"), harmless(line))
                console.print(line_text, no_wrap=True, overflow="ellipsis", crop=True)
                label = ""
    console.print()


def _trimmed(text: str, max_lines: int) -> list[str]:
    """Give the first lines of a text that say something; the last one tells when there are more."""
    lines = [line.rstrip() for line in text.strip("\r\n").split("\n")]
    lines = [line for line in lines if line]
    if not lines:
        return ["(white space only)" if text else "(nothing)"]
    return lines if len(lines) <= max_lines else [*lines[: max_lines - 1], f"{lines[max_lines - 1]} ..."]


def _remarks(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Give what a reader of the scores must know beside them."""
    remarks = {}
    if "youden_j" in metrics:
        remarks["any weakness"] = "  ".join(f"{name} {score_of(name, metrics.get(name))}" for name in BINARY_RATES)
    written = [head.label.partition(" (")[0] for name, head in HEADLINES.items() if head.of_written and name in metrics]
    if written:
        remarks["scored"] = f"{', '.join(written)} on at most sample_rows rows; evaluate scores all of a file"
    return remarks


def _facts(response: TrainModelResponse) -> dict[str, str]:
    speed = response.throughput.get("tokens_per_second", 0.0)
    return {
        "best": f"{response.metric_name} {score_of(response.metric_name, response.best_metric)}{_place(response)}",
        "time": f"{response.training_time:.0f} s, {speed:,.0f} tokens/s, {response.stop_reason}",
        "model": str(response.model_path),
        "report": f"{response.run_dir}/{', '.join(_reports(response.run_dir))}",
        "next": f"athanor evaluate {response.run_dir} --dataset PATH",
    }


def _place(response: TrainModelResponse) -> str:
    step = "" if response.best_step is None else f" at step {response.best_step:,}"
    return step if response.best_epoch is None else f"{step} in epoch {response.best_epoch + 1}"


def _reports(run_dir: str | None) -> list[str]:
    """List the reports that were written, pictures first."""
    directory = Path(run_dir or ".")
    pictures = sorted((path.name for path in directory.glob("*.png")), reverse=True)
    return [*pictures, *(name for name in ("metrics.json",) if (directory / name).exists())]
