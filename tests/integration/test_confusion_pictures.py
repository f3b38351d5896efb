"""Which classes are taken for which: what a picture says is what the matrix says, and no text covers another."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from infrastructure.reports import confused_pairs, confusion
from infrastructure.reports.canvas import BLUE, open_page, save
from infrastructure.reports.confused_pairs import most_confused
from infrastructure.reports.confusion import draw_confusion_matrix
from infrastructure.reports.label_texts import is_whole, on_one_line, texts_of, width_of, wrapped
from infrastructure.reports.shares import share_text
from tests.support.pictures import a_picture_written, assert_apart, figures_kept, texts_in

pytestmark = pytest.mark.usefixtures("pictures_drawn")
NOWHERE = Path("unwritten.png")
HOSTILE = (
    "<script>alert(1)</script>", "\u05e9\u05dc\u05d5\u05dd \u202e\u05e2\u05d5\u05dc\u05dd", "x" * 2000, "word " * 400,
    "$\\frac{1}{2}$ US$", "line one\nline two\r\nthree", "\U0001f600\U0001f984", "", "   ", "\u200b", "\u5b89\u5168",
    "\u5371\u967a", "\u0645\u0631\u062d\u0628\u0627",
)  # fmt: skip


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    return figures_kept(monkeypatch, confusion, confused_pairs)


@pytest.fixture
def picture(tmp_path: Path) -> Iterator[Path]:
    with a_picture_written(tmp_path / "picture.png") as path:
        yield path


def matrix_of(num_classes: int, rows: int = 50) -> NDArray[np.int64]:
    """Let each class be taken for the next one now and then, and for the one behind that once."""
    whole = np.eye(num_classes, dtype=np.int64)
    return (rows - 6) * whole + 5 * np.roll(whole, 1, axis=1) + np.roll(whole, 2, axis=1)


def names_of(num_classes: int) -> list[str]:
    words = ("balance_not_updated_after_cheque_or_cash_deposit", "atm_support", "card payment wrong exchange rate")
    return [f"{words[index % 3]}_{index}" for index in range(num_classes)]


def told_in(figure: Figure) -> list[str]:
    return [text.get_text() for text in texts_in(figure)]


@pytest.mark.parametrize("num_classes", [1, 2, 3, 12, 13, 30, 31, 77, 500])
def test_any_number_of_classes_is_a_png_800_pixels_wide(num_classes: int, picture: Path) -> None:
    draw_confusion_matrix(matrix_of(num_classes).tolist(), names_of(num_classes), picture)
    assert picture.is_file()


def test_a_picture_in_place_of_a_link_leaves_alone_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "hers").write_text("hers")
    (tmp_path / "picture.png").symlink_to(tmp_path / "hers")
    save(open_page(100), tmp_path / "picture.png")
    assert (tmp_path / "hers").read_text() == "hers"
    assert not (tmp_path / "picture.png").is_symlink()


@pytest.mark.parametrize("num_classes", [2, len(HOSTILE), 40])
def test_hostile_labels_are_drawn_without_a_warning(num_classes: int, picture: Path) -> None:
    names = [HOSTILE[index % len(HOSTILE)] for index in range(num_classes)]
    draw_confusion_matrix(matrix_of(num_classes).tolist(), names, picture)
    assert picture.is_file()


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (["c0", "c1"], 50),
        ([f"c{index}" for index in range(30)], 50),
        *((names_of(count), 50) for count in (1, 3, 5, 8, 12, 30, 77)),
        *((names_of(count), 12_345_678) for count in (6, 20, 31)),
        (HOSTILE, 50),
        (HOSTILE[2:4], 50),
        (HOSTILE * 3, 12_345_678),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else f"{len(value)} of {max(map(len, value))}",
)
def test_no_text_covers_another_or_leaves_the_page(names: Sequence[str], rows: int, drawn: list[Figure]) -> None:
    draw_confusion_matrix(matrix_of(len(names), rows).tolist(), names, NOWHERE)
    assert_apart(drawn[-1])


def test_cells_are_square_and_hold_counts_and_shares_and_nothing_where_nothing_was_counted(drawn: list[Figure]) -> None:
    draw_confusion_matrix([[1500, 500, 0], [0, 0, 0], [1, 0, 999]], ["safe", "$vulnerable^", "c"], NOWHERE)
    axes = drawn[-1].axes[0]
    assert [text.get_text() for text in axes.texts] == ["1,500", "75%", "500", "25%", "1", "<1%", "999", ">99%"]
    box = axes.get_window_extent()
    assert box.width == pytest.approx(box.height, abs=0.5)


def test_right_answers_are_blue_and_mistakes_are_another_colour_that_darkens_with_their_share(
    drawn: list[Figure],
) -> None:
    draw_confusion_matrix([[20, 0, 0], [10, 60, 30], [0, 0, 9]], ["a", "b", "c"], NOWHERE)
    colours = np.asarray(drawn[-1].axes[0].images[0].get_array())
    assert colours[0, 0].tolist() == pytest.approx(to_rgb(BLUE))
    assert colours[0, 1].tolist() == [1, 1, 1]
    assert colours[1, 2].sum() < colours[1, 0].sum() < 3
    red, _, blue = colours[1, 2]
    assert red > blue


def test_thirty_classes_are_a_grid_and_of_more_the_twenty_most_confused_pairs_are_bars(drawn: list[Figure]) -> None:
    for num_classes in (30, 31):
        draw_confusion_matrix(matrix_of(num_classes).tolist(), names_of(num_classes), NOWHERE)
    grid, bars = drawn
    assert len(grid.axes[0].texts) == 3 * 30
    assert len(bars.axes[0].patches) == 20
    assert all(bar.get_width() == 5 for bar in bars.axes[0].patches)  # type: ignore[attr-defined]
    told = told_in(bars)
    assert "1,550 rows of 31 classes, 88.0% right, 186 mistakes" in told
    assert "the 20 pairs of classes confused most, of 62: 54% of all mistakes" in told
    assert told.count("5 of 50 (10%)") == 20


def test_the_pairs_are_those_with_most_mistakes_and_of_equals_the_larger_share_of_its_class_first() -> None:
    counts = np.array([[90, 3, 1], [3, 10, 0], [0, 7, 0]])
    assert most_confused(counts) == [(2, 1), (1, 0), (0, 1), (0, 2)]
    assert most_confused(counts, most=2) == [(2, 1), (1, 0)]


def test_a_pair_is_named_by_its_true_class_and_what_was_predicted_instead(drawn: list[Figure]) -> None:
    counts = np.diag([40] * 40)
    counts[2, 5] = 1
    draw_confusion_matrix(counts.tolist(), [f"class {index}" for index in range(40)], NOWHERE, "windows")
    true, arrow, predicted = (told_in(drawn[-1]).index(text) for text in ("class 2", "\N{RIGHTWARDS ARROW}", "class 5"))
    assert true < arrow < predicted
    assert "the only pair of classes that was confused" in told_in(drawn[-1])
    assert "1 of 41 (2%)" in told_in(drawn[-1])
    assert "1,601 windows of 40 classes, 99.9% right, 1 mistake" in told_in(drawn[-1])


@pytest.mark.parametrize("num_classes", [3, 77])
def test_a_model_without_a_mistake_is_told_so(num_classes: int, drawn: list[Figure]) -> None:
    draw_confusion_matrix(np.diag([10] * num_classes).tolist(), names_of(num_classes), NOWHERE)
    assert f"{10 * num_classes:,} rows of {num_classes} classes, all right: no mistakes" in told_in(drawn[-1])
    assert ("no class was taken for another" in told_in(drawn[-1])) == (num_classes == 77)


def test_the_same_matrix_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first.png", "second.png"):
        draw_confusion_matrix([[3, 1], [0, 4]], ["safe", "bad"], tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


@pytest.mark.parametrize(
    ("label", "line"),
    [
        ("a\n b\r\n\tc", "a b c"),
        ("", "(empty)"),
        (" \u2003 ", "(empty)"),
        ("\u202eabc\u200b", "\\u202eabc\\u200b"),
        ("\u2800", "\\u2800"),
        ("$x^$", "$x^$"),
    ],
)
def test_a_label_is_one_line_in_which_everything_is_seen(label: str, line: str) -> None:
    assert on_one_line(label) == line


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet="abcXYZ _-/\u00e4\u5b89", max_size=120), st.integers(60, 300), st.integers(1, 4))
def test_a_wrapped_label_fits_its_room_and_is_cut_only_where_it_does_not_fit_otherwise(
    label: str, room: int, most: int
) -> None:
    line = on_one_line(label)
    text = wrapped(line, room, 9.0, most)
    assert text.count("\n") < most
    assert width_of(text, 9.0) <= room
    if "\u2026" not in text:
        assert text.replace("\n", "").replace(" ", "") == line.replace(" ", "")
    else:
        assert not is_whole(label, room, 9.0, most)


def test_a_long_label_breaks_behind_its_marks_and_a_cut_one_keeps_both_ends() -> None:
    assert wrapped("balance_not_updated_after_cheque", 130, 9.0, 3) == "balance_not_\nupdated_\nafter_cheque"
    assert wrapped("intent_70_that_is_about_topic_0", 205, 9.0, 2) == "intent_70_that_\nis_about_topic_0"
    cut = wrapped("first_" + "x" * 500 + "_last", 130, 9.0, 2)
    assert cut.startswith("first_\n\u2026")
    assert cut.endswith("_last")


def test_labels_that_would_look_alike_or_that_no_font_has_carry_their_number() -> None:
    long = "w" * 300
    found = texts_of([f"{long}1{long}", f"{long}2{long}", "", " ", "plain", "\U0010fffd"], 100, 9.0, 1)
    assert [text.partition(" ")[0] for text in found][:4] == ["#1", "#2", "#3", "#4"]
    assert found[4] == "plain"
    assert all(width_of(text, 9.0) <= 100 for text in found)


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0%"), (0.001, "<1%"), (0.5, "50%"), (0.996, ">99%"), (1.0, "100%"), (0.0051, "1%")]
)
def test_a_share_is_never_rounded_to_nothing_or_to_all(share: float, text: str) -> None:
    assert share_text(share) == text
