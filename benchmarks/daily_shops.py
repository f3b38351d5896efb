"""Three shops by the day, with holes, forecast by default settings beside simple rivals and exponential smoothing.

    python benchmarks/daily_shops.py [--days 1095] [--seed 0] [--origins 12] [--json]

The shops have a week of their own each, a season by the year, levels that drift, holidays, a dozen missing days and a
stretch of nine. The model sees the table as it is and no setting but the horizon of 28 days. All are compared by the
mean absolute error, in deviations of the training part, on the same windows of the test part, spread evenly; each
sees what lies before its window. Exponential smoothing is AutoETS of statsforecast with a season of a week
(`pip install 'athanor[smoothing]'`), fitted anew before each window, holes filled in by the value of a week before.
Where it is not installed it is left out, which is said. Needs no other data.
"""

import argparse
import csv
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
FIRST = date(2021, 1, 4)  # a Monday
SHOPS = ("north", "south", "kiosk")
WEEKS = ((0.8, 0.85, 0.9, 1, 1.25, 1.5, 0.7), (1.1, 1, 1, 1.05, 1.2, 0.9, 0.4), (0.9, 0.9, 1, 1, 1.1, 1.3, 0.8))
LEVELS = (40.0, 130.0, 18.0)
HORIZON = 28
RIVALS = ("repeat_last", "seasonal_naive", "drift")
NOT_INSTALLED = "exponential smoothing is left out: statsforecast is not installed (pip install 'athanor[smoothing]')."


def main() -> None:
    """Make the table, train, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=3 * 365)
    parser.add_argument("--seed", type=int, default=0, help="of the shops, not of the training")
    parser.add_argument("--origins", type=int, default=12, help="windows that are compared")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        values = sales(options.days, options.seed)
        table = write(Path(scratch) / "shops.csv", values)
        result = compare(table, values, Path(scratch) / "run", options.origins)
    print(json.dumps(result, indent=None if options.json else 2))


def sales(num_days: int, seed: int) -> np.ndarray:
    """Draw what each shop sells a day [N, 3], NaN on days that are missing for all."""
    draw = np.random.default_rng(seed)
    day = np.arange(num_days)[:, None]
    week = np.array(WEEKS)[:, day[:, 0] % 7].T
    year = 1.0 + 0.25 * np.cos(2 * np.pi * (day - 350 - 10 * np.arange(len(SHOPS))) / 365.25)
    level = np.array(LEVELS) * np.exp(np.cumsum(draw.normal(0.0, 0.005, (num_days, len(SHOPS))), axis=0))
    holiday = np.where(draw.random((num_days, 1)) < 0.03, 0.3, 1.0)
    values = level * week * year * holiday * np.exp(draw.normal(0.0, 0.12, level.shape))
    values[draw.choice(np.arange(1, num_days - 1), 12, replace=False)] = np.nan
    values[num_days // 2 : num_days // 2 + 9] = np.nan
    return values.round(1)


def write(path: Path, values: np.ndarray) -> Path:
    """Write the days that are there."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["day", *SHOPS])
        for number, row in enumerate(values):
            if np.isfinite(row).all():
                rows.writerow([FIRST + timedelta(days=number), *row.tolist()])
    return path


def compare(table: Path, values: np.ndarray, run: Path, num_origins: int) -> dict[str, Any]:
    """Train by default settings and give the errors of all on the same windows."""
    import pyarrow.parquet

    from benchmarks.long_horizon import athanor

    watched = athanor(
        "train", "--task", "quantile_forecasting", "--dataset", table, "--set", f"horizons={HORIZON}",
        "--output", run, "--json",
    )  # fmt: skip
    outcomes = pyarrow.parquet.read_table(run / "outcomes.parquet").to_pydict()
    recipe = json.loads((run / "model" / "athanor.json").read_text())["series"]["recipe"]
    windows = np.unique(np.linspace(0, len(outcomes["row"]) - 1, num_origins).astype(int))
    # A window is named by the line of its last row in a file without holes: the model had them filled in.
    anchors = [int(outcomes["row"][window].rpartition(":")[2]) - 2 for window in windows]
    result: dict[str, Any] = {
        "this model": _mean(outcomes["mae"], windows),
        **{name: _mean(outcomes[f"{name}_mae"], windows) for name in RIVALS if f"{name}_mae" in outcomes},
    }
    try:
        result["exponential smoothing"] = smoothed_error(values, anchors, recipe)
    except ImportError:
        print(NOT_INSTALLED, file=sys.stderr)
    test = watched.response["test_metrics"]
    all_windows = {name: test[name] for name in ("mae", "loss", "picp_80", *(f"{rival}_mae" for rival in RIVALS))}
    facts = {"windows": len(windows), "cpu_minutes": round(watched.cpu_seconds / 60, 2), "cores": os.cpu_count()}
    return {"mae": result, "all windows": all_windows, **facts}


def smoothed_error(values: np.ndarray, anchors: list[int], recipe: Mapping[str, Any]) -> float:
    """Give the mean absolute error of AutoETS behind each anchor, standardised. Raises: ImportError."""
    from statsforecast.models import AutoETS

    errors = []
    for place, name in enumerate(recipe["names"]):
        series, scale = values[:, SHOPS.index(name)], recipe["scaler"]["scale"][place]
        for anchor in anchors:
            past = without_holes(series[: anchor + 1])
            forecast = AutoETS(season_length=7).forecast(past, HORIZON)["mean"]
            errors.append(np.abs(forecast - series[anchor + 1 : anchor + 1 + HORIZON]) / scale)
    return float(np.nanmean(np.concatenate(errors)))


def without_holes(series: np.ndarray) -> np.ndarray:
    """Fill what is missing by the value of a week before."""
    filled = series.copy()
    for day in np.flatnonzero(np.isnan(filled)):
        filled[day] = filled[day - 7] if day >= 7 else np.nanmean(filled)
    return np.asarray(filled)


def _mean(values: list[float], windows: np.ndarray) -> float:
    return float(np.mean(np.asarray(values)[windows]))


if __name__ == "__main__":
    main()
