"""A study as a page of its own: what was found, how the trials went, and what mattered."""

import math
from collections.abc import Iterator, Mapping, Sequence
from shlex import join
from typing import Any

from domain.headlines import label_of
from domain.metrics import direction_of
from domain.study import COMPLETED, DEFAULTS, Candidate, Study, Trial, best_so_far
from domain.study_words import outcome_told, setting_told, verdict_told
from domain.words import Words
from infrastructure.reports.page.blocks import (
    Axis,
    Bar,
    Bars,
    Block,
    Cell,
    Chart,
    Column,
    Command,
    Estimate,
    Facts,
    Level,
    Line,
    Mark,
    Page,
    Paragraph,
    Section,
    Table,
)

ROWS_SHOWN = 30
MOST_NAMED = 8  # values of a choice that an axis names
QUARTER = 4


def study_page(study: Study) -> Page:
    """Tell what came of a study."""
    return Page(
        f"Tuning of {study.task}: {study.name}",
        verdict_told(study),
        [
            Section("What was found", list(_found(study))),
            Section("History", list(_history(study))),
            Section("Which settings matter", list(_importance(study))),
            Section("Settings side by side", list(_parallel(study))),
            Section("All trials", list(_trials(study))),
        ],
    )


def _metric(study: Study) -> str:
    return label_of(study.metric.removeprefix("eval_"), Words())


def _found(study: Study) -> Iterator[Block]:
    names = list(study.space)
    columns = [
        Column("trial"),
        Column(_metric(study), "number"),
        *(Column(name) for name in names),
        Column("each seed"),
    ]
    yield Table(
        f"The best trials and the defaults, trained with {len(_seeds(study))} seeds: mean and 95 % interval",
        columns,
        [_candidate(each, names) for each in study.candidates],
    )
    yield Paragraph(
        "A seed decides the split of the rows too, unless these come split: the interval holds the luck of both. "
        "The first seed is the one that the trials were chosen by, so the best of them look a little better than they "
        "are; the other seeds are new to them.",
        "note",
    )
    if study.run_dir is not None:
        yield Facts({"the model": study.run_dir, "its run file": study.run_file or ""})
    told = (
        "No trial has seen a test part. The report of the model above scores it once."
        if study.test_metrics
        else "Trials are compared on the validation part, and so the scores here flatter: score the model on rows that "
        "nobody has looked at."
    )
    yield Paragraph(told)
    if study.run_dir is not None:
        yield Command(join(["athanor", "evaluate", study.run_dir, "--dataset", "PATH"]))
    yield from (Paragraph(note, "note") for note in study.notes)
    yield from (Paragraph(warning, "warning") for warning in study.warnings)


def _seeds(study: Study) -> list[int]:
    return list(study.candidates[0].values) if study.candidates else []


def _candidate(each: Candidate, names: Sequence[str]) -> list[Cell]:
    name = f"{each.number} (the defaults)" if each.number == DEFAULTS else str(each.number)
    low, high = (math.nan if end is None else end for end in (each.low, each.high))
    seeds = "  ".join(f"{seed}: {value:.4g}" for seed, value in each.values.items())
    return [name, Estimate(each.mean, low, high), *(setting_told(each.settings[name]) for name in names), seeds]


def _history(study: Study) -> Iterator[Block]:
    metric, done = _metric(study), [each for each in study.trials if each.value is not None]
    defaults = next((each.value for each in study.trials if each.number == DEFAULTS), None)
    lines = [
        Line("best so far", [each.number for each in study.trials], best_so_far(study.trials, study.metric)),
        *(
            Line(name, [each.number for each in some], [each.value for each in some], hue, "dots")
            for name, hue, some in (
                ("completed", 1, [each for each in done if each.state == COMPLETED]),
                ("pruned, its best score until then", 3, [each for each in done if each.state != COMPLETED]),
            )
            if some
        ),
    ]
    better = "larger" if direction_of(study.metric) == "max" else "smaller"
    yield Chart(
        f"{metric} on the validation part, trial by trial ({better} is better)",
        Axis("trial"),
        Axis(metric),
        lines,
        f"The best {metric} so far after each of {len(study.trials)} trials.",
        levels=[] if defaults is None else [Level("defaults", defaults)],
    )


