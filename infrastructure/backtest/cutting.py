"""Finds periods at the end of a table, and says them as the setting `split` does."""

from collections.abc import Sequence

import numpy as np

from application.training import SeriesTraining
from domain.backtest import Fold, Folds, periods
from domain.exceptions import ConfigurationError
from domain.forecast import steps_ahead
from domain.task import task_named
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.series.split import part_ends
from infrastructure.data.sources.shipped import located
from infrastructure.data.table.table import Table, open_table
from infrastructure.data.windowed.loading import table_schema

SHORTER = "Ask for fewer or shorter folds (--folds, --fold-rows)"


class TableFolds:
    """Cuts tables with a clock by dates, and others by numbers of rows.

    A date means the same to every training, also to one that fills in missing rows.
    """

    def cut(self, training: SeriesTraining, count: int, num_rows: int | None, refit: bool) -> Folds:
        """Give the periods. Raises: DatasetError, ConfigurationError naming what does not fit."""
        path = located(training.dataset_path, task_named(training.task))
        table = open_table(path, table_schema(training), training.reading)
        ends = part_ends(table, training.split)
        reach = max(steps_ahead(training.horizons))
        if num_rows is not None and num_rows < reach:
            raise ConfigurationError(
                f"fold_rows is {num_rows:,}, but a forecast looks {reach:,} rows ahead (horizons): no window fits.",
                remedy=f"Use --fold-rows {reach} or more, or fewer horizons.",
            )
        found = periods(ends, count, num_rows, reach)
        # What chooses and calibrates is as long before each fold as it is in the split; without a test part, as a fold.
        validation = ends[1] - ends[0] if len(ends) > 2 else found[0][1] - found[0][0]
        if refit:
            _require_history(table, found, validation, training.context_length + reach)
        else:
            _require_unseen(table, found, ends[1])
        folds = [_fold(table, number, start, end, validation) for number, (start, end) in enumerate(found, 1)]
        return Folds(tuple(folds), table.sha256)


def _told(found: Sequence[tuple[int, int]]) -> str:
    length = found[0][1] - found[0][0]
    return f"one fold of {length:,} rows" if len(found) == 1 else f"{len(found):,} folds of {length:,} rows"


def _require_history(table: Table, found: Sequence[tuple[int, int]], validation: int, window: int) -> None:
    rows = found[0][0] - validation
    if rows < window:
        raise ConfigurationError(
            f"{_told(found)} and {validation:,} for validation leave {max(rows, 0):,} of the {len(table.values):,} rows"
            f" of {table.path.name} to learn from, but one window takes {window:,}.",
            remedy=f"{SHORTER}, lower context_length or horizons, or give a longer table.",
        )


def _require_unseen(table: Table, found: Sequence[tuple[int, int]], seen: int) -> None:
    if found[0][0] < seen:
        raise ConfigurationError(
            f"{_told(found)} at the end of {table.path.name} reach back to row {max(found[0][0], 0) + 1:,}, but the"
            f" model was trained and chosen on rows up to {seen:,}.",
            remedy=f"{SHORTER}, or train anew before each with --refit.",
        )


def _fold(table: Table, number: int, start: int, end: int, validation: int) -> Fold:
    train = start - validation
    if table.stamps is None:
        return Fold(number, start, end, f"row {start + 1:,}", f"row {end:,}", (train, validation, end - start))
    stamps = np.asarray(table.stamps)
    behind = stamps[end] if end < len(stamps) else stamps[-1] + (table.step or 1)
    ends = [stamps[train], stamps[start], behind] if train >= 0 else []
    first, last, *split = stamp_texts(np.array([stamps[start], stamps[end - 1], *ends]), table.zone, table.step)
    return Fold(number, start, end, first, last, tuple(split))
