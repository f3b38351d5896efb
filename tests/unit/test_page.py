"""A page says what its blocks hold, whatever stands in them."""

import math
import re
from itertools import pairwise

import pytest
from markupsafe import escape

from infrastructure.reports.page.blocks import (
    Axis,
    Band,
    Bar,
    Bars,
    Block,
    Chart,
    Choice,
    Column,
    Command,
    Estimate,
    Facts,
    Folded,
    Group,
    Level,
    Line,
    Mark,
    Matrix,
    Page,
    Paragraph,
    Section,
    Table,
    Texts,
)
from infrastructure.reports.page.drawing import MAX_POINTS, drawn
from infrastructure.reports.page.html import beginning, differences, page_html, sort_key, written
from infrastructure.reports.page.scales import fitted, round_values

HOSTILE = "<script>alert('1')</script>\"&\u202e\x1b[2J\ud800"
SPELT = str(escape("<script>alert('1')</script>\"&"))


def chart(y: list[float | None], **changes: object) -> Chart:
    lines = [Line("loss", list(range(len(y))), y)]
    return Chart("Loss", Axis("step"), Axis("loss"), lines, "It falls.", **changes)  # type: ignore[arg-type]


def blocks(text: str) -> list[Block]:
    """One of each, with the same text wherever a text can stand."""
    return [
        Paragraph(text),
        Facts({text: text}),
        Command(text),
        Table(text, [Column(text)], [[text]]),
        Chart(
            text, Axis(text, ticks=[(0.0, text)]), Axis(text), [Line(text, [0, 1], [1, 2])], text,
            bands=[Band(text, [0, 1], [0, 1], [2, 3])], levels=[Level(text, 1)], marks=[Mark(text, 1, 2)],
        ),
        Bars(text, [Bar(text, 1.0, 0.5, 1.5)]),
        Matrix(text, [text, "b"], [[1, 2], [3, 4]], text),
        Texts(text, {text: text, "other": "b"}, (text, "other")),
        Choice(text, {text: Paragraph(text)}),
        Group([Paragraph(text)]),
        Folded(text, [Paragraph(text)]),
    ]  # fmt: skip


def body_of(page: str) -> str:
    return page.partition("<body>")[2].partition("<script>")[0]


@pytest.mark.parametrize("block", blocks(HOSTILE), ids=lambda block: type(block).__name__)
def test_a_hostile_text_is_a_text_in_every_block(block: Block) -> None:
    written = body_of(page_html(Page(HOSTILE, HOSTILE, [Section(HOSTILE, [block])])))
    assert "<script>alert" not in written
    assert SPELT in written
    assert not re.search("[\u202e\x1b\ud800]", written)
    assert "\\u202e" in written


def test_a_page_lets_only_its_own_script_run() -> None:
    page = page_html(Page("a", "b", []))
    policy = re.search('Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy.group(1)
    assert page.count("<script>") == 1
    assert "http" not in page.replace("http-equiv", "")


def test_every_number_of_a_column_is_sorted_by_all_its_digits() -> None:
    assert sort_key(0.12345678901) == "0.12345678901"
    assert sort_key(math.nan) == sort_key(None) == ""
    assert written(0.5, Column("a", "share")) == "50.0 %"
    assert written(1234.0, Column("a", "count")) == "1,234"
    assert written(None, Column("a", "number")) == "-"


def test_a_value_without_an_end_is_sorted_as_the_largest() -> None:
    assert [sort_key(value) for value in (math.inf, -math.inf)] == ["Infinity", "-Infinity"]  # as a browser reads it


def test_a_line_breaks_where_a_value_is_missing() -> None:
    (stroke,) = drawn(chart([1.0, None, 3.0, math.nan, 5.0])).strokes
    assert stroke.path.count("M") == 3
    assert "L" not in stroke.path


def test_a_long_line_is_thinned_and_keeps_its_extremes() -> None:
    values: list[float | None] = [1.0] * 10_000
    values[4_321], values[8_765] = 9.0, 0.5
    drawing = drawn(chart(values))
    assert len(re.findall("[ML]", drawing.strokes[0].path)) <= MAX_POINTS
    heights = [float(place) for place in re.findall(r"[ML][\d.]+ ([\d.]+)", drawing.strokes[0].path)]
    assert (min(heights), max(heights)) == pytest.approx((1000 * (1 - 9 / 9.36), 1000 * (1 - 0.5 / 9.36)), abs=0.1)


def test_what_cannot_be_drawn_is_said() -> None:
    assert drawn(chart([math.nan, None])).is_empty
    assert "nothing to draw" in page_html(Page("a", "b", [Section("c", [chart([math.inf])])]))


def test_an_axis_that_does_not_begin_at_zero_says_so() -> None:
    assert drawn(chart([0.9, 0.95])).zoomed.startswith("the axis begins at 0.8")
    assert drawn(chart([0.2, 0.95])).zoomed == ""


def test_names_at_the_edge_stand_apart() -> None:
    places = drawn(chart([0.0, 1.0], levels=[Level(str(number), 0.5) for number in range(4)])).levels
    assert all(high.bottom - low.bottom > 0.05 for low, high in pairwise(places))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (1e-9, 2e-9), (0, 123_456), (5, 5.0001)])
