"""What all pictures of a run share: a page 800 pixels wide, its colours, and how text and marks are put on it."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infrastructure.files import staged_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

WIDTH_PIXELS = 800
DOTS_PER_INCH = 100
BLUE, ORANGE, GREEN, RED = "#2166ac", "#d95f02", "#1b7837", "#b2182b"
GREY = "#666666"
INK = "#333333"


def open_page(height: float, padding: float | None = None) -> "Figure":
    """Open an empty page `height` pixels high; with `padding`, in inches, its panels are laid out with that around."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = None if padding is None else ConstrainedLayoutEngine(w_pad=padding, h_pad=padding)
    return Figure(figsize=(WIDTH_PIXELS / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH, layout=layout)


def tidy(axes: "Axes") -> None:
    """Give a panel its faint grid and take away the two sides of its frame that measure nothing."""
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def say(axes: "Axes", message: str) -> None:
    """Write into an empty panel why it is empty."""
    axes.text(0.5, 0.5, message, transform=axes.transAxes, ha="center", va="center", color=GREY)
    axes.set_yticks([])


def mark_not_finite(axes: "Axes", series: NDArray[np.float64]) -> "Line2D | None":
    """Put a cross at the foot of the panel below each NaN and infinity; series [2, points] is places and values."""
    places = series[0][~np.isfinite(series[1])]
    if not places.size:
        return None
    foot = np.full_like(places, 0.03)  # in shares of the panel's height
    crosses = axes.plot(places, foot, "x", color=RED, markersize=6, transform=axes.get_xaxis_transform())[0]
    crosses.set_label("not finite (NaN or infinite)")
    return crosses


def tint(colour: str, share: float) -> tuple[float, float, float]:
    """Mix a colour with white: an opaque mark looks the same in a panel and in a legend."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - share * (1 - part) for part in to_rgb(colour))
    return red, green, blue


def save(figure: "Figure", path: Path) -> None:
    """Write the page as a PNG file.

    Raises: OSError when the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    # A canvas of its own instead of pyplot: no display, no state shared with a caller's plots.
    with warnings.catch_warnings():
        # Labels in scripts that the bundled font lacks are drawn as boxes; a warning for each letter helps nobody.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        with staged_file(path) as staging:  # a link in its place is replaced and not written through
            FigureCanvasAgg(figure).print_png(staging)
