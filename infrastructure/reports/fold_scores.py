"""Draws what a model reached in each fold beside rivals that need no model, 800 pixels wide."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from domain.backtest import Backtest
from domain.headlines import label_of
from domain.metrics import direction_of
from domain.words import Words
from infrastructure.reports.canvas import BLUE, GREEN, GREY, INK, ORANGE, RED, open_page, save, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL = 300.0
_BAND = "picp_80"
_PROMISED = 0.8
_MOST_NAMED = 6
_NAME_POINTS = 8.5
_RIVAL_LOOKS = ((ORANGE, "s"), (GREEN, "^"), (RED, "D"), (GREY, "v"))


def draw_folds(result: Backtest, path: Path) -> None:
    """Draw the deciding score of each fold with its interval beside those of rivals, and below it how much bands held.

    Lines join folds, in the order of time; a value that is not there leaves a gap. Raises: OSError when the file
    cannot be written.
    """
    has_bands = any(_BAND in each.metrics for each in result.folds)
    figure = open_page(_PANEL * (2 if has_bands else 1) + 80, padding=0.1)
    panels = figure.subplots(2 if has_bands else 1, 1, sharex=True, squeeze=False).ravel()
    _draw_scores(panels[0], result)
    if has_bands:
        _draw_bands(panels[1], result)
    for axes in panels:
        tidy(axes)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=6, frameon=False, fontsize=9, borderaxespad=0.2)
    _name_folds(panels[-1], result)
    figure.align_ylabels()
    save(figure, path)


def _draw_scores(axes: "Axes", result: Backtest) -> None:
    metric = result.metric
    places = np.arange(1, len(result.folds) + 1)
    rivals = list(dict.fromkeys(name for each in result.folds for name in each.rivals))
    for (colour, mark), name in zip(_RIVAL_LOOKS, rivals, strict=False):
        reached = [each.rivals.get(name, np.nan) for each in result.folds]
        axes.plot(places, reached, mark, color=colour, markersize=5, linestyle=(0, (2, 2)), linewidth=0.9, label=name)
    values = _values(result, metric)
    ends = np.array([each.intervals.get(metric, (np.nan, np.nan)) for each in result.folds]).T  # [2, folds]
    axes.plot(places, values, "-o", color=BLUE, linewidth=1.8, label="this model")
    axes.vlines(places, ends[0], ends[1], color=BLUE, linewidth=4, alpha=0.3, label="its 95 % range")
    if np.isfinite(values).any():
        axes.axhline(float(np.nanmean(values)), color=BLUE, linewidth=0.8, linestyle=(0, (1, 3)), zorder=1)
    better = "lower" if direction_of(metric) == "min" else "higher"
    axes.set_ylabel(f"{label_of(metric, Words())} ({better} is better)")


def _draw_bands(axes: "Axes", result: Backtest) -> None:
    from matplotlib.ticker import PercentFormatter

    places = np.arange(1, len(result.folds) + 1)
    axes.axhline(_PROMISED, color=INK, linewidth=1, linestyle=(0, (4, 3)), label="promised")
    held = _values(result, _BAND)
    axes.plot(places, held, "-o", color=BLUE, linewidth=1.8, label="held")
    axes.set_ylim(min(0.5, *(held[np.isfinite(held)] - 0.05)), 1.0)  # a band that holds well is not to look uneven
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylabel("values within the band of 80 %")


def _values(result: Backtest, name: str) -> NDArray[np.float64]:
    return np.array([each.metrics.get(name, np.nan) for each in result.folds], dtype=np.float64)


def _name_folds(axes: "Axes", result: Backtest) -> None:
    """Name folds by where they begin, the time below the day, of many only some."""
    num = len(result.folds)
    shown = result.folds[:: -(-num // _MOST_NAMED)]
    texts = [f"fold {each.fold.number}\n{each.fold.first.replace('T', chr(10))}" for each in shown]
    axes.set_xticks([each.fold.number for each in shown], texts, fontsize=_NAME_POINTS)
    axes.set_xlim(0.5, num + 0.5)
