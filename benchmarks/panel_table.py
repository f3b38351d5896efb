"""The shipped shops as arrays, how they are split, and how forecasts of them are scored; with numpy alone.

Nothing of the application is in here, so that the rivals of benchmarks/panel.py run where Athanor is not installed.
"""

import csv
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[1] / "data/shops_simulated.csv.gz"
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
HORIZON, WEEK = 28, 7
PART = 84  # days of the test part, and of the validation part before it
KNOWN = ("price", "promotion", "holiday", "open")
STATIC = ("region", "size", "category")
LEAST_PAST = 28  # days that a series has before a forecast of it is asked


@dataclass(frozen=True)
class Shops:
    """S series over D days: `sales` [S, D] and `known` [S, D, K] are NaN on days that are not in the table."""

    ids: list[tuple[str, str]]
    static: list[tuple[str, ...]]
    days: np.ndarray
    sales: np.ndarray
    known: np.ndarray

    @property
    def is_open(self) -> np.ndarray:
        """The days [S, D] on which a shop sold something or could have, as the table says."""
        return np.asarray(self.known[:, :, KNOWN.index("open")] == 1.0)


def read_shops(path: Path = DATA) -> Shops:
    """Read the table."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    ids = list(dict.fromkeys((row["shop"], row["product"]) for row in rows))
    first, last = (np.datetime64(bound(row["day"] for row in rows)) for bound in (min, max))
    days = np.arange(first, last + 1)
    sales = np.full((len(ids), len(days)), np.nan)
    known = np.full((*sales.shape, len(KNOWN)), np.nan)
    numbers = {series: number for number, series in enumerate(ids)}
    static: dict[int, tuple[str, ...]] = {}
    for row in rows:
        number = numbers[row["shop"], row["product"]]
        place = number, (np.datetime64(row["day"]) - first).astype(int)
        sales[place] = float(row["sales"])
        known[place] = [float(row[name]) for name in KNOWN]
        static[number] = tuple(row[name] for name in STATIC)
    return Shops(ids, [static[number] for number in range(len(ids))], days, sales, known)


def origins(num_days: int, part: str) -> list[int]:
    """Give the last day that is seen by each forecast of a part, a week apart; all horizons lie within the part."""
    begin = num_days - (PART if part == "test" else 2 * PART)
    return [*range(begin - 1, begin + PART - HORIZON, WEEK)]


def without_holes(shops: Shops) -> np.ndarray:
    """Give sales [S, D] with what a method without covariates should not see: a value of a week before instead.

    That is of missing days, and of closed days on which the shop is usually open. NaN before a series begins.
    """
    filled = np.where(shops.is_open, shops.sales, np.nan)
    for series in filled:
        there = np.flatnonzero(np.isfinite(series))
        begin, end = there[0], there[-1] + 1
        if end >= len(series) - WEEK:  # it goes on: its last days were closed or are missing
            end = len(series)
        for day in range(begin, end):
            if np.isnan(series[day]):
                # A closed Sunday has only closed Sundays before it.
                series[day] = series[day - WEEK] if day - WEEK >= begin else 0.0
    return filled


def targets(shops: Shops, part: str) -> np.ndarray:
    """Give what came [O, S, H], NaN where it is not scored: closed and missing days, and series that are too short."""
    values = np.where(shops.is_open, shops.sales, np.nan)
    lived = np.cumsum(np.isfinite(shops.sales), axis=1)
    found = [
        np.where(lived[:, origin, None] >= LEAST_PAST, values[:, origin + 1 : origin + 1 + HORIZON], np.nan)
        for origin in origins(len(shops.days), part)
    ]
    return np.stack(found)


def seasonal_errors(shops: Shops, part: str) -> np.ndarray:
    """Give for each series [S] the mean absolute change over a week before the part, of days that are open."""
    values = np.where(shops.is_open, shops.sales, np.nan)[:, : origins(len(shops.days), part)[0] + 1]
    changes = np.abs(values[:, WEEK:] - values[:, :-WEEK])
    return np.asarray(np.nansum(changes, axis=1) / np.maximum(np.isfinite(changes).sum(axis=1), 1))


def scores(forecast: np.ndarray, actual: np.ndarray, scale: np.ndarray) -> Mapping[str, float]:
    """Score quantiles. Shapes: forecast [O, S, H, Q] in pieces, actual [O, S, H], scale [S].

    `wql` is the weighted quantile loss of GluonTS, the mean over quantiles of twice the pinball loss over what was
    sold. `mase` and `scaled_pinball` are means over series, each on the scale of its seasonal error, the pinball
    doubled likewise.
    """
    scored = np.isfinite(actual)
    if not np.isfinite(forecast[scored]).all():
        raise ValueError("a forecast is missing")
    levels = np.array(QUANTILES)
    forecast = np.maximum(forecast, 0.0)  # nobody's forecast of sales stays below zero
    away = actual[..., None] - forecast
    pinball = 2.0 * np.maximum(levels * away, (levels - 1.0) * away).mean(axis=-1)  # [O, S, H]
    error = np.abs(away[..., QUANTILES.index(0.5)])
    inside = (actual >= forecast[..., QUANTILES.index(0.1)]) & (actual <= forecast[..., QUANTILES.index(0.9)])
    there = scored.any(axis=(0, 2))
    return {
        "mae": float(error[scored].mean()),
        "wql": float(pinball[scored].sum() / np.abs(actual[scored]).sum()),
        "mase": float((_by_series(error, scored)[there] / scale[there]).mean()),
        "scaled_pinball": float((_by_series(pinball, scored)[there] / scale[there]).mean()),
        "coverage_80": float(inside[scored].mean()),
    }


def _by_series(values: np.ndarray, scored: np.ndarray) -> np.ndarray:
    total = np.where(scored, values, 0.0).sum(axis=(0, 2))
    return np.asarray(total / np.maximum(scored.sum(axis=(0, 2)), 1))
