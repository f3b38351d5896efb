"""Pages about models that write, opened in a browser: odd texts do no harm, choices and sorting work."""

from pathlib import Path
from typing import Literal

import pytest

from infrastructure.reports.page.blocks import Page
from infrastructure.reports.page.html import write_page
from infrastructure.tasks.writing.page import pair_sections
from tests.support.browser import Chromium
from tests.support.scored_pairs import outcomes, pairs


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = pairs(300)
    path = tmp_path_factory.mktemp("pairs") / "report.html"
    write_page(path, Page("Pairs", "What it writes.", pair_sections(rows, outcomes(rows, 300), None, None)))
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_without_a_complaint_at_any_width(
    browser: Chromium, page: Path, scheme: Literal["light", "dark"]
) -> None:
    with browser.open(page, scheme=scheme) as opened:
        opened.page.get_by_role("button", name="best").click()  # where the odd texts are
        assert max(opened.hidden_at_widths()) <= 0
        assert (opened.complaints, opened.requests) == ([], [])


def test_worst_typical_and_best_are_chosen_between(browser: Chromium, page: Path) -> None:
    with browser.open(page) as opened:
        heading = opened.page.locator("article.texts:visible h3").first
        assert str(heading.text_content()).startswith("pairs.jsonl:300:")
        opened.page.get_by_role("button", name="best").click()
        assert str(heading.text_content()).startswith("pairs.jsonl:1:")


def test_differences_are_marked_and_white_space_is_seen_where_it_differs(browser: Chromium, page: Path) -> None:
    with browser.open(page) as opened:
        article = opened.page.locator("article.texts:visible").first
        marked = article.locator("mark").all_text_contents()
        assert any("→" in text for text in marked)  # written with a tab
        assert any("····" in text for text in marked)  # wanted with four spaces
        assert any("# 299" in text for text in marked)


@pytest.mark.parametrize("width", [800, 1600])
def test_what_is_given_stands_over_what_is_compared_side_by_side(browser: Chromium, page: Path, width: int) -> None:
    with browser.open(page, width) as opened:
        parts = opened.page.locator("article.texts:visible").first.locator(".columns > div").all()
        given, written, wanted = (part.bounding_box() for part in parts)
        assert given is not None
        assert written is not None
        assert wanted is not None
        assert given["y"] < written["y"] == wanted["y"]
        assert written["x"] < wanted["x"]
        assert wanted["x"] + wanted["width"] == pytest.approx(given["x"] + given["width"], abs=2)


def test_rows_are_sorted_by_their_loss_and_back(browser: Chromium, page: Path) -> None:
    with browser.open(page) as opened:
        table = opened.page.locator("table", has=opened.page.locator("caption", has_text="Rows with the largest loss"))
        assert opened.column("Rows with the largest loss", 2)[0] == "300"
        button = table.get_by_role("button", name="loss a token")
        button.click()
        button.click()
        losses = [float(text) for text in opened.column("Rows with the largest loss", 2)]
        assert losses == sorted(losses)
        assert len(losses) == 100


def test_on_a_telephone_each_text_of_a_row_has_its_name(browser: Chromium, page: Path) -> None:
    with browser.open(page, 360) as opened:
        row = opened.page.locator("table", has_text="Rows with the largest loss").locator("tbody tr").first
        names = row.locator("td.prose").evaluate_all(
            "cells => cells.map(at => getComputedStyle(at, '::before').content)"
        )
        assert names == ['"given"', '"written"', '"wanted"']
