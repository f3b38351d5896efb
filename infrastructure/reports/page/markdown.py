"""Writes a page as Markdown, for where a model is shared; nothing that comes from a stranger is markup there.

What only a browser draws is left out: bars and curves have their numbers in the tables beside them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from domain.showing import harmless
from infrastructure.reports.page.blocks import Block, Command, Facts, Page, Paragraph, Table
from infrastructure.reports.page.html import LONGEST_TEXT, written

# Entities are never markup, wherever they stand. The hub reads formulas behind `$` and `\(`.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\\": "&#92;", "$": "&#36;"}
_MARKUP = re.compile(r"[`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])")
_ADDRESS = re.compile(r"://|(?<=www)\.|@", re.IGNORECASE)
_FIRST = re.compile(r"^(#|\+|-|=|\d+(?=[.)](?:\s|$)))")
_FENCE = re.compile(r"`{3,}")
SHORTEST_FENCE = 3


def page_markdown(page: Page) -> str:
    """Give a page as Markdown that ends with a line end."""
    parts = [f"# {escaped(page.title)}", _begun(page.sentence)]
    for section in page.sections:
        told = [text for block in section.blocks if (text := _written(block))]
        parts += [f"## {escaped(section.title)}", *told] if told else []
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Give a text as a part of a line of Markdown that shows it as it is, cut where it is very long."""
    line = harmless(" ".join(text[:LONGEST_TEXT].split("\n")))
    line = "".join(_ENTITIES.get(letter, letter) for letter in line)
    line = _MARKUP.sub(lambda found: "\\" + found.group(), line)
    return _ADDRESS.sub(lambda found: f"&#{ord(found.group()[0])};{found.group()[1:]}", line)


def _begun(text: str) -> str:
    """Give the same for where a line begins, which is no heading, no list, no rule and no code."""
    return _FIRST.sub(lambda found: f"&#{ord(found[1][0])};{found[1][1:]}", escaped(text).lstrip())


def _written(block: Block) -> str:
    """Write a block; nothing for one that only a browser shows."""
    writer = _WRITERS.get(type(block))
    return writer(block) if writer else ""


def _paragraph(block: Paragraph) -> str:
    return f"- {_begun(block.text)}" if block.tone == "warning" else _begun(block.text)


def _facts(block: Facts) -> str:
    return "\n".join(f"- {_begun(name)}: {escaped(fact)}" for name, fact in block.pairs.items())


def _command(block: Command) -> str:
    text = "\n".join(map(harmless, block.text.split("\n")))
    longest = max(map(len, _FENCE.findall(text)), default=SHORTEST_FENCE - 1)
    fence = "`" * (longest + 1)
    return f"{fence}{block.language}\n{text}\n{fence}"


def _table(block: Table) -> str:
    if not block.rows:
        return ""
    names = [column.name for column in block.columns]
    rows = [[written(cell, column) for cell, column in zip(row, block.columns, strict=True)] for row in block.rows]
    rest = len(rows) - block.rows_shown
    more = f"\n\n{rest:,} more are not shown." if rest > 0 else ""
    lines = [_line(names), _line_of(["---"] * len(names)), *map(_line, rows[: block.rows_shown])]
    return "\n".join(lines) + more


def _line(cells: Sequence[str]) -> str:
    return _line_of([escaped(cell) for cell in cells])


def _line_of(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


_WRITERS: Mapping[type, Callable[[Any], str]] = {
    Paragraph: _paragraph,
    Facts: _facts,
    Command: _command,
    Table: _table,
}
