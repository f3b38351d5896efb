"""A study on a screen: a line for each trial that has ended, and in the end the best settings."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from domain.headlines import label_of, score_of, score_with_range
from domain.showing import duration
from domain.study import COMPLETED, DEFAULTS, PRUNED, Search, Study, Trial
from domain.study_words import outcome_told, setting_told, verdict_told
from presentation.cli.columns import Column, write_columns
from presentation.cli.saying import say, say_error, say_json, warn
from presentation.cli.watching import OneOfMany, watched
from presentation.cli.wording import words_of


class StudyScreen:
    """Tells of a study on standard error while it goes on."""

    def __init__(self) -> None:
        self._metric = ""
        self._defaults: Mapping[str, Any] = {}
        self._monitor: OneOfMany | None = None

    def begun(self, search: Search, notes: Sequence[str]) -> None:
        """Say what is searched."""
        self._metric = search.metric
        warn("searched: " + "; ".join(f"{name} {dimension.told}" for name, dimension in search.space.items()))
        for note in notes:
            warn(note)

    @contextmanager
    def training(self, doing: str) -> Iterator[OneOfMany]:
        """Show one training in the live line."""
        with watched(doing, one_of_many=True) as monitor:
            assert isinstance(monitor, OneOfMany)
            self._monitor = monitor
            try:
                yield monitor
            finally:
                self._monitor = None

    def ended(self, trial: Trial) -> None:
        """Say what became of a training, and by what it differs from the defaults."""
        if trial.number == DEFAULTS and trial.seed is None:
            self._defaults = trial.settings
        score = f"{score_of(self._metric, trial.value)}  " if trial.state in (COMPLETED, PRUNED) else ""
        again = "" if trial.seed is None else f" again with seed {trial.seed}"
        took = duration(trial.seconds)
        say_it = warn if self._monitor is None else self._monitor.tell
        say_it(f"trial {trial.number}{again}: {score}{outcome_told(trial)}  {self._differing(trial)}  ({took})")

    def _differing(self, trial: Trial) -> str:
        if trial.number == DEFAULTS:
            return "the defaults"
        known = self._defaults
        differing = [
            f"{name} {setting_told(value)}"
            for name, value in trial.settings.items()
            if name not in known or known[name] != value
        ]
        return ", ".join(differing) or "as the defaults"


def write_study(study: Study, as_json: bool) -> int:
    """Write what came of a study, or why nothing did; gives the exit code."""
    for warning in study.warnings:
        warn(f"warning: {warning}")
    if as_json:
        say_json(study.to_json())
    elif study.report is not None:
        _write_candidates(study)
        say("")
        say(verdict_told(study))
        told = "its report scores a test part, which no trial has seen" if study.test_metrics else "a run as any other"
        say(f"model {study.run_dir} ({told})")
        say(f"run file {study.run_file}")
        say(f"page {study.report}")
    for error in study.errors:
        say_error(error)
    return study.exit_code


def _write_candidates(study: Study) -> None:
    name = study.metric.removeprefix("eval_")
    best = study.candidates
    ends = [None if each.low is None or each.high is None else (each.low, each.high) for each in best]
    columns = [
        Column("trial", tuple(f"{each.number}{' (defaults)' * (each.number == DEFAULTS)}" for each in best)),
        Column(
            f"{label_of(name, words_of(study.task))}, mean of {len(best[0].values)}",
            tuple(score_with_range(name, each.mean, between) for each, between in zip(best, ends, strict=True)),
        ),
        *(
            Column(setting, tuple(setting_told(each.settings[setting]) for each in best), place + 1)
            for place, setting in enumerate(study.space)
        ),
    ]
    write_columns(columns)
