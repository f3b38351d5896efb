"""Writes a page as one HTML file, which asks nobody for anything.

Every text is made visible and escaped by the templates, none is trusted: labels and rows come from strangers. Only the
script of the page itself may run, which the page says by its digest, and nothing may be loaded from anywhere.
"""

import base64
import hashlib
import math
import re
from difflib import SequenceMatcher
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.showing import harmless
from infrastructure.files import write_whole
from infrastructure.reports.page.blocks import Cell, Column, Matrix, Page
from infrastructure.reports.page.drawing import drawn

if TYPE_CHECKING:
    from jinja2 import Environment

LONGEST_TEXT = 4_000
LONGEST_COMPARED = 2_000  # comparing takes the square of the length
_PIECES = re.compile(r"\w+|\s+|[^\w\s]")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
Pieces = list[tuple[str, bool]]


def write_page(path: Path, page: Page) -> None:
    """Write a page whole or not at all. Raises: OSError of the disk."""
    write_whole(path, page_html(page))


def page_html(page: Page) -> str:
    """Give a page as HTML."""
    script, style = (_own(name) for name in ("page.js", "page.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _templates().get_template("page.html.j2").render(page=page, script=script, style=style, digest=digest)


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=select_autoescape(enabled_extensions=("j2",), default=True),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"written": written, "template": _template_of, "drawn": drawn}
    environment.globals |= {"differences": differences, "shares": shares, "sort_key": sort_key}
    return environment


def _shown(value: Any) -> Any:
    """Make each text that a template writes visible; what it calls safe is no text of others."""
    return visible(value) if type(value) is str else value


def visible(text: str) -> str:
    """Spell out what would turn or hide text, and say where a long one was cut; line ends stay."""
    rest = len(text) - LONGEST_TEXT
    more = f" ... ({rest:,} more characters)" if rest > 0 else ""
    return "\n".join(map(harmless, text[:LONGEST_TEXT].split("\n"))) + more


def written(cell: Cell, column: Column) -> str:
    """Write a cell for people; a dash where nothing is known."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "-"
    if isinstance(cell, str):
        return visible(cell)
    if column.kind == "share":
        return f"{100 * cell:.1f} %"
    return f"{cell:,.0f}" if column.kind == "count" else f"{cell:,.4g}"


def sort_key(cell: Cell) -> str:
    """Give what a column is sorted by: numbers with all their digits, nothing for what is not known."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return visible(cell)[:200] if isinstance(cell, str) else repr(float(cell))


def shares(matrix: Matrix) -> list[list[float]]:
    """Give each count as a share of its true class."""
    return [[count / max(sum(row), 1) for count in row] for row in matrix.counts]


def differences(one: str, other: str) -> tuple[Pieces, Pieces]:
    """Cut two texts into pieces, each with whether the other text lacks it; long ones are compared at their heads."""
    ours, theirs = (_PIECES.findall(visible(text)[:LONGEST_COMPARED]) for text in (one, other))
    pieces: tuple[Pieces, Pieces] = ([], [])
    for kind, first, last, first_other, last_other in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        for found, words in zip(pieces, (ours[first:last], theirs[first_other:last_other]), strict=True):
            if words:
                found.append(("".join(words), kind != "equal"))
    for found, text in zip(pieces, (one, other), strict=True):
        if rest := visible(text)[LONGEST_COMPARED:]:
            found.append((rest, False))
    return pieces


def _template_of(block: object) -> str:
    """Give the template of a block: `chart.html.j2` of a Chart."""
    return f"{_CAPITAL.sub('_', type(block).__name__).lower()}.html.j2"


def _own(name: str) -> str:
    return files(__package__ or "").joinpath("templates", name).read_text(encoding="utf-8")
