"""What a page says of models that write: rows by their loss with their texts, and of which part."""

from typing import Any

import numpy as np
import pytest

from infrastructure.reports.page.blocks import Block, Chart, Choice, Group, Page, Paragraph, Section, Table, Texts
from infrastructure.reports.page.html import page_html
from infrastructure.tasks.writing.page import block_sections, pair_sections
from tests.support.scored_pairs import Pairs, outcomes, pairs


def texts_of(section: Section) -> dict[str, list[Texts]]:
    views: dict[str, Block] = {}
    for block in section.blocks:
        views |= block.views if isinstance(block, Choice) else {"": block}
    groups = {name: view.blocks for name, view in views.items() if isinstance(view, Group)}
    return {name: [block for block in blocks if isinstance(block, Texts)] for name, blocks in groups.items()}


def said(section: Section) -> str:
    return " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))


def table_of(section: Section) -> Table:
    return next(block for block in section.blocks if isinstance(block, Table))


def sections_of(rows: Pairs, num_written: int, write: Any = None, num_rows: int | None = None) -> list[Section]:
    return list(pair_sections(rows, outcomes(rows, num_written), write, num_rows))


def test_worst_typical_and_best_rows_are_those_of_their_loss_a_token() -> None:
    views = texts_of(sections_of(pairs(100), 100)[0])
    numbers = {kind: [int(block.heading.split(":")[1]) for block in found] for kind, found in views.items()}
    assert numbers["worst"] == [100, 99, 98, 97, 96, 95]  # row i costs i a token
    assert numbers["best"] == [1, 2, 3, 4, 5, 6]
    assert set(numbers["typical"]) <= set(range(44, 57))


def test_a_row_has_what_was_given_written_and_wanted_and_differences_are_marked() -> None:
    rows = pairs(100)
    block = texts_of(sections_of(rows, 100)[0])["worst"][0]
    assert list(block.texts) == ["given", "written", "wanted"]
    assert block.texts["written"].endswith("# 99")
    assert block.texts["wanted"] == rows.reference(99)
    assert block.marked == ("written", "wanted")


def test_where_only_some_rows_were_written_the_rows_shown_are_among_them_and_it_is_said() -> None:
    first, _ = sections_of(pairs(100), 8)
    assert "Texts were written for 8 of 100 rows" in said(first)
    assert all("written" in block.texts for found in texts_of(first).values() for block in found)


def test_where_none_was_written_the_model_is_asked_for_a_few_rows_and_no_more() -> None:
    asked: list[int] = []
    rows = pairs(100)

    def write(chosen: Any) -> list[str]:
        asked.extend(chosen)
        return [rows.source(row).upper() for row in chosen]

    first, _ = sections_of(rows, 0, write)
    assert asked[:2] == [99, 98]
    assert len(asked) == 6
    assert texts_of(first)["worst"][0].texts["written"] == rows.source(99).upper()
    assert "Texts were written for 6 of 100 rows, chosen by their loss." in said(first)


def test_where_nobody_can_write_what_was_wanted_is_shown_alone() -> None:
    block = texts_of(sections_of(pairs(100), 0)[0])["worst"][0]
    assert list(block.texts) == ["given", "wanted"]


def test_the_table_lists_the_rows_with_the_largest_loss_and_says_of_how_many() -> None:
    table = table_of(sections_of(pairs(300), 300)[1])
    assert table.caption.endswith("100 of 300")
    assert [row[1] for row in table.rows] == pytest.approx(list(range(300, 200, -1)))
    assert table.rows[0][0] == "pairs.jsonl:300"


def test_a_row_without_a_target_is_left_out_and_one_whose_loss_is_no_number_comes_first() -> None:
    rows = pairs(10)
    found = outcomes(rows, 10)
    found["num_targets"][9] = 0
    found["loss_sum"][3] = np.nan
    names = [row[0] for row in table_of(list(pair_sections(rows, found, None, None))[1]).rows]
    assert names[0] == "pairs.jsonl:4"
    assert "pairs.jsonl:10" not in names


def test_the_bars_hold_each_row_once_but_for_the_tail_that_is_told() -> None:
    section = sections_of(pairs(1000), 0)[1]
    chart = next(block for block in section.blocks if isinstance(block, Chart))
    counts = np.array(chart.lines[0].y, dtype=float)[::2]
    assert counts.sum() == 995
    assert "5 rows lie beyond" in chart.x.label


@pytest.mark.parametrize("count", [1, 2, 5, 19])
@pytest.mark.parametrize("written", [False, True])
def test_odd_texts_and_few_rows_make_a_page_that_trusts_none(count: int, written: bool) -> None:
    html = page_html(Page("pairs", "All.", sections_of(pairs(count), count if written else 0)))
    assert "<script>alert" not in html
    assert "\u202e" not in html
    assert "\x1b" not in html


def test_rows_without_a_single_target_are_said_to_be_none() -> None:
    rows = pairs(3)
    found = {"loss_sum": np.zeros(3), "num_targets": np.zeros(3, dtype=int)}
    assert "No row has a target" in said(next(iter(pair_sections(rows, found, None, None))))


def test_a_part_of_all_rows_says_so_in_each_section() -> None:
    for section in sections_of(pairs(20), 20, num_rows=5_000):
        assert "Seen here are 20 of 5,000 rows, evenly spread over all." in said(section)


class Blocks(list[dict[str, Any]]):
    def row_id(self, index: int) -> str:
        return f"text.txt:tokens {index * 4}-{index * 4 + 4}"

    def arrays(self, index: int) -> dict[str, Any]:
        return self[index]


class Letters:
    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join(map(chr, ids))


def test_blocks_of_text_are_shown_by_their_loss_and_along_the_text() -> None:
    blocks = Blocks({"input_ids": np.array([65 + at % 26, 10, 66, 67])} for at in range(500))
    losses = np.random.default_rng(0).random(500) + 1
    counts = np.full(500, 3)
    found = {"loss_sum": losses * counts, "num_targets": counts}
    text, rest = block_sections(Letters(), blocks, found, None, None)  # type: ignore[arg-type]
    worst = int(losses.argmax())
    assert texts_of(text)["worst"][0].texts["text"] == f"{chr(65 + worst % 26)}\nBC"
    along = next(block for block in rest.blocks if isinstance(block, Chart))
    stretches = np.split(losses, np.array(along.lines[0].x[1:], dtype=int) - 1)
    assert list(along.lines[0].y) == pytest.approx([stretch.mean() for stretch in stretches])
    assert table_of(rest).rows[0][1] == pytest.approx(losses.max())
