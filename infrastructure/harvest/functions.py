"""The functions and methods of a file of Python, cut out of it as text."""

import ast
import re
from collections import Counter

from domain.code_rows import Function
from infrastructure.python_source import Function as DefinedFunction
from infrastructure.python_source import first_line_of, outermost_functions, parsed

_INDENT = re.compile(r"[ \t]*")


class PythonFunctions:
    """Finds functions with the parser of the running Python, which runs nothing."""

    def functions(self, text: str) -> list[Function] | None:
        """Give the functions of a file in their order; None where it is no Python of this version.

        A function within a function is part of that one. Methods are moved to the left, their strings of several lines
        with them as far as they are indented, and one that is then no function by itself is left out.
        """
        tree = parsed(text)
        if tree is None:
            return None
        lines = text.split("\n")
        met: Counter[str] = Counter()
        functions = []
        for name, node in outermost_functions(tree):
            met[name] += 1
            first = first_line_of(node)
            code = _moved_left(lines[first - 1 : node.end_lineno], lines[first - 1])
            last = node.end_lineno or first
            called = name if met[name] == 1 else f"{name}#{met[name]}"
            if _is_function(code):
                functions.append(Function(called, first, last, code))
        return functions

    def same(self, before: str, after: str) -> bool:
        """Tell whether two functions differ in layout, comments and docstrings alone."""
        return _meaning(before) == _meaning(after)


def _moved_left(lines: list[str], first: str) -> str:
    found = _INDENT.match(first)
    indent = found.group() if found else ""
    return "\n".join(line.removeprefix(indent) if line.strip() else "" for line in lines) + "\n"


def _is_function(code: str) -> bool:
    tree = parsed(code)
    return tree is not None and len(tree.body) == 1 and isinstance(tree.body[0], DefinedFunction)


def _meaning(code: str) -> str:
    tree = parsed(code)
    if tree is None:
        return code
    for node in ast.walk(tree):
        if isinstance(node, DefinedFunction | ast.ClassDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    try:
        return ast.dump(tree)
    except RecursionError:
        return code
