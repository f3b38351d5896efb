"""Write runs for people: a list, one of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from shlex import quote
from typing import Any

from application.use_cases.show_run import ShownRun
from application.use_cases.train_model import TrainModelResponse
from domain.exceptions import RunError
from domain.headlines import score_of
from domain.runs import FINISHED, RUNNING, UNREADABLE, RunFacts
from domain.showing import json_text
from domain.words import counted
from presentation.cli.columns import Column, write_columns
from presentation.cli.saying import say, screen, warn
from presentation.cli.summary import write_facts, write_summary

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def write_runs(runs: Sequence[RunFacts], root: str, are_some: bool) -> None:
    """Write a table of runs, or of some of them; one that cannot be read is named on standard error."""
    readable = [run for run in runs if run.status != UNREADABLE]
    if readable:
        write_columns(_columns(readable))
    else:
        say(f"no runs below {root}{' are such' if are_some else ''}")
    for run in runs:
        if run.status == UNREADABLE:
            warn(f"warning: {run.run_dir} is left out: {run.error}")


def _columns(runs: Sequence[RunFacts]) -> list[Column]:
    def column(name: str, cells: Sequence[str], dispensable: int = 0, is_number: bool = False) -> Column:
        return Column(name, tuple(cells), dispensable, is_number)

    return [
        column("run", [run.run_id for run in runs]),
        column("date", [date_of(run.began) for run in runs], 3),
        column("task", [run.task or "" for run in runs], 2),
        column("data", [PurePath(run.data or "").name for run in runs], 5),
        column("model", [_model_of(run) for run in runs], 6),
        column("rows", ["" if run.num_rows is None else f"{run.num_rows:,}" for run in runs], 7, is_number=True),
        column("status", [run.status for run in runs], 1),
        column("result", [result_of(run) for run in runs]),
        column("size", [size_of(run.size_bytes) for run in runs], 4, is_number=True),
    ]


def date_of(began: str | None) -> str:
    """Write when a run began in the time of this machine."""
    return "" if began is None else datetime.fromisoformat(began).astimezone().strftime("%Y-%m-%d %H:%M")


def size_of(num_bytes: int) -> str:
    """Write bytes in thousands, as disks are sold: 532 B, 1.4 MB."""
    size, unit = float(num_bytes), 0
    while size >= 999.5 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {UNITS[unit]}" if unit == 0 or size >= 99.95 else f"{size:.1f} {UNITS[unit]}"


def result_of(run: RunFacts) -> str:
    """Write what came out, or how far it is."""
    score = "" if run.metric is None else f"{run.metric_name} {score_of(run.metric_name, run.metric)}"
    if run.status == FINISHED:
        return score
    step = "" if run.step is None else f"step {run.step:,}{'' if run.total_steps is None else f'/{run.total_steps:,}'}"
    why = run.stop_reason if run.stop_reason and run.status != RUNNING else ""
    return ", ".join(part for part in (step, score, why) if part)


def _model_of(run: RunFacts) -> str:
    """Name a model: a preset or hub id as it is, of a path the last part."""
    name = run.model or ""
    return PurePath(name).name if name.startswith((".", "/", "~")) else name


def write_run(shown: ShownRun) -> None:
    """Write one run: where it stands, what was chosen, and of a finished one its scores."""
    facts = shown.facts
    if facts.status == FINISHED and shown.summary.get("final_metrics"):
        _write_scores(shown)
    say(f"{facts.run_id}: {', '.join(part for part in (facts.status, result_of(facts)) if part)}")
    write_facts(screen(), {**_facts(shown), **_chosen(shown.chosen)})
    for warning in shown.warnings:
        warn(f"warning: {warning}")


def _write_scores(shown: ShownRun) -> None:
    try:
        write_summary(screen(), TrainModelResponse.model_validate(dict(shown.summary)))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:  # anybody may have edited them
        raise RunError(
            f"the scores of {shown.facts.run_dir} are not as a training writes them.",
            remedy="See `athanor runs show --json`, or score its model with `athanor evaluate`.",
        ) from error


def _facts(shown: ShownRun) -> Mapping[str, str]:
    run = shown.facts
    rows = f"{counted(run.num_train_rows, 'rows')} to learn, {run.num_eval_rows or 0:,} to score"
    lines = {
        "began": date_of(run.began),
        "task": run.task or "",
        "data": run.data or "",
        "model": run.model or "",
        "rows": "" if run.num_train_rows is None else rows,
        "size": f"{size_of(run.size_bytes)} in {run.run_dir}",
        "errors": "; ".join(shown.summary.get("errors") or ()) if run.status not in (FINISHED, RUNNING) else "",
    }
    if run.status not in (FINISHED, RUNNING):
        lines["next"] = f"athanor resume {quote(run.run_dir)}"
    return {name: value for name, value in lines.items() if value}


def _chosen(settings: Mapping[str, Any]) -> Mapping[str, str]:
    told = [f"{name}={value if isinstance(value, str) else json_text(value)}" for name, value in settings.items()]
    return {"chosen": ", ".join(told)} if told else {}
