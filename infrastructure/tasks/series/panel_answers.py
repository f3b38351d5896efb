"""Answers of a forecaster to a table of many series: rows for each series, target and step ahead."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from domain.exceptions import DatasetError
from domain.showing import counted
from infrastructure.data.clock.clocks import Clock
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.panel.ids import named
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.panel.order import SHOWN
from infrastructure.data.panel.panel import Panel
from infrastructure.data.windowed.panel_series import least_history, series_of_panel
from infrastructure.tasks.kind import Note
from infrastructure.tasks.series import digits
from infrastructure.tasks.series.asking import Ask, histories
from infrastructure.tasks.series.card import SeriesCard
from infrastructure.tasks.series.scoring.calibration import Calibration
from infrastructure.tasks.series.times import clock_ahead

SERIES_AT_ONCE = 256


def forecasts_of_series(card: SeriesCard, ask: Ask, table: LongTable, note: Note) -> Iterator[Mapping[str, Any]]:
    """Forecast each series from the last row that holds a value of a target; what is known ahead stands behind it.

    Raises: DatasetError where no series has a history.
    """
    recipe, reach = card.recipe, max(card.recipe.horizons)
    last, seen = last_rows(table.series, ~np.isnan(table.values[:, : recipe.num_targets]).all(axis=1))
    is_long_enough = seen >= least_history(recipe.context_length)
    if not is_long_enough.all():
        tell_short(table, is_long_enough, least_history(recipe.context_length), note)
    longer = table.reaching(last, reach, _clock_ahead(card, table, note))
    moved = longer.series.offsets[:-1] - table.series.offsets[:-1]
    anchors = last + moved
    series = series_of_panel(longer, recipe, anchors + 1)
    chosen = np.flatnonzero(is_long_enough)
    _tell_unknown(card, longer, anchors[chosen], note)
    assert series.level is not None
    assert series.unit is not None
    levels_named = (f"q{level:g}" for level in card.quantiles)
    names = free_names(
        (*table.series.series_columns, table.time_column or "time"), ("target", "horizon", *levels_named)
    )
    for start in range(0, len(chosen), SERIES_AT_ONCE):
        numbers = chosen[start : start + SERIES_AT_ONCE]
        said = ask(histories(series, anchors[numbers], recipe))
        place = series.level[numbers], series.unit[numbers]
        forecast = recipe.on_plain_scale(said["forecast"], *place)
        forecast = _calibrated(card.calibration, forecast, said["assumed"])
        own = recipe.in_own_units(forecast, *place)
        for number, of_series in zip(numbers.tolist(), own, strict=True):
            rows = anchors[number] + np.array(recipe.horizons)
            times = stamp_texts(longer.series.stamps[rows], longer.zone, longer.step)
            told = dict(zip(names[:-1], table.series.ids[number], strict=True))
            units = zip(recipe.target_names, series.unit[number], recipe.target_values, of_series, strict=True)
            for target, unit, values, of_target in units:
                rounded = digits.told(of_target, unit, values)
                for step, time, quantiles in zip(recipe.horizons, times, rounded, strict=True):
                    levels = {f"q{level:g}": value for level, value in zip(card.quantiles, quantiles, strict=True)}
                    yield {**told, names[-1]: time, "target": target, "horizon": step, **levels}


def _clock_ahead(card: SeriesCard, table: LongTable, note: Note) -> Clock:
    """Give the clock by which series go on: that of the training where they follow it, else their own."""
    times, step = table.times, table.step or card.step
    assert times.stamps is not None
    assert step is not None
    found = clock_ahead(times, card.found_clock, step, int(times.stamps[-1]))
    if found.doubt and table.clock is not None:  # without a common one each series goes on by its step
        note(f"{table.path.name}: forecasts are dated by a clock that is a guess ({found.clock}): {found.doubt}.")
    return found.clock


def last_rows(panel: Panel, has_value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the last row of each series with a value, `has_value` [N], and how many rows come up to it: [S] each."""
    first = panel.offsets[:-1]
    last = np.maximum.reduceat(np.where(has_value, np.arange(len(has_value)), -1), first)
    last = np.maximum(last, first - 1)
    return last, last - first + 1


def _calibrated(calibration: Calibration | None, forecast: np.ndarray, assumed: np.ndarray) -> np.ndarray:
    return forecast if calibration is None else calibration.applied(forecast, assumed)


def free_names(wanted: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """Name the columns that tell series apart, and last the time, none like the `others` of an answer."""
    taken, names = {*others}, []
    for place, name in enumerate(wanted):
        is_time = place == len(wanted) - 1
        free = name if name not in taken else "time" if is_time else f"{name}_of_series"
        while free in taken:
            free += "_"
        taken.add(free)
        names.append(free)
    return tuple(names)


def tell_short(table: LongTable, is_long_enough: np.ndarray, least: int, note: Note) -> None:
    """Say which series [S] are not answered. Raises: DatasetError where none is."""
    panel, short = table.series, np.flatnonzero(~is_long_enough)
    shown = "; ".join(named(panel.ids[number]) for number in short[:SHOWN])
    has, are = ("has", "is") if len(short) == 1 else ("have", "are")
    told = (
        f"{len(short):,} of {len(panel):,} series {has} fewer than {counted(least, 'row')} up to the last value and"
        f" {are} not forecast: {shown}{'; ...' if len(short) > SHOWN else ''}."
    )
    if not is_long_enough.any():
        raise DatasetError(f"{table.path.name}: {told}", remedy="Give a table with more of what was observed so far.")
    note(told)


def _tell_unknown(card: SeriesCard, table: LongTable, anchors: np.ndarray, note: Note) -> None:
    """Say where what should be known ahead is not."""
    panel = table.series
    rows = (anchors[:, None] + np.array(card.recipe.horizons)).ravel()
    first = len(panel.names) - panel.num_known
    missing = np.isnan(panel.values[rows, first:])
    counts = missing.sum(axis=0)
    if counts.any():
        told = ", ".join(f"{name} {count:,}" for name, count in zip(panel.names[first:], counts, strict=True) if count)
        row = int(rows[missing.any(axis=1)][0])
        note(
            f"of {len(missing):,} times ahead, some are without what should be known of them: {told}; the first,"
            f" {' at '.join(filter(None, (table.series_of(row), table.time_of(row))))}. Rows behind the last target say"
            " what is known ahead."
        )