def _importance(study: Study) -> Iterator[Block]:
    if not study.importance:
        yield Paragraph("Too few trials were completed to tell.")
        return
    yield Paragraph(
        "How much of the difference between the scores of completed trials each setting explains, by fANOVA (Hutter, "
        "Hoos and Leyton-Brown, ICML 2014). Of a few dozen trials it is a hint."
    )
    bars = [Bar(name, share) for name, share in study.importance.items()]
    yield Bars("Share of the differences that are explained", bars, share=True)


def _parallel(study: Study) -> Iterator[Block]:
    """Draw a line for each completed trial through its settings, each from its lowest to its highest."""
    names = list(study.space)
    done = [each for each in study.trials if each.state == COMPLETED and each.value is not None]
    if len(done) < 2:
        yield Paragraph("Too few trials were completed to draw.")
        return
    sign = -1.0 if direction_of(study.metric) == "max" else 1.0
    ranked = sorted(done, key=lambda each: (sign * float(each.value or 0.0), each.number))
    scales = [_places([each.settings[name] for each in done]) for name in names]
    scales.append(_places([_score(each) for each in done]))
    best = max(1, len(ranked) // QUARTER)
    groups = (("the others", 3, ranked[best:]), ("the best quarter", 1, ranked[1:best]), ("the best", 0, ranked[:1]))
    lines = []
    for group, hue, some in groups:
        for number, each in enumerate(some):
            values = [*(each.settings[name] for name in names), _score(each)]
            heights = [scale.get(_key(value)) for scale, value in zip(scales, values, strict=True)]
            lines.append(Line("" if number else group, range(len(values)), heights, hue))
    ends = [Mark(setting_told(value), at, height) for at, scale in enumerate(scales) for value, height in _named(scale)]
    axes = [*names, _metric(study)]
    yield Chart(
        "Each line is a completed trial",
        Axis("", ticks=list(enumerate(axes))),
        Axis("lowest to highest", share=True),
        lines,
        f"The settings of {len(done)} trials beside their {_metric(study)}.",
        marks=ends,
    )


def _score(trial: Trial) -> float:
    return float(f"{trial.value:.4g}")


def _key(value: Any) -> str:
    return f"{type(value).__name__} {value}"


def _places(values: Sequence[Any]) -> Mapping[str, float]:
    """Give each value a height from 0 to 1: numbers as they lie, by factors where they span more than ten of these."""
    distinct = {_key(value): value for value in values}
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in distinct.values()):
        low, high = min(distinct.values()), max(distinct.values())
        scale = math.log if low > 0 and high / low > 10 else float
        span = scale(high) - scale(low)
        return {key: (scale(value) - scale(low)) / span if span else 0.5 for key, value in distinct.items()}
    ordered = sorted(distinct, key=lambda key: (distinct[key] is not None, str(distinct[key])))
    return {key: at / (len(ordered) - 1) if len(ordered) > 1 else 0.5 for at, key in enumerate(ordered)}


def _named(scale: Mapping[str, float]) -> Iterator[tuple[Any, float]]:
    """Name the ends of numbers, and every value of a choice."""
    are_texts = any(key.startswith(("str", "bool", "NoneType")) for key in scale)
    for key, height in scale.items():
        kind, _, value = key.partition(" ")
        if (are_texts and len(scale) <= MOST_NAMED) or height in (0.0, 1.0):
            yield (float(value) if kind in ("int", "float") else value), height


def _trials(study: Study) -> Iterator[Block]:
    names = list(study.space)
    columns = [
        Column("trial", "count"),
        Column("state"),
        Column(_metric(study), "number"),
        *(Column(name) for name in names),
        Column("seconds", "count"),
        Column("why"),
    ]
    yield Table("Trials", columns, [_row(each, names) for each in study.trials], ROWS_SHOWN)
    if study.repeats:
        again: list[Sequence[Cell]] = [
            (each.number, str(each.seed), outcome_told(each), each.value, each.seconds) for each in study.repeats
        ]
        columns = [
            Column("trial", "count"),
            Column("seed"),
            Column("state"),
            Column(_metric(study), "number"),
            Column("seconds", "count"),
        ]
        yield Table("Trained again", columns, again, ROWS_SHOWN)


def _row(each: Trial, names: Sequence[str]) -> list[Cell]:
    settings = [setting_told(each.settings[name]) for name in names]
    return [each.number, each.state, each.value, *settings, round(each.seconds), each.reason]
