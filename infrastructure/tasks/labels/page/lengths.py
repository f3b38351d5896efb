"""Whether long texts, and those that were cut, are answered worse."""

from collections.abc import Sequence

import numpy as np

from infrastructure.reports.page.blocks import Block, Cell, Column, Facts, Section, Table
from infrastructure.tasks.labels.page.answered import Answered, Booleans, RowNames
from infrastructure.tasks.labels.page.wording import estimated, part_told, percent

PARTS = 4


def lengths(answered: Answered, rows: RowNames) -> Section | None:
    """Show right answers by the length of texts, those of cut texts apart; None for what has no tokens."""
    if rows.lengths is None or rows.was_cut is None:
        return None
    cut, tokens = int(rows.was_cut.sum()), rows.lengths
    facts = {
        "tokens of a text": f"median {np.median(tokens):,.0f}, longest {int(tokens.max()):,}",
        "cut at": f"{rows.max_length:,} tokens",
        "texts that were cut": f"{cut:,} of {len(tokens):,} ({percent(cut / len(tokens))})",
    }
    blocks: list[Block] = [*part_told(answered, rows), Facts(facts), _table(answered, rows, _groups(rows))]
    return Section("Lengths", blocks)


def _groups(rows: RowNames) -> list[tuple[str, Booleans]]:
    """Part the texts that are whole by their lengths into about equally many; those that were cut are a group apart."""
    assert rows.lengths is not None
    assert rows.was_cut is not None
    whole = rows.lengths[~rows.was_cut]
    groups = []
    if len(whole):
        edges = np.unique(np.quantile(whole, np.linspace(0, 1, PARTS + 1), method="lower"))
        if len(edges) == 1:
            edges = np.append(edges, edges)
        for low, high in zip([edges[0], *edges[1:-1] + 1], edges[1:], strict=True):
            name = f"{low:,} to {high:,}" if low < high else f"{low:,}"
            groups.append((name, ~rows.was_cut & (rows.lengths >= low) & (rows.lengths <= high)))
    if rows.was_cut.any():
        groups.append(("cut", rows.was_cut))
    return groups


def _table(answered: Answered, rows: RowNames, groups: Sequence[tuple[str, Booleans]]) -> Table:
    listed: list[Sequence[Cell]] = [
        (name, int(chosen.sum()), estimated(int(answered.is_right[chosen].sum()), int(chosen.sum()), answered.overlap))
        for name, chosen in groups
    ]
    columns = (Column("tokens"), Column(f"{rows.noun}s", "count"), Column("right", "share"))
    return Table("Right answers by length", columns, listed, len(listed))
