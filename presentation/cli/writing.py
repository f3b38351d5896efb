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
    console.print(f"{response.num_rows:,} rows", highlight=False)
    _write_facts(console, {name: f"{value:.4f}" for name, value in numbers.items()})
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
    _write_facts(Console(), lines)


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
    console.print(f"{response.task}: scores on {response.num_eval_rows:,} held-out rows", style="bold", highlight=False)
    table = Table(box=None)
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
    _write_facts(console, facts)


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


def _write_facts(console: Console, facts: Mapping[str, str]) -> None:
    """Write names and values in two columns; long values run on, so that a path can be copied."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        console.print(f" {name:<{width}}  {value}", highlight=False, markup=False, soft_wrap=True)


def _score(metrics: Mapping[str, Any], name: str) -> str:
    value = metrics.get(name)
    return "-" if value is None else f"{value:.4f}"
