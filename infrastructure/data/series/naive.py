"""Forecasts that need no model: what was a season ago, and the drift so far. They know the rows up to an anchor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infrastructure.data.series.series import Series

SEASONAL, DRIFT = "seasonal_naive", "drift"
CHANGE = "change"  # of a series over a season: an error in units of it is the MASE
MOST_SEASONS_BACK = 4  # where the last one was not observed


@dataclass(frozen=True)
class Naive:
    """How the rows of a table lie on its clock, and where its series begin.

    Shapes: places [N], ascending, those of one series so far behind those before it that no season reaches there; first
    [S, T] are the first rows at which targets were observed, and changes [S, T] what each changes over a season of the
    training part on average, standardised, NaN where nobody knows. `season` is the number of places after which values
    come again, None where they do not.
    """

    places: np.ndarray
    first: np.ndarray
    season: int | None
    changes: np.ndarray

    @classmethod
    def of(
        cls, series: Series, places: np.ndarray, season: int | None, changes: Sequence[float | None] | np.ndarray = ()
    ) -> "Naive":
        """Look where the series begin."""
        known = np.array(changes, dtype=np.float64)  # None becomes NaN
        return cls(places, _first_observed(series), season, known.reshape(-1, series.num_targets))

    def forecasts(
        self, series: Series, observed: np.ndarray, anchors: np.ndarray, steps: Sequence[int]
    ) -> dict[str, np.ndarray]:
        """Give by name the forecasts at anchors [B] of `steps` [H] ahead, [B, T, H] fp32.

        NaN for a target that the history of a window, `observed` [B, L, V], does not hold: it is not scored. Where
        nothing is known of the seasons before, the last value takes their place.
        """
        known = observed[..., : series.num_targets]
        latest = anchors[:, None] - known[:, ::-1].argmax(axis=1)  # [B, T], the last row at which each was observed
        number = series.numbers_of(anchors)
        found = {DRIFT: _drift(series, self.first[number], latest, anchors, steps)}
        if self.season is not None:
            forecast = _seasonal(series, self.places, self.season, anchors, steps)
            found[SEASONAL] = np.where(np.isnan(forecast), _at(series, latest)[..., None], forecast)
        is_seen = np.asarray(known.any(axis=1))[..., None]
        found = {name: np.where(is_seen, forecast, np.nan).astype(np.float32) for name, forecast in found.items()}
        return found | ({CHANGE: self.changes[number].astype(np.float32)} if self.changes.size else {})


def _seasonal(series: Series, places: np.ndarray, season: int, anchors: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """Give the latest value at the same place of a season, [B, T, H], NaN where none was observed.

    When a row ahead will be is known beforehand, as its clock goes on; what it holds is not.
    """
    ahead = places[np.minimum(anchors[:, None] + np.asarray(steps), len(places) - 1)]  # [B, H]
    back = -(-(ahead - places[anchors][:, None]) // season)  # whole seasons, at least so many
    found = np.full((*ahead.shape, series.num_targets), np.nan)
    for more in range(MOST_SEASONS_BACK):
        wanted = ahead - (np.maximum(back, 1) + more) * season  # never behind the anchor
        rows = np.searchsorted(places, wanted)
        is_there = (places[rows] == wanted)[..., None]  # [B, H, 1]; between two rows there is nothing
        use = is_there & series.observed[rows, : series.num_targets] & np.isnan(found)
        found = np.where(use, series.values[rows, : series.num_targets], found)
    return found.transpose(0, 2, 1)


def _drift(
    series: Series, first: np.ndarray, latest: np.ndarray, anchors: np.ndarray, steps: Sequence[int]
) -> np.ndarray:
    """Go on from the latest row [B, T] of each target as it went there from its first one [B, T]: [B, T, H]."""
    end = _at(series, latest)
    slope = (end - _at(series, first)) / np.maximum(latest - first, 1)
    ahead = (anchors[:, None] - latest)[..., None] + np.asarray(steps)
    return np.asarray(end[..., None] + slope[..., None] * ahead)


def _first_observed(series: Series) -> np.ndarray:
    """Give the first row of each series at which each target was observed [S, T], its own first row where none was."""
    ends, targets = series.ends, series.observed[:, : series.num_targets]
    rows = np.arange(len(series))[:, None]
    first = np.minimum.reduceat(np.where(targets, rows, len(series)), ends[:-1], axis=0)
    return np.where(first < ends[1:, None], first, ends[:-1, None])


def _at(series: Series, rows: np.ndarray) -> np.ndarray:
    """Give the values of the targets at rows [B, T], fp64."""
    return series.values[np.maximum(rows, 0), np.arange(series.num_targets)].astype(np.float64)
