"""Functions are cut out of files as they stand there, and can be read by themselves."""

import ast

import pytest

from infrastructure.harvest.functions import PythonFunctions

FILE = '''import os


@first
@second(1)
async def decorated(x):
    """Say it."""
    return x


class Store:
    name = "store"

    def open(self):
        query = """
select
  from t
"""
        def inner():
            return 1
        return query, inner

    class Row:
        @property
        def key(self): return 1
        @key.setter
        def key(self, value): self.k = value


if os.name == "nt":
    def path(): return 1
else:
    def path(): return 2

try:
    pass
except OSError:
    def fallback(): pass
finally:
    def last(): pass
match os.name:
    case "nt":
        def matched(): pass
'''


def test_functions_and_methods_have_their_names_lines_and_text() -> None:
    found = PythonFunctions().functions(FILE) or []
    assert [(function.name, function.line) for function in found] == [
        ("decorated", 4),
        ("Store.open", 14),
        ("Store.Row.key", 24),
        ("Store.Row.key#2", 26),
        ("path", 31),
        ("path#2", 33),
        ("fallback", 38),
        ("last", 40),
        ("matched", 43),
    ]
    assert found[0].code.startswith("@first\n@second(1)\nasync def")
    assert "\nselect\n  from t\n" in found[1].code  # a string stands as far to the left as it did
    for function in found:
        assert function.code.count("\n") == function.last_line - function.line + 1
        assert len(ast.parse(function.code).body) == 1


@pytest.mark.parametrize(
    "text",
    [
        "print 'two'",
        "def f(:",
        "\0",
        "(" * 500,
        "-" * 100_000 + "1",
        "a" + ".b" * 100_000,
        "x = " + "9" * 5_000,
        "if a:\n\tb\n        c",
    ],
)
def test_what_is_no_python_of_this_version_gives_none(text: str) -> None:
    assert PythonFunctions().functions(text) is None


def test_empty_files_and_files_without_functions_have_none_of_them() -> None:
    assert PythonFunctions().functions("") == []
    assert PythonFunctions().functions("f = lambda: 1\n") == []


@pytest.mark.parametrize("separator", ["\x0c", "\x1c", "\u2028", "\x85"])
def test_letters_that_end_lines_elsewhere_end_none_here(separator: str) -> None:
    text = f"a = 'x{separator}y'\n\n\ndef f():\n    return 1\n"
    assert [function.code for function in PythonFunctions().functions(text) or []] == ["def f():\n    return 1\n"]


def test_layout_comments_and_docstrings_make_no_difference_and_code_does() -> None:
    same = PythonFunctions().same
    assert same("def f(x):\n    '''One.'''\n    return x\n", "def f( x ):\n    # two\n    return (x)\n")
    assert same("def f():\n    '''One.'''\n", "def f():\n    pass\n")
    assert not same("def f(x):\n    return x\n", "def f(x):\n    return -x\n")
