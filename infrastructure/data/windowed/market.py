"""From a table of prices, of one instrument or many, to windows that are labelled with where the price went."""

from dataclasses import replace

import numpy as np

from application.phases import phase
from application.training import DirectionTraining
from domain.exceptions import DatasetError
from domain.task import task_named
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.panel.panel import open_panel
from infrastructure.data.panel.schema import PanelSchema
from infrastructure.data.series.market_features import (
    DIRECTIONS,
)
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.data.series.split import PARTS, WHOLE
from infrastructure.data.series.windows import Windows
from infrastructure.data.sources.shipped import located
from infrastructure.data.table.long_format import LongFormatError
from infrastructure.data.table.table import Table, open_table
from infrastructure.data.windowed.direction_rule import DirectionRule
from infrastructure.data.windowed.facts import facts_of_series
from infrastructure.data.windowed.instruments import all_windows_of_instruments, judged, split_instruments
from infrastructure.data.windowed.loading import table_schema
from infrastructure.data.windowed.panel_series import least_history
from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.data.windowed.tables import all_windows, split_series


def open_market(request: DirectionTraining) -> Table:
    """Read and check a table of prices, a `LongTable` if it has many instruments.

    It has where columns that tell them apart are named, or are found as its stamps repeat. Raises: DatasetError.
    """
    path, series = located(request.dataset_path, task_named(request.task)), request.series_column
    schema = table_schema(request)
    if series is None:
        try:
            return open_table(path, schema, request.reading)
        except LongFormatError as many:
            series = many.columns
    wanted = PanelSchema(schema, series, least_rows=least_history(request.context_length))
    return LongTable.of(open_panel(path, wanted, request.reading))


def load_market(request: DirectionTraining) -> SplitSeries:
    """Read, check and split a table of prices. Raises: DatasetError, ConfigurationError."""
    rule = DirectionRule.of(request)
    table = open_market(request)
    with phase("checking and splitting"):
        wanted, inputs = request.changed(horizons=(rule.horizon,)), rule.inputs(table)
        if isinstance(table, LongTable):
            dataset = split_instruments(wanted, table, inputs)
        else:
            dataset = split_series(wanted, table, inputs)
        dataset = _judged(rule, dataset)
    counts = class_counts(dataset)
    absent = [name for name, count in counts.items() if not count]
    if len(absent) == len(DIRECTIONS) - 1:
        only = next(name for name, count in counts.items() if count)
        raise DatasetError(
            f"{table.path.name}: every window of the training part is {only!r}, so there is nothing to learn.",
            remedy="Change dead_band or horizons.",
        )
    return dataset


def all_windows_of_market(table: Table, rule: DirectionRule, recipe: SeriesRecipe) -> Windows:
    """Make the windows of a table for a recipe that is known; of many instruments at most so many as are judged.

    Raises: DatasetError when there is none.
    """
    inputs = rule.inputs(table)
    if isinstance(table, LongTable):
        made = all_windows_of_instruments(table, inputs, recipe)
    else:
        made = all_windows(table, inputs, recipe)
    few, told = judged(made, WHOLE)
    sessions = rule.sessions_told(table, [made])
    few.warnings = (*made.warnings, *([f"{table.path.name}: sessions: {sessions}."] if sessions else []), *told)
    return few


def class_counts(dataset: SplitSeries) -> dict[str, int]:
    """Count the windows of the training part by direction."""
    labels = dataset.train.labels
    assert labels is not None
    counts = np.bincount(labels[dataset.train.anchors], minlength=len(DIRECTIONS))
    return dict(zip(DIRECTIONS, counts.tolist(), strict=True))


def _judged(rule: DirectionRule, dataset: SplitSeries) -> SplitSeries:
    """Say what was found, and leave as many windows to be judged as are scored in reasonable time."""
    parts = [part for part in (dataset.train, dataset.evaluation, dataset.test) if part is not None]
    evaluation, told = judged(dataset.evaluation, PARTS[1])
    test, of_test = (None, ()) if dataset.test is None else judged(dataset.test, PARTS[2])
    facts = dict(facts_of_series(dataset))
    if sessions := rule.sessions_told(dataset.table, parts):
        facts["sessions"] = sessions
    warnings = (*dataset.warnings, *told, *of_test)
    return replace(dataset, evaluation=evaluation, test=test, warnings=warnings, facts=facts)
