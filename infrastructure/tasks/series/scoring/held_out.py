"""Points of a held-out part, from which factors of quantiles are found."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from infrastructure.tasks.series.scoring.calibration import Calibration
from infrastructure.tasks.series.scoring.forecasts import Booleans, Numbers
from infrastructure.tasks.series.scoring.metrics import Floats, median_of
from infrastructure.tasks.series.scoring.scattering import Keys, scattered

Places = NDArray[np.int64]

# The share at a level is then known to about 0.002, and no block of windows says it that well.
MAX_POINTS = 50_000


@dataclass(frozen=True)
class Points:
    """Observed targets, each of one window at one horizon.

    `errors` [N] are what came less the median, `spreads` [N, Q] the quantiles less the median. `windows`, `targets` and
    `steps` [N] number the window in the order of time, the target, and the place among the horizons.
    """

    errors: Floats
    spreads: Floats
    values: Floats
    windows: Places
    targets: Places
    steps: Places

    def __len__(self) -> int:
        return len(self.errors)

    def __getitem__(self, chosen: Booleans | Places) -> "Points":
        return Points(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @classmethod
    def none(cls, num_levels: int) -> "Points":
        """Give no points."""
        empty, places = np.empty(0), np.empty(0, dtype=np.int64)
        return cls(empty, np.empty((0, num_levels)), empty, places, places, places)

    def and_(self, others: "Points") -> "Points":
        """Give these and others behind them."""
        return Points(
            *(np.concatenate([getattr(self, field.name), getattr(others, field.name)]) for field in fields(self))
        )

    def moved(self, calibration: Calibration) -> Floats:
        """Give the spreads [N, Q] as a calibration makes them."""
        spreads = self.spreads * np.array(calibration.factors)
        for by_place, places in ((calibration.by_target, self.targets), (calibration.by_step, self.steps)):
            if by_place:
                spreads = spreads * np.array(by_place)[places, None]
        return spreads

    def ratios(self, calibration: Calibration) -> Floats:
        """Give by how much each calibrated quantile would have to move to just reach its target: [N, Q].

        NaN for a quantile without spread, which no factor moves.
        """
        spreads = self.moved(calibration)
        usable: Booleans = np.isfinite(spreads) & (spreads != 0.0)
        found = np.full(spreads.shape, np.nan)
        # A spread of next to nothing may give infinity: such a point is out of reach, and left out like one without.
        with np.errstate(over="ignore"):
            np.divide(self.errors[:, None], spreads, out=found, where=usable)
        return found

    def losses(self, calibration: Calibration) -> Floats:
        """Give the pinball loss of each point [N], summed over the levels."""
        short = self.errors[:, None] - self.moved(calibration)
        levels = np.array(calibration.quantiles)
        return np.asarray(np.maximum(levels * short, (levels - 1.0) * short).sum(axis=1))

    def in_mass(self, share: float) -> Booleans:
        """Tell which points [N] lie at a value that takes at least a share of those of its target."""
        found: Booleans = np.zeros(len(self), dtype=bool)
        for number in np.unique(self.targets):
            of_target = self.targets == number
            distinct, counts = np.unique(self.values[of_target], return_counts=True)
            if counts.max() >= share * counts.sum():
                found |= of_target & (self.values == distinct[counts.argmax()])
        return found


class HeldOut:
    """Collects points from batches, a seeded sample of them where there are many."""

    def __init__(self, quantiles: Sequence[float], max_points: int = MAX_POINTS, seed: int = 0) -> None:
        assert max_points > 0, "max_points must be above 0"
        self._levels = tuple(float(level) for level in quantiles)
        self._max_points = max_points
        self._offset = np.uint64(seed * 0xD1342543DE82EF95 % 2**64)  # odd, so each seed has its own
        self._num_seen = 0  # places of points, observed or not
        self._keys: Keys = np.empty(0, dtype=np.uint64)  # [N]
        self._points = Points.none(len(self._levels))
        self.num_windows = 0
        self.num_targets = 1

    def add(self, forecast: Numbers, target: Numbers) -> None:
        """Take in a batch, windows in the order of time; NaN targets weigh nothing, nor do forecasts without spread.

        Shapes: forecast [B, ..., Q] ascending in Q, target [B], [B, T] or [B, T, H]. Of more than `max_points` points
        those with the smallest keys are kept, and a key is a hash of the place of the point among all: a seeded sample
        that is the same however the windows are batched.
        """
        assert forecast.shape == (*target.shape, len(self._levels)), "forecast must be [*target, quantiles]"
        target = np.where(forecast[..., -1] > forecast[..., 0], target, np.nan)
        self.num_targets, num_steps = (*target.shape, 1, 1)[1:3]
        places = self._num_seen + np.flatnonzero(~np.isnan(target))
        keys = scattered(places.astype(np.uint64) + self._offset)
        chosen = places - self._num_seen
        if len(self._keys) >= self._max_points:
            wanted = keys < self._keys.max()
            keys, chosen = keys[wanted], chosen[wanted]
        values = target.reshape(-1)[chosen].astype(np.float64)
        quantiles = forecast.reshape(-1, len(self._levels))[chosen]
        median = median_of(quantiles, self._levels)
        number, rest = np.divmod(chosen, self.num_targets * num_steps)
        shows = ~np.isnan(target).all(axis=tuple(range(1, target.ndim)))  # [B]: others are no windows
        added = Points(
            errors=values - median,
            spreads=quantiles.astype(np.float64) - median[:, None],
            values=values,
            windows=(self.num_windows - 1 + np.cumsum(shows))[number],
            targets=rest // num_steps,
            steps=rest % num_steps,
        )
        self._num_seen += target.size
        self.num_windows += int(shows.sum())
        self._keys = np.concatenate([self._keys, keys])
        self._points = self._points.and_(added)
        if len(self._keys) > self._max_points:
            kept = np.argpartition(self._keys, self._max_points - 1)[: self._max_points]
            self._keys, self._points = self._keys[kept], self._points[kept]

    @property
    def points(self) -> Points:
        """The points that factors may rest on, in an order that batching does not change."""
        return self._points[np.argsort(self._keys)]
