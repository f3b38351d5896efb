"""Runs are compared by what they were told, what came out, and only where that can be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from application.use_cases.compare_runs import ComparedRuns, CompareRunsUseCase
from domain.comparison import Difference, PairedOutcomes, RightAnswers
from domain.exceptions import ConfigurationError, RunError
from domain.runs import RunFacts
from tests.fakes.runs import FakeArchive

RUNS = tuple(
    RunFacts(name, f"runs/{name}", status, task=task, metric_name="macro_f1")
    for name, status, task in (
        ("a", "finished", "text_classification"),
        ("b", "finished", "text_classification"),
        ("c", "finished", "text_classification"),
        ("half", "interrupted", "text_classification"),
        ("series", "finished", "quantile_forecasting"),
    )
)
METRICS = {"macro_f1": 0.5, "loss": 1.0, "per_class": {"x": {}}}


def outcomes(p: float = 0.01, shared: int = 10) -> PairedOutcomes:
    difference = Difference("accuracy", 0.5, 0.6, 0.1, 0.02, 0.2)
    return PairedOutcomes(10, 10, shared, 1, (difference,) if shared else (), RightAnswers(5, 1, 2, 2, p))


@dataclass
class FakePairs:
    known: Mapping[str, PairedOutcomes] = field(default_factory=dict)
    asked: list[tuple[str, str, int]] = field(default_factory=list)

    def pair(self, first: str, second: str, overlap: int) -> PairedOutcomes:
        self.asked.append((first, second, overlap))
        if second not in self.known:
            raise RunError(f"{second} has no outcomes.")
        return self.known[second]


def compared(*runs: str, pairs: FakePairs | None = None, **archive: Any) -> ComparedRuns:
    summaries = {run.run_id: {"final_metrics": METRICS} for run in RUNS}
    known = FakeArchive(RUNS, **{"summaries": summaries, **archive})
    return CompareRunsUseCase(known, pairs or FakePairs({"runs/b": outcomes(), "runs/c": outcomes(0.04)})).execute(runs)


def test_each_run_is_tested_against_the_first_with_all_tests_in_mind() -> None:
    pairs = FakePairs({"runs/b": outcomes(0.01), "runs/c": outcomes(0.04)})
    found = compared("a", "b", "c", pairs=pairs)
    assert pairs.asked == [("runs/a", "runs/b", 1), ("runs/a", "runs/c", 1)]
    assert [each.p_adjusted for each in found.comparisons] == [0.02, 0.04]
    assert "of 2 comparisons" in found.warnings[0]
    assert compared("a", "b").warnings == ()


def test_settings_that_differ_stand_side_by_side_and_places_do_not_count() -> None:
    settings = {
        "a": {"seed": 1, "output_dir": "runs/a", "dataset_path": "here.csv", "epochs": 3},
        "b": {"seed": 2, "output_dir": "runs/b", "dataset_path": "there.csv", "epochs": 3},
    }
    same = {"training": "abc", "evaluation": "abc"}
    assert compared("a", "b", settings_of=settings, digests={"a": same, "b": same}).settings == {"seed": (1, 2)}
    other = {"training": "xyz", "evaluation": "abc"}
    found = compared("a", "b", settings_of=settings, digests={"a": same, "b": other}).settings
    assert found == {"data": (same, other), "seed": (1, 2)}


def test_a_setting_that_an_older_run_file_lacks_counts_as_its_default() -> None:
    assert compared("a", "b", settings_of={"a": {"seed": 42}, "b": {"seed": 42, "max_bad_steps": 3}}).settings == {}


def test_data_without_a_digest_are_known_by_their_name() -> None:
    settings = {"a": {"dataset_path": "x.csv"}, "b": {"dataset_path": "y.csv"}}
    assert set(compared("a", "b", settings_of=settings).settings) == {"data"}


def test_metrics_of_a_test_part_go_before_those_of_the_validation_part() -> None:
    summaries = {
        "a": {
            "final_metrics": METRICS,
            "test_metrics": {"loss": 2.0},
            "intervals": {"loss": (1.5, 2.5), "bow": (0, 1)},
        },
        "b": {"final_metrics": METRICS},
    }
    first, second = (found := compared("a", "b", summaries=summaries)).runs
    assert (first.part, first.metrics, first.intervals) == ("test", {"loss": 2.0}, {"loss": (1.5, 2.5)})
    assert (second.part, second.metrics) == ("validation", {"macro_f1": 0.5, "loss": 1.0})
    assert "of some runs are those of a test part" in found.warnings[0]


def test_numbers_of_hundreds_of_digits_are_no_metrics() -> None:
    summaries = {"a": {"final_metrics": {"loss": 10**400, "macro_f1": 1}, "intervals": {"macro_f1": (0, 10**400)}}}
    first, _ = compared("a", "b", summaries=summaries).runs
    assert (first.metrics, first.intervals) == ({"macro_f1": 1}, {})


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ("series", "they are of other tasks: text_classification and quantile_forecasting"),
        ("half", "runs/half is interrupted, not finished"),
        ("c", "runs/c has no outcomes"),
        ("b", "no row that one was scored on is among those of the other"),
    ],
)
def test_what_cannot_be_tested_says_why_and_is_shown_all_the_same(other: str, why: str) -> None:
    found = compared("a", other, pairs=FakePairs({"runs/b": outcomes(shared=0)}))
    assert why in found.comparisons[0].why_not
    assert len(found.runs) == 2


def test_rows_that_are_shared_in_part_are_counted_aloud() -> None:
    found = compared("a", "b", pairs=FakePairs({"runs/b": outcomes(shared=7)}))
    assert "shares 7 of the 10 rows" in found.warnings[0]
    assert "eval_dataset" in found.warnings[0]


@pytest.mark.parametrize(("horizons", "overlap"), [(24, 24), ((1, 6, 12), 12), ([3], 3)])
def test_windows_overlap_as_far_as_they_forecast(horizons: Any, overlap: int) -> None:
    pairs = FakePairs({"runs/b": outcomes()})
    compared("a", "b", pairs=pairs, settings_of={"a": {"horizons": horizons}, "b": {}})
    assert pairs.asked[0][2] == overlap


@pytest.mark.parametrize(
    ("runs", "said"), [(("a",), "one run alone"), (("a", "runs/a"), "named twice"), (("a", "b", "a"), "named twice")]
)
def test_less_than_two_runs_and_one_named_twice_are_refused(runs: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        compared(*runs)
