"""What a pass over windows can be read for: scores, a calibration, or the forecasts themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from infrastructure.data.series.series import SeriesRecipe
from infrastructure.tasks.scored import Outcomes
from infrastructure.tasks.series.scoring.by_series import PER_SERIES, SeriesNames, SeriesScores
from infrastructure.tasks.series.scoring.calibration import Calibration
from infrastructure.tasks.series.scoring.forecasts import Forecasts
from infrastructure.tasks.series.scoring.guarded import Guard
from infrastructure.tasks.series.scoring.held_out import HeldOut
from infrastructure.tasks.series.scoring.metrics import ForecastScores
from infrastructure.tasks.series.scoring.thinned import Thinned

# What follows flat histories shows nothing of the others: with fewer points behind those, forecasts are not narrowed.
LEAST_VARIED = 0.2
FORECASTS = "forecasts"  # of windows, among what became of them


class Scores:
    """Scores forecasts as they would be given away: calibrated, where there is a calibration.

    Then the same metrics without it stand behind "uncalibrated_", as far as it changes them. Both are kept to what
    values can be.
    """

    def __init__(self, recipe: SeriesRecipe, quantiles: Sequence[float], calibration: Calibration | None) -> None:
        self._recipe, self._calibration = recipe, calibration
        self._given, self._plain = (
            ForecastScores(quantiles, recipe.horizons, recipe.target_names, recipe.target_scales) for _ in range(2)
        )
        self.by_series = SeriesScores(quantiles)

    def add(self, found: Forecasts) -> None:
        """Score one batch."""
        beside = found.target, found.last, found.level, found.unit
        forecast = found.forecast
        if self._calibration is not None:
            self._plain.add(self._recipe.kept_to(forecast, found.level, found.unit), *beside)
            forecast = self._calibration.applied(forecast, found.assumed, found.width)
        forecast = self._recipe.kept_to(forecast, found.level, found.unit)
        self._given.add(forecast, *beside)
        self.by_series.add(found.given(forecast))

    def metrics(self) -> dict[str, Any]:
        """Give all metrics."""
        metrics = self._given.metrics() | self.by_series.metrics()
        if self._calibration is None:
            return metrics
        plain = self._plain.metrics()
        changed = [name for name in plain if name in ("loss", "crps") or name.startswith(("picp_", "coverage_"))]
        return metrics | {f"uncalibrated_{name}": plain[name] for name in changed}

    def outcomes(self) -> Outcomes:
        """Give the scores of each window, as they would be given away."""
        return self._given.outcomes()


class Examining:
    """Scores, and keeps forecasts of some windows to be looked at, as the model gave them.

    `named` names the series of a long table in its scores.
    """

    def __init__(self, scores: Scores, named: SeriesNames | None = None) -> None:
        self._scores = scores
        self._named = named
        self._thinned = Thinned()

    def add(self, found: Forecasts) -> None:
        """Score one batch, and keep some of it."""
        self._scores.add(found)
        self._thinned.add(found)

    def metrics(self) -> dict[str, Any]:
        """Give all metrics, and `per_series` those of each series of a long table, as columns."""
        metrics = self._scores.metrics()
        return metrics if self._named is None else metrics | {PER_SERIES: self._named.columns(self._scores.by_series)}

    def outcomes(self) -> Outcomes:
        """Give the scores of each window, and its `forecasts`: a `WindowForecast`, None where it was not kept."""
        return {**self._scores.outcomes(), FORECASTS: self._thinned.column()}


class Fitting:
    """Finds a calibration; `overlap` successive windows share targets."""

    def __init__(self, quantiles: Sequence[float], horizons: Sequence[int], overlap: int) -> None:
        self._guard = Guard(quantiles, horizons, overlap)
        self._held_out = HeldOut(quantiles)
        self._points = self._varied = 0  # of histories that vary

    def add(self, found: Forecasts) -> None:
        """Take in one batch; what is assumed is as wide as it should be, and has no say."""
        known = np.where(found.assumed[..., None], np.nan, found.target)
        self._points += int(np.count_nonzero(~np.isnan(known)))
        self._varied += int(np.count_nonzero(~np.isnan(known[~found.thin])))
        self._held_out.add(found.forecast, known)

    def metrics(self) -> dict[str, Any]:
        """Give the `calibration`."""
        may_narrow = self._varied >= LEAST_VARIED * self._points
        return {"calibration": self._guard.fitted(self._held_out, may_narrow)}

    def outcomes(self) -> Outcomes:
        """Give nothing of single windows."""
        return {}


@dataclass
class Kept:
    """Keeps the forecasts of a few windows."""

    forecasts: list[np.ndarray] = field(default_factory=list)
    assumed: list[np.ndarray] = field(default_factory=list)

    def add(self, found: Forecasts) -> None:
        """Keep one batch."""
        self.forecasts.append(found.forecast)
        self.assumed.append(found.assumed)

    def metrics(self) -> dict[str, Any]:
        """Give the `forecast` [B, T, H, Q] of all windows, and where it is `assumed` [B, T]."""
        return {"forecast": np.concatenate(self.forecasts), "assumed": np.concatenate(self.assumed)}

    def outcomes(self) -> Outcomes:
        """Give the same: what is kept is kept by window."""
        return self.metrics()
