"""Scores of each series of a long table are those of a plain loop over its own windows, in its own unit."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infrastructure.data.series.naive import CHANGE, SEASONAL
from infrastructure.tasks.series.report import write_series
from infrastructure.tasks.series.scoring.by_series import SeriesNames, SeriesScores
from infrastructure.tasks.series.scoring.forecasts import Forecasts

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
NAMES = SeriesNames(("shop", "mae"), [("a", "x"), ("b", "y"), ("c", "z"), ("d", "z")], ("sales",))
UNITS, SIZES = np.array([1.0, 100.0, 5.0]), np.array([20.0, 3000.0, 0.0])
SERIES = np.array([0, 1, 0, 3, 1, 0])  # none is of the third one


@pytest.fixture(scope="module")
def found() -> Forecasts:
    draw = np.random.default_rng(0)
    target, seasonal = draw.normal(size=(2, 6, 1, 4))
    target[2, 0, 1] = np.nan
    forecast = np.sort(draw.normal(size=(6, 1, 4, 5)), axis=-1)
    place = np.where(SERIES == 3, 2, SERIES)
    change = np.array([0.5, 2.0, np.nan])[place][:, None]  # the last one never changed
    level, unit = SIZES[place][:, None], UNITS[place][:, None]
    no = np.zeros((6, 1), dtype=bool)
    beside = {SEASONAL: seasonal, CHANGE: change}
    return Forecasts(forecast, target, draw.normal(size=(6, 1)), no, no, level, unit, SERIES, beside)


def scores_of(found: Forecasts, parts: int = 1) -> SeriesScores:
    scores = SeriesScores(LEVELS)
    for rows in np.array_split(np.arange(len(found)), parts):
        arrays = {name: of[rows] for name, of in vars(found).items() if isinstance(of, np.ndarray)}
        scores.add(Forecasts(**arrays, beside={name: of[rows] for name, of in found.beside.items()}))
    return scores


def by_hand(found: Any, series: int) -> dict[str, float]:
    """Score a series by loops over its points."""
    errors: list[float] = []
    losses: list[float] = []
    sizes: list[float] = []
    rivals: list[float] = []
    inside: list[bool] = []
    level, unit, change = (of[series == SERIES][0, 0] for of in (found.level, found.unit, found.beside[CHANGE]))
    for window in np.flatnonzero(series == SERIES):
        for step in range(4):
            came = found.target[window, 0, step]
            if np.isnan(came):
                continue
            quantiles = found.forecast[window, 0, step]
            errors.append(abs(came - quantiles[2]))
            losses.append(
                np.mean([max(a * (came - q), (a - 1) * (came - q)) for a, q in zip(LEVELS, quantiles, strict=True)])
            )
            sizes.append(abs(level + unit * came))
            rivals.append(abs(came - found.beside[SEASONAL][window, 0, step]))
            inside.append(quantiles[0] <= came <= quantiles[4])
    mae, loss = float(np.mean(errors)), float(np.mean(losses))
    return {
        "num_windows": int(np.count_nonzero(series == SERIES)),
        "num_points": len(errors),
        "mae": mae,
        "mae_original": mae * unit,
        "loss": loss,
        "mase": mae / change,
        "wql": 2 * loss * unit / float(np.mean(sizes)),
        "seasonal_naive_mae_original": float(np.mean(rivals)) * unit,
        "seasonal_naive_mase": float(np.mean(rivals)) / change,
        "picp_80": float(np.mean(inside)),
    }


@pytest.mark.parametrize("parts", [1, 3])
def test_scores_are_those_of_loops_however_windows_are_batched(found: Any, parts: int) -> None:
    table = NAMES.columns(scores_of(found, parts))
    assert table["shop"] == ["a", "b", "d"], "a series without a window has no scores"
    for row, series in enumerate((0, 1, 3)):
        for name, value in by_hand(found, series).items():
            assert table[name][row] == (None if np.isnan(value) else pytest.approx(value)), name


def test_means_over_series_weigh_each_alike_and_leave_out_what_one_has_not(found: Any) -> None:
    metrics = scores_of(found).metrics()
    each = [by_hand(found, series) for series in (0, 1, 3)]
    assert metrics["num_series"] == 3
    assert metrics["wql_unweighted"] == pytest.approx(np.mean([of["wql"] for of in each]))
    assert metrics["mase_unweighted"] == pytest.approx(np.mean([of["mase"] for of in each[:2]]))
    assert metrics["seasonal_naive_mase_unweighted"] == pytest.approx(
        np.mean([of["seasonal_naive_mase"] for of in each[:2]])
    )


def test_one_series_alone_has_no_means_over_series() -> None:
    one = SeriesScores(LEVELS)
    zeros = np.zeros((2, 1, 3))
    flags = np.zeros((2, 1), dtype=bool)
    flat, series = zeros[..., 0], np.array([0, 0])
    one.add(Forecasts(np.zeros((2, 1, 3, 5)), zeros, flat, flags, flags, flat, flat + 1.0, series))
    assert one.scores()["num_points"].tolist() == [[6]]
    assert one.metrics() == SeriesScores(LEVELS).metrics() == {}


def test_the_file_of_a_run_holds_a_row_for_each_series(found: Any, tmp_path: Path) -> None:
    columns = NAMES.columns(scores_of(found))
    write_series(tmp_path / "series.csv", columns)
    with (tmp_path / "series.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["shop"] for row in rows] == ["a", "b", "d"]
    assert [row["mae_of_series"] for row in rows] == ["x", "y", "z"], "a column of the table is no score"
    assert [float(row["mae"]) for row in rows] == columns["mae"]
    assert rows[2]["mase"] == ""
