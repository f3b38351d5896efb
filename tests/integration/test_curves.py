"""Curves of a training: pictures are read back from the file, and what they say from the figure that was saved."""

import math
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from domain.metrics import MetricEntry
from domain.results import Report
from infrastructure.report_writer import rivals_on_the_same_rows
from infrastructure.reports import curves
from infrastructure.reports.curves import draw_training_curves
from infrastructure.reports.smoothing import smoothed
from tests.fakes.ports import RESULT
from tests.support.pictures import assert_apart, figures_kept

pytestmark = pytest.mark.usefixtures("pictures_drawn")


def entries(name: str, values: Sequence[float], first: int = 10, stride: int = 10) -> list[MetricEntry]:
    return [MetricEntry(name, value, first + index * stride, 0, 0.0) for index, value in enumerate(values)]


def size_of(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    return figures_kept(monkeypatch, curves)


def key_of(axes: Axes) -> list[str]:
    """Give what the marks of a panel are called."""
    legend = axes.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


FULL = (
    entries("train_loss", [2.0, 1.5, 1.2, 1.1])
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
    assert label in [text for axes in drawn[-1].axes for text in key_of(axes)]


@pytest.mark.parametrize(
    ("logged", "labels"),
    [([], ["loss", "learning rate"]), (["eval_exact_match", "eval_bleu"], ["loss", "learning rate", "BLEU"])],
)
def test_a_loss_that_chooses_the_best_is_drawn_once_and_scores_of_texts_have_a_panel(
    logged: list[str], labels: list[str], drawn: list[Figure]
) -> None:
    scores = [entry for name in logged for entry in entries(name, [0.0, 0.25])]
    draw_training_curves([*FULL, *scores], "loss", NOWHERE)
    assert [axes.get_ylabel().split("\n")[0] for axes in drawn[-1].axes] == labels
    assert "best: 1.3 at step 40" in key_of(drawn[-1].axes[0])


def test_a_step_logged_again_after_a_rollback_shows_its_later_value(drawn: list[Figure]) -> None:
    again = entries("train_loss", [5.0, 6.0, 7.0]) + entries("train_loss", [4.0, 3.0], first=20)
    draw_training_curves(again, "eval_loss", NOWHERE)
    points = drawn[-1].axes[0].lines[0]
    assert np.asarray(points.get_xydata()).tolist() == [[10, 5], [20, 4], [30, 3]]


def test_a_value_that_is_not_finite_is_marked_at_its_step(drawn: list[Figure]) -> None:
    draw_training_curves(entries("train_loss", [1.0, NAN, 0.5, math.inf]), "eval_loss", NOWHERE)
    marks = {str(line.get_label()): line for line in drawn[-1].axes[0].lines}
    assert np.asarray(marks["not finite (NaN or infinite)"].get_xdata()).tolist() == [20, 40]


def test_a_loss_that_falls_far_has_a_log_scale(drawn: list[Figure]) -> None:
    draw_training_curves(entries("train_loss", [5.0, 0.1]), "eval_loss", NOWHERE)
    draw_training_curves(entries("train_loss", [5.0, 1.0]), "eval_loss", NOWHERE)
    assert [figure.axes[0].get_yscale() for figure in drawn] == ["log", "linear"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.floats(-1e308, 1e308), st.just(NAN)), max_size=120))
def test_a_smoothed_line_stays_among_the_points_around_and_has_gaps_where_they_have(values: list[float]) -> None:
    points = np.array(values)
    line = smoothed(points)
    assert np.array_equal(np.isnan(line), np.isnan(points))
    for place in np.flatnonzero(np.isfinite(points)):
        around = points[max(place - 4, 0) : place + 5]
        assert np.nanmin(around) <= line[place] <= np.nanmax(around)


def test_a_smoothed_line_lags_behind_no_straight_one_and_leaves_few_points_alone() -> None:
    straight = np.linspace(3.0, 1.0, 200)
    assert smoothed(straight) == pytest.approx(straight)
    rough = np.random.default_rng(0).normal(size=20)
    assert np.array_equal(smoothed(rough), rough)


