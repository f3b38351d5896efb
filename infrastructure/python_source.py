"""Python source as a syntax tree, and the functions in it; nothing is run or imported."""

import ast
import warnings
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
_BODIES = ("body", "handlers", "orelse", "finalbody", "cases")


def parsed(text: str) -> ast.Module | None:
    """Give the tree of a file, None for one that is no Python of the version that runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the code, such as of an invalid escape
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def outermost_functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Give, in their order, functions that stand within no other, with the names of the classes around them.

    Those in blocks such as `if` and `try` are among them.
    """
    waiting = [(node, "") for node in _children(tree)]
    while waiting:  # and no recursion: blocks may be nested as deeply as Python reads them
        node, around = waiting.pop()
        if isinstance(node, Function):
            yield f"{around}{node.name}", node
            continue
        inner = f"{around}{node.name}." if isinstance(node, ast.ClassDef) else around
        waiting += [(child, inner) for child in _children(node)]


def first_line_of(function: Function) -> int:
    """Give the line that a function begins in, its decorators included."""
    return min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])


def _children(node: ast.AST) -> list[ast.AST]:
    """Give the statements and blocks within, the last first."""
    within = [child for name in _BODIES for child in getattr(node, name, ()) if isinstance(child, ast.AST)]
    return within[::-1]
