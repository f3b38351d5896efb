"""Pictures of a run, 800 pixels wide: how training went, and which classes are taken for which."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from domain.metrics import MetricEntry, direction_of, is_better
from infrastructure.reports.canvas import (
    BLUE,
    DOTS_PER_INCH,
    GREEN,
    ORANGE,
    RED,
    WIDTH_PIXELS,
    mark_not_finite,
    open_page,
    save,
    say,
    shorten,
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


def draw_confusion_matrix(
    matrix: Sequence[Sequence[int]], label_names: Sequence[str], path: Path, counted: str = "rows"
) -> None:
    """Draw counts, true classes downward and predicted ones across, coloured by the share of the true class.

    Shapes: matrix [C, C], label_names [C]; `counted` says what the counts are of. Up to 12 classes have their numbers
    in the cells; of many classes only every second or third column is named.
    Raises: OSError when the file cannot be written.
    """
    from matplotlib.colors import PowerNorm

    counts = np.asarray(matrix, dtype=np.int64)
    support = counts.sum(axis=1)
    shares = counts / np.maximum(support, 1)[:, None]
    columns = [shorten(name) for name in label_names]
    rows = [f"{name} ({total:,})" for name, total in zip(columns, support.tolist(), strict=True)]
    page = _lay_out(rows, columns)

    figure = open_page(page.height)
    axes = figure.add_axes(page.box(page.left, page.grid_width))
    # The square root of the share: a 5 % confusion is what the reader looks for, and is white on a straight scale.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0.0, 1.0), aspect="auto", interpolation="nearest")
    right_answers = np.trace(counts) / max(counts.sum(), 1)
    axes.set_title(f"{counts.sum():,} {counted}, {right_answers:.1%} on the diagonal (right answers)", fontsize=11)
    _name_classes(axes, rows, columns, page)
    axes.set_ylabel(f"true class (number of {counted})")
    if len(columns) <= MAX_CLASSES_WITH_NUMBERS:
        _write_cells(axes, counts, shares, page.grid_width / len(columns))
    scale = figure.add_axes(page.box(page.left + page.grid_width + 15, 16))
    ticks = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1)
    bar = figure.colorbar(image, cax=scale, ticks=ticks, format=lambda share, _: f"{share:.0%}")
    bar.set_label("share of the true class")
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


@dataclass(frozen=True)
class _Page:
    """Where the grid of cells stands, in pixels from the lower left, and how its columns are named."""

    left: float
    bottom: float
    grid_width: float
    grid_height: float
    height: float
    column_stride: int
    column_points: float
    column_degrees: int

    def box(self, left: float, width: float) -> tuple[float, float, float, float]:
        """Give a part as high as the grid in shares of the page."""
        return left / WIDTH_PIXELS, self.bottom / self.height, width / WIDTH_PIXELS, self.grid_height / self.height


def _lay_out(rows: Sequence[str], columns: Sequence[str]) -> _Page:
    """Fit the grid between the names on its left and below it, the title above and the colour scale on its right."""
    num_classes = len(columns)
    row_names = _width_of(rows, _NAME_POINTS)
    grid_width = min(WIDTH_PIXELS - 55 - row_names - 115, max(240.0, 120.0 * num_classes))
    grid_height = max(grid_width, 14.0 * min(num_classes, _MAX_NAMES))  # rows high enough for their names
    cell = grid_width / num_classes
    stride = math.ceil(_LEAST_NAME_POINTS / (0.62 * cell))  # text of 0.62 points a pixel stands clear of its neighbour
    room = stride * cell
    column_points = min(_NAME_POINTS, 0.62 * room)
    column_names = _width_of(columns, column_points)
    degrees = 0 if column_names < 0.95 * room else 45 if room > 30 else 90
    bottom = 50 + column_names * math.sin(math.radians(degrees))
    left = 55 + row_names + (WIDTH_PIXELS - 55 - row_names - grid_width - 115) / 2
    return _Page(left, bottom, grid_width, grid_height, 45 + grid_height + bottom, stride, column_points, degrees)


def _width_of(names: Sequence[str], points: float) -> float:
    """Estimate the pixels of the longest name: a letter is about 0.58 times as wide as its size."""
    return 0.58 * points * DOTS_PER_INCH / 72 * max(map(len, names))


def _name_classes(axes: "Axes", rows: Sequence[str], columns: Sequence[str], page: _Page) -> None:
    named_rows = range(0, len(rows), math.ceil(len(rows) / _MAX_NAMES))
    named_columns = range(0, len(columns), page.column_stride)
    # parse_math: a dollar sign in a label is a dollar sign.
    axes.set_yticks(named_rows, [rows[index] for index in named_rows], fontsize=_NAME_POINTS, parse_math=False)
    names = [columns[index] for index in named_columns]
    ticks = axes.set_xticks(named_columns, names, fontsize=page.column_points, parse_math=False)
    for tick in ticks:
        tick.label1.set(rotation=page.column_degrees)
        if page.column_degrees == 45:
            tick.label1.set(horizontalalignment="right", rotation_mode="anchor")
    axes.set_xlabel("predicted class")
    axes.tick_params(length=0)


def _write_cells(axes: "Axes", counts: NDArray[np.int64], shares: NDArray[np.float64], cell: float) -> None:
    """Write the count and, where the class has rows, its share into each cell; sizes follow the longest count."""
    longest = max(len(f"{counts.max():,}"), 4)
    size = min(11.0, cell / longest * 1.1)  # points; a digit is about 0.6 times as wide as its size
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{count:,}\n{share:.0%}" if counts[row].any() else "0"
        axes.text(
            column, row, text, ha="center", va="center", fontsize=size, color="white" if share > 0.35 else "black"
        )
