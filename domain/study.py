"""A study: trainings under settings that are searched, the best of them over several seeds, and what came of it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean, stdev
from typing import Any

from domain.comparison import BETTER, NOT_KNOWN, NOT_TOLD_APART, WORSE
from domain.metrics import direction_of, is_better
from domain.search_space import Space

RUNNING, COMPLETED, PRUNED, FAILED = "running", "completed", "pruned", "failed"
SAMPLERS = ("tpe", "gp", "random")
PRUNERS = ("median", "hyperband", "none")
DEFAULTS = 0  # the number of the trial that has the settings which nobody searched
NUM_BEST = 3
SHARES = 10  # of a training, at which trials are compared: they differ in how many steps they take
MAX_TRIALS = 10_000
MAX_WORKERS = 256
# Student's t for 95 %, of 1 to 9 degrees of freedom.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
MAX_SEEDS = len(_T) + 1


@dataclass(frozen=True)
class Trial:
    """One training of a study: a trial, or with `seed` a trial that is trained again with that.

    `settings` are those that are searched, and of the first trial those that are the defaults. `value` is the best
    score so far by the metric of the study, `curve` has a step and its score for each evaluation, of `total_steps`.
    `is_hopeless` says that the pruner has seen enough, and `kept` is what it remembers of this trial. `data` is the
    digest of the rows that were learnt from, `reason` why it failed.
    """

    number: int
    settings: Mapping[str, Any]
    seed: int | None = None
    state: str = RUNNING
    value: float | None = None
    curve: tuple[tuple[int, float], ...] = ()
    total_steps: int = 0
    run_dir: str = ""
    reason: str = ""
    seconds: float = 0.0
    data: str = ""
    is_hopeless: bool = False
    kept: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name it, as its run is named."""
        return f"{self.number:04d}" if self.seed is None else f"{self.number:04d}-seed-{self.seed}"

    def scored(self, step: int, value: float) -> tuple[tuple[int, float], ...]:
        """Give the curve with one more score; what is scored again after a kill stands once."""
        return tuple(sorted({**dict(self.curve), step: value}.items()))

    def share_at(self, step: int) -> int:
        """Tell how far a step is along this training, in tenths."""
        return SHARES * step // max(1, self.total_steps)

    def at_shares(self) -> dict[int, float]:
        """Give the last score that was known at each tenth, of a completed trial up to the last of them."""
        known = {max(1, self.share_at(step)): value for step, value in self.curve}
        if self.state != COMPLETED:
            return known
        filled: dict[int, float] = {}
        for share in range(min(known, default=SHARES + 1), SHARES + 1):
            filled[share] = known.get(share, filled.get(share - 1, math.nan))
        return filled


@dataclass(frozen=True)
class Judgement:
    """Whether a trial is worth going on with, and what the pruner wants to remember of it."""

    is_hopeless: bool = False
    kept: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Search:
    """How a study looks for settings: all of it, with the trials so far, decides which are tried next."""

    name: str
    space: Space
    metric: str
    sampler: str
    pruner: str
    seed: int

    @property
    def direction(self) -> str:
        """Say whether the metric is better as "max" or "min"."""
        return direction_of(self.metric)


@dataclass(frozen=True)
class Candidate:
    """Settings that were trained with several seeds; `low` and `high` hold their true mean with 95 % confidence."""

    number: int
    settings: Mapping[str, Any]
    values: Mapping[int, float]
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Study:
    """What came of a study, or of the part before it was stopped, which `errors` then say.

    `chosen` is the number of the trial whose settings are best on average over seeds. `difference` is by how much they
    are above the defaults, on average over the same seeds, with the ends of its interval, and `verdict` what that says.
    """

    name: str
    task: str
    metric: str
    output_dir: str
    space: Mapping[str, str] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    repeats: tuple[Trial, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    chosen: int | None = None
    difference: tuple[float, float | None, float | None] | None = None
    verdict: str | None = None
    importance: Mapping[str, float] = field(default_factory=dict)
    run_dir: str | None = None
    run_file: str | None = None
    report: str | None = None
    test_metrics: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)

    @property
    def winner(self) -> Candidate | None:
        """Give the candidate that was chosen."""
        return next((each for each in self.candidates if each.number == self.chosen), None)


