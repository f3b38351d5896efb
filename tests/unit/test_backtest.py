"""Periods of a backtest, and what is said of a model beside the best rival of each."""

import math

import pytest

from domain.backtest import Backtest, Fold, FoldScores, best_of, mean_and_spread, periods, verdict_beside
from domain.comparison import BETTER, NOT_KNOWN, NOT_TOLD_APART, WORSE
from domain.interval import Interval
from presentation.cli.backtested import write_backtest


@pytest.mark.parametrize(
    ("ends", "count", "num_rows", "reach", "expected"),
    [
        ((60, 80, 100), 2, None, 5, [(80, 90), (90, 100)]),
        ((60, 80, 100), 3, None, 5, [(82, 88), (88, 94), (94, 100)]),  # what cannot be shared out is left in front
        ((60, 80, 100), 5, None, 7, [(65, 72), (72, 79), (79, 86), (86, 93), (93, 100)]),  # none shorter than a reach
        ((60, 100), 2, 30, 5, [(40, 70), (70, 100)]),
        ((60, 80, 100), 1, None, 5, [(80, 100)]),
        ((60, 80, 100), 3, 40, 5, [(-20, 20), (20, 60), (60, 100)]),
    ],
)
def test_periods_follow_each_other_and_end_with_the_last_part(
    ends: tuple[int, ...], count: int, num_rows: int | None, reach: int, expected: list[tuple[int, int]]
) -> None:
    assert periods(ends, count, num_rows, reach) == expected


def test_the_spread_is_that_of_a_sample_and_one_fold_has_none() -> None:
    mean, spread = mean_and_spread([1.0, 2.0, 6.0])
    assert mean == 3.0
    assert spread == pytest.approx(math.sqrt(7.0))
    assert mean_and_spread([4.0]) == (4.0, None)


@pytest.mark.parametrize(
    ("metric", "value", "rival", "interval", "expected"),
    [
        ("mae", 0.5, 0.8, (0.4, 0.6), BETTER),
        ("mae", 0.5, 0.3, (0.4, 0.6), WORSE),
        ("mae", 0.5, 0.6, (0.4, 0.6), NOT_TOLD_APART),
        ("accuracy", 0.5, 0.3, (0.4, 0.6), BETTER),
        ("accuracy", 0.5, 0.8, (0.4, 0.6), WORSE),
        ("mae", 0.5, 0.8, None, NOT_KNOWN),
    ],
)
def test_a_model_is_told_from_a_rival_only_beyond_its_interval(
    metric: str, value: float, rival: float, interval: tuple[float, float] | None, expected: str
) -> None:
    assert verdict_beside(metric, value, rival, None if interval is None else Interval(*interval)) == expected


def test_the_best_rival_has_the_lowest_error_or_the_highest_accuracy() -> None:
    rivals = {"drift": 0.5, "repeat last": 0.2, "seasonal naive": 0.9}
    assert best_of("mae", rivals) == "repeat last"
    assert best_of("accuracy", rivals) == "seasonal naive"
    assert best_of("mae", {}) is None


def test_a_fold_without_a_score_is_told_with_a_dash_and_the_others_with_theirs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folds = [
        FoldScores(
            Fold(1, 0, 9, "row 1", "row 9", (1, 1, 9)), 4, "mae", {"mae": 0.25}, {"mae": (0.2, 0.3)}, {"drift": 0.5}
        ),
        FoldScores(Fold(2, 9, 18, "row 10", "row 18", (1, 1, 9)), 0, "mae", {}, {}, {}),
    ]
    result = Backtest("quantile_forecasting", "mae", True, "runs/b", "runs/b/backtest.png", tuple(folds))
    assert write_backtest(result, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["1", "row", "1", "row", "9", "4", "0.2500", "drift", "0.5000", "better"]
    assert lines[2].split() == ["2", "row", "10", "row", "18", "0", "-"]
    assert "ahead of the best simple rival in 1 of 1 fold." in lines[-2]
