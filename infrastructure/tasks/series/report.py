"""Draws what a forecaster is worth: coverage beside its promise, and the last forecasts over what came."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.windows import Windows
from infrastructure.data.some_rows import spread
from infrastructure.data.table.table import Table
from infrastructure.files import write_whole
from infrastructure.reports.fans import MAX_FANS, Fan, draw_fans, rows_shown
from infrastructure.reports.reliability import draw_reliability
from infrastructure.tasks.kind import Trained
from infrastructure.tasks.series.card import SeriesCard
from infrastructure.tasks.series.quantile_adapter import QuantileForecast
from infrastructure.tasks.series.scoring.metrics import level_name
from infrastructure.tasks.series.scoring.readers import Kept


def draw_coverage(card: SeriesCard, metrics: Mapping[str, Any], path: Path) -> None:
    """Draw the share of targets below each quantile, with and without calibration."""
    prefixes = {"as trained": "uncalibrated_", "calibrated": ""} if card.calibration else {"as trained": ""}
    coverage = {
        line: [metrics[f"{prefix}coverage_{level_name(level)}"] for level in card.quantiles]
        for line, prefix in prefixes.items()
    }
    draw_reliability(card.quantiles, coverage, int(metrics["num_points"]), path)


def write_series(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write what forecasts are worth in each series as CSV, a row for each series and target."""
    table = StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_whole(path, table.getvalue())


def draw_forecasts(
    card: SeriesCard, table: Table, windows: Windows, errors: np.ndarray, trained: Trained, path: Path
) -> None:
    """Draw forecasts of the first targets in their own units: the last window, and earlier ones where there is room.

    Of many series the last window of some of them, from the largest of the `errors` [N] of the windows to the smallest.
    Bands that follow what comes are as wide as they are in the end.
    """
    targets = range(min(card.recipe.num_targets, MAX_FANS))
    room = MAX_FANS // len(targets)
    is_long = isinstance(table, LongTable)
    last = last_of_series(windows, errors, room) if is_long else windows.few(room)
    reading = QuantileForecast(card.quantiles, card.recipe.horizons, Kept, recipe=card.recipe)
    kept = trained.score(last, reading)
    forecast = kept["forecast"]
    if card.calibration is not None:
        forecast = card.calibration.applied(forecast, kept["assumed"])
    number = last.series.numbers_of(last.anchors)
    assert last.series.level is not None
    assert last.series.unit is not None
    # [B, T, H, Q]
    forecast = card.recipe.in_own_units(forecast, last.series.level[number], last.series.unit[number])
    fans = [
        _fan(card, table, last, anchor, target, forecast[number, target])
        for target in targets
        for number, anchor in enumerate(last.anchors.tolist())
    ]
    title = _title(card.recipe.num_targets, len(targets), len(last))
    if is_long and (num_series := len(np.unique(windows.series.numbers_of(windows.anchors)))) > 1:
        told = f"{len(last)} of {num_series:,} series, from the largest error to the smallest"
        title = f"{card.recipe.names[0]}: {told}" if card.recipe.num_targets == 1 else told
    draw_fans(fans, card.quantiles, path, title)


def last_of_series(windows: Windows, errors: np.ndarray, count: int) -> Windows:
    """Give the last window of at most `count` series, spread from the largest mean error [N] to the smallest."""
    order = np.argsort(windows.anchors)  # series by series
    anchors, errors = windows.anchors[order], np.nan_to_num(errors[order])
    _, starts, counts = np.unique(windows.series.numbers_of(anchors), return_index=True, return_counts=True)
    ranked = np.argsort(-np.add.reduceat(errors, starts) / counts, kind="stable")
    return windows.at(anchors[(starts + counts - 1)[ranked[spread(len(ranked), count)]]])


def _title(num_targets: int, num_shown: int, num_windows: int) -> str:
    """Say what is drawn of all the targets and windows."""
    windows = "the last window" if num_windows == 1 else f"{num_windows} windows up to the last"
    if num_targets == 1:
        return windows
    targets = (
        f"{num_targets} targets" if num_shown == num_targets else f"the first {num_shown} of {num_targets} targets"
    )
    return f"{targets}, {windows} of each"


def _called(table: Table, anchor: int, target: str, num_targets: int) -> str:
    """Name what a fan shows: of a long table the series, and the target where there are several."""
    series = table.series_of(anchor) if isinstance(table, LongTable) else ""
    return ", ".join(filter(None, [target if num_targets > 1 or not series else "", series]))


def _fan(card: SeriesCard, table: Table, windows: Windows, anchor: int, target: int, forecast: np.ndarray) -> Fan:
    recipe, series = card.recipe, windows.series
    # As much as is drawn, whatever the model saw of it: a context may be shorter than three horizons, or far longer.
    number = int(series.numbers_of(np.array([anchor]))[0])
    length = min(rows_shown(recipe.horizons), anchor + 1 - int(series.ends[number]))
    past = series.history(np.array([anchor]), length)
    history = np.where(past["observed"], past["values"], np.nan)[0, :, target]
    assert series.level is not None
    assert series.unit is not None
    mean, scale = series.level[number, target], series.unit[number, target]
    rows = np.concatenate([anchor + np.arange(1 - length, 1), anchor + np.array(recipe.horizons)])
    stamps = None
    if table.stamps is not None:
        stamps = stamp_texts(table.stamps[rows], table.zone, table.step)
    name = recipe.names[target]
    return Fan(
        _called(table, anchor, name, recipe.num_targets),
        history.astype(np.float64) * scale + mean,  # in the unit of the table, where 32 bits may not reach
        windows.cut(np.array([anchor]))["target"][0, target].astype(np.float64) * scale + mean,
        forecast,
        recipe.horizons,
        stamps,
    )
