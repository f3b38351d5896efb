"""Writes a page as one HTML file, which asks nobody for anything.

Every text is made visible and escaped by the templates, none is trusted: labels and rows come from strangers. Only the
script of the page itself may run, which the page says by its digest, and nothing may be loaded from anywhere.
"""

import base64
import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.showing import harmless
from infrastructure.files import write_whole
from infrastructure.reports.page.blocks import Cell, Column, Estimate, Matrix, Page
from infrastructure.reports.page.drawing import drawn

if TYPE_CHECKING:
    from jinja2 import Environment

LONGEST_TEXT = 4_000
# Comparing takes up to the cube of the length, where pieces repeat: a model that goes round in circles took minutes.
MOST_COMPARED, MOST_PAIRS = 400, 30_000
LONGEST_SEEN, LONGEST_PROSE_SEEN = 80, 200  # of a cell; the rest is there to be unfolded
MOST_LINES_SEEN = 4
RELATIVE_ABOVE = 30  # classes of a matrix
_PIECES = re.compile(r"\w+|\n|[^\S\n]+|[^\w\s]")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
Pieces = list[tuple[str, bool]]


def write_page(path: Path, page: Page) -> None:
    """Write a page whole or not at all. Raises: OSError of the disk."""
    write_whole(path, page_html(page))


def page_html(page: Page) -> str:
    """Give a page as HTML."""
    script, style = (_own(name) for name in ("page.js", "page.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return templates().get_template("page.html.j2").render(page=page, script=script, style=style, digest=digest)


@cache
def templates() -> "Environment":
    """Give the templates of a page, and what they may call."""
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
    environment.globals |= {
        "differences": differences,
        "shares": shares,
        "shades": shades,
        "sort_key": sort_key,
        "beginning": beginning,
        "relative_above": RELATIVE_ABOVE,
    }
    return environment


def _shown(value: Any) -> Any:
    """Make each text that a template writes visible; what it calls safe is no text of others."""
    return visible(value) if type(value) is str else value


def visible(text: str) -> str:
    """Spell out what would turn or hide text, and say where a long one was cut; line ends stay."""
    return _harmless(text[:LONGEST_TEXT]) + _more(text)


def _harmless(text: str) -> str:
    return "\n".join(map(harmless, text.split("\n")))


def _more(text: str) -> str:
    rest = len(text) - LONGEST_TEXT
    return f" ... ({rest:,} more characters)" if rest > 0 else ""


def written(cell: Cell, column: Column) -> str:
    """Write a cell for people; a dash where nothing is known."""
    if isinstance(cell, Estimate):
        return f"{written(cell.value, column)}{_between(cell, column)}"
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "-"
    if isinstance(cell, str):
        return visible(cell)
    if column.kind == "share":
        return f"{100 * cell:.1f} %"
    return f"{cell:,.0f}" if column.kind == "count" or isinstance(cell, int) else f"{cell:,.4g}"


def _between(cell: Estimate, column: Column) -> str:
    ends = cell.low, cell.high
    if cell.value is None or not all(map(math.isfinite, ends)):
        return ""
    low, high = (written(end, column).removesuffix(" %") for end in ends)
    return f" ({low} to {high})"


def sort_key(cell: Cell) -> str:
    """Give what a column of numbers is sorted by: all digits of a number, nothing for what is not known."""
    if isinstance(cell, Estimate):
        return sort_key(cell.value)
    unknown = cell is None or isinstance(cell, str) or math.isnan(cell)
    # A browser reads `Infinity`, and takes `inf` for no number.
    return "" if unknown else repr(float(cell)).replace("inf", "Infinity")  # type: ignore[arg-type]


def beginning(text: str, column: Column) -> str:
    """Give the beginning of a text that is too long for a cell; nothing of one that is not."""
    most = LONGEST_PROSE_SEEN if column.kind == "prose" else LONGEST_SEEN
    head = "\n".join(text[:most].split("\n")[:MOST_LINES_SEEN])
    return f"{head.rstrip()} ..." if len(head) < len(text) else ""


def shares(matrix: Matrix) -> list[list[float]]:
    """Give each count as a share of its true class."""
    return [[count / max(sum(row), 1) for count in row] for row in matrix.counts]


def shades(matrix: Matrix) -> list[list[float]]:
    """Give how dark each cell is: its share of the true class, or of many classes, errors beside the largest of them.

    Among a hundred classes one error is a small share of any, and all would look alike.
    """
    found = shares(matrix)
    if len(found) <= RELATIVE_ABOVE:
        return found
    most = max((share for at, row in enumerate(found) for to, share in enumerate(row) if at != to), default=0.0)
    return [
        [share if at == to else share / (most or 1.0) for to, share in enumerate(row)] for at, row in enumerate(found)
    ]


def differences(one: str, other: str) -> tuple[Pieces, Pieces]:
    """Cut two texts into pieces, each with whether the other text lacks it.

    Between the beginning and the end that both share, long texts are compared at their heads, and all of the rest
    counts as different. A piece that differs and is nothing but white space is spelt out, for it would not be seen.
    """
    ours, theirs = (_PIECES.findall(text[:LONGEST_TEXT]) for text in (one, other))
    before = _num_shared(ours, theirs)
    behind = _num_shared(ours[before:][::-1], theirs[before:][::-1])
    inner = [words[before : len(words) - behind] for words in (ours, theirs)]
    marked = _compared(*inner)
    for found, words, text in zip(marked, (ours, theirs), (one, other), strict=True):
        found.insert(0, ("".join(words[:before]), False))
        found.append(("".join(words[len(words) - behind :]), False))
        found.append((_more(text), False))
    ours_told, theirs_told = (
        [(_spelt(piece, differs), differs) for piece, differs in found if piece] for found in marked
    )
    return ours_told, theirs_told


def _num_shared(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Count the pieces that two texts begin with alike."""
    shared = zip(ours, theirs, strict=False)
    return next((number for number, (mine, yours) in enumerate(shared) if mine != yours), min(len(ours), len(theirs)))


def _compared(ours: Sequence[str], theirs: Sequence[str]) -> tuple[Pieces, Pieces]:
    most = MOST_COMPARED
    while _num_pairs(ours[:most], theirs[:most]) > MOST_PAIRS:
        most //= 2
    matcher = SequenceMatcher(None, ours[:most], theirs[:most], autojunk=False)
    pieces: tuple[Pieces, Pieces] = ([], [])
    for kind, first, last, first_other, last_other in matcher.get_opcodes():
        for found, words in zip(pieces, (ours[first:last], theirs[first_other:last_other]), strict=True):
            found.append(("".join(words), kind != "equal"))
    for found, words in zip(pieces, (ours, theirs), strict=True):
        found.append(("".join(words[most:]), True))
    return pieces


def _num_pairs(ours: Sequence[str], theirs: Sequence[str]) -> int:
    counts = Counter(ours)
    return sum(counts[piece] for piece in theirs)


def _spelt(piece: str, differs: bool) -> str:
    if differs and piece.isspace():
        piece = piece.replace(" ", "·").replace("\t", "→   ").replace("\n", "↵\n")
    return _harmless(piece)


def _template_of(block: object) -> str:
    """Give the template of a block: `chart.html.j2` of a Chart."""
    return f"{_CAPITAL.sub('_', type(block).__name__).lower()}.html.j2"


def _own(name: str) -> str:
    return files(__package__ or "").joinpath("templates", name).read_text(encoding="utf-8")
