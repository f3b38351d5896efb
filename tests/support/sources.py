"""Reads the house: its Python files, and what each of them imports."""

import ast
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("domain", "application", "infrastructure", "presentation")


@dataclass(frozen=True)
class Import:
    """One imported name with all its dots; `from a import b` is `a.b`, whether b is a module or not."""

    name: str
    line: int
    in_function: bool


@cache
def parsed(source: str) -> ast.Module:
    """Parse a source once for all the tests that walk it; trees stay, and are taken out of the search for garbage."""
    tree = ast.parse(source)
    gc.freeze()
    return tree


@cache
def imports_of(path: PurePosixPath, source: str) -> tuple[Import, ...]:
    """Give the imports of a file, relative ones resolved, and `import_module("name")` among them."""
    found = []
    waiting: list[tuple[ast.AST, bool]] = [(parsed(source), False)]
    while waiting:
        node, in_function = waiting.pop()
        found += [Import(name, getattr(node, "lineno", 0), in_function) for name in _names_of(path, node)]
        inside = in_function or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        waiting.extend((child, inside) for child in ast.iter_child_nodes(node))
    return tuple(sorted(found, key=lambda each: each.line))


def _names_of(path: PurePosixPath, node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            # One dot is the package of the file, which for __init__.py is its own directory as well.
            start = [*path.parts[: len(path.parts) - level]] if level else []
            package = ".".join([*start, *([module] if module else [])])
            return [f"{package}.{alias.name}" for alias in names]
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(value=str(name)), *_]):
            return [name] if called in {"import_module", "__import__"} else []
    return []


@cache
def text_of(file: Path) -> str:
    """Read a file once."""
    return file.read_text(encoding="utf-8")


def sources(*folders: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield every Python file of these folders with its text."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield PurePosixPath(file.relative_to(ROOT).as_posix()), text_of(file)
