"""Draws which classes are taken for which, 800 pixels wide: every cell of few classes, the worst pairs of many."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from infrastructure.reports.canvas import BLUE, DOTS_PER_INCH, GREY, INK, ORANGE, WIDTH_PIXELS, open_page, save, tint
from infrastructure.reports.confused_pairs import draw_confused_pairs
from infrastructure.reports.label_texts import is_whole, label_look, line_height, on_one_line, texts_of, width_of
from infrastructure.reports.shares import right_told, share_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_CLASSES = 30  # of more classes a cell has no room for a number, and most are empty
_MANY = 15  # classes whose names are written smaller
_NAME_POINTS, _SMALL_POINTS = 9.0, 8.0
_LEAST_POINTS = 6.5
_LARGEST_CELL = 150.0
_LEAST_CELL_WITH_SHARES = 36.0
_LEAST_CELL_TO_READ_ACROSS, _AMPLE_CELL = 70.0, 120.0  # pixels; narrower columns may have their names turned
_ROW_ROOM, _COLUMN_ROOM = 250.0, 320.0  # pixels for the names beside and below
_MOST_LINES = 4
_LEFT, _RIGHT, _TOP = 45.0, 20.0, 70.0
_LIGHT = 0.22  # from here on white letters have less than four times the light of what is behind them
_SHARES_OF_KEY = (0.01, 0.1, 0.5, 1.0)


def draw_confusion_matrix(
    matrix: Sequence[Sequence[int]], label_names: Sequence[str], path: Path, counted: str = "rows"
) -> None:
    """Draw counts, true classes downward and predicted ones across: right answers blue, mistakes orange.

    Shapes: matrix [C, C], label_names [C]; `counted` says what the counts are of. The darker a cell, the larger its
    share of the true class; where nothing was counted it stays blank. Of more than 30 classes the pairs that are
    confused most are drawn instead.
    Raises: OSError when the file cannot be written.
    """
    counts = np.asarray(matrix, dtype=np.int64).reshape(len(label_names), len(label_names))
    if len(label_names) > MAX_CLASSES:
        draw_confused_pairs(counts, label_names, path, counted)
        return
    page = _lay_out(label_names, counts.sum(axis=1))

    figure = open_page(page.height)
    axes = figure.add_axes(page.grid)
    axes.imshow(_colours(counts), aspect="equal", interpolation="nearest")
    edges = np.arange(len(label_names) + 1) - 0.5
    axes.hlines(edges, -0.5, len(label_names) - 0.5, color="#dddddd", linewidth=0.8)
    axes.vlines(edges, -0.5, len(label_names) - 0.5, color="#dddddd", linewidth=0.8)
    axes.set(xlim=(-0.5, len(label_names) - 0.5), ylim=(len(label_names) - 0.5, -0.5))
    axes.spines[:].set_visible(False)
    _name_classes(axes, page)
    has_shares = _write_cells(axes, counts, page.cell)
    _head(figure, page, right_told(counts, counted), counted, has_shares)
    if not has_shares:
        _key(figure, page)
    save(figure, path)


@dataclass(frozen=True)
class _Page:
    """Where the square grid stands on a page, in pixels from its upper left, and the texts of its rows and columns."""

    left: float
    names: float  # the widest one of a row
    cell: float
    bottom: float
    rows: list[str]
    columns: list[str]
    points: float
    turned: bool

    @property
    def side(self) -> float:
        return self.cell * len(self.rows)

    @property
    def height(self) -> float:
        return _TOP + self.side + self.bottom

    @property
    def grid(self) -> tuple[float, float, float, float]:
        """Give the place of the grid in shares of the page."""
        return (
            self.left / WIDTH_PIXELS,
            self.bottom / self.height,
            self.side / WIDTH_PIXELS,
            self.side / self.height,
        )


def _lay_out(labels: Sequence[str], support: NDArray[np.int64]) -> _Page:
    """Give the grid what the names of the rows leave of the width; both directions wrap their names to its cells."""
    points = _NAME_POINTS if len(labels) <= _MANY else _SMALL_POINTS
    numbers = [f" ({total:,})" for total in support.tolist()]
    lines = [on_one_line(label) + number for label, number in zip(labels, numbers, strict=True)]
    room = min(max(width_of(line, points) for line in lines) + 1, _ROW_ROOM)
    cell = min((WIDTH_PIXELS - _LEFT - _RIGHT - room) / len(labels), _LARGEST_CELL)
    most = min(max(int(cell / line_height(points)), 1), _MOST_LINES)
    rows = texts_of(labels, room, points, most, numbers)
    lies = cell >= _LEAST_CELL_TO_READ_ACROSS and all(
        cell > _AMPLE_CELL or is_whole(label, cell - 8, points, _MOST_LINES) for label in labels
    )
    if lies:
        columns = texts_of(labels, cell - 8, points, _MOST_LINES)
        below = max(name.count("\n") + 1 for name in columns) * line_height(points)
    else:
        columns = texts_of(labels, _COLUMN_ROOM, points, most)
        below = max(width_of(name, points) for name in columns)
    widest = max(width_of(row, points) for row in rows)
    spare = WIDTH_PIXELS - _LEFT - _RIGHT - widest - cell * len(labels)
    return _Page(_LEFT + widest + spare / 2, widest, cell, below + 55, rows, columns, points, not lies)


def _colours(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mix the colour of each cell [C, C, 3]: blue on the diagonal and orange beside it, white where nothing is."""
    shares = _shares(counts)
    return np.array(
        [
            [tint(BLUE if row == column else ORANGE, _strength(share)) for column, share in enumerate(line)]
            for row, line in enumerate(shares.tolist())
        ]
    )


