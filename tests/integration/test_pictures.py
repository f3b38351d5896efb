"""Pictures are read back from the file, and what they say from the figure that was saved."""

import math
import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from domain.metrics import MetricEntry
from infrastructure.reports import pictures
from infrastructure.reports.pictures import draw_confusion_matrix, draw_training_curves


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
    monkeypatch.setattr(pictures, "save", lambda figure, path: figures.append(figure))
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
LONG_NAME = "a label far too long\nfor any picture of 800 pixels, $x^$ included"


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


def test_the_same_matrix_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first.png", "second.png"):
        draw_confusion_matrix([[3, 1], [0, 4]], ["safe", "bad"], tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_cells_hold_counts_and_shares_of_their_row_and_a_class_without_rows_has_no_share(drawn: list[Figure]) -> None:
    draw_confusion_matrix([[1500, 500], [0, 0]], ["safe", "$vulnerable^"], NOWHERE)
    cells = [text.get_text() for text in drawn[-1].axes[0].texts]
    assert cells == ["1,500\n75%", "500\n25%", "0", "0"]


def test_more_than_twelve_classes_are_shown_by_colour_alone(drawn: list[Figure]) -> None:
    for num_classes in (12, 13):
        names = [f"c{index}" for index in range(num_classes)]
        draw_confusion_matrix(np.eye(num_classes, dtype=int).tolist(), names, NOWHERE)
    assert [len(figure.axes[0].texts) for figure in drawn] == [144, 0]


@pytest.mark.parametrize(("num_classes", "name"), [(1, "c"), (4, LONG_NAME), (45, LONG_NAME)])
def test_no_name_of_a_class_leaves_the_page_or_covers_the_axis_title(
    num_classes: int, name: str, drawn: list[Figure]
) -> None:
    names = [f"{name} {index}" for index in range(num_classes)]
    matrix = np.full((num_classes, num_classes), 12_345).tolist()
    draw_confusion_matrix(matrix, names, NOWHERE)
    width, height = drawn[-1].get_size_inches() * drawn[-1].dpi
    axes = drawn[-1].axes[0]
    canvas = FigureCanvasAgg(drawn[-1])
    canvas.draw()  # places the titles of the axes
    renderer = canvas.get_renderer()
    names_down = [text.get_window_extent(renderer) for text in axes.get_yticklabels()]
    title = axes.yaxis.label.get_window_extent(renderer)
    texts = [*axes.get_xticklabels(), axes.xaxis.label, axes.title, drawn[-1].axes[1].yaxis.label]
    boxes = [*names_down, title, *(text.get_window_extent(renderer) for text in texts)]
    assert width == 800
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= width
    assert min(box.y0 for box in boxes) >= 0
    assert max(box.y1 for box in boxes) <= height
    assert title.x1 <= min(box.x0 for box in names_down)
    assert all(lower.y1 <= upper.y0 + 1 for upper, lower in pairwise(names_down))


def test_letters_that_the_font_lacks_raise_no_warning(recwarn: pytest.WarningsRecorder, tmp_path: Path) -> None:
    draw_confusion_matrix([[1, 0], [0, 1]], ["安全", "危険"], tmp_path / "matrix.png")
    assert size_of(tmp_path / "matrix.png")[0] == 800
    assert not recwarn.list
