"""Whether quantiles hold what they say, and how wide their intervals are."""

from collections.abc import Iterator

import numpy as np

from domain.interval import Interval
from infrastructure.data.some_rows import spread
from infrastructure.reports.page.blocks import Axis, Band, Bar, Bars, Block, Chart, Column, Line, Paragraph, Table
from infrastructure.tasks.series.page.seen import Seen, points

MAX_STEPS = 120
_CALIBRATED, _PLAIN, _PROMISED = 0, 3, 2


def reliability(seen: Seen) -> list[Block]:
    """Set the share of values at or below each quantile beside its level, and intervals beside what they promise."""
    blocks: list[Block] = [Paragraph(sentence) for sentence in _told(seen)]
    if seen.told:
        blocks.append(Paragraph(f"Calibration: {seen.told}.", "note"))
    blocks.append(_chart(seen))
    if seen.pairs:
        blocks += [_table(seen), _widths(seen)]
    return blocks


def held(seen: Seen, forecast: np.ndarray, low: int, high: int, with_ends: bool = True) -> np.ndarray:
    """Count in each window [K] the values between two quantiles, with those at the ends or without."""
    lower, upper, came = forecast[..., low], forecast[..., high], seen.target
    inside = (lower <= came) & (came <= upper) if with_ends else (lower < came) & (came < upper)
    return np.asarray((inside & seen.known).sum(axis=(1, 2)))


def _counts(seen: Seen) -> np.ndarray:
    return np.asarray(seen.known.sum(axis=(1, 2)))


def _share(sums: np.ndarray, counts: np.ndarray) -> float:
    return float(sums.sum() / counts.sum()) if counts.any() else float("nan")


def _clipped(interval: Interval) -> tuple[float | None, float | None]:
    if not interval.is_known:
        return None, None
    return max(interval.low, 0.0), min(interval.high, 1.0)


def _told(seen: Seen) -> Iterator[str]:
    counts = _counts(seen)
    for low, high, name in seen.pairs[:1]:
        promised = seen.levels[high] - seen.levels[low]
        sums = held(seen, seen.forecast, low, high)
        share = _share(sums, counts)
        ends = _clipped(seen.interval(sums, counts))
        found = f"The {name} interval held {share:.1%} of {int(counts.sum()):,} values"
        if ends[0] is None or ends[1] is None:
            yield f"{found}; there are too few windows to say how sure that is."
            continue
        off = f"{100 * abs(share - promised):.1f} points"
        verdict = "as it says, as far as these windows tell"
        if promised > ends[1]:
            verdict = f"{off} fewer than it says: it is too narrow"
        elif promised < ends[0]:
            verdict = f"{off} more than it says: it is wider than it needs to be"
            between = _share(held(seen, seen.forecast, low, high, with_ends=False), counts)
            if between <= promised:
                verdict = f"as it says, for {between:.1%} lay between its ends and the rest at them"
        yield f"{found} (95 % interval {100 * ends[0]:.1f} to {100 * ends[1]:.1f} %), {verdict}."


def _chart(seen: Seen) -> Chart:
    levels, counts = list(seen.levels), _counts(seen)
    forecasts = {"as trained" if seen.plain is None else "calibrated": (seen.forecast, _CALIBRATED)}
    if seen.plain is not None:
        forecasts["as trained"] = (seen.plain, _PLAIN)
    lines = [Line("a forecast that holds what it says", [0.0, 1.0], [0.0, 1.0], _PROMISED, "dashed")]
    bands = []
    for name, (forecast, hue) in forecasts.items():
        below = [((seen.target <= forecast[..., at]) & seen.known).sum(axis=(1, 2)) for at in range(len(levels))]
        shares = points(np.array([_share(sums, counts) for sums in below]))
        lines += [Line(name, levels, shares, hue), Line("", levels, shares, hue, "dots")]
        if hue == _CALIBRATED:
            ends = [_clipped(seen.interval(sums, counts)) for sums in below]
            bands = [Band("95 % interval", levels, [low for low, _ in ends], [high for _, high in ends], hue)]
    return Chart(
        "Values at or below each quantile",
        Axis("level of the quantile", share=True),
        Axis("share of values", share=True),
        lines,
        "The closer to the diagonal, the better a quantile holds what it says.",
        [band for band in bands if any(low is not None for low in band.low)],
    )


def _table(seen: Seen) -> Table:
    counts = _counts(seen)
    columns = [Column("interval"), *(Column(name, "share") for name in ("promised", "held", "from", "to"))]
    if seen.plain is not None:
        columns.append(Column("held as trained", "share"))
    columns.append(Column("mean width", "number"))
    rows = []
    for low, high, name in seen.pairs:
        sums = held(seen, seen.forecast, low, high)
        row = [name, seen.levels[high] - seen.levels[low], _share(sums, counts), *_clipped(seen.interval(sums, counts))]
        if seen.plain is not None:
            row.append(_share(held(seen, seen.plain, low, high), counts))
        rows.append([*row, float(np.nanmean(_widths_of(seen, low, high)))])
    return Table(f"Intervals; widths {seen.unit}, 95 % intervals from blocks of windows", columns, rows)


def _widths_of(seen: Seen, low: int, high: int) -> np.ndarray:
    """Give the mean width of an interval at each horizon [H]."""
    upper, lower = (np.where(seen.known, seen.forecast[..., level], 0.0) for level in (high, low))  # none infinite
    wide = (upper - lower) * seen.units[..., None]
    counts = seen.known.sum(axis=(0, 1))
    sums = np.sum(wide, axis=(0, 1), where=seen.known)
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)


def _widths(seen: Seen) -> Block:
    title = "Width of intervals"
    if len(seen.horizons) == 1:
        return Bars(f"{title}, {seen.unit}", [Bar(name, float(_widths_of(seen, *at)[0])) for *at, name in seen.pairs])
    drawn = spread(len(seen.horizons), MAX_STEPS)
    steps = seen.horizons[drawn].astype(float).tolist()
    lines = [
        Line(name, steps, points(_widths_of(seen, low, high)[drawn]), hue=(0, 3, 4, 5, 1)[rank % 5])
        for rank, (low, high, name) in enumerate(seen.pairs)
    ]
    summary = "How far apart the ends of each interval are, by how far ahead it is."
    return Chart(f"{title} by steps ahead", Axis("steps ahead"), Axis(f"mean width, {seen.unit}"), lines, summary)