def _strength(share: float) -> float:
    """Turn a share into a share of the full colour: 5 % is what the reader looks for, and would be white if in step."""
    return float(0.06 + 0.94 * share**0.5) if share else 0.0


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(counts / np.maximum(counts.sum(axis=1), 1)[:, None])


def _name_classes(axes: "Axes", page: _Page) -> None:
    places = range(len(page.rows))
    axes.tick_params(length=0, pad=4)
    axes.set_yticks(places, page.rows, fontsize=page.points, **label_look())
    axes.set_xticks(places, page.columns, fontsize=page.points, **label_look())
    if page.turned:
        for tick in axes.get_xticklabels():
            tick.set(rotation=90, multialignment="right")
    elif not any("\n" in name for name in page.columns):
        axes.tick_params(axis="x", pad=4 + page.points)
        for tick in axes.get_xticklabels():  # names with and without long letters stand on one line
            tick.set(verticalalignment="baseline")
    axes.set_xlabel("predicted class", fontsize=10)


def _write_cells(axes: "Axes", counts: NDArray[np.int64], cell: float) -> bool:
    """Write the count into each cell that has one and below it its share where there is room; tell whether there was.

    Nothing is written where the longest number has no room.
    """
    shares = _shares(counts)
    longest = max((f"{count:,}" for count in counts.ravel().tolist()), key=len)
    size = min(
        11.0,
        cell / 4.2 if cell > _LEAST_CELL_WITH_SHARES else 11.0,
        _NAME_POINTS * (cell - 4) / width_of(longest, _NAME_POINTS),
    )
    of_share = min(size, 9.0, _NAME_POINTS * (cell - 4) / width_of(">99%", _NAME_POINTS))
    if size < _LEAST_POINTS:
        return False
    has_shares = cell > _LEAST_CELL_WITH_SHARES and of_share >= _LEAST_POINTS
    for (row, column), count in np.ndenumerate(counts):
        if not count:
            continue
        share = float(shares[row, column])
        look: dict[str, Any] = {"ha": "center", "color": _ink_on(BLUE if row == column else ORANGE, share)}
        if has_shares:
            axes.text(column, row - 1 / cell, f"{count:,}", va="baseline", fontsize=size, **look)
            below = row + (3 + of_share * DOTS_PER_INCH / 72) / cell
            axes.text(column, below, share_text(share), va="baseline", fontsize=of_share, **look)
        else:
            axes.text(column, row, f"{count:,}", va="center_baseline", fontsize=size, **look)
    return has_shares


def _ink_on(colour: str, share: float) -> str:
    """Choose black or white by the lightness of a cell. Source: the relative luminance of WCAG 2."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
              for part in tint(colour, _strength(share))]  # fmt: skip
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    return "white" if luminance < _LIGHT else "black"


def _head(figure: "Figure", page: _Page, told: str, counted: str, has_shares: bool) -> None:
    share = "count and share" if has_shares else "darker: a larger share"
    note = f"blue: right answers, orange: mistakes; {share} of the true class"
    figure.text(0.5, 1 - 16 / page.height, told, ha="center", va="center", fontsize=11)
    figure.text(0.5, 1 - 38 / page.height, note, ha="center", va="center", fontsize=9, color=GREY)
    middle = (page.bottom + page.side / 2) / page.height
    figure.text(
        (page.left - page.names - 26) / WIDTH_PIXELS, middle, f"true class (number of {counted})",
        ha="center", va="center", rotation=90, fontsize=10, color=INK,
    )  # fmt: skip


def _key(figure: "Figure", page: _Page) -> None:
    """Show what shares the colours stand for, where the cells do not say it."""
    from matplotlib.patches import Patch

    patches = [Patch(facecolor=tint(ORANGE, _strength(share)), label=f"{share:.0%}") for share in _SHARES_OF_KEY]
    figure.legend(
        handles=patches, loc="center", bbox_to_anchor=(0.5, 1 - 57 / page.height), ncols=len(patches), frameon=False,
        fontsize=8.5, handlelength=1.4, columnspacing=1.2,
    )  # fmt: skip
