"""Draws the losses of a range test over its learning rates, 800 pixels wide."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from domain.rate_sweep import RateFound, RateSweep, SweptLosses, middle_of
from infrastructure.reports.canvas import BLUE, GREEN, ORANGE, RED, mark_not_finite, open_page, save, say, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 420.0
# The loss of a sweep that diverges leaves all others in a flat line: so much of the fall is shown above the beginning.
_ABOVE = 0.6
_BELOW = 0.08
_LEAST_FALL = 0.01  # of a loss that never moves, so that its axis has plain numbers


def draw_rate_curve(sweep: RateSweep, swept: SweptLosses, found: RateFound, path: Path) -> None:
    """Draw each loss faintly and the smoothed one boldly, and mark what was found, into a PNG file.

    A smoothed loss stands in the middle of those that it is a mean of. What lies far above the beginning is cut off,
    and what is not finite is marked at the foot.
    Raises: OSError when the file cannot be written.
    """
    figure = open_page(_HEIGHT, padding=0.1)
    axes = figure.subplots()
    rates = np.array([sweep.rate_at(step) for step in range(len(swept.losses))])
    losses = np.array([np.nan if loss is None else loss for loss in swept.losses], dtype=np.float64)
    smoothed = np.array(swept.smoothed, dtype=np.float64)
    axes.set_xscale("log")
    axes.set_xlim(sweep.start, sweep.end)
    axes.plot(rates, losses, "-o", color=BLUE, alpha=0.3, linewidth=0.8, markersize=2.5, label="loss")
    middles = [sweep.rate_at(middle_of(step)) for step in range(len(smoothed))]
    axes.plot(middles, smoothed, "-", color=BLUE, linewidth=2, label="smoothed")
    mark_not_finite(axes, np.stack([rates, losses]))
    _set_heights(axes, losses, smoothed)
    _mark(axes, found)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss before the update")
    tidy(axes)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=9, borderaxespad=0.2)
    save(figure, path)


def _set_heights(axes: "Axes", losses: np.ndarray, smoothed: np.ndarray) -> None:
    known = smoothed[np.isfinite(smoothed)]
    if not known.size:
        say(axes, "no loss was finite")
        return
    lowest = float(min(known.min(), np.nanmin(losses)))
    before = losses[: int(np.nanargmin(smoothed)) + 1]
    highest = float(max(known[0], np.nanmax(before)))
    fall = max(highest - lowest, _LEAST_FALL * max(abs(highest), 1.0))
    axes.set_ylim(lowest - _BELOW * fall, highest + _ABOVE * fall)


def _mark(axes: "Axes", found: RateFound) -> None:
    """Draw a line at what was found; the key says what it is and where."""
    for rate, name, colour, style in (
        (found.rate, "suggested", GREEN, "-"),
        (found.steepest, "fell fastest", ORANGE, (0, (2, 2))),
        (found.lowest, "lowest", ORANGE, (0, (5, 3))),
        (found.rising, "rises", ORANGE, (0, (5, 2, 1, 2))),
        (found.diverged, "diverged", RED, (0, (1, 2))),
    ):
        if rate is not None:
            width = 2.0 if colour == GREEN else 1.2
            axes.axvline(rate, color=colour, linewidth=width, linestyle=style, zorder=1, label=f"{name}: {rate:.2g}")
