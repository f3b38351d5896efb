"""Tables whose values can be this and not that, and the recipes of their targets."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from infrastructure.data.series.calendar import Calendar
from infrastructure.data.series.scaler import Scaler
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.data.series.target_values import TargetValues
from tests.support import tiny_series

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
COUNTS = np.random.default_rng(0).poisson(1.5, 300)

_bounds = st.one_of(st.none(), st.integers(-5, 5).map(float))
RULES = st.builds(TargetValues, floor=_bounds, ceiling=st.one_of(st.none(), st.just(7.0)), integers=st.booleans())


def forecasts(largest: float = 1e4) -> st.SearchStrategy[np.ndarray]:
    """Draw ascending quantiles of three windows, two targets and four horizons [3, 2, 4, 5]."""
    drawn = arrays(np.float32, (3, 2, 4, len(LEVELS)), elements=st.floats(-largest, largest, width=32))
    return drawn.map(lambda values: np.sort(values, axis=-1))


def recipe_of(*values: TargetValues, mean: float = 3.7, scale: float = 2.3) -> SeriesRecipe:
    """Give the recipe of some targets that have the same scale."""
    count = len(values)
    scaler = Scaler((mean,) * count, (scale,) * count)
    return SeriesRecipe(tuple("abcd"[:count]), count, scaler, Calendar(()), 8, (1, 2, 3, 4), values=values)


def loaded(directory: Path, columns: dict[str, Any], **changes: Any) -> Any:
    """Load a table of columns of numbers by the hour."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time", *columns])
        writer.writerows(zip(tiny_series.stamps(300), *columns.values(), strict=True))
    plain = {"dataset_path": path, "target_columns": None, "volatility_window": None, **changes}
    return tiny_series.loaded(tiny_series.request("quantile_forecasting", directory, **plain))
