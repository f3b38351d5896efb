"""Pages of classifiers, as a browser shows them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from infrastructure.reports.page.blocks import (
    Axis,
    Block,
    Cell,
    Chart,
    Column,
    Line,
    Mark,
    Matrix,
    Page,
    Section,
    Table,
)
from infrastructure.reports.page.html import write_page
from tests.support.answered import HOSTILE, answered, write_page_of
from tests.support.browser import Chromium

NAMES = ("<script>alert(1)</script>", "\u202eturned", "x" * 2_000, "")
MAX_BYTES = 3_000_000
LEAST_CONTRAST = 4.5  # of text, level AA of WCAG 2


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "report.html"
    rows: list[list[Cell]] = [[name, number / 10] for number, name in enumerate(NAMES)]
    counts = [[5, 1, 0, 0], [0, 3, 0, 0], [0, 2, 9, 0], [0, 0, 0, 0]]
    blocks: list[Block] = [
        Table("classes", [Column("class"), Column("F1", "share")], rows),
        Matrix("answers", NAMES, counts),
    ]
    write_page(path, Page("a", "b", [Section("c", blocks)]))
    return path


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Give the page of so many classes, the first of them with hostile names, as are the texts."""

    @cache
    def make(num_classes: int) -> Path:
        of = answered(900, num_classes, names=HOSTILE, skill=1.5)
        return write_page_of(
            tmp_path_factory.mktemp("pages") / "report.html",
            of,
            text=lambda row: f"{HOSTILE[row % len(HOSTILE)]} and more <img src=//example.org/a.png>\n" * (row % 7),
            num_whole=9_000,
        )

    return make


@pytest.mark.parametrize("num_classes", [2, 3, 12, 77])
def test_a_page_opens_at_any_width_without_a_complaint_a_request_or_a_scroll_sideways(
    browser: Chromium, page_of: Callable[[int], Path], num_classes: int
) -> None:
    assert page_of(num_classes).stat().st_size < MAX_BYTES
    with browser.open(page_of(num_classes)) as opened:
        assert opened.hidden_at_widths() == [0, 0, 0]
        assert opened.complaints == []
        assert opened.requests == []
        assert opened.page.locator(".chart svg path").count() > 3


def test_every_table_of_a_page_is_sorted_by_each_of_its_columns(
    browser: Chromium, page_of: Callable[[int], Path]
) -> None:
    with browser.open(page_of(12)) as opened:
        states = opened.page.evaluate(
            "[...document.querySelectorAll('table[data-shown] thead th')].map(head => {"
            " head.querySelector('button').click(); return head.getAttribute('aria-sort'); })"
        )
        assert len(states) > 30
        assert set(states) == {"ascending", "descending"}
        assert opened.complaints == []


def test_worst_classes_come_first_and_are_sorted_by_their_rows(
    browser: Chromium, page_of: Callable[[int], Path]
) -> None:
    with browser.open(page_of(77)) as opened:
        scores = [float(cell.split()[0]) for cell in opened.column("Scores of each class", 2)]
        assert scores == sorted(scores)
        table = opened.page.locator("table", has=opened.page.locator("caption", has_text="Scores of each class"))
        table.get_by_role("button", name="rows", exact=True).click()
        counts = [int(cell) for cell in opened.column("Scores of each class", 5)]
        assert counts == sorted(counts, reverse=True)


def test_the_keyboard_reaches_every_control_of_a_page(browser: Chromium, page_of: Callable[[int], Path]) -> None:
    with browser.open(page_of(2)) as opened:
        reached = opened.focused_by_tab(most=600)
        for wanted in ("a Worst errors", "select", "td", "summary Scores in figures", "button Show all 50 rows"):
            assert any(place.startswith(wanted) for place in reached), wanted
        assert opened.complaints == []


def test_what_is_looked_for_is_chosen_by_a_button(browser: Chromium, page_of: Callable[[int], Path]) -> None:
    with browser.open(page_of(2)) as opened:
        views = opened.page.locator(".choice > .view")
        assert [view.is_visible() for view in views.all()] == [True, False]
        opened.page.locator(".choice .tabs button").nth(1).click()
        assert [view.is_visible() for view in views.all()] == [False, True]


def test_a_long_text_unfolds(browser: Chromium, page_of: Callable[[int], Path]) -> None:
    with browser.open(page_of(3), width=360) as opened:
        fold = opened.page.locator("td.prose details").first
        assert fold.locator("> bdi").is_hidden()
        fold.locator("summary").press("Enter")
        assert fold.locator("> bdi").is_visible()
        assert opened.hidden_sideways() == 0


