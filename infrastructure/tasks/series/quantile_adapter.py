"""Quantiles of what comes next, learnt by the pinball loss."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infrastructure.data.feed import RowNoise
from infrastructure.data.series.naive import CHANGE
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.data.series.windows import Window, to_learn
from infrastructure.tasks.adapter import Batch, Evaluation, Outcomes, by_number
from infrastructure.tasks.series.batches import cut_windows, forecast_of
from infrastructure.tasks.series.scoring.forecasts import ForecastReader, Forecasts
from infrastructure.tasks.series.scoring.metrics import metric_names
from infrastructure.tasks.series.scoring.quantile_losses import crossings, pinball_losses, widths
from infrastructure.tasks.series.scoring.rivals import RIVALS, RivalScores

BESIDE = {"level", "unit", "series", "begins", "known", *RIVALS, CHANGE}  # what windows carry that no model sees


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


class _Pass:
    def __init__(self, reader: ForecastReader, rivals: RivalScores | None, recipe: SeriesRecipe | None) -> None:
        self._recipe = recipe
        self._reader = reader
        self._rivals = rivals

    def ask(self, model: nn.Module, batch: Batch) -> Any:
        """Forecast one batch; gives the `Forecasts`."""
        output = forecast_of(model, batch)
        forecast, target = output["forecast"], batch["target"]
        last = last_observed(batch["values"], batch["observed"], forecast.shape[1])
        assumed = output.get("assumed", torch.zeros_like(last, dtype=torch.bool))
        thin = output.get("thin", torch.zeros_like(assumed))
        beside = {name: values.cpu().numpy() for name, values in batch.items() if name in BESIDE}
        found = Forecasts(
            forecast=forecast.float().cpu().numpy(),
            target=target.float().cpu().numpy(),
            last=last.float().cpu().numpy(),
            assumed=assumed.cpu().numpy(),
            thin=thin.cpu().numpy(),
            level=beside.get("level"),
            unit=beside.get("unit"),
            series=beside.get("series"),
            begins=beside.get("begins"),
            known=beside.get("known"),
            beside={name: beside[name] for name in (*RIVALS, CHANGE) if name in beside},
        )
        if self._recipe is not None:
            found = found.given(self._recipe.on_plain_scale(found.forecast, found.level, found.unit))
        return found

    def merge(self, found: Any) -> None:
        """Read a batch."""
        self._reader.add(found)
        if self._rivals is not None:
            self._rivals.add(found)

    def metrics(self) -> dict[str, Any]:
        """Give what was read."""
        metrics = self._reader.metrics()
        return metrics if self._rivals is None else self._rivals.metrics(metrics)

    def outcomes(self, order: np.ndarray) -> Outcomes:
        """Give what was read of each window."""
        outcomes = {**self._reader.outcomes(), **(self._rivals.outcomes() if self._rivals is not None else {})}
        return {name: by_number([values], order) for name, values in outcomes.items()}


def last_observed(values: Tensor, observed: Tensor, num_targets: int) -> Tensor:
    """Give the latest value that was seen of each target [B, T], NaN where there is none.

    Shapes: values and observed [B, L, V].
    """
    values, observed = values[..., :num_targets], observed[..., :num_targets]
    places = torch.arange(1, values.shape[1] + 1, device=values.device)[None, :, None]
    latest = (observed * places).amax(dim=1)  # [B, T], 0 for none
    found = values.gather(1, (latest - 1).clamp_min(0)[:, None])[:, 0]
    return torch.where(latest > 0, found, torch.nan)
