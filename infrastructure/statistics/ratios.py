"""Intervals of sums divided by counts: a loss, an error, a share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.interval import UNKNOWN, Interval
from infrastructure.statistics.corrected import (
    RESAMPLES,
    SEED,
    corrected_interval,
    normal_interval,
    stretched_interval,
)

Numbers = NDArray[np.number[Any]]
Floats = NDArray[np.floating[Any]]

# 10,000 rows take a third of a second to resample; of more, leaving out each row once says the same.
MAX_ROWS_RESAMPLED = 10_000
MIN_BLOCKS = 5  # of fewer, nobody can tell how much they differ
_DRAWS_AT_ONCE = 1_000_000


def interval_of_ratio(sums: Numbers, counts: Numbers, seed: int = SEED) -> Interval:
    """Give the interval of sum(sums) / sum(counts) over independent rows; both [N], in any order.

    A row that counts 0 weighs nothing, whatever its sum is. Unknown for fewer than two rows that count, and where a sum
    is not finite. Rows are resampled with replacement; above MAX_ROWS_RESAMPLED the spread comes from leaving out each
    of them once. For the difference of two models on the same rows give the difference of their sums.
    """
    counted = np.flatnonzero(counts > 0)
    if len(counted) < 2 or not np.isfinite(sums[counted]).all():
        return UNKNOWN
    rows = counted[np.lexsort((counts[counted], sums[counted]))]  # so that their order decides nothing
    over, under = sums[rows].astype(np.float64), counts[rows].astype(np.float64)
    estimate = float(over.sum() / under.sum())
    without_one = (over.sum() - over) / (under.sum() - under)
    weights = np.ones(len(rows))
    if len(rows) > MAX_ROWS_RESAMPLED:
        return normal_interval(estimate, without_one, weights, len(rows))
    random = np.random.default_rng(seed)
    return corrected_interval(estimate, _resampled(over, under, random), without_one, weights)


def interval_of_windows(sums: Numbers, counts: Numbers, overlap: int, seed: int = SEED) -> Interval:
    """Give the interval of sum(sums) / sum(counts) over windows [N] in the order of time.

    `overlap` is how many successive windows share a step of their targets, as `domain.significance` counts it; with 1
    they are rows like others. Blocks of `block_length` windows are resampled, on a circle, so that each window is
    drawn as often. Unknown for fewer than MIN_BLOCKS blocks. In simulations of forecasts with 10 to 200 blocks the
    true value lay within in 88 to 95 of 100.
    Source: Politis and Romano, A Circular Block-Resampling Procedure for Stationary Data (1992).
    """
    if overlap <= 1:
        return interval_of_ratio(sums, counts, seed)
    counted = counts > 0
    over, under = np.where(counted, sums, 0.0).astype(np.float64), counts.astype(np.float64)
    length = block_length(len(over), overlap)
    num_blocks = len(over) / length
    if num_blocks < MIN_BLOCKS or not counted.any() or not np.isfinite(over).all():
        return UNKNOWN
    starts = np.random.default_rng(seed).integers(0, len(over), (RESAMPLES, -(-len(over) // length)))  # [R, blocks]
    drawn_sums, drawn_counts = (_sums_of_blocks(values, starts, length) for values in (over, under))
    if not drawn_counts.all():
        return UNKNOWN  # so few windows count that a resample holds none of them
    return stretched_interval(float(over.sum() / under.sum()), drawn_sums / drawn_counts, num_blocks)


def block_length(num_windows: int, overlap: int) -> int:
    """Say how many successive windows are drawn together: twice those that share targets, or N^(1/3) where it is more.

    Windows depend on those that share their targets. A block of that length would cut most such pairs apart, and one
    of twice it leaves the spread no more than a tenth too small.
    Source for the order N^(1/3): Hall, Horowitz and Jing, On Blocking Rules for the Bootstrap with Dependent Data,
    Biometrika 82 (1995).
    """
    return max(2 * overlap, int(np.ceil(num_windows ** (1 / 3) - 1e-9)))


def _resampled(sums: Floats, counts: Floats, random: np.random.Generator) -> Floats:
    """Give the ratio of each of RESAMPLES draws of as many rows, a few draws at a time."""
    found = np.empty(RESAMPLES)
    step = max(1, _DRAWS_AT_ONCE // len(sums))
    for start in range(0, RESAMPLES, step):
        rows = random.integers(0, len(sums), (min(step, RESAMPLES - start), len(sums)))
        found[start : start + step] = sums[rows].sum(axis=1) / counts[rows].sum(axis=1)
    return found


def _sums_of_blocks(values: Floats, starts: NDArray[np.int64], length: int) -> Floats:
    """Add up blocks of `values` [N] that begin at `starts` [R, blocks], the last one cut so that N are drawn: [R]."""
    rest = len(values) - (starts.shape[1] - 1) * length
    whole, cut = (_sums_behind(values, size) for size in (length, rest))
    return whole[starts[:, :-1]].sum(axis=1) + cut[starts[:, -1]]


def _sums_behind(values: Floats, length: int) -> Floats:
    """Add up `length` values from each place on [N], going round at the end."""
    running = np.concatenate([[0.0], np.cumsum(np.concatenate([values, values[:length]]))])
    return running[length : length + len(values)] - running[: len(values)]
