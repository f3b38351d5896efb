"""Forecasts over what came, series by series."""

from collections.abc import Iterator

import numpy as np

from infrastructure.data.series.naive import SEASONAL
from infrastructure.data.some_rows import spread
from infrastructure.reports.page.blocks import Axis, Band, Block, Chart, Choice, Line, Paragraph
from infrastructure.tasks.series.page.known_ahead import stripes
from infrastructure.tasks.series.page.seen import OneSeries, Seen, listed, points

MAX_SERIES = 20
MAX_CHARTS = 48  # of all series together
MOST_OF_A_SERIES = 4
MAX_STEPS = 120  # of a forecast; more share pixels
LEAST_HISTORY = 24
STRETCH = 96  # windows of one step that stand side by side
_MAX_BANDS = 3
_TRUTH, _MODEL, _REPEAT = 2, 0, 3


def fans(seen: Seen) -> list[Block]:
    """Draw the last forecast of each series, some earlier ones and the one with the largest error."""
    shown = _series_shown(seen)
    count = max(1, min(MOST_OF_A_SERIES, MAX_CHARTS // len(shown) - 1))
    views = {name: _of_series(seen, one, count) for name, one in shown.items()}
    only = next(iter(views.values()))
    return [Paragraph(_told(seen, len(shown)), "note"), only if len(views) == 1 else Choice("Series", views)]


def _series_shown(seen: Seen) -> dict[str, OneSeries]:
    """Choose series: all, or some of them spread from the largest error to the smallest, with the one in the midst."""
    if len(seen.each) <= MAX_SERIES:
        return {one.name: one for one in seen.each}
    errors = np.nan_to_num([seen.error_of(one) for one in seen.each], nan=-1.0)
    order = np.argsort(-errors, kind="stable")
    chosen = [seen.each[order[place]] for place in spread(len(order), MAX_SERIES)]
    called = {0: "largest error: ", len(chosen) // 2: "in the midst: ", len(chosen) - 1: "smallest error: "}
    return {f"{called.get(rank, '')}{one.name}": one for rank, one in enumerate(chosen)}


def _told(seen: Seen, num_shown: int) -> str:
    if num_shown == len(seen.each):
        of_series = "" if num_shown == 1 else f"All {num_shown} series are shown. "
    else:
        of_series = f"{num_shown} of {len(seen.each):,} series are shown, from the largest error to the smallest. "
    gaps = "" if len(seen.horizons) in (1, int(seen.horizons[-1])) else _gaps_told(seen)
    return f"{of_series}Values are in the unit of the table; a band holds what comes in so many of 100 cases.{gaps}"


def _gaps_told(seen: Seen) -> str:
    steps = seen.horizons.tolist()
    named = listed([str(step) for step in steps]) if len(steps) <= 6 else f"{len(steps)} steps"
    return f" Only the steps {named} ahead were forecast; straight lines join them."


def _of_series(seen: Seen, one: OneSeries, count: int) -> Block:
    """Draw up to `count` forecasts that are spread over time, the last one first, and the worst."""
    errors = seen.error_of_windows[one.places, one.target]
    usable = one.places[np.isfinite(errors)]
    if not len(usable):
        return Paragraph("Nothing is known of what came, or no forecast is a number.", "note")
    worst = int(one.places[np.nanargmax(errors)])
    spread_out = [int(usable[place]) for place in spread(len(usable), count)[::-1]]
    draw = _single_step if len(seen.horizons) == 1 else _fan
    views = {_view_name(seen, place): draw(seen, one, place) for place in spread_out}
    views[f"largest error: {_view_name(seen, worst)}"] = draw(seen, one, worst)
    return Choice("Forecast made", views)


def _view_name(seen: Seen, place: int) -> str:
    return f"after {seen.clock.name(int(seen.anchors[place]))}"


def _fan(seen: Seen, one: OneSeries, place: int) -> Chart:
    anchor, steps, target = int(seen.anchors[place]), seen.horizons, one.target
    drawn = np.arange(len(steps)) if len(steps) <= MAX_STEPS else spread(len(steps), MAX_STEPS)
    rows = _rows_around(seen, one, anchor, anchor + int(steps[-1]))
    ahead = anchor + steps[drawn]
    apart = len(steps) < steps[-1]
    lines = [
        Line("what came", seen.clock.places(rows), points(seen.observed(rows, one)), _TRUTH),
        *_forecast_lines(seen, one, ahead, seen.forecast[place, target, drawn], seen.median[place, target, drawn]),
    ]
    if apart:
        lines.append(
            Line("", seen.clock.places(ahead), points(seen.own(seen.median[place, target, drawn], one)), 0, "dots")
        )
    lines += _rival(seen, one, place, drawn)
    name = one.name
    return Chart(
        f"{name}: {len(steps)} steps after {seen.clock.name(anchor)}",
        seen.clock.axis(rows),
        Axis(seen.names[target]),
        lines,
        f"{name} as it came, and the forecast made after {seen.clock.name(anchor)}. {_share_told(seen, place, target)}",
        bands=[*stripes(seen, rows, lines), *_bands(seen, one, ahead, seen.forecast[place, target, drawn])],
    )


def _rival(seen: Seen, one: OneSeries, place: int, drawn: np.ndarray) -> Iterator[Line]:
    """Draw what needs no model at some steps [n]: the season before, or the last value where there is no season."""
    anchor, naive = seen.anchors[place, None], seen.windows.naive
    beside = {} if naive is None or naive.season is None else seen.windows.cut(anchor)
    ahead = seen.clock.places(anchor + seen.horizons[drawn])
    if SEASONAL in beside:
        yield Line("seasonal naive", ahead, points(seen.own(beside[SEASONAL][0, one.target, drawn], one)), 4, "dashed")
        return
    last = seen.own(seen.last[place, one.target, None], one)
    if np.isfinite(last).all():
        ends = np.array([anchor[0], anchor[0] + seen.horizons[-1]])
        yield Line("repeat last", seen.clock.places(ends), points(np.repeat(last, 2)), _REPEAT, "dashed")


def _single_step(seen: Seen, one: OneSeries, place: int) -> Chart:
    """Draw forecasts of one step side by side, those of a stretch of windows that ends with this one."""
    step, target = int(seen.horizons[0]), one.target
    at, most = int(np.searchsorted(one.places, place)), len(one.places)
    first = max(0, min(at - STRETCH + 1, most - STRETCH))
    last = max(at, min(first + STRETCH - 1, most - 1)) if first == 0 else at
    stretch = one.places[first : last + 1]
    ahead = seen.anchors[stretch] + step
    rows = _rows_around(seen, one, int(seen.anchors[stretch[0]]), int(ahead[-1]))
    forecast, median = seen.forecast[stretch, target, 0], seen.median[stretch, target, 0]
    name = one.name
    lines = [
        Line("what came", seen.clock.places(rows), points(seen.observed(rows, one)), _TRUTH),
        *_forecast_lines(seen, one, ahead, forecast, median),
        Line(
            "repeat last",
            seen.clock.places(ahead),
            points(seen.own(seen.last[stretch, target], one)),
            _REPEAT,
            "dashed",
        ),
    ]
    title = f"{name}: {len(stretch)} forecasts, each {step} step{'s' * (step > 1)} ahead"
    return Chart(
        title,
        seen.clock.axis(rows),
        Axis(seen.names[target]),
        lines,
        f"{title}, beside what came.",
        bands=[*stripes(seen, rows, lines), *_bands(seen, one, ahead, forecast)],
    )


def _rows_around(seen: Seen, one: OneSeries, anchor: int, end: int) -> np.ndarray:
    """Give the rows of three horizons before a forecast, as far as the series has them, and of the forecast itself."""
    before = max(3 * int(seen.horizons[-1]), LEAST_HISTORY)
    return np.arange(max(seen.rows_of(one)[0], anchor + 1 - before), end + 1)


def _forecast_lines(
    seen: Seen, one: OneSeries, ahead: np.ndarray, forecast: np.ndarray, median: np.ndarray
) -> Iterator[Line]:
    """Draw the median, and levels that have no partner at the other side of it; forecast [n, Q], median [n]."""
    yield Line("median", seen.clock.places(ahead), points(seen.own(median, one)), _MODEL)
    paired = {level for low, high, _ in seen.pairs for level in (low, high)}
    for index, level in enumerate(seen.levels):
        if index not in paired and level != 0.5:
            values = points(seen.own(forecast[:, index], one))
            yield Line(f"{100 * level:g} % quantile", seen.clock.places(ahead), values, _MODEL, "dashed")


def _bands(seen: Seen, one: OneSeries, ahead: np.ndarray, forecast: np.ndarray) -> list[Band]:
    pairs = seen.pairs
    chosen = [pairs[place] for place in spread(len(pairs), _MAX_BANDS)] if pairs else []
    return [
        Band(
            name,
            seen.clock.places(ahead),
            points(seen.own(forecast[:, low], one)),
            points(seen.own(forecast[:, high], one)),
            _MODEL,
            0.14 + 0.1 * rank,
        )
        for rank, (low, high, name) in enumerate(chosen)
    ]


def _share_told(seen: Seen, place: int, target: int) -> str:
    if not seen.pairs:
        return ""
    low, high, name = seen.pairs[0]
    known = seen.known[place, target]
    came, quantiles = seen.target[place, target], seen.forecast[place, target]
    inside = int(((quantiles[:, low] <= came) & (came <= quantiles[:, high]))[known].sum())
    return f"{inside} of {int(known.sum())} values lie within its {name} band."
