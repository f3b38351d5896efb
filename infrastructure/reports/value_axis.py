"""What an axis of values spans, said where it does not begin at 0, and the baselines that stand across it."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infrastructure.reports.canvas import INK
from infrastructure.reports.label_texts import line_height

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NOTE_POINTS = 9.0
_FROM_ZERO = 0.4  # an axis begins at 0 where the smallest value is at most this share of the largest
_LEAST_SHARE = 0.08  # of an axis is left to the curve when a far baseline is taken in; else that one is only named
_LOG_SCALE_FROM_RATIO = 20
_DASHES = ((0, (6, 3)), (0, (1, 2)), (0, (6, 2, 1, 2)), (0, (3, 1.5)), (0, (10, 4)))


def span(axes: "Axes", values: NDArray[np.float64], baselines: Mapping[str, float], name: str, height: float) -> None:
    """Choose what the axis of a panel `height` pixels high spans, draw the baselines, and label it with `name`.

    `values` [N] are those of the curves, NaN among them or none. Positive ones that differ by a factor of 20 get a
    logarithmic axis. One that begins above 0 says where it does. Each baseline has its name and value at the right
    end of its line; one so far away that the curve would be flat is named with an arrow at the edge.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        axes.set_ylabel(name)
        axes.set_yticks([])
        return
    near = {rival: value for rival, value in baselines.items() if _is_near(value, finite)}
    every = np.concatenate([finite, list(near.values())])
    if finite.min() > 0 and finite.max() > _LOG_SCALE_FROM_RATIO * finite.min() and every.min() > 0:
        _use_log_scale(axes, every)
        axes.set_ylabel(f"{name} (log scale)")
    else:
        low, high = _ends_of(every)
        axes.set_ylim(low, high)
        axes.set_ylabel(f"{name}\n(axis begins at {low:.6g})" if low > 0 else name)
    _draw_baselines(axes, baselines, near, height)


def _is_near(value: float, finite: NDArray[np.float64]) -> bool:
    whole = max(finite.max(), value) - min(finite.min(), value)
    return math.isfinite(value) and finite.max() - finite.min() >= _LEAST_SHARE * whole * (finite.size > 1)


def _ends_of(values: NDArray[np.float64]) -> tuple[float, float]:
    """Leave room above and below for marks and their texts; the lower end is a number that is easily read."""
    low, high = float(values.min()), float(values.max())
    room = 0.16 * (high - low) or 0.05 * abs(high) or 1.0
    if 0 <= low <= _FROM_ZERO * high or low == 0:
        return 0.0, high + room
    step = 10.0 ** math.floor(math.log10(room))
    begin = math.floor((low - room) / step) * step
    return (max(begin, 0.0) if low >= 0 else begin), high + room


def _use_log_scale(axes: "Axes", values: NDArray[np.float64]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    beyond = (values.max() / values.min()) ** 0.08
    axes.set_ylim(values.min() / beyond, values.max() * beyond)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_baselines(axes: "Axes", baselines: Mapping[str, float], near: Mapping[str, float], height: float) -> None:
    """Draw the lines and put the names beside them, moved apart where they would cover each other."""
    low, high = axes.get_ylim()
    places, texts = [], []
    for dash, (name, value) in zip(_DASHES, sorted(baselines.items(), key=lambda item: item[1]), strict=False):
        arrow = ""
        if name in near:
            axes.axhline(value, color=INK, linewidth=1.1, linestyle=dash, zorder=1.5)
        else:
            arrow = "\N{DOWNWARDS ARROW} " if value < low else "\N{UPWARDS ARROW} "
        places.append(_place_of(axes, min(max(value, low), high)))
        texts.append(f"{arrow}{name} {value:.4g}")
    for place, text in zip(_apart(places, line_height(_NOTE_POINTS) / height), texts, strict=True):
        axes.annotate(
            text, (1, place), (5, 0), xycoords="axes fraction", textcoords="offset points", va="center",
            fontsize=_NOTE_POINTS, color=INK, annotation_clip=False,
        )  # fmt: skip


def _place_of(axes: "Axes", value: float) -> float:
    """Give the height of a value in shares of the panel."""
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log":
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low)


def _apart(places: list[float], least: float) -> list[float]:
    """Move ascending places apart by `least` at least, each as little as it takes and none below 0 or above 1."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + least) if moved else max(place, 0.0))
    ceiling = 1.0
    for index in reversed(range(len(moved))):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - least
    return moved
