"""Pages of classifiers, as a browser shows them."""

from pathlib import Path

import pytest

from infrastructure.reports.page.blocks import Block, Cell, Column, Matrix, Page, Section, Table
from infrastructure.reports.page.html import write_page
from tests.support.browser import WIDTHS, Chromium

HOSTILE = ("<script>alert(1)</script>", "\u202eturned", "x" * 2_000, "")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "report.html"
    rows: list[list[Cell]] = [[name, number / 10] for number, name in enumerate(HOSTILE)]
    counts = [[5, 1, 0, 0], [0, 3, 0, 0], [0, 2, 9, 0], [0, 0, 0, 0]]
    blocks: list[Block] = [
        Table("classes", [Column("class"), Column("F1", "share")], rows),
        Matrix("answers", HOSTILE, counts),
    ]
    write_page(path, Page("a", "b", [Section("c", blocks)]))
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_names_neither_run_nor_widen_a_page(browser: Chromium, hostile: Path, width: int) -> None:
    with browser.open(hostile, width) as opened:
        assert opened.complaints == []
        assert opened.requests == []
        assert opened.hidden_sideways() == 0


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
