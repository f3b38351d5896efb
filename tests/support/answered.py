"""Answers of a classifier that nobody trained, for pages about them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infrastructure.reports.page.blocks import Block, Choice, Folded, Group, Page, Section, Table
from infrastructure.reports.page.html import write_page
from infrastructure.tasks.labels.metrics import classification_metrics
from infrastructure.tasks.labels.page.answered import Answered, RowNames
from infrastructure.tasks.labels.page.sections import label_sections

HOSTILE = (
    "<script>alert(1)</script>", "\u202eturned", "x" * 2_000 + "a", "x" * 2_000 + "b", "\u00a0", "\u200b",
    "a\nb\x1b[2J",
)  # fmt: skip


def answered(
    num_rows: int, num_classes: int, *, names: Sequence[str] = (), skill: float = 3.0, seed: int = 0
) -> Answered:
    """Draw labels, and logits that favour them the more the larger `skill` is."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, num_classes, num_rows)
    logits = random.normal(0.0, 1.0, (num_rows, num_classes)).astype(np.float32)
    logits[np.arange(num_rows), labels] += random.normal(skill, 1.0, num_rows).astype(np.float32)
    return Answered(logits, labels, (*names, *(f"class {at}" for at in range(num_classes)))[:num_classes])


def row_names(of: Answered, **changes: Any) -> RowNames:
    """Name the rows of a file of texts."""
    known = {"name": lambda row: f"rows.csv:{row + 2}", "num_whole": len(of), "text": lambda row: f"text {row}"}
    return RowNames(**{**known, **changes})


def sections_of(of: Answered, negative_label: str | None = None, **changes: Any) -> Sequence[Section]:
    """Give what a page tells of answers."""
    metrics = classification_metrics(of.logits, of.labels, tuple(of.names), negative_label=negative_label)
    return label_sections(of, row_names(of, **changes), metrics, negative_label)


def write_page_of(path: Path, of: Answered, negative_label: str | None = None, **changes: Any) -> Path:
    """Write a page of answers alone."""
    write_page(path, Page("a run", "It was trained.", sections_of(of, negative_label, **changes)))
    return path


def blocks_within(blocks: Sequence[Block]) -> list[Block]:
    """Give blocks and all that stand in them."""
    found: list[Block] = []
    for block in blocks:
        inner: Sequence[Block] = ()
        if isinstance(block, Group | Folded):
            inner = block.blocks
        elif isinstance(block, Choice):
            inner = list(block.views.values())
        found += [block, *blocks_within(inner)]
    return found


def table_of(sections: Sequence[Section], caption: str) -> Table:
    """Find the table whose caption begins so."""
    blocks = blocks_within([block for section in sections for block in section.blocks])
    (found,) = [block for block in blocks if isinstance(block, Table) and block.caption.startswith(caption)]
    return found
