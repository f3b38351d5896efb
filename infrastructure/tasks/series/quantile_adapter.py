"""Quantiles of what comes next, learnt by the pinball loss."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from infrastructure.data.feed import RowNoise
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.data.series.windows import Window, to_learn
from infrastructure.tasks.adapter import Batch, Evaluation
from infrastructure.tasks.series.batches import arrays_of, cut_windows, forecast_of
from infrastructure.tasks.series.scoring.forecasts import ForecastReader
from infrastructure.tasks.series.scoring.metrics import metric_names
from infrastructure.tasks.series.scoring.passing import ForecastPass
from infrastructure.tasks.series.scoring.quantile_losses import crossings, pinball_losses, widths
from infrastructure.tasks.series.scoring.rivals import RivalScores


class QuantileForecast:
    """Pinball loss of quantiles [Q], averaged over them; a target is one observed point of one variable.

    `sharpness_weight` adds the width of the whole band, `crossing_weight` what quantiles lie above the next one: 0 for
    the forecaster, whose quantiles cannot cross. `reader` makes what an evaluation fills, and `rivals` what it fills
    beside it with the forecasts that windows carry. What is learnt on another scale by the `recipe` of its table is
    read on the standardised one.
    """

    def __init__(
        self,
        quantiles: Sequence[float],
        horizons: Sequence[int],
        reader: Callable[[], ForecastReader],
        sharpness_weight: float = 0.0,
        crossing_weight: float = 0.0,
        rivals: Callable[[], RivalScores] | None = None,
        recipe: SeriesRecipe | None = None,
    ) -> None:
        self._levels = torch.tensor(quantiles)
        self._horizons = tuple(horizons)
        self._reader = reader
        self._sharpness_weight = sharpness_weight
        self._crossing_weight = crossing_weight
        self._rivals = rivals
        self._recipe = recipe

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        return metric_names(self._levels.tolist(), self._horizons)

    def collate(self, items: Sequence[Window], noise: RowNoise | None) -> Batch:
        """Cut the windows: history, and `target` [B, T, H] with NaN where nothing was observed."""
        return cut_windows(items)

    def count_targets(self, batch: Batch) -> float:
        """Count the observed points."""
        return float((~batch["target"].isnan()).sum())

    def count_tokens(self, batch: Batch) -> int:
        """Count the windows."""
        return len(batch["values"])

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sum over the observed points the mean loss of their quantiles."""
        forecast, target = forecast_of(model, batch)["forecast"], to_learn(batch)["target"]
        losses, observed = pinball_losses(forecast, target, self._levels.to(forecast.device))
        cost = losses.mean(-1)
        for weight, penalty in ((self._sharpness_weight, widths), (self._crossing_weight, crossings)):
            if weight:
                cost = cost + weight * torch.where(observed, penalty(forecast), 0.0)
        return cost.sum()

    def evaluation(self) -> Evaluation:
        """Begin a pass over some windows."""
        return _Pass(self._reader(), None if self._rivals is None else self._rivals(), self._recipe)


class _Pass(ForecastPass):
    def ask(self, model: nn.Module, batch: Batch) -> Any:
        """Forecast one batch; gives the `Forecasts`."""
        return self.found(arrays_of(batch), arrays_of(forecast_of(model, batch)))
