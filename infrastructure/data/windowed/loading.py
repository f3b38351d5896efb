"""From a file whose values are to be forecast to windows in three parts, and what a person should know of it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from application.phases import phase
from application.training import QuantileTraining, SeriesTraining
from domain.forecast import steps_ahead
from domain.task import task_named
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.panel.panel import open_panel
from infrastructure.data.panel.schema import PanelSchema
from infrastructure.data.series.market_features import realised_volatility
from infrastructure.data.series.season import Season
from infrastructure.data.series.split import (
    part_ends,
    part_ends_of_series,
)
from infrastructure.data.sources.shipped import located
from infrastructure.data.table.choice import TableSchema
from infrastructure.data.table.long_format import LongFormatError
from infrastructure.data.table.reading import list_setting
from infrastructure.data.table.table import Table, open_table
from infrastructure.data.windowed.facts import with_facts
from infrastructure.data.windowed.names import listed
from infrastructure.data.windowed.panel_series import (
    Vocabulary,
    least_history,
    season_of_panel,
)
from infrastructure.data.windowed.panels import split_panel
from infrastructure.data.windowed.parts import Inputs, SplitSeries, lacks_rows
from infrastructure.data.windowed.tables import season_of, split_series

VOLATILITY = "volatility of "


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
    if series is None and not (request.known_columns or request.static_columns or request.holidays):
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


def load_series(request: QuantileTraining, vocabulary: Vocabulary | None = None) -> SplitSeries:
    """Read, check and split a table whose values are to be forecast, its categories numbered by a `vocabulary`.

    Raises: DatasetError, ConfigurationError.
    """
    table = open_values(request)
    with phase("checking and splitting"):
        if isinstance(table, LongTable):
            dataset = split_panel(request, table, vocabulary or {})
        else:
            dataset = split_series(request, table, inputs_of(request, table))
    targets = dataset.recipe.target_names
    told = () if request.target_columns is not None or len(table.names) == 1 else (_targets_told(table, targets),)
    warnings = (*told, *dataset.warnings, *_season_told(request, dataset))
    return with_facts(request, replace(dataset, warnings=warnings))


def _season_told(request: QuantileTraining, dataset: SplitSeries) -> Iterator[str]:
    """Say what becomes of the season where rows are missing."""
    name, season = dataset.table.path.name, dataset.season
    if season is not None and season.cycle and request.gaps == "keep" and lacks_rows(dataset.table):
        yield (
            f"{name}: rows are missing, so that a {season.cycle} is not always {season.rows:,} rows;"
            " with --set gaps=fill it is, and forecasts follow it better."
        )


def _targets_told(table: Table, targets: Sequence[str]) -> str:
    """Say which targets were taken, as nobody named them."""
    return (
        f"{table.path.name}: the targets are {listed(targets)}, all columns of numbers;"
        f" name others with {list_setting('target_columns', targets[:1])}."
    )
