"""What forecasts as quantiles are worth: one set of definitions for training, evaluation and benchmarks."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infrastructure.tasks.series.scoring.forecasts import Booleans, Numbers

Floats = NDArray[np.float64]

POINTS, KNOWN = "num_points", "num_points_repeat_last"
_SIZE = "size"  # of what came
_PER_TARGET = ("mse", "mae", "loss", "repeat_last_mse", "repeat_last_mae")


def symmetric_pairs(levels: Sequence[float]) -> list[tuple[int, int]]:
    """Find the pairs of levels that lie equally far from the middle, outermost first."""
    places = {round(level, 6): index for index, level in enumerate(levels)}
    return [(i, places[round(1 - q, 6)]) for q, i in places.items() if q < 0.5 and round(1 - q, 6) in places]


def median_place(levels: Sequence[float]) -> tuple[int, int, float]:
    """Say between which two of the ascending levels 0.5 lies, and which share of the way from the one to the other.

    Both are the same where 0.5 is a level itself, and the nearest level where all lie on one side of it.
    """
    places = [round(level, 6) for level in levels]
    if 0.5 in places:
        return places.index(0.5), places.index(0.5), 0.0
    high = sum(place < 0.5 for place in places)
    if high in (0, len(places)):
        nearest = min(high, len(places) - 1)
        return nearest, nearest, 0.0
    low = high - 1
    return low, high, (0.5 - levels[low]) / (levels[high] - levels[low])


def median_of(forecast: Numbers, levels: Sequence[float]) -> Floats:
    """Take the median of a forecast [..., Q], ascending in Q: [...], interpolated where 0.5 is no level."""
    low, high, share = median_place(levels)
    below = forecast[..., low].astype(np.float64)
    if low == high:
        return below
    above = forecast[..., high].astype(np.float64)
    # Clipped: rounding must not carry it past a neighbour.
    return np.clip(below + share * (above - below), below, above)


def crps_weights(levels: Sequence[float]) -> Floats:
    """Weigh the pinball losses of the levels [Q] so that twice their sum is the CRPS.

    The CRPS is twice the integral of the pinball loss over the level from 0 to 1. It is taken by the trapezoid rule
    between the levels, and held constant outside the first and the last. At levels symmetric about 0.5 this makes the
    CRPS of a point forecast its absolute error exactly, so both can stand side by side; seven levels from 0.05 to 0.95
    give 0.555 for a true standard normal, which has 0.564.
    Source: Gneiting and Raftery, JASA 102 (2007); Laio and Tamea, HESS 11 (2007).
    """
    inner_edges = [(low + high) / 2 for low, high in pairwise(levels)]
    return np.diff([0.0, *inner_edges, 1.0])


def metric_names(quantiles: Sequence[float], horizons: Sequence[int]) -> tuple[str, ...]:
    """List the scalar metrics a run can be judged by: those of which less is better.

    Coverage is best at its level and neither above nor below, a narrow interval is no virtue alone, and repeat-last
    does not depend on the model: by none of these can a best checkpoint be chosen.
    """
    totals = ("loss", "crps", "mse", "mae")
    return (
        *totals,
        *(f"{name}_original" for name in totals),
        *(f"loss_{level_name(level)}" for level in quantiles),
        *(f"loss_{horizon}" for horizon in horizons),
    )


class ForecastScores:
    """Scores quantile forecasts as sums and counts over all windows, targets and horizons, divided once at the end.

    `quantiles` [Q] ascend in (0, 1), `horizons` [H] and `target_names` [T] name what is scored, and `scales` [T] are
    the standard deviations that turn standardised values into those of each target, where its windows do not say their
    own. Sums are float64, so batching changes no more than their last digits. A point counts where its target is
    observed.
    """

    def __init__(
        self,
        quantiles: Sequence[float],
        horizons: Sequence[int],
        target_names: Sequence[str],
        scales: Sequence[float],
    ) -> None:
        assert all(low < high for low, high in zip([0.0, *quantiles], [*quantiles, 1.0], strict=True)), "must ascend"
        assert len(scales) == len(target_names), "a scale for each target"
        self._levels = tuple(float(level) for level in quantiles)
        self._pairs = symmetric_pairs(self._levels)
        self._horizons = tuple(horizons)
        self._target_names = tuple(target_names)
        self._scales = np.asarray(scales, dtype=np.float64)
        self._num_windows = 0
        shape = len(self._target_names), len(self._horizons)
        self._points, self._squared, self._absolute = np.zeros((3, *shape))  # [T, H] each
        self._known, self._repeat_squared, self._repeat_absolute, self._repeat_pinball = np.zeros((4, *shape))
        self._pinball, self._covered = np.zeros((2, len(self._levels), *shape))  # [Q, T, H] each
        self._inside, self._between, self._width = np.zeros((3, len(self._pairs), *shape))  # [P, T, H] each
        self._own: dict[str, float] = defaultdict(float)  # sums by name, in the units of the windows
        self._by_window: dict[str, list[Floats]] = defaultdict(list)  # by name, [B] each

    def add(
        self,
        forecast: Numbers,
        target: Numbers,
        last: Numbers,
        level: Numbers | None = None,
        unit: Numbers | None = None,
    ) -> None:
        """Take in a batch of standardised values.

        Shapes: forecast [B, T, H, Q] ascending in Q, target [B, T, H] with NaN where not observed, last [B, T] the
        last observed value of each target, NaN where there is none. `level` and `unit` [B, T] bring those of a window
        back to their own units: those of the series that it is of.
        """
        shape = self._points.shape
        assert target.shape == (len(target), *shape), "target must be [windows, targets, horizons]"
        assert forecast.shape == (*target.shape, len(self._levels)), "forecast must be [*target, quantiles]"
        assert last.shape == target.shape[:2], "last must be [windows, targets]"
        observed = ~np.isnan(target)  # [B, T, H]
        truth = np.where(observed, target, 0.0).astype(np.float64)
        self._num_windows += len(target)
        self._points += observed.sum(axis=0)
        errors = truth - median_of(forecast, self._levels)
        units = np.broadcast_to(self._scales, last.shape) if unit is None else unit.astype(np.float64)
        scores = {**self._add_levels(forecast, truth, observed), "mse": errors**2, "mae": np.abs(errors)}
        self._squared += _sum_where(observed, scores["mse"])
        self._absolute += _sum_where(observed, scores["mae"])
        self._add_own(scores, observed, units)
        if level is not None:
            with np.errstate(over="ignore"):
                own = truth * units[..., None] + level.astype(np.float64)[..., None]
                self._own[_SIZE] += float(np.abs(own).sum(where=observed))
        self._keep({name: values for name, values in scores.items() if "interval" not in name}, POINTS, observed)
        known = observed & ~np.isnan(last)[..., None]
        repeated = self._add_repeat_last(truth - last.astype(np.float64)[..., None], known)
        self._keep(repeated, KNOWN, known)
        self._add_own(repeated, known, units)

    def metrics(self) -> dict[str, Any]:
        """Give all metrics by name; NaN stands where no point was observed, since nothing was scored there.

        Units: standardised, or with `_original` those of the targets, pooled over targets as they are; `wql`, twice the
        sum of the mean pinball losses in these units over the sum of what came without its signs, has none. `loss` is
        the mean pinball loss over points and quantiles, `crps` its weighted integral (`crps_weights`), `mse` and `mae`
        those of the median. `repeat_last_*` scores the last observed value, as its own forecast at every quantile, on
        the `num_points_repeat_last` points of `num_points` that have one. `coverage_q10` is the share of targets at or
        below the quantile 0.1, `picp_80` the share within an interval, ends included, `between_80` that without its
        ends, of values that lie at them, as counts do, and `interval_80_mean` its mean
        width. `loss_q10` is the loss of one quantile, `loss_1` that of one horizon. `per_target` and `per_horizon` are
        standardised; the lists of `per_horizon` [H] run along the horizons.
        """
        points, known = self._points.sum(), self._known.sum()
        totals = self._totals()
        original = {
            f"{name}_original": _ratio(self._own[name], known if name.startswith("repeat_last_") else points)
            for name in totals
        }
        if _SIZE in self._own:
            for name in ("", "repeat_last_"):
                original[f"{name}wql"] = _ratio(2.0 * self._own[f"{name}loss"], self._own[_SIZE])
        pinball_at_horizon = self._pinball.mean(axis=0).sum(axis=0)  # [H]
        points_at_horizon = self._points.sum(axis=0)
        per_horizon = {"mse": self._squared.sum(axis=0), "mae": self._absolute.sum(axis=0)}
        result: dict[str, Any] = {**totals, **self._shares(slice(None)), **original}
        for index, name in enumerate(self._pair_names()):
            if self._between[index].sum() < self._inside[index].sum():
                result[f"between_{name}"] = _ratio(self._between[index].sum(), points)
        for index, level in enumerate(self._levels):
            result[f"coverage_{level_name(level)}"] = _ratio(self._covered[index].sum(), points)
            result[f"loss_{level_name(level)}"] = _ratio(self._pinball[index].sum(), points)
        for index, horizon in enumerate(self._horizons):
            result[f"loss_{horizon}"] = _ratio(pinball_at_horizon[index], points_at_horizon[index])
        return {
            **result,
            "num_windows": self._num_windows,
            POINTS: int(points),
            KNOWN: int(self._known.sum()),
            "per_target": {name: self._of_target(index) for index, name in enumerate(self._target_names)},
            "per_horizon": {
                name: [_ratio(*pair) for pair in zip(sums, points_at_horizon, strict=True)]
                for name, sums in per_horizon.items()
            },
        }

    def outcomes(self) -> dict[str, Floats]:
        """Give what each window [N] adds to the metrics of these names, standardised, in the order they came.

        `num_points` and `num_points_repeat_last` of a window are what its means are taken over, and count for in those
        of all.
        """
        return {name: np.concatenate(parts) for name, parts in self._by_window.items()}

    def _add_own(self, scores: Mapping[str, Floats], counted: Booleans, units: Floats) -> None:
        """Take in scores [B, T, H], but shares, in the units of their windows [B, T]; squares have their squares."""
        with np.errstate(over="ignore"):  # of values beyond 1e154 the square is infinite
            for name, values in scores.items():
                if not name.startswith("picp_"):
                    of_windows = np.sum(values, axis=2, where=counted)  # [B, T]
                    in_own = of_windows * units * (units if name.endswith("mse") else 1.0)  # 0 stays 0
                    self._own[name] += float(in_own.sum())

    def _keep(self, scores: Mapping[str, Floats], count: str, counted: Booleans) -> None:
        """Keep the mean scores of each window over the points that count, and their number; scores are [B, T, H]."""
        points = counted.sum(axis=(1, 2))  # [B]
        for name, values in scores.items():
            means = np.sum(values, axis=(1, 2), where=counted) / np.maximum(points, 1)
            self._by_window[name].append(means)
        self._by_window[count].append(points)

    def _add_levels(self, forecast: Numbers, truth: Floats, observed: Booleans) -> dict[str, Floats]:
        """Take in each level; gives scores over all of them, [B, T, H] each."""
        # One level at a time: all of them in float64 would be many times the batch itself.
        scores = {"loss": np.zeros_like(truth), "crps": np.zeros_like(truth)}
        weights = crps_weights(self._levels)
        for index, level in enumerate(self._levels):
            short = truth - forecast[..., index]
            pinball = np.maximum(level * short, (level - 1.0) * short)
            scores["loss"] += pinball / len(self._levels)
            scores["crps"] += 2.0 * weights[index] * pinball
            self._pinball[index] += _sum_where(observed, pinball)
            self._covered[index] += (observed & (truth <= forecast[..., index])).sum(axis=0)
        for index, ((low, high), name) in enumerate(zip(self._pairs, self._pair_names(), strict=True)):
            lower, upper = forecast[..., low].astype(np.float64), forecast[..., high].astype(np.float64)
            inside = (lower <= truth) & (truth <= upper)
            self._inside[index] += (observed & inside).sum(axis=0)
            self._between[index] += (observed & (lower < truth) & (truth < upper)).sum(axis=0)
            self._width[index] += _sum_where(observed, upper - lower)
            scores[f"interval_{name}_mean"] = upper - lower
            scores[f"picp_{name}"] = inside.astype(np.float64)
        return scores

    def _add_repeat_last(self, errors: Floats, known: Booleans) -> dict[str, Floats]:
        """Take in the last observed value as a forecast; gives its scores, [B, T, H] each."""
        # The pinball loss is linear in the level on either side, so that of one point at all levels is that at their
        # mean.
        level = float(np.mean(self._levels))
        squared, absolute = errors**2, np.abs(errors)
        pinball = np.maximum(level * errors, (level - 1.0) * errors)
        self._known += known.sum(axis=0)
        self._repeat_squared += _sum_where(known, squared)
        self._repeat_absolute += _sum_where(known, absolute)
        self._repeat_pinball += _sum_where(known, pinball)
        return {"repeat_last_mse": squared, "repeat_last_mae": absolute, "repeat_last_loss": pinball}

    def _totals(self, targets: slice = slice(None)) -> dict[str, float]:
        """Give what has a unit, over all horizons of some targets, standardised."""
        points, known = self._points[targets].sum(), self._known[targets].sum()
        pinball = self._pinball[:, targets].sum(axis=(1, 2))  # [Q]
        result = {
            "loss": _ratio(pinball.mean(), points),
            "crps": _ratio(2.0 * (crps_weights(self._levels) * pinball).sum(), points),
            "mse": _ratio(self._squared[targets].sum(), points),
            "mae": _ratio(self._absolute[targets].sum(), points),
            "repeat_last_loss": _ratio(self._repeat_pinball[targets].sum(), known),
            "repeat_last_mse": _ratio(self._repeat_squared[targets].sum(), known),
            "repeat_last_mae": _ratio(self._repeat_absolute[targets].sum(), known),
        }
        for index, name in enumerate(self._pair_names()):
            result[f"interval_{name}_mean"] = _ratio(self._width[index, targets].sum(), points)
        return result

    def _shares(self, targets: slice) -> dict[str, float]:
        points = self._points[targets].sum()
        return {
            f"picp_{name}": _ratio(self._inside[index, targets].sum(), points)
            for index, name in enumerate(self._pair_names())
        }

    def _of_target(self, index: int) -> dict[str, float]:
        only = slice(index, index + 1)
        totals = self._totals(only)
        return {name: totals[name] for name in _PER_TARGET} | self._shares(only)

    def _pair_names(self) -> list[str]:
        return [f"{100 * (self._levels[high] - self._levels[low]):g}" for low, high in self._pairs]


def level_name(level: float) -> str:
    """Name a level as metrics do: q05, q50, q97.5."""
    return f"q{100 * level:02g}"


def _sum_where(counted: Booleans, values: Floats) -> Floats:
    """Sum over windows what counts: [B, T, H] to [T, H]. What does not may be NaN."""
    return np.sum(values, axis=0, where=counted)


def _ratio(total: float, count: float) -> float:
    return float(total / count) if count else float("nan")
