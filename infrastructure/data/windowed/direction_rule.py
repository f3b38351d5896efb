"""How the directions of a table of prices are told, for each of its instruments by itself."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from application.training import DirectionTraining
from domain.exceptions import ConfigurationError, DatasetError
from domain.showing import counted
from infrastructure.data.clock.clocks import duration
from infrastructure.data.clock.stamps import DAY
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.market_features import (
    UNKNOWN,
    directions,
    market_columns,
    market_features,
    past_directions,
    realised_volatility,
    refuse_unusable_prices,
)
from infrastructure.data.series.sessions import ends_elsewhere, least_break, session_numbers
from infrastructure.data.series.windows import Windows
from infrastructure.data.table.table import Table
from infrastructure.data.windowed.parts import Inputs

CUT = "cut"
ALL_COUNT = "Leave out session_gaps, so that a horizon counts rows."


@dataclass(frozen=True)
class DirectionRule:
    """What is called down, flat and up: the change over `horizon` rows beside `dead_band` times what is usual.

    All of it is computed for each instrument of a table by itself. With `session_gaps` cut no horizon reaches beyond a
    session, and a change from one to the next makes no volatility.
    """

    horizon: int
    dead_band: float
    volatility_window: int
    price_column: str | None
    session_gaps: str = "count"

    @classmethod
    def of(cls, request: DirectionTraining) -> "DirectionRule":
        """Read it from a request. Raises: ConfigurationError for more than one horizon."""
        horizons = request.horizons
        if not isinstance(horizons, int) and len(horizons) != 1:
            raise ConfigurationError(
                f"horizons is {list(horizons)}, but a direction has one horizon.", remedy="Name one: --set horizons=6."
            )
        return cls(
            horizon=horizons if isinstance(horizons, int) else horizons[0],
            dead_band=request.dead_band,
            volatility_window=request.volatility_window,
            price_column=request.price_column,
            session_gaps=request.session_gaps,
        )

    def inputs(self, table: Table) -> Inputs:
        """Compute what a model sees of each row, and the class of each.

        Raises: DatasetError for impossible prices, and where sessions are asked for that the table cannot have.
        """
        columns = market_columns(table.names, self.price_column)
        place = table.place_of if isinstance(table, LongTable) else None if table.as_read else table.time_of
        refuse_unusable_prices(table.values, columns, table.path.name, place)
        sessions = self._sessions(table)
        names: tuple[str, ...] = ()
        features: np.ndarray | None = None
        for rows, of_rows in _instruments(table, sessions):
            names, found = market_features(table.values[rows], columns, self.volatility_window, of_rows)
            if features is None:
                features = np.empty((len(table.values), len(names)))
            features[rows] = found
        assert features is not None
        labels = self._by_instrument(table, directions)
        if sessions is not None and (labels == UNKNOWN).all() and ends_elsewhere(sessions, self.horizon).any():
            usual = int(np.median(np.unique(sessions, return_counts=True)[1]))
            raise DatasetError(
                f"{table.path.name}: horizons is {self.horizon:,}, but a session usually has {counted(usual, 'row')},"
                " so that no horizon ends in the session where it begins.",
                remedy=f"Lower horizons. {ALL_COUNT}",
            )
        return Inputs(names, features, 0, labels)

    def price(self, table: Table) -> tuple[str, np.ndarray]:
        """Give the name of the price and the rows [N] that have one."""
        place = market_columns(table.names, self.price_column).close
        return table.names[place], np.isfinite(table.values[:, place])

    def past(self, table: Table) -> np.ndarray:
        """Give the latest direction that is known at each row [N], int8."""
        return self._by_instrument(table, past_directions)

    def sessions_told(self, table: Table, parts: Sequence[Windows]) -> str:
        """Say which sessions there are, and how many windows were left out because their horizon goes beyond one."""
        sessions = self._sessions(table)
        if sessions is None:
            return ""
        usual = duration(least_break(table.step))
        lengths = np.unique(sessions, return_counts=True)[1]
        num_instruments = len(table.series) if isinstance(table, LongTable) else 1
        if len(lengths) == num_instruments:
            return f"none that ends, for no price is {usual} behind the one before it: session_gaps=cut leaves out none"
        beyond = ends_elsewhere(sessions, self.horizon)
        left_out = sum(int(beyond[part.left_out].sum()) for part in parts)
        total = sum(len(part) + len(part.left_out) for part in parts)
        return (
            f"{len(lengths):,} of usually {counted(int(np.median(lengths)), 'row')}, behind each no price for {usual};"
            f" {left_out:,} of {total:,} windows reach beyond one and are left out"
        )

    def _by_instrument(self, table: Table, labelling: Callable[..., np.ndarray]) -> np.ndarray:
        """Give the directions of rows [N] by `directions` or `past_directions`."""
        close = np.asarray(table.values[:, market_columns(table.names, self.price_column).close])
        labels = np.empty(len(close), dtype=np.int8)
        for rows, of_rows in _instruments(table, self._sessions(table)):
            price = close[rows]
            with np.errstate(invalid="ignore"):
                volatility = realised_volatility(np.log(price), self.volatility_window, of_rows)
            labels[rows] = labelling(price, self.horizon, self.dead_band, volatility, of_rows)
        return labels

    def _sessions(self, table: Table) -> np.ndarray | None:
        """Number the sessions of all instruments [N], none of two of them, where they matter. Raises: DatasetError."""
        if self.session_gaps != CUT:
            return None
        name = table.path.name
        if table.stamps is None:
            raise DatasetError(
                f"{name} has no time column, and session_gaps=cut tells sessions by their times.",
                remedy=f"Name it with time_column. {ALL_COUNT}",
            )
        if table.step is not None and table.step >= DAY:
            raise DatasetError(
                f"the rows of {name} are {duration(table.step)} apart, so that each is a session of its own and no"
                " horizon lies within one.",
                remedy=ALL_COUNT,
            )
        has_price, sessions, first = self.price(table)[1], np.empty(len(table.stamps), dtype=np.int64), 0
        for rows, _ in _instruments(table, None):
            sessions[rows] = first + session_numbers(table.stamps[rows], has_price[rows], table.step)
            first = int(sessions[rows.stop - 1]) + 1
        return sessions


def _instruments(table: Table, sessions: np.ndarray | None) -> Iterator[tuple[slice, np.ndarray | None]]:
    """Give the rows of each instrument, and their sessions where these are given."""
    ends = table.series.offsets.tolist() if isinstance(table, LongTable) else [0, len(table.values)]
    for start, end in pairwise(ends):
        rows = slice(start, end)
        yield rows, None if sessions is None else sessions[rows]
