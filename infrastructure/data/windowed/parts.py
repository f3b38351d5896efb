"""Windows of a table in three parts that follow each other in time."""

from dataclasses import dataclass

import numpy as np

from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.season import Season
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.data.series.split import anchors_of
from infrastructure.data.series.windows import Windows
from infrastructure.data.splitting import TwoParts
from infrastructure.data.table.table import Table
from infrastructure.data.windowed.panel_series import all_anchors


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


def lacks_rows(table: Table) -> bool:
    """Tell whether rows are missing on the clock of a table, which a season or a horizon by rows then misses too."""
    if table.stamps is None or table.clock is None or table.clock.loose:
        return False
    is_gap = np.diff(table.clock.clock.places(table.stamps)) > 1
    if isinstance(table, LongTable):
        is_gap[table.series.offsets[1:-1] - 1] = False  # from one series to the next
    return bool(is_gap.any())
