"""Finds factors of quantiles, and keeps those that help on blocks of the held-out part that did not choose them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np

from infrastructure.tasks.series.scoring.calibration import Calibration, shares, sides
from infrastructure.tasks.series.scoring.held_out import HeldOut, Places, Points
from infrastructure.tasks.series.scoring.metrics import Floats

# So many independent blocks move a factor half of the way to what they say: two blocks of one table differ by as much
# as tables do.
HALF_WAY = 4.0
MAX_BLOCKS = 10  # that are held out, one after the other
MAX_GROUPS = 4  # of horizons
LARGEST = 1e6  # a factor; where a spread is next to nothing, the product of several would leave what numbers can be
# What truer coverage may cost on held-out blocks, as a share of the loss.
COST = 0.005
# A value that takes at least the first share of a target's points, as zero does of intermittent demand, is a mass: a
# quantile that would cut through it, and cover some of its points by a hair, is moved on to cover the second share.
MASS_SHARE, MASS_COVERED = 0.25, 0.99
# What a mass may cost, as a share of the loss; to cover it by a hair costs nothing.
MASS_COST = 0.001

# From points, what was found so far, and the number of blocks behind them.
Step = Callable[[Points, Calibration, float], Calibration]


class Guard:
    """Tries one correction after the other, the coarsest first, and keeps each that helps on held-out blocks.

    All by one factor; each target, each level, each group of horizons by its own. A factor is the one that just reaches
    the share of points it should: the ratio (target - median) / (q - median) of rank ceil((n + 1) * share) among n, at
    most that of rank n and at least 0, where the share is the level above the median, 1 - level below it, and for
    several levels the mean of theirs.

    Points overlap between windows and series drift, so points are no measure of what is known: `overlap` successive
    windows share targets and count as one block. One of k factors found on n blocks goes n / (n + k * HALF_WAY) of its
    way from 1. A correction is kept when factors from the other blocks, without the windows that share targets with the
    one held out, lower the pinball loss there, in sum and in most of at most MAX_BLOCKS blocks; or when they bring the
    coverage as often nearer to what it should be, and all that is kept costs no more than COST. That promises
    nothing for a time unlike the held-out part. The median is trusted: where it is biased by more than a quantile lies
    away from it, that quantile moves no farther than to the median. A forecast without any spread has no say.
    Where a target has a mass, a quantile covers it or does not: intervals of intermittent demand cover more than their
    level, as the shortest that hold what comes with that chance must.
    Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), for the rank; Romano, Patterson
    and Candes, Conformalized Quantile Regression (2019), for correcting quantiles, there by a shift.
    """

    def __init__(self, quantiles: Sequence[float], horizons: Sequence[int], overlap: int = 1) -> None:
        self._levels = tuple(float(level) for level in quantiles)
        self._shares = shares(self._levels)
        below, above = sides(self._levels)
        self._outer = np.array([*below, *above], dtype=np.int64)  # without the median
        self._horizons = tuple(horizons)
        self._overlap = overlap
        self._least = 0.0
        self._none = Calibration(self._levels, (1.0,) * len(self._levels))

    def fitted(self, held_out: HeldOut, may_narrow: bool = True) -> Calibration:
        """Find what helps, no factor below 1 unless they `may_narrow`."""
        self._least = 0.0 if may_narrow else 1.0
        points, num_blocks = held_out.points, held_out.num_windows / self._overlap
        kept: dict[str, Step] = {}
        for name, step in self._steps(held_out.num_targets).items():
            if self._helps([*kept.values()], step, points, held_out.num_windows):
                kept[name] = step
        found = self._none
        for step in kept.values():
            found = step(points, found, num_blocks)
        return replace(self._over_mass(points, found), told=_told([*kept], int(num_blocks)))

    def _steps(self, num_targets: int) -> dict[str, Step]:
        if not len(self._outer):
            return {}
        steps: dict[str, Step] = {"all together": self._together}
        if num_targets > 1:
            steps["each target"] = partial(self._by_target, num_targets)
        if len(self._outer) > 1:
            steps["each quantile"] = self._by_level
        if len(self._horizons) > 1:
            steps["horizons"] = self._by_step
        return steps

    def _together(self, points: Points, found: Calibration, num_blocks: float) -> Calibration:
        factor = self._factor(points.ratios(found), self._outer, num_blocks)
        return self._by_levels(found, dict.fromkeys(self._outer.tolist(), factor))

    def _by_target(self, num_targets: int, points: Points, found: Calibration, num_blocks: float) -> Calibration:
        ratios = points.ratios(found)
        of_each = [ratios[points.targets == target] for target in range(num_targets)]
        by_target = [self._factor(of_target, self._outer, num_blocks / num_targets) for of_target in of_each]
        return replace(found, by_target=tuple(by_target))

    def _by_level(self, points: Points, found: Calibration, num_blocks: float) -> Calibration:
        ratios = points.ratios(found)
        factors = {
            index: self._factor(ratios, [index], num_blocks / len(self._outer)) for index in self._outer.tolist()
        }
        return self._by_levels(found, factors)

    def _by_step(self, points: Points, found: Calibration, num_blocks: float) -> Calibration:
        ratios, by_step, groups = points.ratios(found), np.ones(len(self._horizons)), groups_of(len(self._horizons))
        for group in groups:
            inside = (points.steps >= group.start) & (points.steps < group.stop)
            # What is near overlaps less: its windows are more blocks.
            nearness = min(self._horizons[-1] / self._horizons[group.stop - 1], self._overlap)
            by_step[group] = self._factor(ratios[inside], self._outer, num_blocks * nearness / len(groups))
        return replace(found, by_step=tuple(by_step.tolist()))

    def _by_levels(self, found: Calibration, factors: Mapping[int, float]) -> Calibration:
        moved = [factor * factors.get(at, 1.0) for at, factor in enumerate(found.factors)]
        return replace(found, factors=tuple(moved))

    def _factor(self, ratios: Floats, levels: Sequence[int] | Places, num_blocks: float) -> float:
        """Give the factor of some levels, moved as far from 1 as so many blocks can say."""
        of_levels = ratios[:, levels]
        usable = of_levels[np.isfinite(of_levels)]
        factor = reaching(usable, float(self._shares[levels].mean()))
        return max(self._least, 1.0 + num_blocks / (num_blocks + HALF_WAY) * (factor - 1.0))

    def _helps(self, kept: Sequence[Step], step: Step, points: Points, num_windows: int) -> bool:
        """Tell whether one more step lowers the loss of blocks that it was not found on."""
        num_held = min(MAX_BLOCKS, int(num_windows / self._overlap))
        if num_held < 2:
            return False
        edges = np.linspace(0, num_windows, num_held + 1).astype(np.int64)
        cheaper, closer, cost, loss = [], [], 0.0, 0.0
        for start, end in pairwise(edges.tolist()):
            held = points[(points.windows >= start) & (points.windows < end)]
            others = points[(points.windows <= start - self._overlap) | (points.windows >= end - 1 + self._overlap)]
            if not len(held) or not len(others):
                continue
            num_blocks = (num_windows - (end - start)) / self._overlap
            before = self._none
            for earlier in kept:
                before = earlier(others, before, num_blocks)
            after = step(others, before, num_blocks)
            plain, loss_before, loss_after = (
                float(np.nansum(held.losses(found))) for found in (self._none, before, after)
            )
            cheaper.append(loss_before - loss_after)
            closer.append(self._off(held, before) - self._off(held, after))
            cost, loss = cost + loss_after - plain, loss + plain
        return _mostly(cheaper) or (_mostly(closer) and cost <= COST * loss)

    def _off(self, points: Points, found: Calibration) -> float:
        """Give how far the share of points on the median's side of the levels is from what it should be."""
        ratios = points.ratios(found)[:, self._outer]
        reached = np.where(np.isnan(ratios), self._shares[self._outer], ratios <= 1.0)
        return float(abs((reached - self._shares[self._outer]).mean()))

    def _over_mass(self, points: Points, found: Calibration) -> Calibration:
        """Move quantiles over masses that they cut through, where that costs next to nothing."""
        in_mass = points.in_mass(MASS_SHARE)
        if not in_mass.any():
            return found
        factors, ratios = {}, points[in_mass].ratios(found)
        for index in self._outer.tolist():
            of_mass = ratios[np.isfinite(ratios[:, index]), index]
            if of_mass.size and of_mass.min() <= 1.0 < of_mass.max():
                factors[index] = max(1.0, float(np.quantile(of_mass, MASS_COVERED)))
        over = self._by_levels(found, factors)
        is_cheap = np.nansum(points.losses(over)) <= (1.0 + MASS_COST) * np.nansum(points.losses(found))
        return over if is_cheap else found


