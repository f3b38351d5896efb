"""Pictures of a run, 800 pixels wide: how training went, and which classes are taken for which."""

import math
from collections.abc import Sequence
from pathlib import Path
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

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_CLASSES_WITH_NUMBERS = 12
_MAX_NAMES = 60
_NAME_POINTS = 9.0
_LEAST_NAME_POINTS = 6.5
_LOG_SCALE_FROM_RATIO = 20
_LOSS = "eval_loss"
# Scores of written texts, the one that says most first.
_SCORES_OF_TEXTS = ("eval_bleu", "eval_exact_match")
_ACRONYMS = {"f1", "auc", "pr", "ece", "tpr", "fpr", "mse", "mae", "crps", "bleu"}


def draw_training_curves(entries: Sequence[MetricEntry], metric_name: str, path: Path) -> None:
    """Draw loss, learning rate and the primary metric over optimizer steps, one below the other, into a PNG file.

    `metric_name` is the primary metric, with or without "eval_". Where it is the loss, the best point is marked among
    the losses, and the third panel has the first score of texts that was logged, or is left out. Where a step was
    logged twice, as after a rollback, the later value counts; entries without a step are left out; values that are
    not finite are marked, not joined.
    Raises: OSError when the file cannot be written.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    primary = f"eval_{metric_name.removeprefix('eval_')}"
    score = primary if primary != _LOSS else _score_of_texts(entries)
    ratios = (3, 1.5, 3) if score else (3, 1.5)
    figure = open_page(112 * sum(ratios), padding=0.1)
    panels = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)
    _draw_loss(panels[0], entries)
    _draw_learning_rate(panels[1], entries)
    if score:
        _draw_scores(panels[2], entries, score)
    if score and score != primary:
        panels[2].set_ylim(bottom=0.0)  # else a score that is still 0 would seem to lie between others
    _mark_best(panels[0] if primary == _LOSS else panels[2], entries, primary)
    last = panels[-1]
    last.set_xlabel("optimizer step")
    last.xaxis.set_major_locator(MaxNLocator(integer=True))
    last.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    steps = [entry.step for entry in entries if entry.step is not None] or [0]
    if max(steps) - min(steps) < 2:
        last.set_xlim(max(min(steps) - 1, 0), max(steps) + 1)  # left alone, matplotlib would tick fractions of a step
    for axes in panels:
        tidy(axes)
    figure.align_ylabels()
    save(figure, path)


def _draw_loss(axes: "Axes", entries: Sequence[MetricEntry]) -> None:
    logged, smoothed, evaluated = (_series(entries, name) for name in ("train_loss", "train_loss_ema", "eval_loss"))
    if logged.size:
        axes.plot(*logged, ".", color=BLUE, alpha=0.4, markersize=6, markeredgewidth=0, label="training, as logged")
    if smoothed.size:
        axes.plot(*smoothed, "-o", markersize=_dot(smoothed), color=BLUE, linewidth=1.6, label="training, smoothed")
    if evaluated.size:
        axes.plot(*evaluated, "-o", markersize=5, color=ORANGE, linewidth=1, label="evaluation")
    mark_not_finite(axes, np.concatenate([logged, evaluated], axis=1))
    values = np.concatenate([logged[1], smoothed[1], evaluated[1]])
    finite = values[np.isfinite(values)]
    if finite.size and finite.min() > 0 and finite.max() > _LOG_SCALE_FROM_RATIO * finite.min():
        _use_log_scale(axes)
        axes.set_ylabel("loss (log scale)")
    else:
        axes.set_ylabel("loss")
    if not finite.size:
        say(axes, "no finite loss was logged")
    if values.size:
        axes.legend(frameon=False, fontsize=9)


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


def _draw_scores(axes: "Axes", entries: Sequence[MetricEntry], name: str) -> None:
    scores = _series(entries, name)
    axes.plot(*scores, "-o", markersize=5, color=ORANGE, linewidth=1)
    axes.set_ylabel(_readable(name))
    if not np.isfinite(scores[1]).any():
        say(axes, f"no finite {_readable(name)} was measured")
    mark_not_finite(axes, scores)


def _mark_best(axes: "Axes", entries: Sequence[MetricEntry], name: str) -> None:
    """Put a star on the best point and its label on the side where no other point can be."""
    direction = direction_of(name)
    best: tuple[float, float] | None = None
    for step, value in _series(entries, name).T.tolist():
        if math.isfinite(value) and is_better(value, best[1] if best else None, direction):
            best = (step, value)
    if best is None:
        return
    step, value = best
    axes.plot([step], [value], "*", markersize=15, color=RED, zorder=3)
    axes.margins(y=0.18)
    left, right = axes.get_xlim()
    place = (step - left) / (right - left)
    axes.annotate(
        f"best: {value:.4g} at step {step:,.0f}",
        best,
        xytext=(0, 11 if direction == "max" else -11),
        textcoords="offset points",
        ha="left" if place < 0.2 else "right" if place > 0.8 else "center",
        va="bottom" if direction == "max" else "top",
        color=RED,
    )


def _use_log_scale(axes: "Axes") -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _series(entries: Sequence[MetricEntry], name: str) -> NDArray[np.float64]:
    """Give steps and values of one metric, ascending by step: [2, points]."""
    by_step = {entry.step: entry.value for entry in entries if entry.name == name and entry.step is not None}
    points = [(step, value if math.isfinite(value) else math.nan) for step, value in sorted(by_step.items())]
    return np.array(points, dtype=np.float64).reshape(-1, 2).T


def _dot(series: NDArray[np.float64]) -> float:
    """Give the marker size that shows a single point and hides the many of a line."""
    return 5.0 if series.shape[1] == 1 else 0.0


def _readable(metric_name: str) -> str:
    name = metric_name.removeprefix("eval_")
    words = [word.upper() if word in _ACRONYMS else word for word in name.split("_")]
    return "evaluation loss" if name == "loss" else " ".join(words)
