"""From a table of prices to windows that are labelled with where the price went."""

from dataclasses import dataclass

import numpy as np

from application.phases import phase
from application.training import DirectionTraining
from domain.exceptions import ConfigurationError, DatasetError
from domain.task import task_named
from infrastructure.data.series.market_features import (
    DIRECTIONS,
    directions,
    market_columns,
    market_features,
    past_directions,
    realised_volatility,
    refuse_unusable_prices,
)
from infrastructure.data.sources.shipped import located
from infrastructure.data.table.table import Table, open_table
from infrastructure.data.windowed.loading import table_schema
from infrastructure.data.windowed.parts import Inputs, SplitSeries
from infrastructure.data.windowed.tables import split_series


@dataclass(frozen=True)
class DirectionRule:
    """What is called down, flat and up: the change over `horizon` rows beside `dead_band` times what is usual."""

    horizon: int
    dead_band: float
    volatility_window: int
    price_column: str | None

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
        )

    def inputs(self, table: Table) -> Inputs:
        """Compute what a model sees of each row, and the class of each. Raises: DatasetError for impossible prices."""
        columns = market_columns(table.names, self.price_column)
        refuse_unusable_prices(table.values, columns, table.path.name, None if table.as_read else table.time_of)
        names, features = market_features(table.values, columns, self.volatility_window)
        return Inputs(names, features, 0, directions(*self._prices(table)))

    def price(self, table: Table) -> tuple[str, np.ndarray]:
        """Give the name of the price and the rows [N] that have one."""
        place = market_columns(table.names, self.price_column).close
        return table.names[place], np.isfinite(table.values[:, place])

    def past(self, table: Table) -> np.ndarray:
        """Give the latest direction that is known at each row [N], int8."""
        return past_directions(*self._prices(table))

    def _prices(self, table: Table) -> tuple[np.ndarray, int, float, np.ndarray]:
        close = np.asarray(table.values[:, market_columns(table.names, self.price_column).close])
        with np.errstate(invalid="ignore"):
            volatility = realised_volatility(np.log(close), self.volatility_window)
        return close, self.horizon, self.dead_band, volatility


def load_market(request: DirectionTraining) -> SplitSeries:
    """Read, check and split a table of prices. Raises: DatasetError, ConfigurationError."""
    rule = DirectionRule.of(request)
    table = open_table(located(request.dataset_path, task_named(request.task)), table_schema(request), request.reading)
    with phase("checking and splitting"):
        dataset = split_series(request.changed(horizons=(rule.horizon,)), table, rule.inputs(table))
    counts = class_counts(dataset)
    absent = [name for name, count in counts.items() if not count]
    if len(absent) == len(DIRECTIONS) - 1:
        only = next(name for name, count in counts.items() if count)
        raise DatasetError(
            f"{table.path.name}: every window of the training part is {only!r}, so there is nothing to learn.",
            remedy="Change dead_band or horizons.",
        )
    return dataset


def class_counts(dataset: SplitSeries) -> dict[str, int]:
    """Count the windows of the training part by direction."""
    labels = dataset.train.labels
    assert labels is not None
    counts = np.bincount(labels[dataset.train.anchors], minlength=len(DIRECTIONS))
    return dict(zip(DIRECTIONS, counts.tolist(), strict=True))
