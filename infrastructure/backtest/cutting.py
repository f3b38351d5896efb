"""Finds periods at the end of a table, and says them as the setting `split` does."""

from collections.abc import Sequence

import numpy as np

from application.training import DirectionTraining, QuantileTraining, SeriesTraining
from domain.backtest import Fold, Folds, periods
from domain.exceptions import ConfigurationError
from domain.forecast import steps_ahead
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.split import part_ends
from infrastructure.data.table.table import Table
from infrastructure.data.windowed.loading import open_values
from infrastructure.data.windowed.market import open_market
from infrastructure.data.windowed.panel_series import least_history

SHORTER = "Ask for fewer or shorter folds (--folds, --fold-rows)"


class TableFolds:
    """Cuts tables with a clock by dates, and others by numbers of rows.

    A date means the same to every training, also to one that fills in missing rows.
    """

    def cut(self, training: SeriesTraining, count: int, num_rows: int | None, refit: bool) -> Folds:
        """Give the periods. Raises: DatasetError, ConfigurationError naming what does not fit."""
        table, context = _times_of(training)
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
            _require_history(table, found, validation, context + reach)
        else:
            _require_unseen(table, found, ends[1])
        folds = []
        for number, (start, end) in enumerate(found, 1):
            # A finished model is scored on the scales of what it learnt from.
            trained = start - validation if refit else ends[0]
            folds.append(_fold(table, number, trained, start, end))
        return Folds(tuple(folds), table.sha256)


def _times_of(training: SeriesTraining) -> tuple[Table, int]:
    """Give the table whose rows are cut, of many series their times; and the least history of a window, in rows."""
    if isinstance(training, QuantileTraining):
        table = open_values(training)
    else:
        assert isinstance(training, DirectionTraining)
        table = open_market(training)
    if isinstance(table, LongTable):
        return table.times, least_history(training.context_length)
    return table, training.context_length


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


def _fold(table: Table, number: int, trained: int, start: int, end: int) -> Fold:
    if table.stamps is None:
        split = (trained, start - trained, end - start)
        return Fold(number, start, end, f"row {start + 1:,}", f"row {end:,}", split)
    stamps = np.asarray(table.stamps)
    behind = stamps[end] if end < len(stamps) else stamps[-1] + (table.step or 1)
    told = np.array([stamps[start], stamps[end - 1], stamps[trained], stamps[start], behind])
    first, last, *dates = stamp_texts(told, table.zone, table.step)
    return Fold(number, start, end, first, last, tuple(dates))
