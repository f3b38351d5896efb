"""Forecasts that need no model see no row behind their anchor, and are what a plain loop makes of the rows before."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infrastructure.data.series.windows import Windows
from infrastructure.data.windowed.parts import SplitSeries
from tests.support.shops import NAMES, sales, shop_table
from tests.support.tiny_series import loaded, request

DAYS, MISSING = 240, (30, 31, 100, 171, 200)
STEPS = (1, 2, 7, 8, 15)


def shops(directory: Path, values: np.ndarray | None = None, **changes: Any) -> SplitSeries:
    path = shop_table(directory / "shops.csv", sales(DAYS) if values is None else values, MISSING)
    asked = {"target_columns": NAMES, "horizons": STEPS, "split": (0.6, 0.2, 0.2), "volatility_window": None}
    dataset: SplitSeries = loaded(request("quantile_forecasting", directory, dataset_path=path, **asked, **changes))
    return dataset


def forecasts(windows: Windows) -> dict[str, np.ndarray]:
    cut = windows.cut(windows.anchors)
    return {name: cut[name] for name in ("seasonal_naive", "drift")}


@pytest.mark.parametrize("gaps", ["keep", "fill"])
def test_the_seasonal_rival_is_the_same_weekday_before_also_where_days_are_missing(gaps: str, tmp_path: Path) -> None:
    dataset = shops(tmp_path, gaps=gaps)
    assert dataset.season is not None
    assert (dataset.season.length, dataset.season.cycle) == (7, "week")
    windows = dataset.judged
    days = np.delete(np.arange(DAYS), MISSING) if gaps == "keep" else np.arange(DAYS)
    known = windows.series.observed[:, 0]
    row_of = {int(day): row for row, day in enumerate(days) if known[row]}
    found = forecasts(windows)["seasonal_naive"]
    for place, anchor in enumerate(windows.anchors.tolist()):
        for step, of_step in zip(STEPS, found[place].T, strict=True):
            day = int(days[anchor + step])
            while day > days[anchor] or day not in row_of or day == days[anchor + step]:
                day -= 7
            assert of_step.tolist() == windows.series.values[row_of[day]].tolist()


def test_drift_goes_on_from_the_first_row_to_the_last(tmp_path: Path) -> None:
    windows = shops(tmp_path).judged
    values, found = windows.series.values.astype(np.float64), forecasts(windows)["drift"]
    for place, anchor in enumerate(windows.anchors.tolist()):
        slope = (values[anchor] - values[0]) / anchor
        assert found[place] == pytest.approx(values[anchor][:, None] + slope[:, None] * np.array(STEPS), abs=1e-4)


def test_no_rival_sees_what_lies_behind_an_anchor_and_no_season_the_evaluation(tmp_path: Path) -> None:
    values = sales(DAYS)
    before = shops(tmp_path, values)
    windows = before.judged
    anchor = int(windows.anchors[3])
    days = np.delete(np.arange(DAYS), MISSING)
    changed = values.copy()
    changed[days[anchor + 1] :] = np.random.default_rng(5).permutation(changed[days[anchor + 1] :] * 3.0)
    after = shops(tmp_path, changed)
    assert (after.season, after.naive_errors) == (before.season, before.naive_errors)
    for name, forecast in forecasts(windows.at(windows.anchors[:4])).items():
        assert (forecast == forecasts(after.judged.at(windows.anchors[:4]))[name]).all(), name
    later = {name: forecast[5:] for name, forecast in forecasts(after.judged).items()}
    assert all((later[name] != forecast[5:]).any() for name, forecast in forecasts(windows).items())
    # The season is of the training part: one that begins behind it is none.
    flat = values.copy()
    flat[: int(0.6 * DAYS) + len(MISSING)] = np.random.default_rng(2).normal(50, 1, (int(0.6 * DAYS) + len(MISSING), 3))
    assert shops(tmp_path, flat).season is None


def test_a_target_without_a_history_has_no_rival_and_one_without_a_last_season_has_the_last_value(
    tmp_path: Path,
) -> None:
    values = sales(DAYS)
    values[150:200, 0] = np.nan
    windows = shops(tmp_path, values).judged
    cut = windows.cut(windows.anchors)
    seen = np.asarray(cut["observed"][..., 0].any(axis=1))
    assert 0 < seen.sum() < len(seen)
    for name in ("seasonal_naive", "drift"):
        assert (np.isfinite(cut[name][:, 0]) == seen[:, None]).all()
    assert np.isfinite(cut["seasonal_naive"][:, 1:]).all()


def test_windows_to_learn_from_carry_no_rivals_and_no_season_means_no_seasonal_one(tmp_path: Path) -> None:
    dataset = shops(tmp_path)
    assert "drift" not in dataset.train.cut(dataset.train.anchors[:2])
    walk = 100 + np.cumsum(np.random.default_rng(0).normal(size=(DAYS, 3)), axis=0)
    none = shops(tmp_path, walk)
    cut = none.judged.cut(none.judged.anchors[:2])
    assert "drift" in cut
    assert "seasonal_naive" not in cut
