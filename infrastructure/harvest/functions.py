"""The functions and methods of a file of Python, cut out of it as text."""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator

from domain.code_rows import Function

UNPARSED = (SyntaxError, ValueError, RecursionError, MemoryError)
_Definition = ast.FunctionDef | ast.AsyncFunctionDef
_INDENT = re.compile(r"[ \t]*")


class PythonFunctions:
    """Finds functions with the parser of the running Python, which runs nothing."""

    def functions(self, text: str) -> list[Function] | None:
        """Give the functions of a file in their order; None where it is no Python of this version.

        A function within a function is part of that one. Methods are moved to the left, their strings of several lines
        with them as far as they are indented, and one that is then no function by itself is left out.
        """
        tree = _parsed(text)
        if tree is None:
            return None
        lines = text.split("\n")
        met: Counter[str] = Counter()
        functions = []
        for name, node in _defined(tree.body, ""):
            met[name] += 1
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            code = _moved_left(lines[first - 1 : node.end_lineno], lines[first - 1])
            last = node.end_lineno or first
            called = name if met[name] == 1 else f"{name}#{met[name]}"
            if _is_function(code):
                functions.append(Function(called, first, last, code))
        return functions

    def same(self, before: str, after: str) -> bool:
        """Tell whether two functions differ in layout, comments and docstrings alone."""
        return _meaning(before) == _meaning(after)


def _parsed(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings of others
            return ast.parse(text)
    except UNPARSED:
        return None


def _defined(body: list[ast.stmt], around: str) -> Iterator[tuple[str, _Definition]]:
    """Give functions with the names of the classes they stand in, those behind a condition too."""
    waiting = [(node, around) for node in reversed(body)]
    while waiting:
        node, place = waiting.pop()
        if isinstance(node, _Definition):
            yield f"{place}{node.name}", node
            continue
        inner = f"{place}{node.name}." if isinstance(node, ast.ClassDef) else place
        waiting += [(child, inner) for child in reversed(_statements(node))]


def _statements(node: ast.stmt) -> list[ast.stmt]:
    within: list[ast.stmt] = []
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        for child in getattr(node, field, ()):
            within += [child] if isinstance(child, ast.stmt) else getattr(child, "body", [])
    return within


def _moved_left(lines: list[str], first: str) -> str:
    found = _INDENT.match(first)
    indent = found.group() if found else ""
    return "\n".join(line.removeprefix(indent) if line.strip() else "" for line in lines) + "\n"


def _is_function(code: str) -> bool:
    tree = _parsed(code)
    return tree is not None and len(tree.body) == 1 and isinstance(tree.body[0], _Definition)


def _meaning(code: str) -> str:
    tree = _parsed(code)
    if tree is None:
        return code
    for node in ast.walk(tree):
        if isinstance(node, _Definition | ast.ClassDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    try:
        return ast.dump(tree)
    except RecursionError:
        return code