def test_what_is_folded_is_printed_open_within_the_width_of_a_sheet(
    browser: Chromium, page_of: Callable[[int], Path]
) -> None:
    with browser.open(page_of(77), width=718) as opened:  # A4 with its margins
        opened.page.emulate_media(media="print")
        opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert opened.page.get_by_text("Right answers by score").is_visible()
        assert opened.hidden_sideways() == 0
        opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert not opened.page.get_by_text("Right answers by score").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_stands_out_from_paper(browser: Chromium, page_of: Callable[[int], Path], scheme: str) -> None:
    with browser.open(page_of(3), scheme="dark" if scheme == "dark" else "light") as opened:
        ink, paper = opened.page.evaluate(
            "(style => [style.color, style.backgroundColor].map(value => value.match(/\\d+/g).map(Number)))"
            "(getComputedStyle(document.body))"
        )
        assert abs(sum(ink) - sum(paper)) > 450


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_counts_of_a_matrix_are_read_however_dark_their_cell_is(
    browser: Chromium, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    counts = [[9, 0, 0], [5, 3, 2], [0, 9, 0]]
    page = tmp_path / "report.html"
    write_page(page, Page("a", "b", [Section("c", [Matrix("answers", ["a", "b", "c"], counts)])]))
    with browser.open(page, scheme=scheme) as opened:
        assert min(opened.contrasts(".matrix td:not(:empty)")) >= LEAST_CONTRAST


@pytest.mark.parametrize("place", [0.0, 0.5, 0.6, 0.61, 1.0])
def test_the_word_to_a_point_stays_on_a_telephone(browser: Chromium, tmp_path: Path, place: float) -> None:
    mark = Mark("all answers: 100.0 % right", place, 0.5)
    chart = Chart("a", Axis("x"), Axis("y"), [Line("a", [0.0, 1.0], [0.0, 1.0])], "told", marks=[mark])
    write_page(tmp_path / "report.html", Page("a", "b", [Section("c", [chart])]))
    with browser.open(tmp_path / "report.html", width=360) as opened:
        assert opened.hidden_sideways() == 0
        box = opened.page.locator(".mark span").bounding_box()
        assert box is not None
        assert box["x"] >= 0


def test_a_table_is_sorted_by_a_button_that_the_keyboard_reaches(browser: Chromium, hostile: Path) -> None:
    with browser.open(hostile) as opened:
        assert "button F1" in opened.focused_by_tab()
        opened.page.get_by_role("button", name="F1").press("Enter")
        assert opened.column("classes", 2) == ["30.0 %", "20.0 %", "10.0 %", "0.0 %"]


def test_the_classes_of_a_matrix_change_places_together(browser: Chromium, hostile: Path) -> None:
    with browser.open(hostile) as opened:
        matrix = opened.page.locator(".matrix")
        matrix.get_by_label("Order of the classes").select_option("most rows first")
        supports = matrix.locator("tbody small").all_text_contents()
        assert supports == ["11", "6", "3", "0"]
        heads = [cell.get_attribute("title") for cell in matrix.locator("thead th[title]").all()]
        assert heads == [cell.get_attribute("title") for cell in matrix.locator("tbody th").all()]
        rows = [row.locator("td").all_text_contents() for row in matrix.locator("tbody tr").all()]
        assert rows == [["9", "", "2", ""], ["", "5", "1", ""], ["", "", "3", ""], ["", "", "", ""]]


def test_a_cell_of_a_matrix_is_read_by_the_arrow_keys(browser: Chromium, hostile: Path) -> None:
    with browser.open(hostile) as opened:
        opened.page.locator(".matrix td").first.focus()
        opened.page.keyboard.press("ArrowRight")
        told = opened.page.locator(".matrix .told").text_content()
        assert (
            told == "1 of 6 rows of \u2068<script>alert(1)</script>\u2069 (16.7 %) answered \u2068\\u202eturned\u2069"
        )
        opened.page.keyboard.press("Home")
        assert "answered right" in (opened.page.locator(".matrix .told").text_content() or "")


def test_all_is_there_to_be_read_without_the_script(browser: Chromium, hostile: Path) -> None:
    with browser.open(hostile, script=False) as opened:
        assert opened.column("classes", 2) == ["0.0 %", "10.0 %", "20.0 %", "30.0 %"]
