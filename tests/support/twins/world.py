"""A world for one function of the shipped data: what it needs is there, and what it does is seen."""

import __future__

import ast
import asyncio
import builtins
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

# Decorators that change what a function is. All others, of web frameworks and queues, only register it somewhere.
KEPT = {"classmethod", "staticmethod", "property", "dataclass"}
# Where names come from that code of the families takes for imported.
HOMES = {
    "collections": ("defaultdict", "deque"),
    "dataclasses": ("dataclass",),
    "datetime": ("UTC", "date", "datetime", "timedelta"),
    "decimal": ("Decimal",),
    "email.message": ("EmailMessage",),
    "http.server": ("BaseHTTPRequestHandler",),
    "operator": ("attrgetter",),
    "pathlib": ("Path", "PurePosixPath"),
    "urllib.parse": ("parse_qs", "quote", "urlencode", "urljoin", "urlsplit", "urlunsplit"),
    "uuid": ("NAMESPACE_DNS", "uuid4", "uuid5"),
    "xml.sax.saxutils": ("escape",),
}
MODULES = {"np": "numpy", "yaml": "yaml"}
HOME_OF = {name: home for home, names in HOMES.items() for name in names}


class RefusedError(Exception):
    """Stands for whatever a framework raises to refuse a request."""


@dataclass(frozen=True)
class Outcome:
    """What came of a hostile input, and of an honest one."""

    harmed: bool
    served: bool


class Anything:
    """Has every attribute, of one value."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __getattr__(self, name: str) -> object:
        return self._value


class AnyKey(dict[str, Any]):
    """A mapping with every key; those that nobody has set have one value."""

    def __init__(self, value: object, **known: Any) -> None:
        super().__init__(known)
        self.value = value

    def __missing__(self, key: str) -> Any:
        return self.value


class World:
    """Carries out one piece of code, whose unknown names are mocks; `folder` is empty and its own."""

    def __init__(self, code: str, folder: Path) -> None:
        self.code = code
        self.folder = folder
        folder.mkdir(parents=True)
        self.names: dict[str, Any] = {}

    def main(self, **names: Any) -> Any:
        """Run the code with these names and give the last function or class in it."""
        tree = ast.parse(self.code)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                node.decorator_list = [d for d in node.decorator_list if isinstance(d, ast.Name) and d.id in KEPT]
        read = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        bound = {node.id for node in read if not isinstance(node.ctx, ast.Load)}
        bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        wanted = {node.id for node in read if not hasattr(builtins, node.id)} - bound
        self.names = {"__name__": __name__} | {name: _found(name) for name in wanted}
        self.names |= {"abort": _refuse, "HTTPException": RefusedError, "GraphQLError": RefusedError} | names
        flags = __future__.annotations.compiler_flag
        exec(compile(tree, "<twin>", "exec", flags=flags, optimize=1), self.names)
        last = [
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        ]
        return self.names[last[-1]]

    def word(self, pattern: str) -> str:
        """Read what a slot was filled with, off the code."""
        found = re.search(pattern, self.code)
        assert found, f"{pattern} is nowhere in:\n{self.code}"
        return found[1]

    def path(self, place: str | Path = "") -> Path:
        """Stand for `Path`: what is absolute lies below the folder of this world."""
        text = str(place)
        return Path(text) if text.startswith(str(self.folder)) else self.folder / text.lstrip("/")


def last_method(instance: Any) -> Callable[..., Any]:
    """Give the method that stands last in the class of an instance."""
    names = [name for name, value in vars(type(instance)).items() if inspect.isfunction(value)]
    method: Callable[..., Any] = getattr(instance, names[-1])
    return method


def tried(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call, and give None where it refuses or fails, since either does no harm."""
    try:
        found = call(*arguments, **named)
        return asyncio.run(found) if isinstance(found, Coroutine) else found
    except Exception:
        return None


def _found(name: str) -> Any:
    if name in HOME_OF:
        return getattr(importlib.import_module(HOME_OF[name]), name)
    if name in MODULES or name in sys.stdlib_module_names:
        return importlib.import_module(MODULES.get(name, name))
    return MagicMock(name=name)


def _refuse(*_: object, **__: object) -> None:
    raise RefusedError
