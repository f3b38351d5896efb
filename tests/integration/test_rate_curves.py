"""The picture of a range test shows what was found, and stays readable where a sweep exploded or found nothing."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from domain.rate_sweep import RateSweep, SweptLosses, rate_found
from infrastructure.reports import rate_curve
from infrastructure.reports.rate_curve import draw_rate_curve
from tests.fakes.sweeps import falling
from tests.support.pictures import a_picture_written, assert_apart, figures_kept

SWEEP = RateSweep(1e-6, 1.0)
CASES: dict[str, Callable[[float], float]] = {
    "fell and diverged": falling,
    "fell and rose early": lambda rate: falling(rate) + (1e4 * rate if rate > 4e-3 else 0.0),
    "exploded": lambda rate: falling(rate) if rate < 0.1 else 1e300,
    "ended in NaN": lambda rate: falling(rate) if rate < 0.1 else math.nan,
    "never finite": lambda rate: math.nan,
    "never moved": lambda rate: 1.0,
    "below zero": lambda rate: falling(rate) - 5.0,
}


def drawn(loss_at: Callable[[float], float], path: Path) -> SweptLosses:
    swept = SweptLosses()
    for step in range(SWEEP.steps):
        swept.take_in(loss_at(SWEEP.rate_at(step)))
        if swept.diverged:
            break
    draw_rate_curve(SWEEP, swept, rate_found(SWEEP, swept), path)
    return swept


@pytest.mark.usefixtures("pictures_drawn")
@pytest.mark.parametrize("name", CASES)
def test_a_picture_is_written_without_a_warning(name: str, tmp_path: Path) -> None:
    with a_picture_written(tmp_path / "curve.png") as path:
        drawn(CASES[name], path)


@pytest.mark.parametrize("name", CASES)
def test_no_text_covers_another(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (figure,) = figures_of(CASES[name], monkeypatch)
    assert_apart(figure)


def test_lines_stand_where_something_was_found_and_the_key_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = figures_kept(monkeypatch, rate_curve)
    swept = drawn(CASES["fell and rose early"], Path("unused.png"))
    found = rate_found(SWEEP, swept)
    (axes,) = figures[0].axes
    lines = {
        str(line.get_label()).partition(":")[0]: float(np.asarray(line.get_xdata())[0]) for line in axes.get_lines()
    }
    assert lines["suggested"] == found.rate
    marks = [lines[name] for name in ("fell fastest", "lowest", "rises", "diverged")]
    assert marks == [found.steepest, found.lowest, found.rising, found.diverged]
    low, high = axes.get_ylim()
    assert low < min(swept.smoothed)
    assert high > swept.smoothed[0]
    assert high < max(loss for loss in swept.losses if loss is not None)  # what explodes is cut off


def figures_of(loss_at: Callable[[float], float], monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    figures = figures_kept(monkeypatch, rate_curve)
    drawn(loss_at, Path("unused.png"))
    return figures
