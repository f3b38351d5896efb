"""Write runs side by side, and in a sentence whether they differ by more than noise."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from application.use_cases.compare_runs import ComparedRun, ComparedRuns, Comparison
from domain.comparison import BETTER, NOT_FINITE, NOT_KNOWN, NOT_TOLD_APART, WORSE, Difference, PairedOutcomes
from domain.headlines import HEADLINES, headlines_of, label_of, score_of
from domain.showing import shown
from domain.words import counted
from presentation.cli.columns import Column, write_columns
from presentation.cli.run_tables import date_of, result_of
from presentation.cli.saying import say, warn
from presentation.cli.wording import words_of

NOISE = "Noise is what other rows of the same kind would change; another seed of a training may change more."
IN_WORDS = {
    BETTER: "better",
    WORSE: "worse",
    NOT_TOLD_APART: "cannot be told apart",
    NOT_KNOWN: "too few shared rows to tell",
    NOT_FINITE: "values that are not finite",
}


def json_of(compared: ComparedRuns) -> Mapping[str, Any]:
    """Give all of it to a program."""

    def told(each: Comparison) -> Mapping[str, Any]:
        if each.outcomes is None:
            return asdict(each)
        differences = [{**asdict(found), "verdict": found.verdict} for found in each.outcomes.differences]
        return {**asdict(each), "outcomes": {**asdict(each.outcomes), "differences": differences}}

    runs = [{**asdict(run), "facts": asdict(run.facts)} for run in compared.runs]
    return {**asdict(compared), "runs": runs, "comparisons": [told(each) for each in compared.comparisons]}


def write_comparison(compared: ComparedRuns) -> None:
    """Write who is compared, what was set otherwise, what came out, and what that is worth."""
    letters = [chr(ord("A") + place) if place < 26 else str(place + 1) for place in range(len(compared.runs))]
    for letter, run in zip(letters, compared.runs, strict=True):
        told = (run.facts.status, date_of(run.facts.began), result_of(run.facts))
        say(f"{letter}  {run.facts.run_dir}: {', '.join(part for part in told if part)}")
    say("")
    _write_settings(compared.settings, letters)
    _write_metrics(compared.runs, letters)
    for letter, comparison in zip(letters[1:], compared.comparisons, strict=True):
        _write_beside(comparison, compared.runs[0], letter)
    if any(each.outcomes and each.outcomes.differences for each in compared.comparisons):
        say(NOISE)
    for warning in compared.warnings:
        warn(f"warning: {warning}")


def _write_settings(settings: Mapping[str, Sequence[Any]], letters: Sequence[str]) -> None:
    if not settings:
        say("no setting differs, nor do the data")
        say("")
        return
    rows = {name: [_setting(name, value) for value in values] for name, values in settings.items()}
    _write_side_by_side("settings that differ", rows, letters)


def _setting(name: str, value: Any) -> str:
    if name == "data" and isinstance(value, Mapping):  # digests, of which the beginning tells enough
        return ", ".join(dict.fromkeys(str(digest)[:12] for digest in value.values() if digest is not None))
    return "-" if value is None else value if isinstance(value, str) else shown(value)


def _write_metrics(runs: Sequence[ComparedRun], letters: Sequence[str]) -> None:
    task = runs[0].facts.task
    rows = {
        label_of(name, words_of(task)): [_estimate(name, run) for run in runs]
        for name in HEADLINES
        if any(name in headlines_of(run.metrics) for run in runs)
    }
    if rows:
        _write_side_by_side(f"{runs[0].part} part, 95 %", rows, letters)


def _estimate(name: str, run: ComparedRun) -> str:
    if name not in run.metrics:
        return "-"
    interval = " to ".join(score_of(name, end) for end in run.intervals.get(name, ()))
    return f"{score_of(name, run.metrics[name])}{f' ({interval})' if interval else ''}"


def _write_side_by_side(title: str, rows: Mapping[str, Sequence[str]], letters: Sequence[str]) -> None:
    columns = [Column(title, tuple(rows))]
    columns += [
        Column(letter, tuple(cells)) for letter, cells in zip(letters, zip(*rows.values(), strict=True), strict=True)
    ]
    write_columns(columns)
    say("")


def _write_beside(comparison: Comparison, first: ComparedRun, letter: str) -> None:
    outcomes = comparison.outcomes
    if outcomes is None or comparison.why_not or not outcomes.differences:
        why = comparison.why_not or " ".join(outcomes.notes if outcomes else ())
        say(f"{letter} beside A cannot be tested: {why}")
        say("")
        return
    words = words_of(first.facts.task)
    rows = counted(outcomes.num_shared, words.fed)
    told = [found for found in outcomes.differences if found.name in HEADLINES] or outcomes.differences
    say(f"{letter} less A on the {rows} that both were scored on:")
    names = tuple(label_of(found.name, words) if found.name in HEADLINES else found.name for found in told)
    write_columns(
        [
            Column(" metric", tuple(f" {name}" for name in names)),
            Column("difference", tuple(map(_difference, told)), is_number=True),
            Column("95 %", tuple(map(_interval, told))),
            Column(letter, tuple(IN_WORDS[found.verdict] for found in told)),
        ]
    )
    for line in _remarks(comparison, outcomes, letter):
        say(f" {line}")
    say(_sentence(told, first.facts.metric_name, letter))
    say("")


def _difference(found: Difference) -> str:
    return f"{found.difference:+.3g}" if isfinite(found.difference) else "-"


def _interval(found: Difference) -> str:
    return "-" if found.low is None or found.high is None else f"{found.low:+.3g} to {found.high:+.3g}"


def _remarks(comparison: Comparison, outcomes: PairedOutcomes, letter: str) -> list[str]:
    lines = list(outcomes.notes)
    if right := outcomes.answers:
        adjusted = comparison.p_adjusted
        also = "" if adjusted is None or adjusted == right.p else f", {_probability(adjusted)} with all comparisons"
        lines.append(
            f"right answers: {right.both:,} of both, {right.only_first:,} of A alone, "
            f"{right.only_second:,} of {letter} alone, {right.neither:,} of neither; "
            f"McNemar p {_probability(right.p)}{also}"
        )
    if outcomes.overlap > 1:
        lines.append(
            f"{outcomes.overlap:,} windows in a row share a step of what they forecast, so blocks of them are resampled"
        )
    return lines


def _probability(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _sentence(told: Sequence[Difference], metric_name: str | None, letter: str) -> str:
    asked = (metric_name or "").removeprefix("eval_")
    found = next((each for each in told if each.name == asked), told[0])
    name = HEADLINES[found.name].label if found.name in HEADLINES else found.name
    if found.verdict in (BETTER, WORSE):
        return f"By {name} {letter} is {found.verdict} than A, by more than noise."
    if found.verdict == NOT_TOLD_APART:
        return f"By {name} the difference of {letter} and A is no more than noise."
    if found.verdict == NOT_FINITE:
        of = [run for run, value in (("A", found.first), (letter, found.second)) if not isfinite(value)]
        return f"By {name} nobody can tell: there are values of {' and '.join(of)} that are not finite."
    return f"By {name} nobody can tell: there are too few shared rows."
