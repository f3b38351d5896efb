"""Compare runs: what they were told, what came out, and whether that differs by more than noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from application.ports import OutcomePairs, RunArchive
from application.training_request import TrainModelRequest
from domain.comparison import PairedOutcomes, holm
from domain.exceptions import AthanorError, ConfigurationError
from domain.runs import FINISHED, RunFacts

# Where a run stands decides nothing. What the data are is told by its content.
PLACES = ("output_dir", "dataset_path", "eval_dataset")
LARGEST_WHOLE = 2**53
SAME_ROWS = (
    "The seed also decides which rows are held out: with the same seed and data, or the same eval_dataset, "
    "runs are scored on the same rows."
)


@dataclass(frozen=True)
class ComparedRun:
    """One run: its facts, and the `metrics` of `part` ("test", or "validation" where there is none) with intervals."""

    facts: RunFacts
    part: str
    metrics: Mapping[str, float]
    intervals: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Comparison:
    """One run beside the first: `outcomes` on the rows that both were scored on, None where `why_not` says why.

    `p_adjusted` is the probability of the test on right answers with all the tests of this comparison in mind (Holm).
    """

    run_dir: str
    outcomes: PairedOutcomes | None
    why_not: str = ""
    p_adjusted: float | None = None


@dataclass(frozen=True)
class ComparedRuns:
    """Runs side by side: `settings` that differ, with a value for each run, and `warnings` to be careful of."""

    runs: tuple[ComparedRun, ...]
    settings: Mapping[str, tuple[Any, ...]]
    comparisons: tuple[Comparison, ...]
    warnings: tuple[str, ...] = ()


class CompareRunsUseCase:
    """Compares each of several runs with the first."""

    def __init__(self, archive: RunArchive, pairs: OutcomePairs) -> None:
        self._archive = archive
        self._pairs = pairs

    def execute(self, runs: Sequence[str], root: str = "runs") -> ComparedRuns:
        """Compare the runs at some paths, or of those names below `root`.

        Raises: ConfigurationError for less than two runs, RunError for one that is not there or damaged.
        """
        paths = self._archive.find_all(runs, root)
        if len(paths) < len(runs):
            raise ConfigurationError("a run is named twice.", remedy="Name each run once.")
        if len(paths) < 2:
            raise ConfigurationError("one run alone cannot be compared.", remedy="Name two or more.")
        compared = tuple(map(self._compared, paths))
        settings = self._settings(paths)
        comparisons = _adjusted([self._beside(compared[0], other) for other in compared[1:]])
        return ComparedRuns(compared, settings, comparisons, tuple(_warnings(compared, comparisons)))

    def _compared(self, path: str) -> ComparedRun:
        summary = self._archive.summary(path)
        is_tested = bool(summary.get("test_metrics"))
        metrics = summary.get("test_metrics") if is_tested else summary.get("final_metrics")
        scalars = {name: value for name, value in (metrics or {}).items() if _is_scalar(value)}
        known = summary.get("intervals") or {}
        return ComparedRun(
            self._archive.facts(path),
            "test" if is_tested else "validation",
            scalars,
            {name: tuple(known[name]) for name in scalars if name in known and all(map(_is_scalar, known[name]))},
        )

    def _settings(self, paths: Sequence[str]) -> Mapping[str, tuple[Any, ...]]:
        usual = TrainModelRequest().model_dump()
        told = []
        for path in paths:
            settings = {**usual, **self._archive.settings(path)}
            # A file that is not known by its content yet is known by its name.
            content = self._archive.data(path) or {name: settings[name] for name in PLACES[1:]}
            told.append({"data": content, **{name: settings[name] for name in settings if name not in PLACES}})
        names = dict.fromkeys(name for settings in told for name in settings)
        rows = {name: tuple(settings.get(name) for settings in told) for name in names}
        return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}

    def _beside(self, first: ComparedRun, other: ComparedRun) -> Comparison:
        place = other.facts.run_dir
        if first.facts.task != other.facts.task:
            return Comparison(place, None, f"they are of other tasks: {first.facts.task} and {other.facts.task}.")
        for run in (first, other):
            if run.facts.status != FINISHED:
                return Comparison(place, None, f"{run.facts.run_dir} is {run.facts.status}, not finished.")
        try:
            outcomes = self._pairs.pair(first.facts.run_dir, place, self._overlap(first.facts.run_dir))
        except AthanorError as error:
            return Comparison(place, None, str(error))
        if not outcomes.num_shared:
            return Comparison(
                place, outcomes, f"no row that one was scored on is among those of the other. {SAME_ROWS}"
            )
        return Comparison(place, outcomes)

    def _overlap(self, path: str) -> int:
        """Count the windows that share a step of what they forecast: every window is scored, so the longest reach."""
        horizons = self._archive.settings(path).get("horizons")
        return max(horizons) if isinstance(horizons, tuple | list) else int(horizons or 1)


def _is_scalar(value: Any) -> bool:
    """Tell whether a value is one number; a whole one of hundreds of digits, as JSON may hold, is none."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= LARGEST_WHOLE)


def _adjusted(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    tested = [each.outcomes.answers.p for each in comparisons if each.outcomes and each.outcomes.answers]
    adjusted = iter(holm(tested))
    return tuple(
        replace(each, p_adjusted=next(adjusted)) if each.outcomes and each.outcomes.answers else each
        for each in comparisons
    )


def _warnings(runs: Sequence[ComparedRun], comparisons: Sequence[Comparison]) -> list[str]:
    told = []
    if len({run.part for run in runs if run.metrics}) > 1:
        told.append("metrics of some runs are those of a test part, of others those of the validation part.")
    for each in comparisons:
        counts = each.outcomes
        if counts and 0 < counts.num_shared < max(counts.num_first, counts.num_second):
            told.append(
                f"{each.run_dir} shares {counts.num_shared:,} of the {counts.num_first:,} rows that the first run was "
                f"scored on, and was scored on {counts.num_second:,}; only what they share is tested. {SAME_ROWS}"
            )
    num_tested = sum(bool(each.outcomes and each.outcomes.differences) for each in comparisons)
    if num_tested > 1:
        told.append(
            f"of {num_tested} comparisons some look beyond noise by chance: p is adjusted for it (Holm), "
            "intervals are not."
        )
    return told
