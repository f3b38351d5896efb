"""A table whose first column is never cut: in a narrow terminal other columns go first, then rows become blocks."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from domain.showing import harmless
from presentation.cli.saying import say, screen

GAP = "  "


@dataclass(frozen=True)
class Column:
    """A name, its cells, and how soon it may go where there is no room: the highest first, 0 never."""

    name: str
    cells: tuple[str, ...]
    dispensable: int = 0
    is_number: bool = False


def write_columns(columns: Sequence[Column]) -> None:
    """Write columns side by side as far as the terminal has room; whole where what is written goes elsewhere."""
    kept = [Column(c.name, tuple(map(harmless, c.cells)), c.dispensable, c.is_number) for c in columns if any(c.cells)]
    width = _room()
    while width is not None and _width(kept) > width and any(column.dispensable for column in kept):
        kept.remove(max(kept, key=lambda column: column.dispensable))
    if width is not None and _width(kept) > width:
        _write_blocks(kept)
        return
    for line in [[column.name for column in kept], *zip(*(column.cells for column in kept), strict=True)]:
        cells = (_padded(cell, column) for cell, column in zip(line, kept, strict=True))
        say(GAP.join(cells).rstrip())


def _room() -> int | None:
    console = screen()
    return console.width if console.is_terminal or os.environ.get("COLUMNS", "").isdigit() else None


def _width(columns: Sequence[Column]) -> int:
    return sum(_widest(column) for column in columns) + len(GAP) * (len(columns) - 1)


def _widest(column: Column) -> int:
    return max(map(cell_len, (column.name, *column.cells)))


def _padded(cell: str, column: Column) -> str:
    blank = " " * (_widest(column) - cell_len(cell))
    return blank + cell if column.is_number else cell + blank


def _write_blocks(columns: Sequence[Column]) -> None:
    """Write each row as its first cell on a line of its own, so that it can be copied, and the others below it."""
    first, *others = columns
    for number, cell in enumerate(first.cells):
        say(cell)
        for column in others:
            if column.cells[number]:
                say(f"{GAP}{column.name} {column.cells[number]}")
