"""What forecasts that need no model are worth, on the points on which the model is scored."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from infrastructure.data.series.naive import DRIFT, SEASONAL
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.tasks.series.scoring.metrics import Floats, ForecastScores, Numbers

REPEAT_LAST = "repeat_last"
RIVALS = (REPEAT_LAST, SEASONAL, DRIFT)
# How many rows the seasonal one goes back, among its scores: not a score, but what a reader must know.
SEASON_ROWS = f"{SEASONAL}_rows"
_SCORES = ("loss", "mse", "mae")


class RivalScores:
    """Scores each as its own forecast at every quantile, as the last value is.

    `changes` [T] are the mean absolute changes of each target over a season of the training part, standardised: an
    error in units of them is the MASE. `season_rows` says how many rows a season has.
    """

    def __init__(
        self, recipe: SeriesRecipe, quantiles: Sequence[float], changes: Sequence[float | None], season_rows: int | None
    ) -> None:
        self._recipe = recipe
        # The pinball loss is linear in the level on either side: that of a point at all levels is that at their mean.
        self._level = float(np.mean(quantiles))
        self._changes = np.array([np.nan if change is None else change for change in changes], dtype=np.float64)
        self._season_rows = season_rows
        self._scores: dict[str, ForecastScores] = {}

    def add(self, forecasts: Mapping[str, Numbers], target: Numbers, last: Numbers) -> None:
        """Take in a batch: forecasts [B, T, H] by name, NaN where there is none, target [B, T, H], last [B, T]."""
        recipe = self._recipe
        for name, forecast in forecasts.items():
            scores = self._scores.setdefault(
                name, ForecastScores((self._level,), recipe.horizons, recipe.target_names, recipe.target_scales)
            )
            scores.add(forecast[..., None], np.where(np.isnan(forecast), np.nan, target), last)

    def metrics(self, of_model: Mapping[str, Any]) -> dict[str, Any]:
        """Give the scores of each by its name, and the MASE of all, beside the metrics of a model."""
        result = dict(of_model)
        per_target = {name: dict(scores) for name, scores in of_model["per_target"].items()}
        for rival, scores in self._scores.items():
            found = scores.metrics()
            for name in (*_SCORES, *(f"{name}_original" for name in _SCORES)):
                result[f"{rival}_{name}"] = found[name]
            for target, of_target in found["per_target"].items():
                per_target[target] |= {f"{rival}_{name}": of_target[name] for name in _SCORES}
        for prefix in ("", *(f"{rival}_" for rival in (REPEAT_LAST, *self._scores))):
            result[f"{prefix}mase"] = self._mase([scores[f"{prefix}mae"] for scores in per_target.values()])
        if SEASONAL in self._scores:
            result[SEASON_ROWS] = self._season_rows
        return {**result, "per_target": per_target}

    def outcomes(self) -> dict[str, Floats]:
        """Give the scores of each window [N], under the same names."""
        return {
            f"{rival}_{name}": values
            for rival, scores in self._scores.items()
            for name, values in scores.outcomes().items()
            if name in _SCORES
        }

    def _mase(self, errors: Sequence[float]) -> float:
        """Average the errors of the targets [T], each in units of what it changes; one that never does has no say."""
        if len(self._changes) != len(errors):
            return float("nan")
        changing = self._changes > 0
        return float(np.mean(np.array(errors)[changing] / self._changes[changing])) if changing.any() else float("nan")
