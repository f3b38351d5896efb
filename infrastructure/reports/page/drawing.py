"""Lays a chart out: paths in a square of 1,000 by 1,000, which the page stretches, and named places around it.

The texts are no part of the square. So they keep their size on a telephone and on a wall, and only lines stretch.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from infrastructure.reports.page.blocks import Band, Chart, Line, Points
from infrastructure.reports.page.scales import Scale, Tick, fitted, has_place

SIDE = 1000
MAX_POINTS = 600  # of a line; more share pixels
_LEAST_APART = 0.055  # of names at the right edge, as a share of the height


@dataclass(frozen=True)
class Stroke:
    """A path with the colour and style of its line."""

    path: str
    hue: int
    style: str


@dataclass(frozen=True)
class Fill:
    """An area with the colour of its band and how opaque it is."""

    path: str
    hue: int
    opacity: float


@dataclass(frozen=True)
class Place:
    """A text at a place: shares of the way from the left and from the foot."""

    text: str
    left: float
    bottom: float
    hue: int = 0


@dataclass(frozen=True)
class Legend:
    """What a colour and a style stand for."""

    name: str
    hue: int
    style: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Drawing:
    """A chart, ready to be written: `levels` are named at the right edge, `marks` where they stand."""

    fills: Sequence[Fill]
    strokes: Sequence[Stroke]
    levels: Sequence[Place]
    marks: Sequence[Place]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    legend: Sequence[Legend]
    is_empty: bool
    zoomed: str


def drawn(chart: Chart) -> Drawing:
    """Lay out a chart."""
    x = fitted(chart.x, _xs(chart), along=True)
    ys = list(_ys(chart))
    y = fitted(chart.y, ys, along=False)
    fills = [Fill(_area(band, x, y), band.hue, band.strength) for band in chart.bands]
    strokes = [Stroke(_path(line, x, y), line.hue, line.style) for line in chart.lines]
    levels = [level for level in chart.levels if _has_place(level.y, y)]
    strokes += [Stroke(f"M0 {_up(level.y, y)}H{SIDE}", level.hue, "level") for level in levels]
    marks = [mark for mark in chart.marks if _has_place(mark.y, y)]
    legend = [Legend(line.name, line.hue, line.style) for line in chart.lines if line.name]
    legend += [Legend(band.name, band.hue, "band", band.strength) for band in chart.bands if band.name]
    return Drawing(
        fills,
        strokes,
        _apart([Place(level.name, 1.0, y.place(level.y), level.hue) for level in levels]),
        [Place(mark.text, x.place(mark.x), y.place(mark.y)) for mark in marks],
        x.ticks,
        y.ticks,
        list(dict.fromkeys(legend)),
        is_empty=not any(_has_place(value, y) for value in ys),
        zoomed=f"the axis begins at {y.low:.3g}" if y.is_zoomed else "",
    )


def _xs(chart: Chart) -> Iterator[float]:
    return chain(*(line.x for line in chart.lines), *(band.x for band in chart.bands))


def _ys(chart: Chart) -> Iterator[float]:
    values: Iterator[float | None] = chain(
        chain.from_iterable(line.y for line in chart.lines),
        chain.from_iterable((*band.low, *band.high) for band in chart.bands),
        (level.y for level in chart.levels),
    )
    return (value for value in values if value is not None)


def _has_place(value: float | None, scale: Scale) -> bool:
    return value is not None and has_place(value, scale.log)


def _path(line: Line, x: Scale, y: Scale) -> str:
    """Write a line, broken where a value is missing; a dot is a line of no length with round ends."""
    steps, pen_is_down = [], False
    for at, value in _thinned(line.x, line.y):
        if value is None or not _has_place(value, y):
            pen_is_down = False
            continue
        place = f"{_along(at, x)} {_up(value, y)}"
        steps.append(f"M{place}h0" if line.style == "dots" else f"{'L' if pen_is_down else 'M'}{place}")
        pen_is_down = True
    return "".join(steps)


def _area(band: Band, x: Scale, y: Scale) -> str:
    """Write the areas between two lines, one for each stretch without a gap."""
    stretches: list[list[tuple[float, float, float]]] = [[]]
    for at, low, high in zip(band.x, band.low, band.high, strict=True):
        if low is not None and high is not None and _has_place(low, y) and _has_place(high, y):
            stretches[-1].append((at, low, high))
        elif stretches[-1]:
            stretches.append([])
    return "".join(_outline(stretch, x, y) for stretch in stretches if stretch)


def _outline(stretch: Sequence[tuple[float, float, float]], x: Scale, y: Scale) -> str:
    over = [f"{_along(at, x)} {_up(high, y)}" for at, _, high in stretch]
    under = [f"{_along(at, x)} {_up(low, y)}" for at, low, _ in reversed(stretch)]
    return f"M{'L'.join([*over, *under])}Z"


def _thinned(xs: Sequence[float], ys: Points) -> Iterator[tuple[float, float | None]]:
    """Give at most so many points, of each stretch that shares a place the lowest and the highest."""
    stride = math.ceil(2 * len(xs) / MAX_POINTS)
    if stride <= 2:
        yield from zip(xs, ys, strict=True)
        return
    for start in range(0, len(xs), stride):
        places = range(start, min(start + stride, len(xs)))
        known = [(value, at) for at in places if (value := ys[at]) is not None and math.isfinite(value)]
        if len(known) < len(places):
            yield xs[start], None
        for at in sorted({min(known)[1], max(known)[1]} if known else ()):
            yield xs[at], ys[at]


def _along(value: float, x: Scale) -> str:
    return f"{SIDE * x.place(value):.1f}"


def _up(value: float, y: Scale) -> str:
    return f"{SIDE * (1 - y.place(value)):.1f}"


def _apart(places: Sequence[Place]) -> list[Place]:
    """Move names at the right edge so far apart that none covers another, the lowest staying where it is."""
    moved: list[Place] = []
    for place in sorted(places, key=lambda place: place.bottom):
        least = moved[-1].bottom + _LEAST_APART if moved else place.bottom
        moved.append(Place(place.text, place.left, max(place.bottom, least), place.hue))
    return moved
