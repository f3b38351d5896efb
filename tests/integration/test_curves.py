"""Pictures are read back from the file, and what they say from the figure that was saved."""

import math
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from domain.metrics import MetricEntry
from infrastructure.reports import curves
from infrastructure.reports.curves import draw_training_curves


def entries(name: str, values: Sequence[float], first: int = 10, stride: int = 10) -> list[MetricEntry]:
    return [MetricEntry(name, value, first + index * stride, 0, 0.0) for index, value in enumerate(values)]


def size_of(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Give the figures that would have been written, the last one last."""
    figures: list[Figure] = []
    monkeypatch.setattr(curves, "save", lambda figure, path: figures.append(figure))
    return figures


FULL = (
    entries("train_loss", [2.0, 1.5, 1.2, 1.1])
    + entries("train_loss_ema", [2.0, 1.9, 1.7, 1.5])
    + entries("learning_rate", [1e-3, 7e-4, 4e-4, 1e-4])
    + entries("eval_loss", [1.6, 1.3], first=20, stride=20)
    + entries("eval_macro_f1", [0.5, 0.8], first=20, stride=20)
)
NAN = math.nan
NOWHERE = Path("unwritten.png")


@pytest.mark.parametrize(
    "logged",
    [
        pytest.param(FULL, id="full"),
        pytest.param([entry for entry in FULL if entry.step == 20], id="one point"),
        pytest.param([entry for entry in FULL if not entry.name.startswith("eval_")], id="without evaluation"),
        pytest.param(entries("train_loss", [NAN, math.inf]) + entries("eval_macro_f1", [NAN]), id="nothing finite"),
        pytest.param(entries("train_loss", [1e4, 1.0, 1e-3, 0.0]), id="many magnitudes and zero"),
        pytest.param([], id="nothing"),
    ],
)
def test_training_curves_are_a_png_800_pixels_wide_whatever_was_logged(
    logged: list[MetricEntry], tmp_path: Path
) -> None:
    draw_training_curves(logged, "eval_macro_f1", tmp_path / "curves.png")
    assert size_of(tmp_path / "curves.png")[0] == 800


@pytest.mark.parametrize(
    ("metric", "values", "label"),
    [
        ("macro_f1", [0.5, 0.8125, 0.75], "best: 0.8125 at step 20"),
        ("eval_loss", [0.9, NAN, 1.5], "best: 0.9 at step 10"),
    ],
)
def test_the_best_point_is_the_largest_score_or_the_smallest_loss(
    metric: str, values: list[float], label: str, drawn: list[Figure]
) -> None:
    draw_training_curves(entries(f"eval_{metric.removeprefix('eval_')}", values), metric, NOWHERE)
    assert label in [text.get_text() for axes in drawn[-1].axes for text in axes.texts]


@pytest.mark.parametrize(
    ("logged", "labels"),
    [([], ["loss", "learning rate"]), (["eval_exact_match", "eval_bleu"], ["loss", "learning rate", "BLEU"])],
)
def test_a_loss_that_chooses_the_best_is_drawn_once_and_scores_of_texts_have_a_panel(
    logged: list[str], labels: list[str], drawn: list[Figure]
) -> None:
    scores = [entry for name in logged for entry in entries(name, [0.0, 0.25])]
    draw_training_curves([*FULL, *scores], "loss", NOWHERE)
    assert [axes.get_ylabel() for axes in drawn[-1].axes] == labels
    assert "best: 1.3 at step 40" in [text.get_text() for text in drawn[-1].axes[0].texts]


def test_a_step_logged_again_after_a_rollback_shows_its_later_value(drawn: list[Figure]) -> None:
    again = entries("train_loss", [5.0, 6.0, 7.0]) + entries("train_loss", [4.0, 3.0], first=20)
    draw_training_curves(again, "eval_loss", NOWHERE)
    points = drawn[-1].axes[0].lines[0]
    assert np.asarray(points.get_xydata()).tolist() == [[10, 5], [20, 4], [30, 3]]


def test_a_value_that_is_not_finite_is_marked_at_its_step(drawn: list[Figure]) -> None:
    draw_training_curves(entries("train_loss", [1.0, NAN, 0.5, math.inf]), "eval_loss", NOWHERE)
    marks = {line.get_label(): line for line in drawn[-1].axes[0].lines}
    assert np.asarray(marks["not finite (NaN or infinite)"].get_xdata()).tolist() == [20, 40]


def test_a_loss_that_falls_far_has_a_log_scale(drawn: list[Figure]) -> None:
    draw_training_curves(entries("train_loss", [5.0, 0.1]), "eval_loss", NOWHERE)
    draw_training_curves(entries("train_loss", [5.0, 1.0]), "eval_loss", NOWHERE)
    assert [figure.axes[0].get_yscale() for figure in drawn] == ["log", "linear"]
