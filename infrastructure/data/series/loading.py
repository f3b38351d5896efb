"""From a table to windows in three parts, with what must travel with a model that learnt from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from application.phases import phase
from application.training import QuantileTraining, SeriesTraining
from domain.exceptions import DatasetError
from domain.forecast import steps_ahead
from domain.task import task_named
from infrastructure.data.clock.stamps import commonest_step
from infrastructure.data.panel.ids import named
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.panel.order import SHOWN
from infrastructure.data.panel.panel import open_panel
from infrastructure.data.panel.schema import PanelSchema
from infrastructure.data.series.calendar import suitable_calendar
from infrastructure.data.series.market_features import realised_volatility
from infrastructure.data.series.naive import Naive
from infrastructure.data.series.panels import (
    apart,
    changes_of_series,
    least_history,
    panel_recipe,
    places_in_series,
    season_of_panel,
    series_of_panel,
    series_that_change,
    training_stamps,
)
from infrastructure.data.series.season import Season, find_season, naive_errors, places_of
from infrastructure.data.series.series import Scaler, Series, SeriesRecipe
from infrastructure.data.series.split import (
    PARTS,
    WHOLE,
    anchors_of,
    anchors_of_series,
    part_ends,
    part_ends_of_series,
    window_faults,
)
from infrastructure.data.series.windows import Windows
from infrastructure.data.some_rows import spread
from infrastructure.data.sources.shipped import located
from infrastructure.data.splitting import TwoParts
from infrastructure.data.table.choice import TableSchema
from infrastructure.data.table.long_format import LongFormatError
from infrastructure.data.table.reading import list_setting
from infrastructure.data.table.table import Table, open_table

MOST_JUDGED = 20_000  # windows of a part of many series; more say little more
VOLATILITY = "volatility of "
MOST_NAMES_TOLD = 10


@dataclass(frozen=True)
class Inputs:
    """Columns [N, V] of a table in the order a model reads them, NaN where missing, the targets first.

    `labels` [N] are the classes of rows as anchors, where classes are forecast and no values. `are_asked_for` says
    whether somebody named the targets.
    """

    names: tuple[str, ...]
    columns: np.ndarray
    num_targets: int
    labels: np.ndarray | None = None
    are_asked_for: bool = False


@dataclass(frozen=True)
class SplitSeries(TwoParts[Windows]):
    """Windows in parts that follow each other in time; `test` is scored once, after everything is decided.

    `season` is that of the training part, and `naive_errors` [T] are what targets change there from one to the next,
    standardised; both of values alone.
    """

    table: Table
    recipe: SeriesRecipe
    test: Windows | None
    season: Season | None = None
    naive_errors: tuple[float, ...] = ()

    @property
    def judged(self) -> Windows:
        """Windows whose scores are told: those of the test part, where there is one."""
        return self.evaluation if self.test is None else self.test

    def whole(self) -> Windows:
        """Give the windows of the whole table, on the scale of the training part."""
        train = self.train
        if isinstance(self.table, LongTable):
            return train.at(all_anchors(self.table, train.context_length, max(train.horizons)))
        return train.at(anchors_of(0, len(train.series), train.context_length, max(train.horizons)))


def table_schema(request: SeriesTraining, needed: Sequence[str] = ()) -> TableSchema:
    """Say how the table of a request is to be read; it must have the columns that are `needed`."""
    return TableSchema(
        time_column=request.time_column,
        columns=request.columns,
        needed=tuple(needed),
        unsorted_stamps=request.unsorted_stamps,
        duplicate_stamps=request.duplicate_stamps,
        gaps=request.gaps,
        missing_values=request.missing_values,
    )


def value_inputs(table: Table, targets: Sequence[str] | None, volatility_window: int | None) -> Inputs:
    """Take the targets, then the other columns, then the realised volatility of each target where it is asked for."""
    are_asked_for = targets is not None
    targets = tuple(targets or table.names)
    names = (*targets, *(name for name in table.names if name not in targets))
    place_of = {name: place for place, name in enumerate(table.names)}
    order = [place_of[name] for name in names]
    columns = table.values if order == list(range(len(table.names))) else table.values[:, order]
    if volatility_window is not None:
        names = (*names, *(f"{VOLATILITY}{target}" for target in targets))
        columns = np.hstack([columns, realised_volatility(columns[:, : len(targets)], volatility_window)])
    return Inputs(names, columns, len(targets), are_asked_for=are_asked_for)


def open_values(request: QuantileTraining) -> Table:
    """Read and check a table whose values are to be forecast, a `LongTable` if it has many series.

    It has where columns that tell them apart are named, or are found as its stamps repeat; and it is read as one where
    columns are named that are known ahead. Raises: DatasetError.
    """
    path, series = located(request.dataset_path, task_named(request.task)), request.series_column
    schema = table_schema(request, request.target_columns or ())
    if series is None and not request.known_columns and not request.static_columns:
        try:
            return open_table(path, schema, request.reading)
        except LongFormatError as many:
            series = many.columns
    wanted = PanelSchema(
        schema,
        series,
        request.static_columns or (),
        request.known_columns or (),
        least_rows=least_history(request.context_length),
    )
    return LongTable.of(open_panel(path, wanted, request.reading))


def inputs_of(request: QuantileTraining, table: Table) -> Inputs:
    """Take the inputs of a table of one series."""
    return value_inputs(table, request.target_columns, request.volatility_window)


def seen_season(request: QuantileTraining, table: Table) -> tuple[Season | None, int]:
    """Find the season of the training part, and how many rows that has, of the longest series where there are many."""
    horizons = steps_ahead(request.horizons)
    if isinstance(table, LongTable):
        ends = part_ends_of_series(table, request.split)[0]
        return season_of_panel(table, ends, horizons), int((ends - table.series.offsets[:-1]).max())
    num_rows = part_ends(table, request.split)[0]
    return season_of(table, inputs_of(request, table), num_rows, horizons), num_rows


def season_of(table: Table, inputs: Inputs, num_rows: int, horizons: Sequence[int]) -> Season | None:
    """Find the season of the targets in the first rows of a table, those of the training part."""
    if not inputs.num_targets:
        return None
    past = slice(0, num_rows)
    places = places_of(table.stamps, table.step, len(table.values))
    return find_season(inputs.columns[past, : inputs.num_targets], places[past], table.step, horizons)


def load_series(request: QuantileTraining) -> SplitSeries:
    """Read, check and split a table whose values are to be forecast. Raises: DatasetError, ConfigurationError."""
    table = open_values(request)
    with phase("checking and splitting"):
        if isinstance(table, LongTable):
            dataset = split_panel(request, table)
        else:
            dataset = split_series(request, table, inputs_of(request, table))
    targets = dataset.recipe.target_names
    told = () if request.target_columns is not None or len(table.names) == 1 else (_targets_told(table, targets),)
    return replace(dataset, warnings=(*told, *dataset.warnings, *_season_told(request, dataset)))


def _season_told(request: QuantileTraining, dataset: SplitSeries) -> Iterator[str]:
    """Say what season was found, what the model sees of it, and what becomes of it where rows are missing."""
    name, season = dataset.table.path.name, dataset.season
    if season is None:
        return
    yield (
        f"{name}: values come again after {season}; the model sees {request.context_length:,} rows (context_length),"
        f" {request.patch_length:,} a token (patch_length)."
    )
    if season.cycle and request.gaps == "keep" and lacks_rows(dataset.table):
        yield (
            f"{name}: rows are missing, so that a {season.cycle} is not always {season.rows:,} rows;"
            " with --set gaps=fill it is, and forecasts follow it better."
        )


def _targets_told(table: Table, targets: Sequence[str]) -> str:
    """Say which targets were taken, as nobody named them."""
    shown = ", ".join(targets[:MOST_NAMES_TOLD])
    more = f" and {len(targets) - MOST_NAMES_TOLD:,} more" if len(targets) > MOST_NAMES_TOLD else ""
    return (
        f"{table.path.name}: the targets are {shown}{more}, all columns of numbers;"
        f" name others with {list_setting('target_columns', targets[:1])}."
    )


def split_panel(request: QuantileTraining, table: LongTable) -> SplitSeries:
    """Cut all series at the same times, measure their scales on the training part alone, make windows.

    Raises: DatasetError.
    """
    if request.volatility_window is not None:
        raise DatasetError(
            f"volatility_window is {request.volatility_window:,}, but {table.path.name} is a table of many series.",
            remedy="Leave it out, or add a column that holds the volatility.",
        )
    panel, horizons = table.series, steps_ahead(request.horizons)
    ends = part_ends_of_series(table, request.split)
    context, reach, least = request.context_length, max(horizons), least_history(request.context_length)
    last_time = max(int(panel.stamps[end - 1]) for end in ends[0] if end) + 1
    calendar = suitable_calendar(request.calendar, *training_stamps(table, last_time))
    measured = np.maximum(ends[0], np.minimum(panel.offsets[:-1] + least, panel.offsets[1:]))
    recipe = panel_recipe(panel, measured, calendar, context, horizons)
    series = series_of_panel(table, recipe, measured)
    season = season_of_panel(table, ends[0], horizons)
    naive = naive_of_panel(table, series, season, ends[0], reach)
    windows: list[Windows] = []
    faults: list[str] = []
    warnings = list(table.warnings)
    for number, (part, start, end) in enumerate(zip(PARTS, (panel.offsets[:-1], *ends), ends, strict=False)):
        stride = request.window_stride if number == 0 else 1
        anchors = in_order_of_time(table, anchors_of_series(panel.offsets[:-1], start, end, least, reach, stride))
        made = Windows(
            series, anchors, context, horizons, table.path.name, table.sha256, None, table, naive if number else None
        )
        faults += window_faults(made, part, int((end - start).max()))
        if number and len(made) > MOST_JUDGED:
            warnings.append(f"{table.path.name}: {MOST_JUDGED:,} of {len(made):,} windows of the {part} are scored.")
            made = made.few(MOST_JUDGED)
        windows.append(made)
    if faults:
        raise DatasetError.of(faults)
    warnings += _panel_warnings(table, series, ends[0])
    return SplitSeries(
        table,
        recipe,
        windows[2] if len(windows) > 2 else None,
        season,
        train=windows[0],
        evaluation=windows[1],
        warnings=tuple(warnings),
    )


def naive_of_panel(table: LongTable, series: Series, season: Season | None, ends: np.ndarray, reach: int) -> Naive:
    """Make what forecasts a panel without a model; what series change counts up to `ends` [S]."""
    assert series.unit is not None
    places = apart(table, places_in_series(table), season, reach)
    changes = changes_of_series(table, places, ends, season, series.unit)
    return Naive.of(series, places, season.length if season else None, changes)


def in_order_of_time(table: LongTable, anchors: np.ndarray) -> np.ndarray:
    """Put anchors [N] in the order of their stamps: windows of different series at one time are one piece of news."""
    return anchors[np.argsort(table.series.stamps[anchors], kind="stable")]


def all_anchors(table: LongTable, context_length: int, reach: int) -> np.ndarray:
    """Give the anchors of every window of a panel in the order of time."""
    offsets = table.series.offsets
    found = anchors_of_series(offsets[:-1], offsets[:-1], offsets[1:], least_history(context_length), reach)
    return in_order_of_time(table, found)


def all_windows_of_panel(table: LongTable, recipe: SeriesRecipe, season: Season | None) -> Windows:
    """Make every window of a panel for a recipe that is known, at most so many as are judged. Raises: DatasetError."""
    series, reach = series_of_panel(table, recipe, table.series.offsets[1:]), max(recipe.horizons)
    naive = naive_of_panel(table, series, season, table.series.offsets[1:], reach)
    anchors = all_anchors(table, recipe.context_length, reach)
    place = recipe.context_length, recipe.horizons, table.path.name, table.sha256, None, table, naive
    made = Windows(series, anchors, *place)
    for fault in window_faults(made, WHOLE, int(np.diff(table.series.offsets).max())):
        raise DatasetError(fault)
    warnings = table.warnings
    if len(made) > MOST_JUDGED:
        warnings = (*warnings, f"{table.path.name}: {MOST_JUDGED:,} of {len(made):,} windows are scored.")
        made = Windows(series, anchors[spread(len(anchors), MOST_JUDGED)], *place)
    made.warnings = warnings
    return made


def _panel_warnings(table: LongTable, series: Series, ends: np.ndarray) -> Iterator[str]:
    """Tell what a person should know. Raises: DatasetError for targets that never change in the training part."""
    panel, name = table.series, table.path.name
    assert series.recipe is not None
    for target, (column, scaler) in enumerate(zip(panel.names, series.recipe.target_scales, strict=False)):
        changing = series_that_change(panel, target, ends)
        if not changing.any():
            raise DatasetError(
                f"{name}: {column} is constant or missing throughout the training part of every series, so there is"
                " nothing to learn.",
                remedy="Forecast another column (target_columns), or give a longer training part.",
            )
        assert scaler > 0
        if not changing.all():
            few = ", ".join(named(panel.ids[number]) for number in np.flatnonzero(~changing)[:SHOWN])
            more = "; ..." if (~changing).sum() > SHOWN else ""
            yield (
                f"{name}: {column} is constant or missing throughout the training part of {(~changing).sum():,} of"
                f" {len(panel):,} series: {few}{more}."
            )


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
        calendar=suitable_calendar(request.calendar, past_stamps, past_step),
        context_length=request.context_length,
        horizons=steps_ahead(request.horizons),
    )
    series = recipe.series(inputs.columns, table.wall)
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
    warnings = (*table.warnings, *_warnings(table, inputs, ends))
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
    made.warnings = table.warnings
    return made


def lacks_rows(table: Table) -> bool:
    """Tell whether rows are missing on the clock of a table, which a season or a horizon by rows then misses too."""
    if table.stamps is None or table.clock is None or table.clock.loose:
        return False
    is_gap = np.diff(table.clock.clock.places(table.stamps)) > 1
    if isinstance(table, LongTable):
        is_gap[table.series.offsets[1:-1] - 1] = False  # from one series to the next
    return bool(is_gap.any())


def _windows(
    table: Table, inputs: Inputs, recipe: SeriesRecipe, series: Series, anchors: np.ndarray, naive: Naive | None
) -> Windows:
    name, digest = table.path.name, table.sha256
    return Windows(series, anchors, recipe.context_length, recipe.horizons, name, digest, inputs.labels, table, naive)


def _left_out(name: str, parts: Sequence[Windows], targets: Sequence[str]) -> Iterator[str]:
    count, total = sum(part.num_left_out for part in parts), sum(len(part) + part.num_left_out for part in parts)
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
