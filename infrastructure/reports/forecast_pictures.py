"""Pictures of forecasts, 800 pixels wide: whether quantiles hold what they say, and what the last windows look like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from infrastructure.reports.canvas import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    mark_not_finite,
    open_page,
    save,
    say,
    shorten,
    tidy,
)
from infrastructure.reports.ticks import choose_ticks, name_time

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Key = dict[str, "Artist"]  # what a mark is called, and one of its kind

Item = TypeVar("Item")

MAX_FANS = 8
_MAX_BANDS = 4
_MAX_LINES = 3
_MANY_POINTS = 14
_KEY_COLUMNS = 6
_NAME_CHARACTERS = 18  # as many capitals stand clear of the stamp at the other end of the title
_INK = "#333333"
_NOTE_POINTS = 8.5
_TOO_LARGE = 1e300  # matplotlib's margins would overflow, and no table holds such values in earnest


def draw_reliability(
    levels: Sequence[float], coverage: Mapping[str, Sequence[float]], num_points: int, path: Path
) -> None:
    """Draw the share of targets at or below each quantile over its level, and beside it how far that share is off.

    `levels` [Q] ascending in (0, 1); `coverage` gives shares [Q] by the name of a line, as "as trained"; `num_points`
    targets were counted. Where 0.1 and 0.9 are among the levels, the legend has the share between these two.
    Raises: OSError when the file cannot be written; ValueError when a line has not Q shares.
    """
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    figure = open_page(480, padding=0.1)
    shares, misses = figure.subplots(1, 2, width_ratios=(1.25, 1))
    places = np.asarray(levels, dtype=np.float64)
    ideal = shares.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)))[0]
    misses.axhline(0, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    key: Key = {"a forecast that holds what it says": ideal}
    size = 5 if places.size <= _MANY_POINTS else 2.5
    largest = 1.0  # percentage point; below that the noise of counting would fill the panel
    for index, (name, observed) in enumerate(coverage.items()):
        line = _finite(observed)
        look = {"color": (BLUE, ORANGE, GREEN, RED)[index % 4], "marker": "os^D"[index % 4], "markersize": size}
        shares.plot(places, line, linewidth=1.4, **look)
        off = 100 * (line - places)
        largest = max([largest, *np.abs(off[np.isfinite(off)]).tolist()])
        key[f"{shorten(name)}{_share_between(places, line)}"] = misses.plot(places, off, linewidth=1.4, **look)[0]
    shares.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", ylabel="share of targets at or below the quantile")
    misses.set(xlim=(0, 1), ylim=(-1.15 * largest, 1.15 * largest), ylabel="difference in percentage points")
    misses.yaxis.set_major_formatter(
        FuncFormatter(lambda points, _: f"{points:+g}".replace("-", "\N{MINUS SIGN}") if points else "0")
    )
    shares.yaxis.set_major_formatter(PercentFormatter(1.0))
    for axes in (shares, misses):
        tidy(axes)
        axes.set_xlabel("level of the quantile")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xticks(np.linspace(0, 1, 6))
    figure.suptitle(f"{num_points:,} targets, {places.size} quantile{'s' * (places.size != 1)}", fontsize=11)
    _explain(figure, key, "outside lower center", columns=1)
    save(figure, path)


@dataclass(frozen=True)
class Fan:
    """Forecast of one target from one window: L rows before it, H horizons, Q quantiles."""

    name: str
    history: NDArray[np.floating]  # [L] before the forecast, NaN where missing
    target: NDArray[np.floating]  # [H] what came, NaN where unknown
    forecast: NDArray[np.floating]  # [H, Q]
    steps: Sequence[int]  # [H] rows after the last one of the history, ascending
    stamps: Sequence[str] | None = None  # [L + H] of the history's rows, then of the targets


def draw_fans(fans: Sequence[Fan], levels: Sequence[float], path: Path) -> None:
    """Draw up to eight forecasts, each over the end of its history: bands between quantiles, the median, what came.

    `levels` [Q] ascending in (0, 1). Two levels equally far from the middle bound a band, at most four bands; levels
    without a partner become lines, at most three beside the median. The history shown is three times as long as the
    forecast, and at least 24 rows. Rows stand side by side whatever time lies between them. Missing values are gaps;
    forecasts that are not finite are marked.
    Raises: OSError when the file cannot be written; ValueError when L, H or Q disagree.
    """
    shown = list(fans[:MAX_FANS])
    for fan in shown:
        _check(fan, len(levels))
    columns = 1 if len(shown) < 2 else 2
    rows = max(-(-len(shown) // columns), 1)
    figure = open_page(100 + (230 if columns == 2 else 300) * rows, padding=0.08)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    styles = _styles_of(levels)
    key: Key = {}
    for axes, fan in zip(panels, shown, strict=False):
        key |= _draw_fan(axes, fan, styles)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    if not shown:
        say(panels[0], "no window was forecast")
        save(figure, path)
        return
    clocks = [fan.stamps is not None for fan in shown]
    ahead = "rows after the last one that the forecast saw"
    figure.supxlabel("time" if all(clocks) else f"time, or {ahead}" if any(clocks) else ahead, fontsize=10)
    figure.supylabel("value, in the units of the table", fontsize=10)
    _explain(figure, key, "outside upper center", columns=len(key) if len(key) <= _KEY_COLUMNS else -(-len(key) // 2))
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
        colour = _tint(BLUE, 0.16 + 0.13 * rank)
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


def _draw_fan(axes: "Axes", fan: Fan, styles: _Styles) -> "Key":
    """Draw one panel and give what its marks mean."""
    from matplotlib.patches import Patch

    steps = np.asarray(fan.steps, dtype=np.int64)
    history, target, forecast = _finite(fan.history), _finite(fan.target), _finite(fan.forecast)
    before = np.arange(1 - history.size, 1)
    kept = slice(max(history.size - max(3 * int(steps[-1]), 24), 0), None)
    key: Key = {"history": _plot(axes, before[kept], history[kept], _INK, 1.0)}
    for low, high, colour, text in styles.bands:
        _shade(axes, steps, forecast[:, low], forecast[:, high], colour)
        key[text] = Patch(color=colour)
    for index, dash, text in styles.lines:
        key[text] = _plot(axes, steps, forecast[:, index], BLUE, 1.5 if dash == "-" else 1.1, dash, zorder=4)
    if history.size and steps[0] == 1:  # the row that came next continues the history
        axes.plot([0, 1], [history[-1], target[0]], color=ORANGE, linewidth=1.2, zorder=5)
    key["what came"] = _plot(axes, steps, target, ORANGE, 1.2, zorder=5)
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    drawn = np.concatenate([history[kept], target, forecast.ravel()])
    tidy(axes)
    axes.tick_params(labelsize=_NOTE_POINTS)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-4, 5), useMathText=True)
    axes.yaxis.get_offset_text().set_fontsize(_NOTE_POINTS)
    axes.margins(x=0.02)
    whole = np.where(np.isfinite(forecast).all(axis=1), 0.0, np.nan)
    if cross := mark_not_finite(axes, np.stack([steps, whole])):
        key["forecast not finite"] = cross
    if not np.isfinite(drawn).any():
        say(axes, "no finite value")
    _name_times(axes, fan, before[kept], steps)
    return key


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


def _name_times(axes: "Axes", fan: Fan, before: NDArray[np.int64], steps: NDArray[np.int64]) -> None:
    """Title the panel and, where there is a clock, name its ticks by the stamps of their rows."""
    from matplotlib.ticker import MaxNLocator

    axes.set_title(shorten(fan.name, _NAME_CHARACTERS), loc="left", fontsize=9.5, parse_math=False)
    if fan.stamps is None:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        return
    if before.size:
        note = f"after {shorten(name_time(fan.stamps[fan.history.size - 1]), 20)}"
        axes.set_title(note, loc="right", fontsize=_NOTE_POINTS, color=GREY, parse_math=False)
    rows = np.concatenate([before, steps])
    stamps = fan.stamps[fan.history.size - before.size :]
    ticks = choose_ticks(stamps)
    if ticks:
        axes.set_xticks(rows[[row for row, _ in ticks]], [text for _, text in ticks])
        return
    ends = [shorten(stamps[0], 20), shorten(stamps[-1], 20)]
    first, last = axes.set_xticks(rows[[0, -1]], ends, parse_math=False)
    first.label1.set_horizontalalignment("left")
    last.label1.set_horizontalalignment("right")


def _explain(
    figure: "Figure", key: "Key", place: Literal["outside upper center", "outside lower center"], columns: int
) -> None:
    legend = figure.legend(list(key.values()), list(key), loc=place, ncols=columns, frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _share_between(levels: NDArray[np.float64], observed: NDArray[np.float64]) -> str:
    """Say the share of targets between the quantiles 0.1 and 0.9, nothing where one of them was not forecast."""
    ends = [np.flatnonzero(np.isclose(levels, level)) for level in (0.1, 0.9)]
    if not all(end.size for end in ends):
        return ""
    share = observed[ends[1][0]] - observed[ends[0][0]]
    return f": {share:.1%} of targets between the 10% and the 90% quantile" if np.isfinite(share) else ""


def _finite(values: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.abs(array) < _TOO_LARGE, array, np.nan)


def _thin(items: list[Item], most: int) -> list[Item]:
    """Keep at most `most` items, evenly spread, the first and the last among them."""
    kept = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[index] for index in kept]


def _tint(colour: str, share: float) -> tuple[float, float, float]:
    """Mix a colour with white: opaque bands look the same in the panel and in the legend."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - share * (1 - part) for part in to_rgb(colour))
    return red, green, blue
