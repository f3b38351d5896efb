"""Write answers: for people a screen, for programs one JSON object."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from application.use_cases.evaluate_model import EvaluateModelResponse
from application.use_cases.train_model import TrainModelResponse

MAX_CLASSES_SHOWN = 12


def write_response(response: TrainModelResponse, as_json: bool) -> int:
    """Write the answer of a training; gives the exit code."""
    if as_json:
        click.echo(strict_json(response.model_dump()))
    elif response.final_metrics:
        _write_summary(response)
    for error in response.errors:
        click.echo(f"error: {error}", err=True)
    return response.exit_code


def write_evaluation(response: EvaluateModelResponse, as_json: bool) -> None:
    """Write the answer of an evaluation."""
    if as_json:
        click.echo(strict_json(response.model_dump()))
        return
    console = Console()
    numbers = {name: value for name, value in response.metrics.items() if isinstance(value, int | float)}
    console.print(_facts_table(f"{response.num_rows:,} rows", {n: f"{v:.4f}" for n, v in numbers.items()}))
    _write_classes(console, response.metrics)


def write_runs(summaries: Sequence[Mapping[str, Any]], root: str) -> None:
    """Write a table of runs."""
    if not summaries:
        click.echo(f"no runs below {root}")
        return
    table = Table(box=None)
    for column in ("run", "task", "status", "metric", "best", "epoch"):
        table.add_column(column)
    for summary in summaries:
        best, epoch = summary.get("best_metric"), summary.get("best_epoch")
        table.add_row(
            str(summary["run_id"]),
            str(summary.get("task") or ""),
            str(summary["status"]),
            str(summary.get("metric_name") or ""),
            "" if best is None else f"{best:.4f}",
            "" if epoch is None else str(epoch + 1),
        )
    Console().print(table)


def write_facts(facts: Mapping[str, Any]) -> None:
    """Write names and values, nested ones on one line."""
    lines = {}
    for name, value in facts.items():
        if name.endswith("_bytes"):
            lines[name.removesuffix("_bytes").replace("_", " ")] = f"{value / 2**30:.1f} GiB"
        elif isinstance(value, Mapping):
            lines[name.replace("_", " ")] = ", ".join(f"{key} {item}" for key, item in value.items())
        else:
            lines[name.replace("_", " ")] = ", ".join(value) if isinstance(value, list) else str(value)
    Console().print(_facts_table("", lines))


def strict_json(value: Any) -> str:
    """Write JSON that every parser reads: NaN and infinities become null."""
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _write_summary(response: TrainModelResponse) -> None:
    console = Console()
    metrics = response.final_metrics
    table = Table(box=None, title=f"{response.task}: {response.num_eval_rows:,} held-out rows", title_justify="left")
    for column in ("", "macro F1", "accuracy"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_row("this model", _score(metrics, "macro_f1"), _score(metrics, "accuracy"), style="bold")
    table.add_row(
        "bag of words", _score(response.baselines, "bow_macro_f1"), _score(response.baselines, "bow_accuracy")
    )
    table.add_row(
        "majority", _score(response.baselines, "majority_macro_f1"), _score(response.baselines, "majority_accuracy")
    )
    console.print(table)
    _write_classes(console, metrics)
    facts = {}
    if "youden_j" in metrics:
        facts["any weakness"] = "  ".join(
            f"{name} {_score(metrics, name)}" for name in ("tpr", "fpr", "youden_j", "auc")
        )
    epoch = "" if response.best_epoch is None else f"epoch {response.best_epoch + 1}"
    speed = response.throughput.get("tokens_per_second", 0.0)
    facts |= {
        "best": f"{response.metric_name} {_score({'best': response.best_metric}, 'best')} in {epoch}",
        "time": f"{response.training_time:.0f} s, {speed:,.0f} tokens/s, {response.stop_reason}",
        "model": str(response.model_path),
        "report": f"{response.run_dir}/training_curves.png, confusion_matrix.png, metrics.json",
        "next": f"athanor evaluate {response.run_dir} --dataset PATH",
    }
    console.print(_facts_table("", facts))


def _write_classes(console: Console, metrics: Mapping[str, Any]) -> None:
    classes = metrics.get("per_class", {})
    if not 0 < len(classes) <= MAX_CLASSES_SHOWN:
        return
    table = Table(box=None)
    for column in ("label", "precision", "recall", "f1", "rows"):
        table.add_column(column, justify="left" if column == "label" else "right")
    for label, scores in classes.items():
        table.add_row(label, *(f"{scores[name]:.3f}" for name in ("precision", "recall", "f1")), str(scores["support"]))
    console.print(table)


def _facts_table(title: str, facts: Mapping[str, str]) -> Table:
    table = Table(box=None, show_header=False, title=title or None, title_justify="left")
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def _score(metrics: Mapping[str, Any], name: str) -> str:
    value = metrics.get(name)
    return "-" if value is None else f"{value:.4f}"
