"""Forecasts of a small table as a page sees them, made without a model: what came, and noise that is known."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.reports.page.blocks import Section
from infrastructure.tasks.series.page.sections import forecast_sections
from infrastructure.tasks.series.page.seen import Seen
from infrastructure.tasks.series.scoring.calibration import Calibration
from infrastructure.tasks.series.scoring.metrics import ForecastScores
from infrastructure.tasks.series.scoring.thinned import WindowForecast
from tests.support import tiny_series

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
DEVIATIONS = np.array([-1.2816, -0.6745, 0.0, 0.6745, 1.2816])  # of a normal distribution at these levels
DAYS = 40


def table(directory: Path, count: int = 120 + 48 + 24 * DAYS, times: Any = None, **changes: Any) -> SplitSeries:
    """Load an hourly table, the last forty days of it to be judged."""
    path = tiny_series.table_file(directory / "bars.csv", tiny_series.bars(count), times)
    settings = {"dataset_path": path, "split": (120, 48, count - 168), "volatility_window": None, **changes}
    return tiny_series.loaded(tiny_series.request("quantile_forecasting", directory, **settings))


def wide_table(directory: Path, names: Sequence[str], count: int = 900) -> SplitSeries:
    """Load an hourly table of walks by these names, all of which are forecast twelve steps ahead."""
    values = np.random.default_rng(0).normal(size=(count, len(names))).cumsum(axis=0)
    path = directory / "wide.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time", *names])
        writer.writerows([time, *row] for time, row in zip(tiny_series.stamps(count), values.tolist(), strict=True))
    changes = {"target_columns": None, "horizons": 12, "volatility_window": None, "split": (120, 48, count - 168)}
    return tiny_series.loaded(tiny_series.request("quantile_forecasting", directory, dataset_path=path, **changes))


def panel(directory: Path, count: int = 60, **changes: Any) -> SplitSeries:
    """Load a daily table of shops whose sales are ten times those of the shop before; the last one opens late.

    On every fifth day there is a promotion, which is known ahead. The last twenty days are to be judged.
    """
    draw, days = np.random.default_rng(0), tiny_series.stamps(count, hours=24)
    path = directory / "shops.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "shop", "size", "sales", "promotion"])
        for number, shop in enumerate(("small", "large", "late")):
            scale = 10.0 ** (number + 1)
            for day in range(30 if shop == "late" else 0, count):
                sales = round(scale * (10 + draw.random()), 3)
                writer.writerow([days[day], shop, "tiny" if shop == "small" else "huge", sales, int(day % 5 == 0)])
    settings = {"dataset_path": path, "target_columns": ("sales",), "known_columns": ("promotion",), "horizons": 3}
    settings |= {"context_length": 8, "split": (count - 30, 10, 20), "volatility_window": None, **changes}
    return tiny_series.loaded(tiny_series.request("quantile_forecasting", directory, **settings))


def seen(
    data: SplitSeries, spread: float = 1.0, errors: Any = None, calibration: Calibration | None = None, seed: int = 0
) -> Seen:
    """Give forecasts whose quantiles are those of the errors that they make, `spread` times as wide.

    `errors` [K, T, H] stand for the normal ones. What came is what the table holds.
    """
    windows = data.judged
    cut = windows.cut(windows.anchors)
    shape = cut["target"].shape
    noise = np.random.default_rng(seed).normal(size=shape) if errors is None else errors
    median = np.nan_to_num(cut["target"]) - noise
    forecast = (median[..., None] + spread * DEVIATIONS).astype(np.float32)
    last = np.random.default_rng(1).normal(size=shape[:2]).astype(np.float32)
    assumed = np.zeros(shape[1], dtype=bool)
    kept = np.empty(len(windows), dtype=object)
    for place in range(len(windows)):
        kept[place] = WindowForecast(forecast[place], cut["target"][place], last[place], assumed, np.ones(shape[1]))
    return Seen.of(windows, data.recipe, LEVELS, calibration, kept)


def target_rows(of: Seen) -> np.ndarray:
    """Give the rows of the table that are forecast [K, H]."""
    return np.asarray(of.anchors[:, None] + of.horizons)


def sections_of(of: Seen, num_windows: int | None = None) -> list[Section]:
    """Give all sections of a page, as if there were `num_windows`."""
    scores = ForecastScores(LEVELS, of.recipe.horizons, of.names, of.recipe.target_scales)
    scores.add(of.forecast, of.target, of.last)
    return list(forecast_sections(of, scores.metrics(), num_windows or len(of)))
