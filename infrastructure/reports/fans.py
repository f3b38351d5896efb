"""Draws forecasts over the end of their history, 800 pixels wide."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from infrastructure.reports.canvas import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    mark_not_finite,
    open_page,
    save,
    say,
    tidy,
    tint,
)
from infrastructure.reports.label_texts import label_look, on_one_line, width_of, wrapped
from infrastructure.reports.ticks import name_time
from infrastructure.reports.time_axis import name_times

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

Key = dict[str, "Artist"]  # what a mark is called, and one of its kind

Item = TypeVar("Item")

MAX_FANS = 8
_LEAST_HISTORY = 24
_AHEAD = "rows after the last one that the forecast saw"
_MAX_BANDS = 4
_MAX_LINES = 3
_MANY_POINTS = 14
_KEY_COLUMNS = 6
_DENSE_POINTS = 200  # from here on lines are thin, else they hide each other
_PANEL, _WIDE_PANEL = 300.0, 690.0  # pixels
_OFFSET_ROOM = 10.0
_NAME_POINTS, _NOTE_POINTS = 9.5, 8.5
_THOUSAND, _MILLION = 1e3, 1e6
_TOO_LARGE = 1e300  # matplotlib's margins would overflow, and no table holds such values in earnest


@dataclass(frozen=True)
class Fan:
    """Forecast of one target from one window: L rows before it, H horizons, Q quantiles."""

    name: str
    history: NDArray[np.floating]  # [L] before the forecast, NaN where missing
    target: NDArray[np.floating]  # [H] what came, NaN where unknown
    forecast: NDArray[np.floating]  # [H, Q]
    steps: Sequence[int]  # [H] rows after the last one of the history, ascending
    stamps: Sequence[str] | None = None  # [L + H] of the history's rows, then of the targets


def rows_shown(horizons: Sequence[int]) -> int:
    """Give how many rows of history are drawn before a forecast of so many rows ahead."""
    return max(3 * max(horizons), _LEAST_HISTORY)


def draw_fans(fans: Sequence[Fan], levels: Sequence[float], path: Path, title: str = "") -> None:
    """Draw up to eight forecasts, each over the end of its history: bands between quantiles, the median, what came.

    `levels` [Q] ascending in (0, 1). Two levels equally far from the middle bound a band, at most four bands; levels
    without a partner become lines, at most three beside the median. The history shown is three times as long as the
    forecast, and at least 24 rows; a thin line repeats its last value. Rows stand side by side whatever time lies
    between them. Missing values are gaps; forecasts that are not finite are marked. `title` says what the fans are;
    where there are more than eight the first are drawn, and it is said how many there are.
    Raises: OSError when the file cannot be written; ValueError when L, H or Q disagree.
    """
    shown = list(fans[:MAX_FANS])
    for fan in shown:
        _check(fan, len(levels))
    columns = 1 if len(shown) < 2 else 2
    rows = max(-(-len(shown) // columns), 1)
    figure = open_page(130 + (230 if columns == 2 else 300) * rows, padding=0.08)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    if len(fans) > len(shown):
        title = f"the first {len(shown)} of {len(fans):,} forecasts" + f": {title}" * bool(title)
    if title:
        figure.suptitle(title, fontsize=11, **label_look())
    styles = _styles_of(levels)
    key: Key = {}
    for axes, fan in zip(panels, shown, strict=False):
        key |= _draw_fan(axes, fan, styles, _PANEL if columns == 2 else _WIDE_PANEL)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    if not shown:
        say(panels[0], "no window was forecast")
        save(figure, path)
        return
    clocks = [fan.stamps is not None for fan in shown]
    for axes, has_clock in list(zip(panels, clocks, strict=False))[-columns:]:
        axes.set_xlabel("time" if has_clock else _AHEAD, fontsize=9)
    figure.supylabel("value, in the unit of its column", fontsize=10)
    width = len(key) if len(key) <= _KEY_COLUMNS else -(-len(key) // 2)
    figure.legend(list(key.values()), list(key), loc="outside lower center", ncols=width, frameon=False, fontsize=9)
    save(figure, path)


@dataclass(frozen=True)
class _Styles:
    """Which quantiles become bands, outermost first, and which lines, the median first."""

    bands: list[tuple[int, int, tuple[float, float, float], str]]  # lower and upper quantile, colour, text
    lines: list[tuple[int, str, str]]  # quantile, line style, text


def _styles_of(levels: Sequence[float]) -> _Styles:
    places = {round(float(level), 6): index for index, level in enumerate(levels)}
    pairs = [(level, round(1 - level, 6)) for level in places if level < 0.5 and round(1 - level, 6) in places]
    alone = [level for level in places if level != 0.5 and round(1 - level, 6) not in places]
    bands = []
    for rank, (low, high) in enumerate(_thin(pairs, _MAX_BANDS)):
        colour = tint(BLUE, 0.2 + 0.15 * rank)
        bands.append((places[low], places[high], colour, f"{100 * low:g}% to {100 * high:g}%"))
    lines = [(places[0.5], "-", "median")] if 0.5 in places else []
    dashes = ("--", ":", "-.")
    rest = zip(_thin(alone, _MAX_LINES), dashes, strict=False)
    lines += [(places[level], dash, f"{100 * level:g}% quantile") for level, dash in rest]
    return _Styles(bands, lines)


def _check(fan: Fan, num_quantiles: int) -> None:
    length, horizons = len(fan.history), len(fan.steps)
    shapes = (np.shape(fan.target), np.shape(fan.forecast), len(fan.stamps or range(length + horizons)))
    expected = ((horizons,), (horizons, num_quantiles), length + horizons)
    if shapes != expected:
        raise ValueError(f"{fan.name}: target, forecast and stamps are {shapes}, but must be {expected}.")


def _draw_fan(axes: "Axes", fan: Fan, styles: _Styles, width: float) -> "Key":
    """Draw one panel, `width` pixels wide, and give what its marks mean."""
    from matplotlib.patches import Patch

    steps = np.asarray(fan.steps, dtype=np.int64)
    history, target, forecast = _finite(fan.history), _finite(fan.target), _finite(fan.forecast)
    before = np.arange(1 - history.size, 1)
    kept = slice(max(history.size - rows_shown(steps.tolist()), 0), None)
    key: Key = {"history": _plot(axes, before[kept], history[kept], INK, 1.0)}
    for low, high, colour, text in styles.bands:
        _shade(axes, steps, forecast[:, low], forecast[:, high], colour)
        key[text] = Patch(color=colour)
    for index, dash, text in styles.lines:
        key[text] = _plot(axes, steps, forecast[:, index], BLUE, 1.5 if dash == "-" else 1.1, dash, zorder=4)
    known = history[np.isfinite(history)]
    if known.size:
        last = axes.plot([0, steps[-1]], [known[-1]] * 2, color=INK, linewidth=0.9, linestyle=(0, (1, 2)), zorder=3.5)
        key["last value"] = last[0]
    if history.size and steps[0] == 1:  # the row that came next continues the history
        axes.plot([0, 1], [history[-1], target[0]], color=ORANGE, linewidth=1.2, zorder=5)
    key["what came"] = _plot(axes, steps, target, ORANGE, 1.4, zorder=5)
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    tidy(axes)
    _number_values(axes, np.concatenate([history[kept], target, forecast.ravel()]))
    whole = np.where(np.isfinite(forecast).all(axis=1), 0.0, np.nan)
    if cross := mark_not_finite(axes, np.stack([steps, whole])):
        key["forecast not finite"] = cross
    _title(axes, fan, width)
    stamps = None if fan.stamps is None else fan.stamps[history.size - before[kept].size :]
    name_times(axes, np.concatenate([before[kept], steps]), stamps, _NOTE_POINTS, width)
    return key


def _number_values(axes: "Axes", drawn: NDArray[np.float64]) -> None:
    from matplotlib.ticker import FuncFormatter

    axes.tick_params(labelsize=_NOTE_POINTS)
    finite = np.abs(drawn[np.isfinite(drawn)])
    if not finite.size:
        say(axes, "no finite value")
        return
    if _THOUSAND <= finite.max() < _MILLION:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}".replace("-", "\N{MINUS SIGN}")))
        return
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-4, 5), useMathText=True)
    axes.yaxis.get_offset_text().set_fontsize(_NOTE_POINTS)


def _title(axes: "Axes", fan: Fan, width: float) -> None:
    """Name the column above the panel, and the last row that the forecast saw where there is a clock."""
    room = width - _OFFSET_ROOM
    if fan.stamps is not None and len(fan.history):
        stamp = on_one_line(name_time(fan.stamps[len(fan.history) - 1]))
        note = f"after {wrapped(stamp, 0.6 * width - 50, _NOTE_POINTS, 1)}"
        axes.set_title(note, loc="right", fontsize=_NOTE_POINTS, color=GREY, **label_look())
        room -= width_of(note, _NOTE_POINTS) + 12
    name = wrapped(on_one_line(fan.name), room, _NAME_POINTS, 1)
    axes.set_title(name, loc="left", fontsize=_NAME_POINTS, **label_look())


def _plot(
    axes: "Axes",
    places: NDArray[np.int64],
    values: NDArray[np.float64],
    colour: str,
    width: float,
    dash: str = "-",
    zorder: int = 3,
) -> "Artist":
    """Draw a line with gaps at NaN, and dots where it has few points or one between gaps; give its kind."""
    from matplotlib.lines import Line2D

    alone = _alone(np.isfinite(values))
    dots = np.flatnonzero(alone) if places.size > _MANY_POINTS else np.arange(places.size)
    line = axes.plot(places, values, color=colour, linewidth=width, linestyle=dash, zorder=zorder)[0]
    if places.size > _DENSE_POINTS:
        line.set_linewidth(0.6 * width)
    line.set(marker="o", markersize=3.2, markevery=dots.tolist())
    return Line2D([], [], color=colour, linewidth=width, linestyle=line.get_linestyle())


def _shade(
    axes: "Axes",
    steps: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    colour: tuple[float, float, float],
) -> None:
    known = np.isfinite(low) & np.isfinite(high)
    axes.fill_between(steps, low, high, where=known, color=colour, linewidth=0, zorder=2)
    alone = _alone(known)  # a band of one horizon has no width: draw it as a bar
    axes.vlines(steps[alone], low[alone], high[alone], color=colour, linewidth=5, zorder=2)


def _alone(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find the points [N] that are known and have no known neighbour to be joined with."""
    padded = np.concatenate([[False], known, [False]])
    return known & ~padded[:-2] & ~padded[2:]


def _finite(values: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.abs(array) < _TOO_LARGE, array, np.nan)


def _thin(items: list[Item], most: int) -> list[Item]:
    """Keep at most `most` items, evenly spread, the first and the last among them."""
    kept = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[index] for index in kept]
