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
from presentation.cli import summary
from presentation.cli.wording import FORECASTING, HEADLINES, counted, headlines, score_of, words_of


def write_response(response: TrainModelResponse, as_json: bool) -> int:
    """Write the answer of a training; gives the exit code."""
    if as_json:
        click.echo(strict_json(response.model_dump()))
    elif response.final_metrics:
        summary.write_summary(Console(), response)
    for error in response.errors:
        click.echo(f"error: {error}", err=True)
    return response.exit_code


def write_evaluation(response: EvaluateModelResponse, as_json: bool) -> None:
    """Write the answer of an evaluation."""
    if as_json:
        click.echo(strict_json(response.model_dump()))
        return
    console = Console()
    console.print(counted(response.num_rows, words_of(response.task).fed), highlight=False)
    if response.task == FORECASTING:  # a score for each horizon and quantile would fill the screen; the JSON has them
        summary.write_scores(console, response.metrics, response.metrics, response.task)
        summary.write_facts(console, summary.remarks(response.metrics, "--json"))
        return
    others = {
        name: f"{value:.4f}"
        for name, value in response.metrics.items()
        if isinstance(value, int | float) and name not in HEADLINES
    }
    summary.write_facts(console, {**headlines(response.metrics, response.task), **others})
    summary.write_classes(console, response.metrics, words_of(response.task).fed)


def write_runs(summaries: Sequence[Mapping[str, Any]], root: str) -> None:
    """Write a table of runs."""
    if not summaries:
        click.echo(f"no runs below {root}")
        return
    table = Table(box=None)
    for column in ("run", "task", "status", "metric", "best", "epoch"):
        table.add_column(column)
    for run in summaries:
        best, epoch = run.get("best_metric"), run.get("best_epoch")
        table.add_row(
            str(run["run_id"]),
            str(run.get("task") or ""),
            str(run["status"]),
            str(run.get("metric_name") or ""),
            "" if best is None else score_of(run.get("metric_name"), best),
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
    summary.write_facts(Console(), lines)


def strict_json(value: Any) -> str:
    """Write JSON that every parser reads: NaN and infinities become null."""
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
