"""Whether directions of a market are told as well at one time as at another."""

from collections.abc import Sequence

import numpy as np

from domain.significance import binomial_interval, effective_trials
from infrastructure.data.series.windows import Windows
from infrastructure.reports.page.blocks import Axis, Band, Block, Chart, Choice, Line, Paragraph, Section
from infrastructure.tasks.series.page.row_times import RowTimes

MAX_STRETCHES = 24
LEAST_OF_A_STRETCH = 20  # windows that do not overlap
_MODEL, _FREQUENT, _HALF = 0, 3, 4
COIN_TOSS = 0.5


def directions_over_time(windows: Windows, labels: np.ndarray, answers: np.ndarray, flat: int) -> Section:
    """Set the share of right answers of each stretch of windows [N] beside that of its most frequent direction.

    Of windows where neither the market nor the answer is `flat`, beside a coin toss.
    """
    num_effective = effective_trials(len(labels), windows.overlap)
    num_stretches = int(min(MAX_STRETCHES, num_effective // LEAST_OF_A_STRETCH))
    title = "Over time"
    if num_stretches < 2:
        return Section(title, [Paragraph("There are too few windows to set one time beside another.", "note")])
    stretches = np.array_split(np.arange(len(labels)), num_stretches)
    right = labels == answers
    frequent = [float(np.bincount(labels[stretch]).max() / len(stretch)) for stretch in stretches]
    all_of_them = [right[stretch] for stretch in stretches]
    moved = (labels != flat) & (answers != flat)
    of_moved = [right[stretch][moved[stretch]] for stretch in stretches]
    views: dict[str, Block] = {
        "all three directions": _chart(windows, stretches, all_of_them, "most frequent direction", frequent, _FREQUENT)
    }
    if moved.any():
        views["up or down"] = _chart(windows, stretches, of_moved, "a coin toss", [COIN_TOSS] * num_stretches, _HALF)
    better = sum(bool(found.mean() > rival) for found, rival in zip(all_of_them, frequent, strict=True))
    told = f"In {better} of {num_stretches} stretches more answers are right than the most frequent direction would be."
    return Section(title, [Paragraph(told), Choice("Right answers among", views)])


def _chart(
    windows: Windows,
    stretches: Sequence[np.ndarray],
    right: Sequence[np.ndarray],
    rival: str,
    rivals: Sequence[float],
    hue: int,
) -> Chart:
    times = RowTimes(windows, across_series=True)
    middles = windows.anchors[[stretch[len(stretch) // 2] for stretch in stretches]]
    x = times.places(middles)
    shares = [float(found.mean()) if len(found) else None for found in right]
    ends = [_interval(found, windows.overlap) for found in right]
    return Chart(
        "Share of right answers over time",
        times.axis(windows.anchors[stretches[0][0] : stretches[-1][-1] + 1]),
        Axis("share of right answers", share=True),
        [
            Line("this model", x, shares, _MODEL),
            Line("", x, shares, _MODEL, "dots"),
            Line(rival, x, rivals, hue, "dashed"),
        ],
        f"Right answers in {len(stretches)} stretches of time, beside {rival}.",
        [Band("95 % interval", x, [low for low, _ in ends], [high for _, high in ends], _MODEL)],
    )


def _interval(right: np.ndarray, overlap: int) -> tuple[float | None, float | None]:
    if not len(right):
        return None, None
    num_effective = effective_trials(len(right), overlap)
    return binomial_interval(float(right.mean()) * num_effective, num_effective)
