"""What a study knows of its trials: which are the best, what several seeds say of them, how far they are."""

import math
from typing import Any

import pytest
from scipy.special import stdtrit

from domain.comparison import BETTER, NOT_KNOWN, NOT_TOLD_APART, WORSE
from domain.study import (
    COMPLETED,
    FAILED,
    PRUNED,
    RUNNING,
    Candidate,
    Study,
    Trial,
    beside_defaults,
    best_of,
    best_so_far,
    candidates_of,
    is_tried,
    mean_with_interval,
    missing_repeats,
)
from domain.study_words import outcome_told, setting_told, verdict_told


def trial(number: int, value: float | None, state: str = COMPLETED, seed: int | None = None, **more: Any) -> Trial:
    return Trial(number, {"rate": number}, seed, state, value, **more)


TRIALS = [trial(0, 0.5), trial(1, 0.7), trial(2, 0.6, PRUNED), trial(3, None, FAILED), trial(4, 0.6), trial(5, 0.8)]


def test_the_best_are_completed_ones_in_the_direction_of_the_metric() -> None:
    assert [each.number for each in best_of(TRIALS, "macro_f1")] == [5, 1, 4]
    assert [each.number for each in best_of(TRIALS, "eval_loss")] == [0, 4, 1]


def test_of_equals_those_come_first_that_came_to_more_on_the_way() -> None:
    curves = [((5, 0.7), (9, 0.6)), ((5, 0.8),), ((5, 0.7),)]
    equals = [Trial(number, {}, state=COMPLETED, value=0.5, curve=curve) for number, curve in enumerate(curves)]
    assert [each.number for each in best_of(equals, "macro_f1")] == [1, 0, 2]
    assert [each.number for each in best_of(equals, "eval_loss")] == [0, 2, 1]


def test_the_defaults_are_repeated_beside_the_best_and_nothing_twice() -> None:
    assert [(each.number, each.seed) for each in missing_repeats(TRIALS, "macro_f1", [42, 43])] == [
        (5, 43), (1, 43), (4, 43), (0, 43),
    ]  # fmt: skip
    there = [*TRIALS, trial(5, 0.7, RUNNING, 43)]
    assert [each.number for each in missing_repeats(there, "macro_f1", [42, 43])] == [1, 4, 0]
    assert missing_repeats(TRIALS, "macro_f1", [42]) == []


def test_candidates_are_ordered_by_their_means_and_one_that_failed_again_comes_last() -> None:
    again = [
        trial(5, 0.2, COMPLETED, 43),
        trial(1, 0.9, COMPLETED, 43),
        trial(4, None, FAILED, 43),
        trial(0, 0.5, COMPLETED, 43),
    ]
    found = candidates_of([*TRIALS, *again], "macro_f1", [42, 43])
    assert [(each.number, each.values) for each in found] == [
        (1, {42: 0.7, 43: 0.9}), (0, {42: 0.5, 43: 0.5}), (5, {42: 0.8, 43: 0.2}), (4, {42: 0.6}),
    ]  # fmt: skip


def test_the_interval_is_that_of_students_t() -> None:
    values = [0.2, 0.5, 0.9, 0.4]
    mean, low, high = mean_with_interval(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / 3)
    assert low is not None
    assert high is not None
    assert (mean, high - mean) == pytest.approx((0.5, stdtrit(3, 0.975) * deviation / 2), rel=1e-3)
    assert mean - low == pytest.approx(high - mean)
    assert mean_with_interval([0.3]) == (0.3, None, None)


def candidate(number: int, *values: float) -> Candidate:
    return Candidate(number, {}, dict(enumerate(values)), *mean_with_interval(values))


@pytest.mark.parametrize(
    ("best", "defaults", "metric", "verdict"),
    [
        ((0.80, 0.81, 0.82), (0.70, 0.71, 0.72), "macro_f1", BETTER),
        ((0.80, 0.81, 0.82), (0.70, 0.71, 0.72), "loss", WORSE),
        ((0.80, 0.60, 0.82), (0.70, 0.71, 0.72), "macro_f1", NOT_TOLD_APART),
        ((0.80,), (0.70,), "macro_f1", NOT_KNOWN),
    ],
)
def test_the_best_stands_beside_the_defaults_seed_by_seed(
    best: tuple[float, ...], defaults: tuple[float, ...], metric: str, verdict: str
) -> None:
    difference, said = beside_defaults([candidate(3, *best), candidate(0, *defaults)], metric)
    assert said == verdict
    assert difference is not None
    assert difference[0] == pytest.approx(sum(best) / len(best) - sum(defaults) / len(defaults))


def test_the_defaults_are_not_compared_with_themselves() -> None:
    assert beside_defaults([candidate(0, 0.5, 0.6), candidate(3, 0.4, 0.5)], "macro_f1") == (None, None)


def test_trials_are_compared_at_tenths_and_one_that_is_scored_again_counts_once() -> None:
    half = trial(1, 0.5, RUNNING, total_steps=40)
    assert half.scored(10, 0.3) == ((10, 0.3),)
    scored = trial(1, 0.5, RUNNING, total_steps=40, curve=((10, 0.3),))
    assert scored.scored(10, 0.3) == ((10, 0.3),)
    assert scored.at_shares() == {2: 0.3}
    done = trial(1, 0.5, total_steps=40, curve=((10, 0.3), (20, 0.4), (40, 0.5)))
    assert done.at_shares() == {2: 0.3, 3: 0.3, 4: 0.3, 5: 0.4, 6: 0.4, 7: 0.4, 8: 0.4, 9: 0.4, 10: 0.5}


def test_settings_are_tried_whatever_has_become_of_them() -> None:
    assert is_tried({"rate": 3}, TRIALS)
    assert not is_tried({"rate": 9}, TRIALS)


def test_the_best_so_far_counts_completed_trials() -> None:
    assert best_so_far(TRIALS, "macro_f1") == [0.5, 0.7, 0.7, 0.7, 0.7, 0.8]


def test_outcomes_and_values_are_written_for_people() -> None:
    assert outcome_told(trial(1, 0.5, PRUNED, total_steps=40, curve=((10, 0.3),))) == "pruned at 20 %"
    assert outcome_told(trial(1, None, FAILED, reason="no memory.")) == "failed: no memory."
    assert [setting_told(value) for value in (None, True, 1e-4, "x", 3)] == ["-", "yes", "0.0001", "x", "3"]


def test_the_verdict_is_a_sentence() -> None:
    found = candidates_of(TRIALS, "macro_f1", [42])
    study = Study(
        "s", "text_classification", "macro_f1", "out", trials=tuple(TRIALS), candidates=tuple(found), chosen=5
    )
    assert verdict_told(study) == "Trial 5 of 6 has macro F1 0.8000 over 1 seed."
    assert "none is above the defaults" in verdict_told(
        Study("s", "text_classification", "macro_f1", "out", candidates=tuple(found), chosen=0)
    )
