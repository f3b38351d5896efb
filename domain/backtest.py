"""A model tried on periods that follow each other: where they lie, and what came of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from statistics import fmean, stdev
from typing import Any

from domain.comparison import BETTER, NOT_KNOWN, NOT_TOLD_APART, WORSE
from domain.interval import Interval
from domain.metrics import direction_of, is_better

MAX_FOLDS = 1_000


@dataclass(frozen=True)
class Fold:
    """One period: rows `start` to `end` of a table, the latter outside, which people know as `first` to `last`.

    `split` cuts the table into what is learnt from, what chooses and calibrates, and the period, as the setting does.
    """

    number: int
    start: int
    end: int
    first: str
    last: str
    split: tuple[float | str, ...]

    @property
    def name(self) -> str:
        """What its run is called."""
        return f"fold-{self.number}"


@dataclass(frozen=True)
class Folds:
    """The periods of one table in the order of time, and the SHA-256 of the table."""

    folds: tuple[Fold, ...]
    sha256: str


@dataclass(frozen=True)
class FoldScores:
    """What came of one fold: `metrics` with intervals, and by `metric` the `rivals` that need no model.

    `verdict` is what the model is beside `best_rival`, one of those of a comparison; both are None without a rival.
    `run_dir` is the run that was trained for it, None where a finished model was scored.
    """

    fold: Fold
    num_windows: int
    metric: str
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    rivals: Mapping[str, float]
    run_dir: str | None = None

    @property
    def best_rival(self) -> str | None:
        """Name the rival that does best."""
        return best_of(self.metric, self.rivals)

    @property
    def verdict(self) -> str | None:
        """Say whether the model does better, as far as the windows of this fold tell."""
        if self.best_rival is None or self.metric not in self.metrics:
            return None
        interval = Interval(*self.intervals[self.metric]) if self.metric in self.intervals else None
        return verdict_beside(self.metric, self.metrics[self.metric], self.rivals[self.best_rival], interval)


@dataclass(frozen=True)
class Backtest:
    """What came of all folds, or of those before one that failed or was stopped, which `errors` then say."""

    task: str
    metric: str
    refit: bool
    output_dir: str
    picture: str | None = None
    folds: tuple[FoldScores, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    exit_code: int = 0
    mean: Mapping[str, float] = field(default_factory=dict)
    spread: Mapping[str, float | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give plain values, with what follows from the scores of each fold."""
        folds = [{**asdict(each), "best_rival": each.best_rival, "verdict": each.verdict} for each in self.folds]
        return {**asdict(self), "folds": folds}

    def rival_means(self) -> dict[str, float]:
        """Give the mean over folds of each rival that all of them have."""
        names = [
            name for name in (self.folds[0].rivals if self.folds else ()) if all(name in f.rivals for f in self.folds)
        ]
        return {name: fmean(each.rivals[name] for each in self.folds) for name in names}


def periods(ends: Sequence[int], count: int, num_rows: int | None, reach: int) -> list[tuple[int, int]]:
    """Give the first row of each of `count` periods, and the row behind its last; the last one ends the last part.

    `ends` are the rows behind the parts of a split. The periods share the last part, unless `num_rows` says how long
    each is; none is shorter than `reach`, the rows that a forecast looks ahead. Too many begin before row 0.
    """
    length = num_rows or max(reach, (ends[-1] - ends[-2]) // count)
    return [(ends[-1] - left * length, ends[-1] - (left - 1) * length) for left in range(count, 0, -1)]


def mean_and_spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Give the mean over folds and their standard deviation, as that of a sample; None for fewer than two."""
    return fmean(values), stdev(values) if len(values) > 1 else None


def best_of(metric: str, rivals: Mapping[str, float]) -> str | None:
    """Name the rival that does best by a metric; None where there is none."""
    best: str | None = None
    for name, value in rivals.items():
        if is_better(value, None if best is None else rivals[best], direction_of(metric)):
            best = name
    return best


def verdict_beside(metric: str, value: float, rival: float, interval: Interval | None) -> str:
    """Say what a model is beside a rival by a metric; `interval` is that of the model, None where windows are too few.

    The rival counts as a known number: that both were measured on the same windows is not used.
    """
    if interval is None or not isfinite(value):
        return NOT_KNOWN
    if interval.low <= rival <= interval.high:
        return NOT_TOLD_APART
    return BETTER if is_better(value, rival, direction_of(metric)) else WORSE
