"""Names the rows below a forecast: by their stamps where there is a clock, by their distance where there is none."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infrastructure.reports.label_texts import label_look, on_one_line, width_of, wrapped
from infrastructure.reports.ticks import name_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEAST_GAP = 10.0  # pixels between two names


def name_times(
    axes: "Axes", rows: NDArray[np.int64], stamps: Sequence[str] | None, points: float, width: float
) -> None:
    """Name rows of a panel `width` pixels wide; of names that would touch, one that begins a day goes before."""
    from matplotlib.ticker import MaxNLocator

    low, high = int(rows[0]), int(rows[-1])
    axes.set_xlim(low - 0.02 * max(high - low, 1), high + 0.02 * max(high - low, 1))
    if stamps is None:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=max(int(width / 60), 2), integer=True))
        return
    pixels = width / (1.04 * max(high - low, 1))
    ticks = _apart([(int(rows[row]), text) for row, text in name_rows(stamps)], pixels, points)
    if ticks:
        axes.set_xticks([row for row, _ in ticks], [text for _, text in ticks], **label_look())
        return
    ends = [wrapped(on_one_line(stamp), width / 2 - _LEAST_GAP, points, 1) for stamp in (stamps[0], stamps[-1])]
    if low == high:
        axes.set_xticks([low], ends[-1:], **label_look())
        return
    first, last = axes.set_xticks([low, high], ends, **label_look())
    first.label1.set_horizontalalignment("left")
    last.label1.set_horizontalalignment("right")


def _apart(ticks: list[tuple[int, str]], pixels: float, points: float) -> list[tuple[int, str]]:
    """Leave out ticks whose names would stand closer than a gap; a row is `pixels` wide."""
    kept: list[tuple[int, str]] = []
    for row, text in ticks:
        while kept and _gap(kept[-1], (row, text), pixels, points) < _LEAST_GAP:
            if "\n" not in text or (len(kept) > 1 and "\n" in kept[-1][1]):
                break
            kept.pop()
        if not kept or _gap(kept[-1], (row, text), pixels, points) >= _LEAST_GAP:
            kept.append((row, text))
    return kept


def _gap(left: tuple[int, str], right: tuple[int, str], pixels: float, points: float) -> float:
    return (right[0] - left[0]) * pixels - (width_of(left[1], points) + width_of(right[1], points)) / 2
