"""A table of many series as a table: its rows series by series, their stamps ascending in each."""

from dataclasses import dataclass, replace

import numpy as np

from infrastructure.data.clock.clocks import Clock, Even
from infrastructure.data.clock.finding import find_clock
from infrastructure.data.clock.time_zones import from_instants, instants
from infrastructure.data.panel.ids import named
from infrastructure.data.panel.panel import Panel
from infrastructure.data.table.table import Table


@dataclass(frozen=True)
class LongTable(Table):
    """Rows [N] of many series, one series behind the other. `values` are those of the `panel`, and so are `names`."""

    panel: Panel | None = None

    @classmethod
    def of(cls, panel: Panel) -> "LongTable":
        """Take the rows of a panel."""
        return cls(
            path=panel.path,
            sha256=panel.sha256,
            names=panel.names,
            values=panel.values,
            stamps=panel.stamps,
            zone=panel.zone,
            time_column=panel.time_column,
            step=panel.step,
            warnings=panel.warnings,
            as_read=False,
            clock=panel.clock,
            usual_format=panel.usual_format,
            entry=panel.entry,
            panel=panel,
        )

    @property
    def series(self) -> Panel:
        """The series."""
        assert self.panel is not None
        return self.panel

    def in_zone(self, zone: str) -> "LongTable":
        """Copy with the stamps of another zone, if both have one."""
        if self.stamps is None or not zone or self.zone in ("", zone):
            return self
        stamps = from_instants(instants(self.stamps, self.zone), zone)
        clock = find_clock(np.unique(stamps), zone)
        panel = replace(self.series, stamps=stamps, zone=zone, clock=clock)
        return replace(self, stamps=stamps, zone=zone, clock=clock, panel=panel)

    def stamps_of(self, rows: np.ndarray) -> np.ndarray:
        """Give the stamps of rows [n]."""
        assert self.stamps is not None
        return np.asarray(self.stamps[rows])

    @property
    def times(self) -> Table:
        """The distinct stamps of all series as a table without columns."""
        assert self.stamps is not None
        stamps = np.unique(self.stamps)
        return Table(
            path=self.path,
            sha256=self.sha256,
            names=(),
            values=np.empty((len(stamps), 0)),
            stamps=stamps,
            zone=self.zone,
            time_column=self.time_column,
            step=self.step,
            warnings=(),
            clock=self.clock,
        )

    def series_of(self, row: int) -> str:
        """Name the series that a row is of."""
        return named(self.series.ids[int(np.searchsorted(self.series.offsets, row, side="right")) - 1])

    def place_of(self, row: int) -> str:
        """Name a row by its series and its time."""
        return f"{self.series_of(row)}, {self.time_of(row)}"

    def reaching(self, last: np.ndarray, reach: int, clock: Clock) -> "LongTable":
        """Copy in which each series goes on for `reach` rows behind its row `last` [S], by a clock.

        Rows that are there stay; the others hold nothing but their time. By an even clock each series goes on from its
        own last row, whatever time of the day that has.
        """
        panel = self.series
        before = np.diff(panel.offsets)
        more = np.maximum(0, last + 1 + reach - panel.offsets[1:])  # [S]
        offsets = np.concatenate(([0], np.cumsum(before + more)))
        is_new = np.ones(int(offsets[-1]), dtype=bool)
        is_new[np.arange(panel.offsets[-1]) + np.repeat(offsets[:-1] - panel.offsets[:-1], before)] = False
        values, stamps = np.full((len(is_new), len(panel.names)), np.nan), np.empty(len(is_new), dtype=np.int64)
        values[~is_new], stamps[~is_new] = panel.values, panel.stamps
        steps = np.arange(more.sum()) - np.repeat(np.cumsum(more) - more, more) + 1
        ends = np.asarray(panel.stamps[panel.offsets[1:] - 1])
        if isinstance(clock, Even):
            stamps[is_new] = np.repeat(ends, more) + clock.step * steps
        else:
            stamps[is_new] = clock.stamps(np.repeat(clock.places(ends), more) + steps)
        longer = replace(panel, offsets=offsets, values=values, stamps=stamps)
        return replace(self, values=values, stamps=stamps, panel=longer)