def test_the_training_line_begins_in_its_first_dot_and_is_drawn_from_the_losses_of_each_window(
    drawn: list[Figure],
) -> None:
    losses = np.linspace(2.6, 0.4, 60) + 0.2 * np.random.default_rng(0).normal(size=60)
    lagging = entries("train_loss_ema", [2.995] * 60)
    draw_training_curves([*entries("train_loss", losses.tolist()), *lagging], "eval_loss", NOWHERE)
    dots, line = drawn[-1].axes[0].lines[:2]
    assert np.asarray(dots.get_ydata()).tolist() == losses.tolist()
    assert np.asarray(line.get_ydata()).tolist() == smoothed(losses).tolist()
    assert key_of(drawn[-1].axes[0]) == ["training", "training, smoothed"]


def test_baselines_stand_beside_the_primary_metric_with_name_and_value(drawn: list[Figure]) -> None:
    draw_training_curves(FULL, "eval_macro_f1", NOWHERE, {"bag of words": 0.72, "majority": 0.4})
    draw_training_curves(FULL, "loss", NOWHERE, {"repeat last": 1.45})
    of_score, of_loss = drawn[0].axes[2], drawn[1].axes[0]
    assert [text.get_text() for text in of_score.texts] == ["majority 0.4", "bag of words 0.72"]
    assert [text.get_text() for text in of_loss.texts] == ["repeat last 1.45"]
    for axes, values in ((of_score, [0.4, 0.72]), (of_loss, [1.45])):
        low, high = axes.get_ylim()
        flat = [
            float(y[0]) for y in (np.asarray(line.get_ydata()) for line in axes.lines) if len(y) == 2 and y[0] == y[1]
        ]
        assert [value for value in flat if low < value < high] == values
    assert not drawn[0].axes[0].texts


def test_a_baseline_so_far_away_that_the_curve_would_be_flat_is_named_at_the_edge(drawn: list[Figure]) -> None:
    scores = entries("eval_macro_f1", [0.9, 0.92, 0.91])
    draw_training_curves(scores, "macro_f1", NOWHERE, {"majority": 0.005, "bag of words": 0.93})
    axes = drawn[-1].axes[2]
    assert [text.get_text() for text in axes.texts] == ["\N{DOWNWARDS ARROW} majority 0.005", "bag of words 0.93"]
    assert axes.get_ylim()[0] > 0.85


@pytest.mark.parametrize(
    ("scores", "note"),
    [
        ([0.83, 0.9], "macro F1\n(axis begins at 0.81)"),
        ([0.3, 0.9], "macro F1"),
        ([0.0, 0.0], "macro F1"),
        ([0.5], "macro F1\n(axis begins at 0.47)"),
        ([1.0, 1.0], "macro F1\n(axis begins at 0.95)"),
    ],
)
def test_an_axis_that_does_not_begin_at_zero_says_where_it_does(
    scores: list[float], note: str, drawn: list[Figure]
) -> None:
    draw_training_curves(entries("eval_macro_f1", scores), "macro_f1", NOWHERE)
    axes = drawn[-1].axes[2]
    assert axes.get_ylabel() == note
    assert (axes.get_ylim()[0] == 0) == ("begins" not in note)
    assert axes.get_ylim()[1] > max(scores)


BESIDE = {"bag of words": 0.895, "majority": 0.896, "random walk": 0.8961, "persistence": 0.8962, "repeat last": 0.01}


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("count", [1, 2, 200])
@pytest.mark.parametrize("metric", ["macro_f1", "loss"])
def test_no_text_covers_another_or_leaves_the_page(
    metric: str, count: int, direction: int, drawn: list[Figure]
) -> None:
    curve = np.linspace(0.86, 0.92, count)[::direction]
    logged = entries("train_loss", [*curve, NAN], stride=1234) + entries("learning_rate", curve.tolist(), stride=1234)
    logged += entries(f"eval_{metric}", [*curve, NAN], stride=1234)
    draw_training_curves(logged, metric, NOWHERE, BESIDE)
    assert_apart(drawn[-1])


def test_only_rivals_scored_on_the_rows_of_the_curves_stand_beside_them() -> None:
    beside = Report({"bow_macro_f1": 0.7, "majority_macro_f1": 0.2})
    on_a_test_part = replace(beside, test_metrics={"macro_f1": 0.9})
    result = replace(RESULT, final_metrics={"macro_f1": 0.8, "majority_macro_f1": 0.1})
    assert rivals_on_the_same_rows(result, beside) == {"bag of words": 0.7, "majority": 0.1}
    assert rivals_on_the_same_rows(result, on_a_test_part) == {"majority": 0.1}
