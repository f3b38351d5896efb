"""One pass over windows that are scored: forecasts beside what came, read batch by batch."""

from typing import Any

import numpy as np

from infrastructure.data.series.naive import CHANGE
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.data.series.windows import Windows
from infrastructure.tasks.scored import Outcomes, by_number
from infrastructure.tasks.series.asking import Arrays, Ask
from infrastructure.tasks.series.scoring.forecasts import ForecastReader, Forecasts
from infrastructure.tasks.series.scoring.rivals import RIVALS, RivalScores

BESIDE = {"level", "unit", "series", "begins", "known", *RIVALS, CHANGE}  # what windows carry that no model sees
WINDOWS_AT_ONCE = 64


class ForecastPass:
    """Fills a reader, and the scores of rivals with the forecasts that windows carry.

    What is learnt on another scale by the `recipe` of its table is read on the standardised one.
    """

    def __init__(
        self, reader: ForecastReader, rivals: RivalScores | None = None, recipe: SeriesRecipe | None = None
    ) -> None:
        self._reader = reader
        self._rivals = rivals
        self._recipe = recipe

    def found(self, windows: Arrays, said: Arrays) -> Forecasts:
        """Put what a model says of windows beside what came."""
        forecast = said["forecast"]
        last = last_observed(windows["values"], windows["observed"], forecast.shape[1])
        assumed = said.get("assumed", np.zeros(last.shape, dtype=bool))
        beside = {name: values for name, values in windows.items() if name in BESIDE}
        found = Forecasts(
            forecast=forecast,
            target=windows["target"],
            last=last,
            assumed=assumed,
            thin=said.get("thin", np.zeros_like(assumed)),
            level=beside.get("level"),
            unit=beside.get("unit"),
            series=beside.get("series"),
            begins=beside.get("begins"),
            known=beside.get("known"),
            beside={name: beside[name] for name in (*RIVALS, CHANGE) if name in beside},
        )
        if self._recipe is None:
            return found
        return found.given(self._recipe.on_plain_scale(forecast, found.level, found.unit))

    def merge(self, found: Any) -> None:
        """Read a batch of `Forecasts`."""
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


def read(ask: Ask, windows: Windows, scores: ForecastPass) -> ForecastPass:
    """Let windows be forecast, some at a time, and read all of them."""
    for start in range(0, len(windows), WINDOWS_AT_ONCE):
        cut = windows.cut(windows.anchors[start : start + WINDOWS_AT_ONCE])
        scores.merge(scores.found(cut, ask(cut)))
    return scores


def last_observed(values: np.ndarray, observed: np.ndarray, num_targets: int) -> np.ndarray:
    """Give the latest value that was seen of each target [B, T], NaN where there is none.

    Shapes: values and observed [B, L, V].
    """
    values, observed = values[..., :num_targets], observed[..., :num_targets]
    places = np.arange(1, values.shape[1] + 1)[None, :, None]
    latest = (observed * places).max(axis=1)  # [B, T], 0 for none
    found = np.take_along_axis(values, np.maximum(latest - 1, 0)[:, None], axis=1)[:, 0]
    return np.where(latest > 0, found, np.nan).astype(values.dtype)
