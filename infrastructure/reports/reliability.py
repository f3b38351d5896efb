"""Draws whether quantiles hold what they say, 800 pixels wide."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infrastructure.reports.canvas import BLUE, GREEN, GREY, ORANGE, RED, open_page, save, tidy
from infrastructure.reports.label_texts import label_look, on_one_line, wrapped

_MANY_POINTS = 14
_NAME_ROOM = 330.0


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
    key = {"a forecast that holds what it says": ideal}
    size = 5 if places.size <= _MANY_POINTS else 2.5
    largest = 1.0  # percentage point; below that the noise of counting would fill the panel
    for index, (name, observed) in enumerate(coverage.items()):
        line = np.asarray(observed, dtype=np.float64)
        look = {"color": (BLUE, ORANGE, GREEN, RED)[index % 4], "marker": "os^D"[index % 4], "markersize": size}
        shares.plot(places, line, linewidth=1.4, **look)
        off = 100 * (line - places)
        largest = max([largest, *np.abs(off[np.isfinite(off)]).tolist()])
        text = wrapped(on_one_line(name), _NAME_ROOM, 9.0, 1) + _share_between(places, line)
        key[text] = misses.plot(places, off, linewidth=1.4, **look)[0]
    shares.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", ylabel="share of targets at or below the quantile")
    misses.set(xlim=(0, 1), ylim=(-1.15 * largest, 1.15 * largest))
    misses.set_ylabel("difference in percentage points\n(above 0: too many lie below the quantile)", fontsize=9.5)
    misses.yaxis.set_major_formatter(
        FuncFormatter(lambda points, _: f"{points:+g}".replace("-", "\N{MINUS SIGN}") if points else "0")
    )
    shares.yaxis.set_major_formatter(PercentFormatter(1.0))
    for axes in (shares, misses):
        tidy(axes)
        axes.set_xlabel("level of the quantile")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xticks(np.linspace(0, 1, 6))
    counted = f"{num_points:,} target{'s' * (num_points != 1)}, {places.size} quantile{'s' * (places.size != 1)}"
    figure.suptitle(counted, fontsize=11)
    legend = figure.legend(list(key.values()), list(key), loc="outside lower center", frameon=False, fontsize=9)
    for text_of_key in legend.get_texts():
        text_of_key.set(**label_look())
    save(figure, path)


def _share_between(levels: NDArray[np.float64], observed: NDArray[np.float64]) -> str:
    """Say how much of what came lies between the quantiles 0.1 and 0.9, nothing where one of them was not forecast."""
    ends = [np.flatnonzero(np.isclose(levels, level)) for level in (0.1, 0.9)]
    if not all(end.size for end in ends):
        return ""
    share = observed[ends[1][0]] - observed[ends[0][0]]
    return f": {share:.1%} of targets between the 10% and the 90% quantile, which say 80%" if np.isfinite(share) else ""
