"""The lexer of code takes any text, in order and in linear time, and finds what binds a name."""

import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.code_reading.bindings import TARGET, VALUE, bindings_of
from infrastructure.code_reading.languages import C_LIKE, PYTHON, Language, language_of
from infrastructure.code_reading.lexing import LINES, lex
from infrastructure.code_reading.vocabulary import Vocabulary
from tests.support.texts import any_text

PIECES = ("def f(a):", "\n", "    ", "\t", '"', "'", '"""', "f'", "{", "}", "{{", "(", ")", "[", "]", "\\", "#", "//",
          "/*", "*/", "`", "${", ";", "x", "=", ":=", "é", "\u2028", "\x00", "\ud800", "1_0", "0x", "lambda", "for",
          "in", "as", ":", ",", ".", "->", "class", "return", "\r", "\r\n", "rb'", "<q>", "<line3>")  # fmt: skip
code = st.lists(st.sampled_from(PIECES), max_size=60).map("".join) | any_text(max_size=80)


def texts(source: str, language: Language | None = None) -> list[str]:
    return [token.text for token in lex(source, language)]


def roles(source: str) -> tuple[set[str], set[str]]:
    """Give the words that are targets, and those that are values."""
    tokens, language = lex(source), language_of(source)
    found = bindings_of(tokens, language).roles
    words = {role: {t.text for t, r in zip(tokens, found, strict=True) if r == role} for role in (TARGET, VALUE)}
    return words[TARGET], {word for word in words[VALUE] if word.isidentifier()}


@given(code, st.sampled_from([None, PYTHON, C_LIKE]))
def test_any_text_becomes_tokens_that_stand_in_it_in_order(source: str, language: Language | None) -> None:
    end = 0
    for token in lex(source, language):
        assert end <= token.start <= token.end <= len(source)
        if not token.text.startswith("<") or len(token.text) < 3:
            assert source[token.start : token.end].startswith(token.text[:1])
        end = token.end
    encoded = Vocabulary(("x", "for")).encode(source)
    assert len(encoded.ids) == len(encoded.roles) == len(encoded.spans)


def calls_of(work: Callable[[], object]) -> int:
    """Count the calls of functions that some work makes: a measure of time that no clock disturbs."""
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "{",
        "f'{",
        "x = [\n",
        '"""',
        "/*",
        "    if x:\n",
        "for ",
        "lambda ",
        "x := (",
        "def f(a): f(\n",
        "with a as b as ",
        "\\\n",
    ],
)
@pytest.mark.parametrize("language", [PYTHON, C_LIKE])
def test_twice_the_text_takes_no_more_than_twice_the_work(piece: str, language: Language) -> None:
    def work(count: int) -> int:
        source = piece * count
        return calls_of(lambda: bindings_of(lex(source, language), language))

    assert work(800) <= 2.2 * work(400)


@pytest.mark.parametrize(
    ("source", "targets", "values"),
    [
        ("x = request.args", {"x"}, {"request", "args"}),
        ("a, b = b, a", {"a", "b"}, set()),
        ("x: str = y", {"x"}, {"y"}),
        ("d['k'] = y", {"d"}, {"y"}),
        ("if ok: x = y", {"x"}, {"y"}),
        ("if (n := len(z)) > 3:\n    pass", {"n"}, {"len", "z"}),
        ("for i, y in pairs(d):\n    pass", {"i", "y"}, {"pairs", "d"}),
        ("z = [q for q in handle]", {"z", "q"}, {"for", "in", "handle"}),
        ("with open(x) as handle:\n    pass", {"handle"}, {"open", "x"}),
        ("parts.append(y)", {"parts"}, {"y"}),
        ("x += y", {"x"}, {"y"}),
        ("def f(a, b=c, *rest):\n    pass", {"f", "a", "b", "rest"}, set()),
        ("return x == y", set(), set()),
        ("char *p = name;", {"p"}, {"name"}),
        ("unsigned long n = m + 1;", {"n"}, {"m"}),
        ("const {a, b} = req.body;", {"a", "b"}, {"req", "body"}),
        ("p->next = buf;", {"p"}, {"buf"}),
        ("int f(char *name, size_t n) {", {"f", "name", "n"}, set()),
        ("char buf[64];\nint y = 0;", {"buf", "y"}, set()),
        ("for (const r of rows) {", {"r"}, {"rows"}),
        ("foreach ($xs as $x) {", {"x"}, {"xs"}),
        ("§ B602 B608 x = y", {"x"}, {"y"}),
        ("n, err := read(p);", {"n", "err"}, {"read", "p"}),
    ],
)
def test_targets_take_values(source: str, targets: set[str], values: set[str]) -> None:
    found = roles(source)
    assert found[0] == targets
    assert values <= found[1]


