"""What Optuna is asked: answers follow from seed and trials alone, are within the space, and repeat nothing."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import optuna
import pytest

from domain.search_space import Choice, Range, Space, is_within
from domain.study import COMPLETED, FAILED, PRUNED, RUNNING, Search, Trial
from infrastructure.tuning.advisor import OptunaAdvisor

SPACE: Space = {"rate": Range(1e-4, 1e-1, log=True), "rows": Choice((16, 32, 64)), "epochs": Range(1, 9, is_whole=True)}
ADVISOR = OptunaAdvisor()


def search(sampler: str = "tpe", pruner: str = "median", space: Space = SPACE, seed: int = 7) -> Search:
    return Search("study", space, "accuracy", sampler, pruner, seed)


def score(settings: Mapping[str, Any]) -> float:
    return 1 - abs(math.log10(settings["rate"]) + 2) / 3 - 0.1 * (settings["rows"] != 32)


def trained(asked: Search, number: int, before: list[Trial], settings: Mapping[str, Any]) -> Trial:
    """Train in ten steps to the score of the settings, or to where the pruner ends it."""
    trial = Trial(number, settings, total_steps=10)
    for step in range(1, 11):
        value = score(settings) * step / 10
        trial = replace(trial, curve=trial.scored(step, value), value=value)
        found = ADVISOR.judge(asked, [*before, trial], trial)
        trial = replace(trial, kept=found.kept)
        if found.is_hopeless and step < 10:
            return replace(trial, state=PRUNED)
    return replace(trial, state=COMPLETED)


def studied(asked: Search, count: int) -> list[Trial]:
    trials: list[Trial] = []
    for number in range(count):
        settings = ADVISOR.suggest(asked, trials)
        assert settings is not None
        trials.append(trained(asked, number, trials, settings))
    return trials


@pytest.mark.parametrize(("sampler", "count"), [("tpe", 16), ("random", 9)])
def test_suggestions_follow_from_the_trials_lie_within_the_space_and_differ(sampler: str, count: int) -> None:
    trials = studied(search(sampler), count)
    assert trials == studied(search(sampler), count)
    assert all(is_within(each.settings, SPACE) for each in trials)
    assert len({str(each.settings) for each in trials}) == count
    assert trials != studied(search(sampler, seed=8), count)


def test_a_sampler_learns_from_the_trials() -> None:
    asked = search(pruner="none")
    learnt, drawn = studied(asked, 30), studied(replace(asked, sampler="random"), 30)
    assert sum(score(each.settings) for each in learnt[10:]) > sum(score(each.settings) for each in drawn[10:])


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_pruners_end_bad_trials_and_let_the_best_be(pruner: str) -> None:
    trials = studied(search("random", pruner), 20)
    pruned = [score(each.settings) for each in trials if each.state == PRUNED]
    whole = [score(each.settings) for each in trials if each.state == COMPLETED]
    assert pruned
    assert sum(pruned) / len(pruned) < sum(whole) / len(whole)
    assert max(whole) >= max(pruned)


def test_no_pruner_ends_none() -> None:
    assert {each.state for each in studied(search("random", "none"), 8)} == {COMPLETED}


def test_no_trial_is_copied_to_judge_another(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [trained(search(pruner="none"), number, [], {"rate": 1e-2, "rows": 32}) for number in range(5)]
    last = trained(search(pruner="none"), 5, [], {"rate": 1e-4, "rows": 16})
    monkeypatch.setattr(optuna.Study, "trials", None)
    assert ADVISOR.judge(search(), [*trials, last], last).is_hopeless


def test_a_trial_without_others_is_never_hopeless() -> None:
    trial = Trial(1, {"rate": 1e-4, "rows": 16, "epochs": 1}, total_steps=10, curve=((5, 0.0),), value=0.0)
    assert not ADVISOR.judge(search(), [trial], trial).is_hopeless
    others = [replace(trial, number=number, state=FAILED) for number in range(2, 9)]
    assert not ADVISOR.judge(search(), [trial, *others], trial).is_hopeless


def test_a_space_that_can_be_counted_out_is_tried_whole_and_then_ends() -> None:
    asked = search(space={"rows": Choice((16, 32, 64)), "deep": Choice((True, False))})
    trials: list[Trial] = []
    while (settings := ADVISOR.suggest(asked, trials)) is not None:
        state = RUNNING if len(trials) % 2 else COMPLETED  # those that others are at count too
        trials.append(Trial(len(trials), settings, state=state, value=0.5))
    assert len(trials) == 6
    assert len({str(each.settings) for each in trials}) == 6


def test_defaults_outside_the_space_disturb_no_sampler() -> None:
    defaults = Trial(0, {"rate": 0.5, "rows": 7, "epochs": None}, state=COMPLETED, value=0.9)
    settings = ADVISOR.suggest(search(), [defaults])
    assert settings is not None
    assert is_within(settings, SPACE)
    trials = [defaults, *(replace(each, number=each.number + 1) for each in studied(search(pruner="none"), 8))]
    assert is_within(ADVISOR.suggest(search(), trials) or {}, SPACE)