def reaching(ratios: Floats, share: float) -> float:
    """Give the factor that reaches a share of the points by their ratios [N], 1 where there is none."""
    if not ratios.size:
        return 1.0
    # Rounded first: (n + 1) * share just above a whole number would rank one too high.
    rank = min(math.ceil(round((ratios.size + 1) * share, 6)), ratios.size)
    return min(max(0.0, float(np.partition(ratios, rank - 1)[rank - 1])), LARGEST)


def groups_of(num_steps: int) -> list[slice]:
    """Cut the horizons into at most MAX_GROUPS groups, each about as long as all before it: errors grow early."""
    edges = {0, num_steps, *(num_steps // 2**power for power in range(1, MAX_GROUPS))}
    return [slice(start, end) for start, end in pairwise(sorted(edges))]


def _mostly(gains: Sequence[float]) -> bool:
    """Tell whether blocks gain, in sum and more of them than lose."""
    return sum(gains) > 0.0 and sum(gain > 0.0 for gain in gains) > sum(gain < 0.0 for gain in gains)


def _told(kept: Sequence[str], num_blocks: int) -> str:
    blocks = f"{num_blocks} independent block{'' if num_blocks == 1 else 's'}"
    if kept:
        return f"by {blocks}: {', '.join(kept)}"
    if num_blocks < 2:
        return f"none, for {blocks} cannot check it"
    return f"none, for it did not help where it was not found ({blocks})"
