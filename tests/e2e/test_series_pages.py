"""Pages about forecasts, opened in a browser: charts are drawn, choices and sorting work, and nothing is asked for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

from infrastructure.reports.page.blocks import Page
from infrastructure.reports.page.html import write_page
from tests.support.browser import Chromium
from tests.support.seen_forecasts import sections_of, seen, table, wide_table

NAMES = (*(f"store {number}" for number in range(18)), "<script>alert(1)</script>", "\u202emirror" + "x" * 300)
MAX_BYTES = 3_000_000


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Write a page of one series and one of twenty with hostile names."""
    one, twenty = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("twenty")
    return {
        "one": written(one / "report.html", table(one, target_columns=("close",), columns=("close",))),
        "twenty": written(twenty / "report.html", wide_table(twenty, NAMES)),
    }


def written(path: Path, data: Any) -> Path:
    write_page(path, Page("Forecasts", "What they are worth.", sections_of(seen(data))))
    return path


@pytest.mark.parametrize("name", ["one", "twenty"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_without_a_complaint_at_any_width(
    browser: Chromium, pages: Mapping[str, Path], name: str, scheme: Literal["light", "dark"]
) -> None:
    with browser.open(pages[name], scheme=scheme) as opened:
        assert max(opened.hidden_at_widths()) <= 0
        assert (opened.complaints, opened.requests) == ([], [])


@pytest.mark.parametrize("name", ["one", "twenty"])
def test_each_section_draws_its_chart(browser: Chromium, pages: Mapping[str, Path], name: str) -> None:
    assert pages[name].stat().st_size < MAX_BYTES
    with browser.open(pages[name]) as opened:
        sections = opened.page.locator("main > section")
        assert sections.count() == 5
        for section in sections.all()[:4]:
            chart = section.locator("figure.chart:visible").first
            box = chart.locator("svg").first.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) > 100
            assert "M" in str(chart.locator("svg path").first.get_attribute("d"))
        assert opened.page.get_by_text("There is nothing to draw").count() == 0


def test_each_of_twenty_series_can_be_chosen_by_its_name(browser: Chromium, pages: Mapping[str, Path]) -> None:
    with browser.open(pages["twenty"]) as opened:
        choice = opened.page.get_by_label("Series", exact=True)
        names = choice.locator("option").all_text_contents()
        assert names[:3] == ["store 0", "store 1", "store 2"]
        assert names[18:] == ["<script>alert(1)</script>", "\\u202emirror" + "x" * 300]
        choice.select_option("7")
        shown = opened.page.locator("figure.chart:visible figcaption").all_text_contents()
        assert shown[0].startswith("store 7:")
        assert not any(title.startswith("store 0:") for title in shown)


def test_a_forecast_can_be_chosen_by_its_time(browser: Chromium, pages: Mapping[str, Path]) -> None:
    with browser.open(pages["one"]) as opened:
        worst = opened.page.get_by_role("button", name="largest error")
        before = opened.page.locator("figure.chart:visible figcaption").first.text_content()
        worst.click()
        assert opened.page.locator("figure.chart:visible figcaption").first.text_content() != before
        assert worst.get_attribute("aria-pressed") == "true"


def test_series_are_sorted_by_their_error(browser: Chromium, pages: Mapping[str, Path]) -> None:
    with browser.open(pages["twenty"]) as opened:
        table = opened.page.locator("table", has=opened.page.locator("caption", has_text="Errors by series"))
        table.get_by_role("button", name="mean absolute error").first.click()
        errors = [float(text) for text in opened.column("Errors by series", 2)]
        assert errors == sorted(errors, reverse=True)
        assert len(errors) == 20
