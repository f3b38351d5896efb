"""Of a page as Markdown nothing that comes from a stranger is markup, and what it says is read again as it was."""

import html
import re

import pytest
from markdown_it import MarkdownIt

from infrastructure.reports.page.blocks import Bars, Block, Column, Command, Facts, Page, Paragraph, Section, Table
from infrastructure.reports.page.markdown import page_markdown

STRANGE = [
    "<script>alert(1)</script>",
    "![seen](http://elsewhere/p.png)",
    "[here](javascript:alert)",
    "**bold** _leaning_ __both__ ~~gone~~ `code`",
    "a | b | c",
    "# heading",
    "1. first",
    "- point",
    "+ point",
    "> told",
    "===",
    "---",
    "| --- |",
    "$x$ \\(y\\)",
    "&lt;b&gt; &#35;",
    "http://elsewhere www.elsewhere.org who@elsewhere",
    "macro_f1_of_all",
    "```",
    "    indented",
    "\\",
    "*",
]
TAGS = {"h1", "h2", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "pre", "code"}


def seen(page: Page) -> str:
    return str(MarkdownIt("commonmark").enable("table").enable("strikethrough").render(page_markdown(page)))


def words_of(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split())


@pytest.mark.parametrize("text", STRANGE)
def test_a_text_of_others_is_seen_as_it_is_wherever_it_stands(text: str) -> None:
    table = Table("t", [Column(text), Column("other")], [[text, 1]])
    blocks: list[Block] = [Paragraph(text), Paragraph(text, "warning"), Facts({text: text}), table]
    found = seen(Page(text, text, [Section(text, blocks)]))
    assert set(re.findall(r"<(\w+)", found)) <= TAGS - {"pre", "code"}
    assert words_of(found).count(" ".join(text.split())) == 9
    assert "://" not in page_markdown(Page(text, text, []))


@pytest.mark.parametrize("text", ["a\nb", "a\r\n# b", "a\u2028b", "\x1b[31ma", "\u202eabc", "\ud800a"])
def test_what_a_screen_would_obey_is_spelt_out_on_one_line(text: str) -> None:
    lines = page_markdown(Page("t", text, [])).splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    "\n".join(lines).encode()


def test_a_command_is_closed_by_no_fence_within_it() -> None:
    found = seen(Page("t", "s", [Section("x", [Command("a\n````\n# b\x1b"), Paragraph("behind")])]))
    assert found.count("<pre>") == 1
    assert "<h1>b" not in found
    assert "\x1b" not in found
    assert "<p>behind</p>" in found


def test_what_only_a_browser_shows_and_what_has_no_rows_is_left_out() -> None:
    empty = Table("t", [Column("a")], [])
    assert page_markdown(Page("t", "s", [Section("x", [Bars("b", []), empty])])) == "# t\n\ns\n"


def test_rows_that_are_too_many_are_counted() -> None:
    table = Table("t", [Column("a", "count")], [[number] for number in range(30)], rows_shown=3)
    assert "27 more are not shown." in page_markdown(Page("t", "s", [Section("x", [table])]))
