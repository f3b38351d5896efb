"""Draws how a training went, 800 pixels wide: loss, learning rate and the primary metric over optimizer steps."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from domain.metrics import MetricEntry, direction_of, is_better
from infrastructure.reports.canvas import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    mark_not_finite,
    open_page,
    save,
    say,
    tidy,
)
from infrastructure.reports.smoothing import smoothed
from infrastructure.reports.value_axis import span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOSS = "eval_loss"
# Scores of written texts, the one that says most first.
_SCORES_OF_TEXTS = ("eval_bleu", "eval_exact_match")
_ACRONYMS = {"f1", "auc", "pr", "ece", "tpr", "fpr", "mse", "mae", "crps", "bleu"}
_MANY_POINTS = 40
_HIGH, _LOW = 300.0, 130.0  # pixels of a panel
_NONE: Mapping[str, float] = MappingProxyType({})


def draw_training_curves(
    entries: Sequence[MetricEntry], metric_name: str, path: Path, baselines: Mapping[str, float] = _NONE
) -> None:
    """Draw loss, learning rate and the primary metric over optimizer steps, one below the other, into a PNG file.

    `metric_name` is the primary metric, with or without "eval_", and `baselines` are scores of others by it, by their
    names. Where it is the loss, the best point is marked among the losses, and the third panel has the first score of
    texts that was logged, or is left out. The training loss is the mean of the steps since the point before; of many
    points a line shows the mean around each. Where a step was logged twice, as after a rollback, the later value
    counts; entries without a step are left out; values that are not finite are marked, not joined.
    Raises: OSError when the file cannot be written.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    primary = f"eval_{metric_name.removeprefix('eval_')}"
    score = primary if primary != _LOSS else _score_of_texts(entries)
    heights = (_HIGH, _LOW, _HIGH) if score else (_HIGH, _LOW)
    figure = open_page(sum(heights) + 60, padding=0.1)
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    _draw_loss(panels[0], entries, baselines if primary == _LOSS else _NONE)
    _draw_learning_rate(panels[1], entries)
    if score:
        _draw_scores(panels[2], entries, score, baselines if score == primary else _NONE)
    _mark_best(panels, panels[0] if primary == _LOSS else panels[2], entries, primary)
    last = panels[-1]
    last.set_xlabel("optimizer step")
    last.xaxis.set_major_locator(MaxNLocator(integer=True))
    last.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    steps = [entry.step for entry in entries if entry.step is not None] or [0]
    if max(steps) - min(steps) < 2:
        last.set_xlim(max(min(steps) - 1, 0), max(steps) + 1)  # left alone, matplotlib would tick fractions of a step
    for axes in panels:
        tidy(axes)
        _explain(axes)
    figure.align_ylabels()
    save(figure, path)


def _draw_loss(axes: "Axes", entries: Sequence[MetricEntry], baselines: Mapping[str, float]) -> None:
    logged, evaluated = _series(entries, "train_loss"), _series(entries, _LOSS)
    line = np.stack([logged[0], smoothed(logged[1])])
    if np.array_equal(line[1], logged[1], equal_nan=True):
        label = "training" if logged.size else None
        axes.plot(*logged, "-o", markersize=_dot(logged), color=BLUE, linewidth=1.6, label=label)
    else:
        axes.plot(*logged, ".", color=BLUE, alpha=0.4, markersize=6, markeredgewidth=0, label="training")
        axes.plot(*line, "-", color=BLUE, linewidth=1.6, label="training, smoothed")
    if evaluated.size:
        axes.plot(*evaluated, "-s", markersize=_dot(evaluated), color=ORANGE, linewidth=1.2, label="evaluation")
    mark_not_finite(axes, np.concatenate([logged, evaluated], axis=1))
    values = np.concatenate([logged[1], evaluated[1]])
    span(axes, values, baselines, "loss", _HIGH)
    if not np.isfinite(values).any():
        say(axes, "no finite loss was logged")


def _draw_learning_rate(axes: "Axes", entries: Sequence[MetricEntry]) -> None:
    rates = _series(entries, "learning_rate")
    axes.plot(*rates, "-o", markersize=_dot(rates), color=GREEN, linewidth=1.6)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)
    axes.set_ylabel("learning rate")
    if rates.size:
        axes.set_ylim(bottom=0)
    else:
        say(axes, "no learning rate was logged")


def _score_of_texts(entries: Sequence[MetricEntry]) -> str | None:
    logged = {entry.name for entry in entries}
    return next((name for name in _SCORES_OF_TEXTS if name in logged), None)


def _draw_scores(axes: "Axes", entries: Sequence[MetricEntry], name: str, baselines: Mapping[str, float]) -> None:
    scores = _series(entries, name)
    if scores.size:
        axes.plot(*scores, "-s", markersize=_dot(scores), color=ORANGE, linewidth=1.2, label="evaluation")
    span(axes, scores[1], baselines, _readable(name), _HIGH)
    if not np.isfinite(scores[1]).any():
        say(axes, f"no finite {_readable(name)} was measured")
    mark_not_finite(axes, scores)


def _mark_best(panels: "Sequence[Axes]", axes: "Axes", entries: Sequence[MetricEntry], name: str) -> None:
    """Put a star on the best point and a line at its step through all panels; the key says what it is."""
    direction = direction_of(name)
    best: tuple[float, float] | None = None
    for step, value in _series(entries, name).T.tolist():
        if math.isfinite(value) and is_better(value, best[1] if best else None, direction):
            best = (step, value)
    if best is None:
        return
    step, value = best
    for panel in panels:
        panel.axvline(step, color=RED, linewidth=0.9, linestyle=(0, (2, 3)), zorder=1)
    told = f"best: {value:.4g} at step {step:,.0f}"
    axes.plot([step], [value], "*", markersize=15, color=RED, linestyle="none", zorder=4, label=told)


def _explain(axes: "Axes") -> None:
    """Put the key above the panel: curves begin high on the left and may end anywhere."""
    marks, names = axes.get_legend_handles_labels()
    if marks:
        columns = len(marks) if len(marks) <= 4 else 3
        axes.legend(
            marks, names, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, fontsize=9,
            borderaxespad=0.2,
        )  # fmt: skip


def _series(entries: Sequence[MetricEntry], name: str) -> NDArray[np.float64]:
    """Give steps and values of one metric, ascending by step: [2, points]."""
    by_step = {entry.step: entry.value for entry in entries if entry.name == name and entry.step is not None}
    points = [(step, value if math.isfinite(value) else math.nan) for step, value in sorted(by_step.items())]
    return np.array(points, dtype=np.float64).reshape(-1, 2).T


def _dot(series: NDArray[np.float64]) -> float:
    """Give the marker size that shows few points and hides the many of a line."""
    return 4.5 if series.shape[1] <= _MANY_POINTS else 0.0


def _readable(metric_name: str) -> str:
    name = metric_name.removeprefix("eval_")
    words = [word.upper() if word in _ACRONYMS else word for word in name.split("_")]
    return "evaluation loss" if name == "loss" else " ".join(words)
