"""Rows of a table along an axis, by their times or by their numbers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.windows import Windows
from infrastructure.reports.page.blocks import Axis
from infrastructure.reports.ticks import choose_ticks, name_time

_MOST_READ = 2_000  # stamps, to choose the few that are named


@dataclass(frozen=True)
class RowTimes:
    """Names the rows that windows are cut from; with `across_series` those of several series stand on one axis."""

    windows: Windows
    across_series: bool = False

    @property
    def is_known(self) -> bool:
        """Tell whether the rows have times."""
        return self.windows.table is not None and self.windows.table.stamps is not None

    def name(self, row: int) -> str:
        """Name a row: its time, or its number counted from 1."""
        return name_time(self._texts(np.array([row]))[0]) if self.is_known else f"row {row + 1:,}"

    def places(self, rows: np.ndarray) -> list[float]:
        """Give places along the axis: rows, counted from 1 where their numbers are told."""
        table = self.windows.table
        if self.across_series and isinstance(table, LongTable):
            rows = np.searchsorted(self._distinct, table.stamps_of(rows))
        found: list[float] = (rows + (not self.is_known)).astype(np.float64).tolist()
        return found

    def axis(self, rows: np.ndarray) -> Axis:
        """Give the axis of rows [n] in the order of time: times where the table has a clock."""
        if not self.is_known:
            return Axis("row of the table")
        rows = rows[:: -(-len(rows) // _MOST_READ)]
        texts = self._texts(rows)
        named = choose_ticks(texts) or [(0, name_time(texts[0])), (len(rows) - 1, name_time(texts[-1]))]
        places = self.places(rows[[place for place, _ in named]])
        return Axis("time", ticks=list(zip(places, (text for _, text in named), strict=True)))

    @cached_property
    def _distinct(self) -> np.ndarray:
        """The times of many series together: their rows lie series by series, and an axis of time does not."""
        assert self.windows.table is not None
        return np.unique(np.asarray(self.windows.table.stamps))

    def _texts(self, rows: np.ndarray) -> list[str]:
        table = self.windows.table
        assert table is not None
        assert table.stamps is not None
        return stamp_texts(table.stamps[rows], table.zone, table.step)
