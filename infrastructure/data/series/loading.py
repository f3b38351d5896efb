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
from infrastructure.data.series.calendar import suitable_calendar
from infrastructure.data.series.market_features import realised_volatility
from infrastructure.data.series.naive import Naive
from infrastructure.data.series.season import Season, find_season, naive_errors, places_of
from infrastructure.data.series.series import Scaler, Series, SeriesRecipe
from infrastructure.data.series.split import PARTS, WHOLE, anchors_of, part_ends, window_faults
from infrastructure.data.series.windows import Windows
from infrastructure.data.sources.shipped import located
from infrastructure.data.splitting import TwoParts
from infrastructure.data.table.choice import TableSchema
from infrastructure.data.table.reading import list_setting
from infrastructure.data.table.table import Table, open_table

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


def open_values(request: QuantileTraining) -> tuple[Table, Inputs]:
    """Read and check a table whose values are to be forecast. Raises: DatasetError."""
    table = open_table(
        located(request.dataset_path, task_named(request.task)),
        table_schema(request, request.target_columns or ()),
        request.reading,
    )
    return table, value_inputs(table, request.target_columns, request.volatility_window)


def season_of(table: Table, inputs: Inputs, num_rows: int, horizons: Sequence[int]) -> Season | None:
    """Find the season of the targets in the first rows of a table, those of the training part."""
    if not inputs.num_targets:
        return None
    past = slice(0, num_rows)
    places = places_of(table.stamps, table.step, len(table.values))
    return find_season(inputs.columns[past, : inputs.num_targets], places[past], table.step, horizons)


def load_series(request: QuantileTraining) -> SplitSeries:
    """Read, check and split a table whose values are to be forecast. Raises: DatasetError, ConfigurationError."""
    table, inputs = open_values(request)
    with phase("checking and splitting"):
        dataset = split_series(request, table, inputs)
    told = () if request.target_columns is not None or len(table.names) == 1 else (_targets_told(table),)
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


def _targets_told(table: Table) -> str:
    """Say which targets were taken, as nobody named them."""
    shown = ", ".join(table.names[:MOST_NAMES_TOLD])
    more = f" and {len(table.names) - MOST_NAMES_TOLD:,} more" if len(table.names) > MOST_NAMES_TOLD else ""
    return (
        f"{table.path.name}: the targets are {shown}{more}, all columns of numbers;"
        f" name others with {list_setting('target_columns', table.names[:1])}."
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
    return bool((np.diff(table.clock.clock.places(table.stamps)) > 1).any())


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
