"""Write answers: for people a screen, for programs one JSON object."""

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from application.settings import Setting
from application.use_cases.evaluate_model import EvaluateModelResponse
from application.use_cases.train_model import TrainModelResponse
from application.use_cases.verify_resume import VerifyResumeResponse
from domain.headlines import HEADLINES, score_with_range
from domain.metrics import is_undefined
from domain.rivals import SCANNER
from domain.showing import harmless, json_text
from domain.words import counted
from presentation.cli import summary
from presentation.cli.classes import write_classes
from presentation.cli.parts import write_parts
from presentation.cli.saying import abandon, is_heard, say, say_error, say_json, screen, warn
from presentation.cli.speaking import say_failure
from presentation.cli.wording import headlines, scanner_line, words_of


def write_response(response: TrainModelResponse, as_json: bool, told: Collection[str] = ()) -> int:
    """Write the answer of a training, without the warnings that a person was `told`; gives the exit code."""
    try:
        if as_json:
            say_json(response.model_dump())
        elif response.final_metrics:
            summary.write_summary(screen(), response, told)
    except OSError:
        if not response.exit_code:  # a run that was stopped by a closed terminal has said why it ended
            raise
        abandon(sys.stdout)
    if response.stop_reason is None:
        say_failure(response.errors, response.exit_code)
    elif is_heard():  # of a run that all have stopped the first one says why
        for error in response.errors:
            say_error(error)
    return response.exit_code


def write_evaluation(response: EvaluateModelResponse, as_json: bool) -> None:
    """Write the answer of an evaluation; what was unusual goes to standard error."""
    for warning in response.warnings:
        warn(f"warning: {warning}")
    if as_json:
        say_json(response.model_dump(exclude=None if response.rows else {"rows"}))  # of programs that were run
        return
    console, words = screen(), words_of(response.task)
    console.print(counted(response.num_rows, words.fed))
    if words.scores_fill_a_screen:  # the JSON has them
        ranges = summary.write_scores(console, response.metrics, response.metrics, response.task, response.intervals)
        summary.write_facts(console, {**ranges, **summary.remarks(response.metrics, "--json", response.intervals)})
        return
    others = {
        name: f"{value:,}" if isinstance(value, int) else score_with_range(name, value, response.intervals.get(name))
        for name, value in response.metrics.items()
        if isinstance(value, int | float) and not is_undefined(value) and name not in HEADLINES
        if not name.startswith(f"{SCANNER}_")
    }
    first = headlines(response.metrics, response.task, response.intervals)
    beside = scanner_line(response.metrics, response.task, response.intervals)
    summary.write_facts(console, {**first, **beside, **others, **summary.about_brackets(response.intervals, words)})
    write_classes(console, response.metrics, words.fed, "--json, or --report FILE.html")
    write_parts(console, response.metrics, words, "--json, or --report FILE.html")


def write_settings(settings: Sequence[Setting]) -> None:
    """Write each setting below its group, in two lines: its type, default and unit, and what it is for."""
    group = ""
    for setting in settings:
        if setting.group != group:
            if group:
                say("")
            say(f"# {setting.group}")
            group = setting.group
        of_task = "by task" if setting.default_by_task else f"default {json_text(setting.default)}"
        default = "" if of_task == "default null" else f", {of_task}"
        say(f"{setting.name}: {setting.type}{f' ({setting.unit})' if setting.unit else ''}{default}")
        say(f"    {setting.description}")


def write_facts(facts: Mapping[str, Any]) -> None:
    """Write names and values, nested ones on one line."""
    lines = {}
    for name, value in facts.items():
        if name.endswith("_bytes"):
            lines[name.removesuffix("_bytes").replace("_", " ")] = f"{value / 2**30:.1f} GiB"
        elif isinstance(value, Mapping):
            lines[name.replace("_", " ")] = ", ".join(f"{key} {item}" for key, item in value.items()) or "none"
        else:
            lines[name.replace("_", " ")] = (", ".join(value) or "none") if isinstance(value, list) else str(value)
    summary.write_facts(screen(), lines)


def write_verdict(response: VerifyResumeResponse) -> None:
    """Write what was killed when, what differs, and the verdict."""
    table = Table(box=None)
    for column in ("run", "began", "ended", "seconds", "newest checkpoint"):
        table.add_column(column, justify="right" if column == "seconds" else "left", overflow="fold")
    for trial in response.trials:
        cells = (trial.run or "undisturbed", trial.began, trial.ended, f"{trial.seconds:.1f}", trial.checkpoint)
        table.add_row(*(Text(harmless(str(cell))) for cell in cells))
    screen().print(table)
    for line in response.differences:
        say(f"differs: {line}")
    verdict = "equal" if response.equal else "NOT equal"
    runs = f"{counted(response.runs, 'runs')} with {counted(response.kills, 'kills')}"
    say(f"{verdict}: {runs} against an undisturbed one, {response.num_facts:,} facts each, {response.seconds:.0f} s")
    if response.directory:
        say(f"kept: {response.directory}")
