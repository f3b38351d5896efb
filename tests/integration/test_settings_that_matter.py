"""Which settings of a study matter; beside the other tests of the advisor, loading scikit-learn would be most of it."""

import math
import random
from dataclasses import replace

import pytest

from domain.search_space import Choice, Range, Space
from domain.study import COMPLETED, Search, Trial, best_of
from infrastructure.tuning.advisor import OptunaAdvisor

SPACE: Space = {"rate": Range(1e-4, 1e-1, log=True), "rows": Choice((16, 32, 64)), "epochs": Range(1, 9, is_whole=True)}
SEARCH = Search("study", SPACE, "accuracy", "random", "none", 7)


def trial(number: int) -> Trial:
    """Score a hundredth as the best rate, and 32 rows as better than others."""
    dice = random.Random(number)
    exponent, rows = dice.uniform(-4, -1), dice.choice((16, 32, 64))
    score = 1 - abs(exponent + 2) / 3 - 0.1 * (rows != 32)
    settings = {"rate": math.pow(10, exponent), "rows": rows, "epochs": dice.randint(1, 9)}
    return Trial(number, settings, state=COMPLETED, value=score)


def test_the_setting_that_matters_most_is_found_and_shares_add_up() -> None:
    advisor, trials = OptunaAdvisor(), [trial(number) for number in range(40)]
    shares = advisor.importance(SEARCH, trials)
    assert max(shares, key=lambda name: shares[name]) == "rate"
    assert sum(shares.values()) == pytest.approx(1.0)
    assert advisor.importance(SEARCH, trials[:3]) == {}
    assert advisor.importance(SEARCH, [replace(each, value=0.5) for each in trials]) == {}
    assert best_of(trials, "accuracy", 1)[0].value == max(each.value or 0 for each in trials)
