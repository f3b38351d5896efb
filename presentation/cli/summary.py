"""Tell on one screen what became of a training."""

import textwrap
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from application.use_cases.train_model import TrainModelResponse
from domain.bands import judged_band
from domain.headlines import (
    BASELINES,
    HEADLINES,
    headlines_of,
    label_of,
    over_series_told,
    range_of,
    score_of,
    score_with_range,
)
from domain.interval import CONFIDENCE
from domain.rivals import remark_on
from domain.run_layout import SUMMARY, RunLayout
from domain.showing import harmless
from domain.words import Words, counted
from presentation.cli.classes import write_classes
from presentation.cli.parts import write_parts
from presentation.cli.wording import Intervals, speed_of, words_of

# All samples together: with the scores above and the facts below, a screen has 40 lines.
MAX_SAMPLE_LINES = 27
MAX_WARNINGS_SHOWN = 5
MAX_WARNING_LINES = 4
MAX_MARKS = 4
SAMPLE_WORDS = {"prompt": "given", "output": "written"}
NOT_OF_SEEDS = "what other {} would change, not another seed"


def write_summary(console: Console, response: TrainModelResponse, told: Collection[str] = ()) -> None:
    """Write scores beside baselines, what the model writes, and where everything is.

    Warnings that were `told` while it ran are counted and not told again.
    """
    metrics = response.test_metrics or response.final_metrics
    console.print(f"{response.task}: scores on {_scored(response)}", style="bold")
    ranges = write_scores(console, metrics, response.baselines, response.task, response.intervals)
    place_of_all = ", ".join(_tables(response.run_dir))
    write_classes(console, metrics, words_of(response.task).fed, place_of_all)
    write_parts(console, metrics, words_of(response.task), place_of_all)
    warnings = _warnings(response.warnings, told, console.width)
    _write_samples(console, response.samples, MAX_SAMPLE_LINES - len(warnings))
    told_beside = remarks({**response.baselines, **metrics}, SUMMARY, response.intervals)
    write_facts(console, {**ranges, **told_beside, **response.facts, **_facts(response)})
    for line in warnings:
        console.print(line, soft_wrap=True)


def _scored(response: TrainModelResponse) -> str:
    words = words_of(response.task)
    if not response.test_metrics:
        supports = [scores["support"] for scores in response.final_metrics.get("per_class", {}).values()]
        few = supports and sum(supports) < (response.num_eval_rows or 0)  # as with --quick
        return f"{f'{sum(supports):,} of ' if few else ''}{counted(response.num_eval_rows, words.read)} held out"
    classes = response.test_metrics.get("per_class", {})
    number = response.test_metrics.get("num_windows") or sum(scores["support"] for scores in classes.values())
    return f"{counted(number, words.fed)} of the test part"


def write_facts(console: Console, facts: Mapping[str, str]) -> None:
    """Write names and values in two columns; long values run on, so that a path can be copied."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        console.print(harmless(f" {name:<{width}}  {value}"), soft_wrap=True)


def write_scores(
    console: Console,
    metrics: Mapping[str, Any],
    baselines: Mapping[str, Any],
    task: str | None,
    intervals: Intervals,
) -> dict[str, str]:
    """Write the headlines of this model and, where there are baselines, those that can be compared.

    Gives what must be told below: what the brackets are or, where they find no room, the ranges of this model.
    """
    words = words_of(task)
    names = headlines_of(metrics)
    beside = [prefix for prefix in BASELINES if any(f"{prefix}_{name}" in baselines for name in names)]
    if beside:
        names = [
            name
            for name in names
            if HEADLINES[name].of_quantiles or any(f"{prefix}_{name}" in baselines for prefix in beside)
        ]
    labels = [label_of(name, words) for name in names]

    def rows(ranges: Intervals) -> list[list[str]]:
        values = [(f"{prefix}_{name}" if prefix else name, name) for prefix in ("", *beside) for name in names]
        cells = [score_with_range(name, {**baselines, **metrics}.get(key), ranges.get(key)) for key, name in values]
        heads = ["this model", *(BASELINES[prefix] for prefix in beside)]
        return [[head, *cells[len(names) * at : len(names) * (at + 1)]] for at, head in enumerate(heads)]

    has_room = _width(labels, rows(intervals)) <= console.width
    _write_columns(console, labels, rows(intervals if has_room else {}))
    if has_room:
        return about_brackets(intervals, words)
    told = [
        f"{label} {range_of(name, *intervals[name])}"
        for label, name in zip(labels, names, strict=True)
        if name in intervals
    ]
    if not told:
        return {}
    return {f"{CONFIDENCE:.0%} ranges": ", ".join(told), "ranges are": NOT_OF_SEEDS.format(words.fed)}


def _write_columns(console: Console, labels: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write scores, their columns in as many tables as a narrow terminal asks for."""
    start = 0
    while start < len(labels):
        end = start + 1
        while end < len(labels) and _width(labels[start : end + 1], _part(rows, start, end + 1)) <= console.width:
            end += 1
        table = Table(box=None)
        for label in ("", *labels[start:end]):
            table.add_column(label, justify="right" if label else "left")
        for at, row in enumerate(_part(rows, start, end)):
            table.add_row(*row, style="" if at else "bold")
        console.print(table)
        start = end