def test_lines_go_on_within_brackets_and_end_where_one_was_left_open() -> None:
    assert texts("x = (1,\n  2)\ny") == ["x", "=", "(", "1", ",", "2", ")", LINES[0], "y"]
    assert texts("x = (1,\ndef f():\n    y") == [
        "x",
        "=",
        "(",
        "1",
        ",",
        LINES[0],
        "def",
        "f",
        "(",
        ")",
        ":",
        LINES[1],
        "y",
    ]


def test_strings_are_read_and_documentation_is_not() -> None:
    assert texts("x = 'ls -l'") == ["x", "=", "<q>", "ls", "-", "l", "<q>"]
    assert texts('x = f"a {b + 1} c"') == ["x", "=", "<fq>", "a", "{", "b", "+", "1", "}", "c", "<q>"]
    assert texts('def f():\n    """Says."""\n    x') == ["def", "f", "(", ")", ":", LINES[1], "x"]
    assert texts("x = 'cut\ny") == ["x", "=", "<q>", "cut", LINES[0], "y"]


def test_comments_are_passed_over_in_either_family() -> None:
    assert texts("x  # why\ny") == ["x", LINES[0], "y"]
    assert texts("x(); // why\n/* and\n so */ y();", C_LIKE) == ["x", "(", ")", LINES[0], "y", "(", ")", LINES[0]]


def test_names_are_equal_ids_whatever_they_are_called() -> None:
    known = Vocabulary(("def", "return", "os", "system"))
    one = known.encode("def f(a):\n    b = a\n    return os.system(b)")
    other = known.encode("def run(cmd):\n    os2 = cmd\n    return os.system(os2)")
    assert np.array_equal(one.ids, other.ids)
    assert np.array_equal(one.roles, other.roles)


def test_a_known_word_that_code_binds_is_a_name_there() -> None:
    known = Vocabulary(("os", "system"))
    first = known.encode("os.system(x)").ids[0]
    assert first < len(known)
    assert known.encode("os = x\nos.system(x)").ids[0] >= len(known)


def links(source: str) -> set[tuple[str, str]]:
    """Give the pairs of texts that calls link, each with its line."""
    tokens = lex(source)
    found = bindings_of(tokens, language_of(source)).links

    def told(place: int) -> str:
        return f"{tokens[place].text}{source.count(chr(10), 0, tokens[place].start) + 1}"

    pairs = [(told(place), told(int(other))) for place, row in enumerate(found) for other in row if other >= 0]
    return {(one, other) for one, other in pairs if one[0].isalpha()}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a, b):\n    return b\nx = f(u, v)", {("b2", "f1"), ("f3", "f1"), ("u3", "a1"), ("v3", "b1")}),
        (
            "def f(a, b=c):\n    pass\nf(b=u, a=v)",
            {("f3", "f1"), ("b3", "b1"), ("u3", "b1"), ("a3", "a1"), ("v3", "a1")},
        ),
        ("class C:\n    def __init__(self, a):\n        pass\nC(u)", {("C4", "__init__2"), ("u4", "a2")}),
        ("class C:\n    def g(self, a):\n        pass\ns.g(u)", {("g4", "g2"), ("u4", "a2")}),
        ("function f(a) {\n  return a;\n}\nlet x = f(u);", {("a2", "f1"), ("f4", "f1"), ("u4", "a1")}),
        ("int f(char *a, int n) {\n  return n;\n}\nf(u, v);", {("n2", "f1"), ("f4", "f1"), ("u4", "a1"), ("v4", "n1")}),
        ("def f(a):\n    return g(a)\ndef g(b):\n    pass", {("a2", "b3"), ("g2", "g3")}),
        ("x = f(u)\nreturn x", set()),
    ],
)
def test_calls_link_arguments_results_and_functions(source: str, expected: set[tuple[str, str]]) -> None:
    assert expected <= links(source)
    if not expected:
        assert not links(source)


def test_an_attribute_that_code_assigns_is_a_name() -> None:
    known = Vocabulary(("class", "self", "name"))
    source = known.encode(
        "class C:\n    def f(self, v):\n        self.name = v\n    def g(self):\n        return self.name"
    )
    names = [number for number in source.ids if number >= len(known)]
    assert names.count(source.ids[-1]) == 2
