"""What the parts of a data set hold, as blocks of a page."""

from collections.abc import Mapping
from typing import Any

from infrastructure.reports.page.blocks import Block, Column, Table

_WORDS_OF_STATISTICS = {
    "num_rows": "rows", "num_windows": "windows", "num_documents": "documents", "num_tokens": "tokens",
    "num_bytes": "bytes", "mean_tokens": "tokens of a row, mean", "median_tokens": "tokens of a row, median",
    "max_tokens": "tokens of a row, most", "num_cut": "rows cut at max_length", "num_unknown": "unknown characters",
    "context_length": "rows that a window sees",
}  # fmt: skip


def parts_table(data: Mapping[str, Any]) -> Table:
    """Show what there is to learn from and to be scored on; `data` are the facts of a card."""
    parts = _parts_of(data)
    named = [name for name in _WORDS_OF_STATISTICS if any(name in part for part in parts.values())]
    rows = [[_WORDS_OF_STATISTICS[name], *(part.get(name) for part in parts.values())] for name in named]
    return Table("The parts", [Column("what"), *(Column(name, "number") for name in parts)], rows)


def label_tables(data: Mapping[str, Any]) -> list[Block]:
    """Show how many rows each label has, where rows have labels."""
    parts = _parts_of(data)
    learnt, scored = (part.get("label_counts", {}) for part in parts.values())
    if not learnt:
        return []
    columns = [Column("label"), *(Column(name, "count") for name in parts)]
    return [
        Table("Rows of each label", columns, [[label, count, scored.get(label)] for label, count in learnt.items()])
    ]


def _parts_of(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {"to learn from": data.get("train", {}), "to be scored on": data.get("evaluation", {})}