def _part(rows: Sequence[Sequence[str]], start: int, end: int) -> list[list[str]]:
    """Take some columns of scores, each behind the name of its row."""
    return [[row[0], *row[start + 1 : end + 1]] for row in rows]


def _width(labels: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Count the columns of a table that is not torn anywhere."""
    return sum(max(map(len, cells)) + 2 for cells in zip(("", *labels), *rows, strict=True))


def about_brackets(intervals: Intervals, words: Words) -> dict[str, str]:
    """Say what stands in brackets, where anything does."""
    shown = any(name in HEADLINES for name in intervals)
    return {"in brackets": f"{CONFIDENCE:.0%} ranges: {NOT_OF_SEEDS.format(words.fed)}"} if shown else {}


def _write_samples(console: Console, samples: Sequence[Mapping[str, str]], max_lines: int) -> None:
    num_texts = sum(map(len, samples))
    if not num_texts:
        return
    max_lines = max(1, max_lines // num_texts)
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


def remarks(metrics: Mapping[str, Any], place_of_all: str, intervals: Intervals) -> dict[str, str]:
    """Give what a reader of the scores must know beside them; `place_of_all` has every metric."""
    lines = {}
    if band := judged_band(metrics, intervals):
        before = metrics.get(f"uncalibrated_picp_{100 * band.promised:g}")
        was = "" if before is None else f", {before:.1%} before calibration"
        lines["bands"] = f"{band.held:.1%} lay in the {100 * band.promised:g}% band{was}: {band.verdict}"
    if told := metrics.get("calibration"):
        lines["calibration"] = told
    if "mse_original" in metrics:
        is_many = "num_series" in metrics
        of_each = " of each series" if is_many else ""
        lines["units"] = (
            f"standardised by the training part{of_each}; {place_of_all} also has the table's: ..._original"
        )
        if is_many:
            lines["over series"] = over_series_told(metrics)
    if "youden_j" in metrics:
        lines["any weakness"] = f"is what Youden's J, TPR and FPR ask for; AUC {score_of('auc', metrics.get('auc'))}"
    lines |= {name: told for rival, name in BASELINES.items() if (told := remark_on(rival, metrics))}
    if marks := metrics.get("per_mark"):
        found = ", ".join(
            f"{name} {score_of('mark_f1', scores['f1'])}" for name, scores in [*marks.items()][:MAX_MARKS]
        )
        more = f" and {len(marks) - MAX_MARKS} more names" if len(marks) > MAX_MARKS else ""
        lines["marks"] = f"F1 of their tokens: {found}{more}"
    written = [head.label.partition(" (")[0] for name, head in HEADLINES.items() if head.of_written and name in metrics]
    if written:
        lines["scored"] = f"{', '.join(written)} on at most sample_rows rows; evaluate scores all of a file"
    return lines


def _facts(response: TrainModelResponse) -> dict[str, str]:
    words = words_of(response.task)
    tokens, samples = (response.throughput.get(f"{name}_per_second", 0.0) for name in ("tokens", "samples"))
    facts = {
        "best": f"{response.metric_name} {score_of(response.metric_name, response.best_metric)}{_place(response)}",
        "time": f"{response.training_time:.0f} s, {speed_of(words, tokens, samples)}, {response.stop_reason}",
        "model": str(response.model_path),
        "report": f"{response.run_dir}/{', '.join(_reports(response.run_dir))}",
    }
    if response.success:  # otherwise the error that follows says how to go on
        facts["next"] = f"athanor {words.next_command.format(quote(str(response.run_dir)))}"
    return facts


def _place(response: TrainModelResponse) -> str:
    step = "" if response.best_step is None else f" at step {response.best_step:,}"
    epoch = "" if response.best_epoch is None else f" in epoch {response.best_epoch}"
    return f"{step}{epoch}{', on the validation part' if response.test_metrics else ''}"


def _warnings(messages: Sequence[str], told: Collection[str], width: int) -> list[str]:
    """Give the lines of the last warnings: those of the report, which say what the scores are worth, come last."""
    news = [message for message in messages if message not in told]
    left_out = len(messages) - len(news[-MAX_WARNINGS_SHOWN:])
    lines = [f" {counted(left_out, 'earlier warnings')} in {SUMMARY}"] if left_out > 0 else []
    for message in news[-MAX_WARNINGS_SHOWN:]:
        lines += textwrap.wrap(
            harmless(message),
            max(width - 1, 40),
            initial_indent=" warning: ",
            subsequent_indent=" " * 10,
            break_long_words=False,
            break_on_hyphens=False,
            max_lines=MAX_WARNING_LINES,
            placeholder=" ...",
        )
    return lines


def _tables(run_dir: str | None) -> list[str]:
    """List what has a table of all classes, the page first."""
    layout = RunLayout(Path(run_dir or "."))
    return [*([str(layout.report)] if layout.report.exists() else []), str(layout.summary)]


def _reports(run_dir: str | None) -> list[str]:
    """List the reports that were written, the page first."""
    layout = RunLayout(Path(run_dir or "."))
    pictures = sorted(layout.directory.glob("*.png"), reverse=True)
    return [path.name for path in (layout.report, *pictures, layout.metrics_summary, layout.series) if path.exists()]