def first_ones(trials: Iterable[Trial]) -> list[Trial]:
    """Give the trials by their numbers, without those that were trained again."""
    return sorted((each for each in trials if each.seed is None), key=lambda each: each.number)


def is_tried(settings: Mapping[str, Any], trials: Iterable[Trial]) -> bool:
    """Tell whether some settings have been given to a trial, whatever has become of it."""
    return any(dict(each.settings) == dict(settings) for each in first_ones(trials))


def best_of(trials: Iterable[Trial], metric: str, count: int = NUM_BEST) -> list[Trial]:
    """Give the best completed trials, of equals those that came to more on the way, and of these the earlier ones.

    Runs are equal that keep what they began with, for no step gained more on it than chance does.
    """
    done = [each for each in first_ones(trials) if each.state == COMPLETED and each.value is not None]
    sign = -1.0 if direction_of(metric) == "max" else 1.0

    def rank(trial: Trial) -> tuple[float, float, int]:
        kept = sign * float(trial.value or 0.0)
        return kept, min((sign * score for _, score in trial.curve), default=kept), trial.number

    return sorted(done, key=rank)[:count]


def to_be_repeated(trials: Sequence[Trial], metric: str) -> list[Trial]:
    """Give the trials that are trained over seeds: the best, and the defaults beside them."""
    found = best_of(trials, metric)
    defaults = [each for each in first_ones(trials) if each.number == DEFAULTS and each.state == COMPLETED]
    return [*found, *(each for each in defaults if each not in found)]


def missing_repeats(trials: Sequence[Trial], metric: str, seeds: Sequence[int]) -> list[Trial]:
    """Give the trainings over seeds that nobody has begun; the first seed is that of the trials themselves."""
    there = {each.name for each in trials}
    wanted = [Trial(each.number, each.settings, seed) for seed in seeds[1:] for each in to_be_repeated(trials, metric)]
    return [each for each in wanted if each.name not in there]


def candidates_of(trials: Sequence[Trial], metric: str, seeds: Sequence[int]) -> list[Candidate]:
    """Give what was trained over seeds, the best mean first; one with a training that failed comes last."""
    found = []
    for trial in to_be_repeated(trials, metric):
        again = {each.seed: each for each in trials if each.number == trial.number and each.seed is not None}
        values = {seeds[0]: trial.value}
        values |= {seed: again[seed].value for seed in seeds[1:] if seed in again and again[seed].state == COMPLETED}
        known = {seed: value for seed, value in values.items() if value is not None}
        mean, low, high = mean_with_interval(list(known.values()))
        found.append(Candidate(trial.number, trial.settings, known, mean, low, high))
    sign = -1.0 if direction_of(metric) == "max" else 1.0
    return sorted(found, key=lambda each: (-len(each.values), sign * each.mean, each.number))


def mean_with_interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Give the mean and the ends of its 95 % interval by Student's t, None for a single value."""
    mean = fmean(values)
    if len(values) < 2:
        return mean, None, None
    half = _T[min(len(values), MAX_SEEDS) - 2] * stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def beside_defaults(
    candidates: Sequence[Candidate], metric: str
) -> tuple[tuple[float, float | None, float | None] | None, str | None]:
    """Compare the first candidate with the defaults, seed by seed; gives the mean difference and what that says.

    Nothing where the defaults are the first, or have no score.
    """
    defaults = next((each for each in candidates if each.number == DEFAULTS), None)
    if defaults is None or candidates[0] is defaults:
        return None, None
    both = [seed for seed in candidates[0].values if seed in defaults.values]
    mean, low, high = mean_with_interval([candidates[0].values[seed] - defaults.values[seed] for seed in both])
    if low is None or high is None:
        return (mean, low, high), NOT_KNOWN
    if low <= 0.0 <= high:
        return (mean, low, high), NOT_TOLD_APART
    return (mean, low, high), BETTER if is_better(mean, 0.0, direction_of(metric)) else WORSE


def best_so_far(trials: Iterable[Trial], metric: str) -> list[float | None]:
    """Give for each trial in order the best score of those up to it, None before the first."""
    best: float | None = None
    found = []
    for trial in first_ones(trials):
        if trial.state == COMPLETED and trial.value is not None and is_better(trial.value, best, direction_of(metric)):
            best = trial.value
        found.append(best)
    return found
