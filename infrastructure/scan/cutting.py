"""A source file cut into functions, methods and the rest of it, by the syntax tree alone.

A nested function stays within its outer one, whose values it uses. Decorators belong to a function, and so do comments
directly above it and below its last statement, as far as they are indented like its body. What stands outside of all
functions is one piece, the attributes of classes among it.
"""

from collections.abc import Sequence
from itertools import pairwise

from domain.scan import MODULE, WHOLE, Lines, Piece
from infrastructure.python_source import Function, first_line_of, outermost_functions, parsed


def cut(text: str) -> tuple[Piece, ...]:
    """Cut a file, in the order of its lines; one that this Python does not parse is one piece, a blank one none."""
    lines = text.split("\n")
    if not any(line.strip() for line in lines):
        return ()
    tree = parsed(text)
    if tree is None:
        return (Piece(WHOLE, ((1, _num_lines(lines)),)),)
    found = (Piece(name, (_extent(function, lines),)) for name, function in outermost_functions(tree))
    functions = sorted(found, key=lambda piece: piece.lines)
    rest = _rest(functions, _num_lines(lines))
    if any(_is_code(line) for first, last in rest for line in lines[first - 1 : last]):
        functions.append(Piece(MODULE, tuple(rest)))
    return tuple(sorted(functions, key=lambda piece: piece.lines))


def text_of(piece: Piece, lines: Sequence[str]) -> str:
    """Give the code of a piece as if it stood at the beginning of a line."""
    own = [line for first, last in piece.lines for line in lines[first - 1 : last]]
    indentation = next((_indentation(line) for line in own if line.strip()), "")
    return "\n".join(line.removeprefix(indentation) for line in own) + "\n"


def _extent(function: Function, lines: Sequence[str]) -> Lines:
    first = first_line_of(function)
    last = function.end_lineno or function.lineno
    indentation = _indentation(lines[first - 1])
    while first > 1 and lines[first - 2].startswith(f"{indentation}#"):
        first -= 1
    while last < len(lines) and _is_comment_of_body(lines[last], indentation):
        last += 1
    return first, last


def _is_comment_of_body(line: str, indentation: str) -> bool:
    return line.lstrip().startswith("#") and len(_indentation(line)) > len(indentation)


def _rest(functions: Sequence[Piece], num_lines: int) -> list[Lines]:
    """Give the runs of lines that no function has."""
    borders = [(0, 0), *(piece.lines[0] for piece in functions), (num_lines + 1, num_lines + 1)]
    return [(before[1] + 1, after[0] - 1) for before, after in pairwise(borders) if before[1] + 1 < after[0]]


def _num_lines(lines: Sequence[str]) -> int:
    return len(lines) - (not lines[-1]) if len(lines) > 1 else 1


def _is_code(line: str) -> bool:
    return bool(stripped := line.strip()) and not stripped.startswith("#")


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t\f"))]