def test_named_values_are_few_even_and_within(low: float, high: float) -> None:
    values = round_values(low, high)
    assert 2 <= len(values) <= 8
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in values)
    gaps = [after - before for before, after in pairwise(values)]
    assert max(gaps) == pytest.approx(min(gaps), rel=1e-3)


@pytest.mark.parametrize(
    ("low", "high"), [(1234.1, 1234.8), (0.0, 2e-30), (99_999.5, 100_002.0), (0.99991, 0.99999), (1.5e6, 1.5009e6)]
)
@pytest.mark.parametrize("share", [False, True])
def test_no_two_places_of_an_axis_have_one_name(low: float, high: float, share: bool) -> None:
    names = [tick.text for tick in fitted(Axis("x", share=share), [low, high], along=True).ticks]
    assert len(set(names)) == len(names) > 1


@pytest.mark.parametrize(("low", "high", "named"), [(1, 14, ["5", "10"]), (1, 2, ["1", "2"]), (3, 3, ["3"])])
def test_between_whole_numbers_along_an_axis_nothing_is_named(low: int, high: int, named: list[str]) -> None:
    assert [tick.text for tick in fitted(Axis("steps ahead"), [low, high], along=True).ticks] == named


@pytest.mark.parametrize("largest", [1e6, 12_345_678.0, 9e9, 1e18, 1e300])
def test_names_beside_an_axis_have_room_there_however_large_the_values_are(largest: float) -> None:
    assert max(len(tick.text) for tick in fitted(Axis("x"), [0.0, largest], along=False).ticks) <= 9


def test_a_log_scale_leaves_out_what_has_no_place() -> None:
    scale = fitted(Axis("loss", log=True), [0.0, -1.0, 0.01, 100.0], along=False)
    assert 0 < scale.place(0.01) < scale.place(1.0) < scale.place(100.0) < 1
    assert scale.place(1.0) == pytest.approx(0.5)


def test_differences_are_marked_piece_by_piece_and_lose_no_letter() -> None:
    ours, theirs = differences("return a + b", "return a - bc")
    assert [piece for piece, differs in ours if differs] == ["+", "b"]
    assert [piece for piece, differs in theirs if differs] == ["-", "bc"]
    assert "".join(piece for piece, _ in ours) == "return a + b"
    assert "".join(piece for piece, _ in theirs) == "return a - bc"


@pytest.mark.parametrize(
    ("one", "other"), [("= " * 2000, "== " * 1500), ("x" * 5000, ""), ("a b " * 900, "b a " * 900)]
)
def test_long_texts_that_go_round_in_circles_are_compared_without_comparing_all(one: str, other: str) -> None:
    for text, found in zip((one, other), differences(one, other), strict=True):
        told = "".join(piece for piece, _ in found)
        assert re.sub(r" \.\.\. .*", "", re.sub("[·→]", " ", told)) == text[:4000]


def test_what_two_texts_share_at_both_ends_is_never_marked() -> None:
    ours, theirs = differences("a " * 900 + "x" + " b" * 900, "a " * 900 + "y" + " b" * 900)
    assert [piece for piece, differs in ours if differs] == ["x"]
    assert [piece for piece, differs in theirs if differs] == ["y"]


def test_white_space_is_seen_where_it_differs_and_only_there() -> None:
    ours, theirs = differences("if x:\n\treturn 1", "if x:\n    return 1 ")
    assert [piece for piece, differs in ours if differs] == ["→   "]
    assert [piece for piece, differs in theirs if differs] == ["····", "·"]
    assert ours[0][0] == "if x:\n"
    assert [piece for piece, differs in differences("a\n\nb", "a\nb")[0] if differs] == ["↵\n"]


def test_an_estimate_is_written_with_its_interval_and_sorted_by_its_value() -> None:
    share = Column("F1", "share")
    assert written(Estimate(0.5, 0.25, 0.75), share) == "50.0 % (25.0 to 75.0)"
    assert written(Estimate(0.5, math.nan, math.nan), share) == "50.0 %"
    assert written(Estimate(None, 0.0, 1.0), share) == "-"
    assert sort_key(Estimate(0.5, 0.25, 0.75)) == "0.5"
    assert sort_key(Estimate(None, 0.0, 1.0)) == ""


def test_a_long_cell_begins_with_what_is_seen_and_holds_the_rest() -> None:
    text, column = "word " * 200, Column("text", "prose")
    assert text.startswith(beginning(text, column).removesuffix(" ..."))
    assert beginning("short", column) == ""
    assert beginning("one\n" * 9, column).count("\n") < 4
    body = body_of(page_html(Page("a", "b", [Section("c", [Table("d", [column], [[text]])])])))
    assert text in body
    assert "<details>" in body


@pytest.mark.parametrize(
    "values",
    [
        [1e307, -1e307, 2.0],
        [1e17, 1e17],
        [5e-324, 0.0],
        [1e-320, 1e-321],
        [-1e300, 1e300],
        [0.1 + 0.2, 0.3],
        [-0.0, 0.0],
    ],
)
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("along", [False, True])
def test_values_of_any_size_are_drawn_or_left_out(values: list[float], log: bool, along: bool) -> None:
    scale = fitted(Axis("x", log=log), values, along)
    assert scale.low < scale.high
    assert all(0 <= tick.at <= 1 for tick in scale.ticks)
    drawing = drawn(chart(list(values)))
    assert "nan" not in drawing.strokes[0].path
    assert "inf" not in drawing.strokes[0].path
