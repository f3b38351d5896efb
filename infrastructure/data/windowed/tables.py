"""From a table of one series to windows in three parts."""

from collections.abc import Iterator, Sequence

import numpy as np

from application.training import QuantileTraining, SeriesTraining
from domain.exceptions import DatasetError
from domain.forecast import steps_ahead
from infrastructure.data.clock.stamps import commonest_step
from infrastructure.data.series.calendar import suitable_calendar
from infrastructure.data.series.naive import Naive
from infrastructure.data.series.scaler import Scaler
from infrastructure.data.series.season import Season, find_season, naive_errors, places_of
from infrastructure.data.series.series import Series, SeriesRecipe
from infrastructure.data.series.split import PARTS, WHOLE, anchors_of, part_ends, window_faults
from infrastructure.data.series.windows import Windows
from infrastructure.data.table.reading import list_setting
from infrastructure.data.table.table import Table
from infrastructure.data.windowed.parts import Inputs, SplitSeries
from infrastructure.data.windowed.values import beyond_told, with_values


def season_of(table: Table, inputs: Inputs, num_rows: int, horizons: Sequence[int]) -> Season | None:
    """Find the season of the targets in the first rows of a table, those of the training part."""
    if not inputs.num_targets:
        return None
    past = slice(0, num_rows)
    places = places_of(table.stamps, table.step, len(table.values))
    return find_season(inputs.columns[past, : inputs.num_targets], places[past], table.step, horizons)


def split_series(request: SeriesTraining, table: Table, inputs: Inputs) -> SplitSeries:
    """Cut in time, measure the scale on the training part alone, make windows. Raises: DatasetError."""
    ends = part_ends(table, request.split)
    if request.volatility_window is not None and request.volatility_window >= ends[0]:
        raise DatasetError(
            f"volatility_window is {request.volatility_window:,}, but the training part has {ends[0]:,} rows.",
            remedy="Lower volatility_window, or give a longer series or another split.",
        )
    past = slice(0, ends[0])
    past_stamps = None if table.wall is None else table.wall[past]
    past_step = None if past_stamps is None else commonest_step(past_stamps)
    recipe = SeriesRecipe(
        names=inputs.names,
        num_targets=inputs.num_targets,
        scaler=Scaler.fit(inputs.columns[past]),
        calendar=suitable_calendar(request.calendar, past_stamps, past_step, request.holidays or ()),
        context_length=request.context_length,
        horizons=steps_ahead(request.horizons),
    )
    series, of_targets = recipe.series(inputs.columns, table.wall), inputs.columns[:, : inputs.num_targets]
    if isinstance(request, QuantileTraining):
        series = with_values(request, table, series, of_targets, np.arange(len(series)) < ends[0])
        recipe = series.recipe or recipe
    places = places_of(table.stamps, table.step, len(series))
    season = season_of(table, inputs, ends[0], recipe.horizons)
    changes = naive_errors(inputs.columns[past, : inputs.num_targets], places[past], season, recipe.target_scales)
    naive = Naive.of(series, places, season.length if season else None, changes) if inputs.num_targets else None
    windows: list[Windows] = []
    faults: list[str] = []
    for number, (part, start, end) in enumerate(zip(PARTS, (0, *ends), ends, strict=False)):
        stride = request.window_stride if number == 0 else 1
        anchors = anchors_of(start, end, recipe.context_length, max(recipe.horizons), stride)
        made = _windows(table, inputs, recipe, series, anchors, naive if number else None)
        windows.append(made)
        faults += window_faults(made, part, end - start)
    if faults:
        raise DatasetError.of(faults)
    beyond = beyond_told(table, recipe.target_names, of_targets, recipe.values)
    warnings = (*table.warnings, *_warnings(table, inputs, ends), *beyond)
    if inputs.labels is None:
        warnings += tuple(_left_out(table.path.name, windows, recipe.target_names))
    test = windows[2] if len(windows) > 2 else None
    return SplitSeries(
        table,
        recipe,
        test,
        season,
        tuple(changes.tolist()),
        train=windows[0],
        evaluation=windows[1],
        warnings=warnings,
    )


def all_windows(
    table: Table,
    inputs: Inputs,
    recipe: SeriesRecipe,
    season: Season | None = None,
    changes: Sequence[float | None] = (),
) -> Windows:
    """Make every window of a table for a recipe that is known, with the season of training and the changes over it.

    Raises: DatasetError when there is none.
    """
    series = recipe.series(inputs.columns, table.wall)
    anchors = anchors_of(0, len(series), recipe.context_length, max(recipe.horizons))
    naive = None
    if inputs.num_targets:
        places = places_of(table.stamps, table.step, len(series))
        naive = Naive.of(series, places, season.length if season else None, changes)
    made = _windows(table, inputs, recipe, series, anchors, naive)
    for fault in window_faults(made, WHOLE, len(series)):
        raise DatasetError(fault)
    beyond = beyond_told(table, recipe.target_names, inputs.columns[:, : inputs.num_targets], recipe.values)
    made.warnings = (*table.warnings, *beyond)
    return made


def _windows(
    table: Table, inputs: Inputs, recipe: SeriesRecipe, series: Series, anchors: np.ndarray, naive: Naive | None
) -> Windows:
    name, digest = table.path.name, table.sha256
    return Windows(series, anchors, recipe.context_length, recipe.horizons, name, digest, inputs.labels, table, naive)


def _left_out(name: str, parts: Sequence[Windows], targets: Sequence[str]) -> Iterator[str]:
    count = sum(len(part.left_out) for part in parts)
    total = count + sum(len(part) for part in parts)
    if count:
        yield (
            f"{name}: {count:,} of {total:,} windows are left out, for they hold no value of {' or '.join(targets)} in"
            " their history or in what follows it."
        )


def _warnings(table: Table, inputs: Inputs, ends: Sequence[int]) -> list[str]:
    """Tell what a person should know. Raises: DatasetError for a target that never changes in the training part."""
    name = table.path.name
    past = inputs.columns[: ends[0]]
    low, high = np.fmin.reduce(past, axis=0), np.fmax.reduce(past, axis=0)
    constant = [column for column, a, b in zip(inputs.names, low, high, strict=True) if not a < b]
    targets = inputs.names[: inputs.num_targets]
    hopeless = [column for column in constant if column in targets]
    if hopeless:
        raise DatasetError(
            f"{name}: {', '.join(hopeless)} {'is' if len(hopeless) == 1 else 'are'} constant or missing throughout the"
            " training part, so there is nothing to learn.",
            remedy=_other_targets(inputs, [column for column in table.names if column not in constant], targets),
        )
    warnings = [
        f"{name}: {column} is constant or missing throughout the training part and tells nothing."
        for column in constant
    ]
    unused = len(table.values) - ends[-1]
    if unused:
        warnings.append(f"{name}: the last {unused:,} rows belong to no part and are not used.")
    return warnings


def _other_targets(inputs: Inputs, changing: Sequence[str], targets: Sequence[str]) -> str:
    """Say which columns to forecast, of those that do change."""
    if not changing:
        return "Give a table whose values change, or a longer training part."
    if not inputs.are_asked_for:
        return f"Leave it out: {list_setting('columns', changing)}."
    rest = [target for target in targets if target in changing]
    return f"Forecast others: {list_setting('target_columns', rest or changing)}."
