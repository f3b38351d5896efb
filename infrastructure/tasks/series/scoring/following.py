"""Lets bands follow what has come: wider while too little lay in them, narrower while too much did."""

from collections import deque
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from infrastructure.tasks.scored import Outcomes
from infrastructure.tasks.series.scoring.calibration import Calibration, Drift, shares, sides
from infrastructure.tasks.series.scoring.forecasts import ForecastReader, Forecasts
from infrastructure.tasks.series.scoring.guarded import HALF_WAY
from infrastructure.tasks.series.scoring.metrics import Floats, median_of

# What a share that is missing says of a band: one that is wider by a tenth holds about 0.0225 more below its quantile
# 0.9, where errors are normal.
STEP = 1.0 / 0.225
# Blocks that are remembered: what came longer ago weighs less and less.
MEMORY = 20.0
MOST = 4.0  # times as wide, or as narrow: where quantiles cannot reach what comes, a band would go on for ever
DRIFT = "drift"  # among metrics: where the bands have come to


class Follower:
    """Moves the width of bands, one for each target, by how much of what came they held.

    Windows come in the order of time. The bands of a window have followed those windows alone of which all has come
    when it begins. Successive windows share targets: each counts as the part of a reach that lies between it and the
    one before, and a whole reach is a block. A block in which, over all quantiles, the share e too little lay on the
    median's side of them widens the logarithm of the width by STEP * e / (HALF_WAY + n) after n blocks, at most MEMORY;
    for what a target missed beyond the others the HALF_WAY is as many times as large as there are targets, as one of
    many factors is known less well. What is assumed or follows a flat history, and quantiles without spread, have no
    say.
    Source: Gibbs and Candes, Adaptive Conformal Inference Under Distribution Shift (2021), for following the share that
    was missed; Angelopoulos, Candes and Tibshirani, Conformal PID Control (2023), for moving the quantile itself;
    Angelopoulos, Barber and Bates, Online conformal prediction with decaying step sizes (2024), for the steps.
    """

    def __init__(self, calibration: Calibration) -> None:
        assert calibration.drift is not None, "a calibration that follows nothing"
        self._calibration = calibration
        self._shares = shares(calibration.quantiles)
        below, above = sides(calibration.quantiles)
        self._outer = np.array([*below, *above], dtype=np.int64)
        self._logs = np.log(np.array(calibration.drift.widths))  # [T]
        self._num_blocks = calibration.drift.num_blocks
        self._before: int | None = None  # when the last window that was followed began
        self._pending: deque[_Missed] = deque()  # of windows that are not known yet

    def widths(self, found: Forecasts) -> Floats:
        """Give by how much bands of the next windows are wider than calibrated [B, T], and take these in."""
        begins, known = found.begins, found.known
        assert begins is not None, "windows do not say when they begin"
        assert known is not None, "windows do not say when they are known"
        ratios = self._ratios(found)
        widths = np.empty((len(found), len(self._logs)))
        starts = np.flatnonzero(np.diff(begins, prepend=begins[0] - 1))
        for start, end in pairwise([*starts.tolist(), len(found)]):
            self._follow(int(begins[start]))
            widths[start:end] = width = np.exp(self._logs)
            of_these = ratios[start:end]  # [b, T, H, outer]
            there = np.isfinite(of_these)
            missed = np.where(there, self._shares[self._outer] - (of_these <= width[:, None, None]), 0.0)
            sums = missed.sum(axis=(0, 2, 3)), there.sum(axis=(0, 2, 3)).astype(np.float64)
            self._remember(_Missed(int(begins[start]), int(known[start:end].max()), *sums))
        return widths

    def ended(self) -> Drift:
        """Give where the bands have come to when all of the windows has come."""
        if self._pending:
            self._follow(max(window.known for window in self._pending))
        return Drift(tuple(np.exp(self._logs).tolist()), self._num_blocks)

    def _ratios(self, found: Forecasts) -> Floats:
        """Give the width at which each quantile just reaches its target [B, T, H, outer], NaN where none does."""
        plain = found.forecast.astype(np.float64)
        median = median_of(plain, self._calibration.quantiles)
        spreads = ((plain - median[..., None]) * self._calibration.factors_at_places())[..., self._outer]
        has_say = ~(found.assumed | found.thin)[..., None]
        errors = np.where(has_say, found.target - median, np.nan)[..., None]
        with np.errstate(over="ignore", invalid="ignore"):
            return np.divide(errors, spreads, out=np.full(spreads.shape, np.nan), where=spreads != 0.0)

    def _remember(self, window: "_Missed") -> None:
        """Put by what windows missed; those of one moment count as one, however they came in batches."""
        if self._pending and self._pending[-1].begins == window.begins:
            other = self._pending.pop()
            sums = window.missed + other.missed, window.counts + other.counts
            window = _Missed(window.begins, max(window.known, other.known), *sums)
        self._pending.append(window)

    def _follow(self, now: int) -> None:
        """Follow the windows of which all has come by now."""
        while self._pending and self._pending[0].known <= now:
            window = self._pending.popleft()
            passed = 0 if self._before is None else window.begins - self._before
            assert passed >= 0, "windows must come in the order of time"
            self._before = window.begins
            if not window.counts.any():
                continue
            part = min(1.0, passed / (window.known - window.begins))
            self._num_blocks += part
            num_blocks, num_targets = min(self._num_blocks, MEMORY), len(window.counts)
            of_all = window.missed.sum() / window.counts.sum()
            of_each = np.where(window.counts > 0, window.missed / np.maximum(window.counts, 1.0), of_all)
            step = of_all / (HALF_WAY + num_blocks) + (of_each - of_all) / (HALF_WAY * num_targets + num_blocks)
            self._logs = np.clip(self._logs + STEP * part * step, -np.log(MOST), np.log(MOST))


class _Missed(NamedTuple):
    """What windows that begin at one moment missed, summed over points, and how many these are, [T] each."""

    begins: int
    known: int
    missed: Floats
    counts: Floats


class Following:
    """Lets a reader see forecasts of windows with the widths that bands had come to when each begins."""

    def __init__(self, reader: ForecastReader, follower: Follower) -> None:
        self._reader, self._follower = reader, follower

    def add(self, found: Forecasts) -> None:
        """Hand on one batch."""
        self._reader.add(replace(found, width=self._follower.widths(found)))

    def metrics(self) -> dict[str, Any]:
        """Give what was read, and the `drift` in the end."""
        drift = self._follower.ended()
        return {**self._reader.metrics(), DRIFT: {"widths": list(drift.widths), "num_blocks": drift.num_blocks}}

    def outcomes(self) -> Outcomes:
        """Give what was read of each window."""
        return self._reader.outcomes()


def followed(reader: ForecastReader, calibration: Calibration | None) -> ForecastReader:
    """Let a reader see forecasts as their bands follow what comes, where those of a calibration do."""
    if calibration is None or calibration.drift is None:
        return reader
    return Following(reader, Follower(calibration))
