"""From a table of many series to windows in three parts, all series cut at the same times."""

from collections.abc import Iterator

import numpy as np

from application.training import QuantileTraining
from domain.exceptions import DatasetError
from domain.forecast import steps_ahead
from infrastructure.data.panel.ids import named
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.panel.order import SHOWN
from infrastructure.data.series.calendar import suitable_calendar
from infrastructure.data.series.naive import Naive
from infrastructure.data.series.season import Season
from infrastructure.data.series.series import Series, SeriesRecipe
from infrastructure.data.series.split import PARTS, WHOLE, anchors_of_series, part_ends_of_series, window_faults
from infrastructure.data.series.windows import Windows
from infrastructure.data.windowed.panel_series import (
    LEAST_SEEN,
    Vocabulary,
    all_anchors,
    apart,
    changes_of_series,
    in_order_of_time,
    knowing,
    least_history,
    panel_recipe,
    places_in_series,
    season_of_panel,
    series_of_panel,
    series_that_change,
    training_stamps,
)
from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.data.windowed.values import beyond_told, with_values

MOST_JUDGED = 20_000  # windows of a part of many series; more say little more


def split_panel(request: QuantileTraining, table: LongTable, vocabulary: Vocabulary) -> SplitSeries:
    """Cut all series at the same times, measure their scales on the training part alone, make windows.

    The numbers of categories are those of `vocabulary` where a model knows them. Raises: DatasetError.
    """
    if faults := list(_setting_faults(request, table.path.name)):
        raise DatasetError.of(faults)
    panel, horizons = table.series, steps_ahead(request.horizons)
    ends = part_ends_of_series(table, request.split)
    context, reach, least = request.context_length, max(horizons), least_history(request.context_length)
    last_time = max(int(panel.stamps[end - 1]) for end in ends[0] if end) + 1
    seen = training_stamps(table, last_time)
    num_series = int(np.count_nonzero(ends[0] > panel.offsets[:-1]))
    calendar = suitable_calendar(request.calendar, *seen, request.holidays or (), num_series)
    measured = np.maximum(ends[0], np.minimum(panel.offsets[:-1] + least, panel.offsets[1:]))
    plain = knowing(panel_recipe(panel, ends[0], calendar, context, horizons), vocabulary, panel.series_columns)
    series = series_of_panel(table, plain, measured)
    is_past = np.arange(len(series)) < np.repeat(ends[0], np.diff(panel.offsets))
    of_targets = panel.values[:, : panel.num_targets]
    series = with_values(request, table, series, of_targets, is_past)
    recipe = series.recipe
    assert recipe is not None
    season = season_of_panel(table, ends[0], horizons)
    naive = naive_of_panel(table, series, season, ends[0], reach)
    windows: list[Windows] = []
    warnings = list(table.warnings)
    for number, (part, start, end) in enumerate(zip(PARTS, (panel.offsets[:-1], *ends), ends, strict=False)):
        stride = request.window_stride if number == 0 else 1
        anchors = in_order_of_time(table, anchors_of_series(panel.offsets[:-1], start, end, least, reach, stride))
        made = Windows(
            series, anchors, context, horizons, table.path.name, table.sha256, None, table, naive if number else None
        )
        faults += window_faults(made, part, int((end - start).max()), LEAST_SEEN)
        if number and len(made) > MOST_JUDGED:
            warnings.append(f"{table.path.name}: {MOST_JUDGED:,} of {len(made):,} windows of the {part} are scored.")
            made = made.few(MOST_JUDGED)
        windows.append(made)
    if faults:
        raise DatasetError.of(faults)
    warnings += [
        *_panel_warnings(table, ends[0]),
        *beyond_told(table, recipe.target_names, of_targets, recipe.values),
    ]
    return SplitSeries(
        table,
        recipe,
        windows[2] if len(windows) > 2 else None,
        season,
        train=windows[0],
        evaluation=windows[1],
        warnings=tuple(warnings),
    )


def _setting_faults(request: QuantileTraining, name: str) -> Iterator[str]:
    """Say which settings mean nothing to many series."""
    read = f"but {name} is read as a table of series (series_column, known_columns, static_columns, holidays)."
    if request.volatility_window is not None:
        yield (
            f"volatility_window is {request.volatility_window}, {read} Leave it out, or add a column that holds the"
            " volatility."
        )
    if not request.instance_norm:
        # The scale of a series is known from its own rows alone: what training measured is not what comes later.
        yield f"instance_norm is off, {read} Leave it on."


def naive_of_panel(table: LongTable, series: Series, season: Season | None, ends: np.ndarray, reach: int) -> Naive:
    """Make what forecasts a panel without a model; what series change counts up to `ends` [S]."""
    assert series.unit is not None
    places = apart(table, places_in_series(table), season, reach)
    changes = changes_of_series(table, places, ends, season, series.unit)
    return Naive.of(series, places, season.length if season else None, changes)


def all_windows_of_panel(table: LongTable, recipe: SeriesRecipe, season: Season | None) -> Windows:
    """Make every window of a panel for a recipe that is known, at most so many as are judged. Raises: DatasetError."""
    series, reach = series_of_panel(table, recipe, table.series.offsets[1:]), max(recipe.horizons)
    naive = naive_of_panel(table, series, season, table.series.offsets[1:], reach)
    anchors = all_anchors(table, recipe.context_length, reach)
    place = recipe.context_length, recipe.horizons, table.path.name, table.sha256, None, table, naive
    made = Windows(series, anchors, *place)
    for fault in window_faults(made, WHOLE, int(np.diff(table.series.offsets).max()), LEAST_SEEN):
        raise DatasetError(fault)
    of_targets = table.series.values[:, : recipe.num_targets]
    warnings = (*table.warnings, *beyond_told(table, recipe.target_names, of_targets, recipe.values))
    if len(made) > MOST_JUDGED:
        warnings = (*warnings, f"{table.path.name}: {MOST_JUDGED:,} of {len(made):,} windows are scored.")
        made = made.few(MOST_JUDGED)
    made.warnings = warnings
    return made


def _panel_warnings(table: LongTable, ends: np.ndarray) -> Iterator[str]:
    """Tell what a person should know. Raises: DatasetError for targets that never change in the training part."""
    panel, name = table.series, table.path.name
    for target, column in enumerate(panel.names[: panel.num_targets]):
        changing = series_that_change(panel, target, ends)
        if not changing.any():
            raise DatasetError(
                f"{name}: {column} is constant or missing throughout the training part of every series, so there is"
                " nothing to learn.",
                remedy="Forecast another column (target_columns), or give a longer training part.",
            )
        if not changing.all():
            few = "; ".join(named(panel.ids[number]) for number in np.flatnonzero(~changing)[:SHOWN])
            more = "; ..." if (~changing).sum() > SHOWN else ""
            yield (
                f"{name}: {column} is constant or missing throughout the training part of {(~changing).sum():,} of"
                f" {len(panel):,} series: {few}{more}."
            )
