"""What forecasts that need no model are worth, on the points on which the model is scored."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from infrastructure.data.series.naive import CHANGE, DRIFT, SEASONAL
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.tasks.series.scoring.forecasts import Forecasts
from infrastructure.tasks.series.scoring.metrics import Floats, ForecastScores, median_of

REPEAT_LAST = "repeat_last"
RIVALS = (REPEAT_LAST, SEASONAL, DRIFT)
# How many rows the seasonal one goes back, among its scores: not a score, but what a reader must know.
SEASON_ROWS = f"{SEASONAL}_rows"
_SCORES = ("loss", "mse", "mae")


class RivalScores:
    """Scores each as its own forecast at every quantile, as the last value is.

    An error in units of what its series changes over a season of the training part is the MASE. `season_rows` says how
    many rows a season has.
    """

    def __init__(self, recipe: SeriesRecipe, quantiles: Sequence[float], season_rows: int | None) -> None:
        self._recipe = recipe
        self._quantiles = tuple(quantiles)
        # The pinball loss is linear in the level on either side: that of a point at all levels is that at their mean.
        self._level = float(np.mean(quantiles))
        self._season_rows = season_rows
        self._scores: dict[str, ForecastScores] = {}
        # By name [2, T]: errors in units of the changes, and how many.
        self._scaled: dict[str, Floats] = defaultdict(lambda: np.zeros((2, recipe.num_targets)))

    def add(self, found: Forecasts) -> None:
        """Take in a batch."""
        recipe, change = self._recipe, found.beside.get(CHANGE)
        naive = {name: forecast for name, forecast in found.beside.items() if name != CHANGE}
        for name, forecast in naive.items():
            scores = self._scores.setdefault(
                name, ForecastScores((self._level,), recipe.horizons, recipe.target_names, recipe.target_scales)
            )
            target = np.where(np.isnan(forecast), np.nan, found.target)
            scores.add(forecast[..., None], target, found.last, found.level, found.unit)
        if change is None:
            return
        changing = np.where(change > 0, change.astype(np.float64), np.nan)[..., None]
        medians = {"": median_of(found.forecast, self._quantiles), REPEAT_LAST: found.last[..., None], **naive}
        for name, forecast in medians.items():
            errors = np.abs(found.target.astype(np.float64) - forecast) / changing
            counted = ~np.isnan(errors)
            self._scaled[name] += [np.sum(errors, axis=(0, 2), where=counted), counted.sum(axis=(0, 2))]

    def metrics(self, of_model: Mapping[str, Any]) -> dict[str, Any]:
        """Give the scores of each by its name, and the MASE of all, beside the metrics of a model."""
        result = dict(of_model)
        per_target = {name: dict(scores) for name, scores in of_model["per_target"].items()}
        for rival, scores in self._scores.items():
            found = scores.metrics()
            for name in (*_SCORES, *(f"{name}_original" for name in _SCORES), "wql"):
                if name in found:
                    result[f"{rival}_{name}"] = found[name]
            for target, of_target in found["per_target"].items():
                per_target[target] |= {f"{rival}_{name}": of_target[name] for name in _SCORES}
        for name in ("", REPEAT_LAST, *self._scores):
            result[f"{name}_mase" if name else "mase"] = _mean_ratio(*self._scaled[name])
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


def _mean_ratio(sums: Floats, counts: Floats) -> float:
    """Average over the targets [T] what each has; one that never changes has no say."""
    changing = counts > 0
    return float(np.mean(sums[changing] / counts[changing])) if changing.any() else float("nan")
