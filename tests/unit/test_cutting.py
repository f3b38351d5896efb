"""Files are cut into functions and the rest, each line of code in exactly one piece."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scan import MODULE, WHOLE
from infrastructure.scan.cutting import cut, text_of
from tests.support.sources import ROOT

SOURCE = '''\
"""A store."""
import os

# Opens it.
@cached
@named(
    "store",
)
def opened(path):
    def inner():
        return path
    return inner
    # and nothing else

LIMIT = 3

class Store:
    """Keeps things."""

    size = 4

    # Reads one.
    async def read(self, name):
        return f"""
{name}
"""

    class Inner:
        def look(self): return 1

if LIMIT:
    def choose(): return LIMIT
else:
    try:
        def choose(): return None
    except ValueError:
        pass
'''


def test_functions_of_classes_and_blocks_are_pieces_and_nested_ones_stay_within() -> None:
    pieces = {piece.name: piece for piece in cut(SOURCE)}
    assert list(pieces) == ["module", "opened", "Store.read", "Store.Inner.look", "choose"]
    assert pieces["opened"].lines == ((4, 13),)  # the comments above and below, and the decorators
    assert pieces["Store.read"].lines == ((22, 26),)
    assert [piece.lines for piece in cut(SOURCE) if piece.name == "choose"] == [((32, 32),), ((35, 35),)]


def test_every_line_is_in_one_piece() -> None:
    lines = SOURCE.rstrip("\n").split("\n")
    for number in range(1, len(lines) + 1):
        assert sum(piece.holds(number) for piece in cut(SOURCE)) == 1, number


def test_the_code_of_a_method_begins_at_the_margin_whatever_its_strings_hold() -> None:
    read = next(piece for piece in cut(SOURCE) if piece.name == "Store.read")
    text = text_of(read, SOURCE.split("\n"))
    assert text.startswith("# Reads one.\nasync def read(self, name):\n    return f")
    assert text.endswith('"""\n{name}\n"""\n')
    assert read.line_in_file(2) == 23


def test_a_line_of_the_rest_is_found_again_behind_a_function() -> None:
    rest = next(piece for piece in cut(SOURCE) if piece.name == MODULE)
    lines = text_of(rest, SOURCE.split("\n")).split("\n")
    at = lines.index("LIMIT = 3") + 1
    assert rest.line_in_file(at) == SOURCE.split("\n").index("LIMIT = 3") + 1


@pytest.mark.parametrize(
    "text",
    [
        "def f(:\n",
        "x = (" * 500,
        "print 'two'\n",
        "x = 1\0\n",
        "-" * 100_000 + "1",
        "0" * 5000 + "x",
        "x = " + "9" * 10_000,
    ],
    ids=["syntax", "brackets", "python 2", "nul", "depth", "digits", "huge number"],
)
def test_what_does_not_parse_is_taken_whole(text: str) -> None:
    (piece,) = cut(text)
    assert piece.name == WHOLE
    assert piece.lines == ((1, 1),)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", " \f\n"])
def test_a_file_without_code_has_no_piece(text: str) -> None:
    assert cut(text) == ()


def test_code_that_is_only_functions_has_no_rest() -> None:
    assert [piece.name for piece in cut("def f():\n    pass\n\n\n# end\n")] == ["f"]


@given(st.lists(st.sampled_from(textwrap.dedent(SOURCE).split("\n")), max_size=12).map("\n".join))
def test_no_line_is_in_two_pieces(text: str) -> None:
    pieces = cut(text)
    for number in range(1, text.count("\n") + 2):
        assert sum(piece.holds(number) for piece in pieces) <= 1


def test_our_own_sources_are_covered_line_by_line() -> None:
    text = (ROOT / "infrastructure/scan/tree.py").read_text(encoding="utf-8")
    lines, pieces = text.split("\n"), cut(text)
    uncovered = [
        line for number, line in enumerate(lines, 1) if line and not any(piece.holds(number) for piece in pieces)
    ]
    assert uncovered == []
