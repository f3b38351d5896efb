"""Draws the pairs of classes that are confused most, a bar each."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infrastructure.reports.canvas import GREY, INK, ORANGE, WIDTH_PIXELS, open_page, save
from infrastructure.reports.label_texts import label_look, line_height, texts_of, width_of
from infrastructure.reports.shares import right_told, share_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_PAIRS = 20
_POINTS = 9.0
_TRUE, _ARROW, _PREDICTED, _BARS = 220.0, 235.0, 250.0, 465.0  # pixels from the left
_NAME_ROOM = 205.0
_LINES = 2
_LEAST_ROWS = 3
_TOP, _BOTTOM = 95.0, 15.0
_ROW = _LINES * line_height(_POINTS) + 8


def draw_confused_pairs(
    counts: NDArray[np.int64], label_names: Sequence[str], path: Path, counted: str = "rows"
) -> None:
    """Draw a bar for each of the 20 most frequent mistakes, with its count and its share of the true class.

    Shapes: counts [C, C], true classes downward; label_names [C].
    Raises: OSError when the file cannot be written.
    """
    mistakes = counts - np.diag(np.diag(counts))
    pairs = most_confused(counts)
    height = _TOP + _BOTTOM + max(len(pairs), _LEAST_ROWS) * _ROW
    figure = open_page(height)
    figure.text(0.5, 1 - 16 / height, right_told(counts, counted), ha="center", va="center", fontsize=11)
    if not pairs:
        told = "no class was taken for another" if counts.sum() else f"no {counted} were counted"
        figure.text(0.5, 0.45, told, ha="center", va="center", color=GREY)
        save(figure, path)
        return
    note = _choice_told(mistakes, pairs)
    figure.text(0.5, 1 - 38 / height, note, ha="center", va="center", fontsize=9, color=GREY)
    _draw_bars(figure, height, counts, pairs)
    _write_names(figure, height, pairs, label_names, counted)
    save(figure, path)


def most_confused(counts: NDArray[np.int64], most: int = MAX_PAIRS) -> list[tuple[int, int]]:
    """Find the pairs (true, answered) with the most mistakes in counts [C, C]; among equals the larger share first."""
    support = counts.sum(axis=1)
    pairs = [(int(row), int(column)) for row, column in np.argwhere(counts) if row != column]
    pairs.sort(key=lambda pair: (-counts[pair], support[pair[0]], pair))
    return pairs[:most]


def _choice_told(mistakes: NDArray[np.int64], pairs: Sequence[tuple[int, int]]) -> str:
    """Say which of the pairs are shown and how many of the mistakes these are."""
    num_pairs = int(np.count_nonzero(mistakes))
    if num_pairs == 1:
        return "the only pair of classes that was confused"
    if num_pairs == len(pairs):
        return f"all {num_pairs} pairs of classes that were confused"
    shown = sum(int(mistakes[pair]) for pair in pairs) / int(mistakes.sum())
    return f"the {len(pairs)} pairs of classes confused most, of {num_pairs:,}: {share_text(shown)} of all mistakes"


def _draw_bars(figure: "Figure", height: float, counts: NDArray[np.int64], pairs: Sequence[tuple[int, int]]) -> None:
    numbers = [int(counts[pair]) for pair in pairs]
    totals = [int(counts[row].sum()) for row, _ in pairs]
    told = [
        f"{number:,} of {total:,} ({share_text(number / total)})" for number, total in zip(numbers, totals, strict=True)
    ]
    width = WIDTH_PIXELS - _BARS - max(width_of(text, _POINTS) for text in told) - 20
    rows = max(len(pairs), _LEAST_ROWS)
    box = (_BARS / WIDTH_PIXELS, _BOTTOM / height, width / WIDTH_PIXELS, rows * _ROW / height)
    axes = figure.add_axes(box)
    axes.barh(range(len(pairs)), numbers, height=0.62, color=ORANGE)
    axes.set(xlim=(0, max(numbers)), ylim=(rows - 0.5, -0.5))
    axes.set_axis_off()
    for place, (number, text) in enumerate(zip(numbers, told, strict=True)):
        axes.annotate(
            text, (number, place), (5, 0), textcoords="offset points", va="center", fontsize=_POINTS, color=INK
        )


def _write_names(
    figure: "Figure", height: float, pairs: Sequence[tuple[int, int]], label_names: Sequence[str], counted: str
) -> None:
    texts = texts_of(label_names, _NAME_ROOM, _POINTS, _LINES)

    def write(place: float, across: float, text: str, side: str, colour: str = INK) -> None:
        down = 1 - (_TOP + (place + 0.5) * _ROW) / height
        figure.text(
            across / WIDTH_PIXELS, down, text, ha=side, va="center", fontsize=_POINTS, color=colour,
            multialignment=side, **label_look(),
        )  # fmt: skip

    write(-0.9, _TRUE, "true class", "right", GREY)
    write(-0.9, _PREDICTED, "predicted instead", "left", GREY)
    write(-0.9, _BARS, f"{counted} of the true class", "left", GREY)
    for place, (row, column) in enumerate(pairs):
        write(place, _TRUE, texts[row], "right")
        write(place, _ARROW, "\N{RIGHTWARDS ARROW}", "center", GREY)
        write(place, _PREDICTED, texts[column], "left")
