"""Looks at a figure as a reader does: which texts are seen, and whether one covers another."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib.axis import Tick
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


def figures_kept(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> list[Figure]:
    """Give the figures that these modules would have written, the last one last."""
    figures: list[Figure] = []
    for module in modules:
        monkeypatch.setattr(module, "save", lambda figure, path: figures.append(figure))
    return figures


@contextmanager
def a_picture_written(path: Path) -> Iterator[Path]:
    """Give a path, and see afterwards that a picture 800 pixels wide was written there without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield path
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", data[16:20]) == (800,)


def texts_in(figure: Figure) -> list[Text]:
    """Give every text that is seen: labels of ticks beyond the ends of their axis are there, but not drawn."""
    unseen = {text for tick in _ticks_in(figure) if _is_beyond(tick) for text in (tick.label1, tick.label2)}
    found = [text for text in figure.findobj(Text) if isinstance(text, Text) and text not in unseen]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def assert_apart(figure: Figure, slack: float = 2.0) -> None:
    """Fail where a text leaves the page, or covers another by more than `slack` pixels both across and down.

    A box has room for accents and tails that its letters may lack: lines of text stand closer than their boxes.
    """
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        canvas.draw()
    width, height = figure.bbox.size
    placed = [(text.get_text(), text.get_window_extent(canvas.get_renderer())) for text in texts_in(figure)]
    assert placed
    for number, (text, box) in enumerate(placed):
        assert box.x0 >= 0 <= box.y0, f"{text!r} at {box} leaves the page"
        assert box.x1 <= width and box.y1 <= height, f"{text!r} at {box} leaves the page"  # noqa: PT018
        for other_text, other in placed[:number]:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            down = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert min(across, down) <= slack, f"{text!r} at {box} covers {other_text!r} at {other}"


def _ticks_in(figure: Figure) -> list[Tick]:
    axes_of = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    return [tick for axis in axes_of for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())]


def _is_beyond(tick: Tick) -> bool:
    axes = tick.axes
    assert axes is not None
    ends = axes.get_xlim() if tick in (*axes.xaxis.majorTicks, *axes.xaxis.minorTicks) else axes.get_ylim()
    return not min(ends) <= tick.get_loc() <= max(ends)
