"""Calls of functions of the same text: which parameter an argument goes into, and where a result comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

NOWHERE = -1
GOES_INTO, COMES_FROM = 0, 1
# Tokens of a call that are looked at: calls may nest a thousand times.
FARTHEST = 96
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_RETURNING = frozenset(("return", "yield"))
_MAKING = frozenset(("__init__", "constructor"))


@dataclass
class Function:
    """Where the name of a function stands, and those of its parameters in order."""

    place: int
    parameters: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Line:
    """A logical line: its tokens from `start` to `end`, and its depth."""

    start: int
    end: int
    depth: int


def links_of(texts: Sequence[str], lines: Sequence[Line], functions: Mapping[int, Function]) -> np.ndarray:
    """Link tokens by calls, [L, 2] int32: the token that a value goes into, and that which it comes from, or -1.

    An argument goes into its parameter, and what is returned into the name of the function; the name in a call comes
    from that in the definition. `functions` are known by the place where their line begins.
    """
    links = np.full((len(texts), 2), NOWHERE, dtype=np.int32)
    known: dict[str, Function] = {}
    around: list[tuple[int, Function | None, str]] = []  # depth, function or None, name of a class
    for line in lines:
        while around and around[-1][0] >= line.depth:
            around.pop()
        function, first = functions.get(line.start), texts[line.start]
        if function is not None:
            name = texts[function.place]
            known[name] = function
            if name in _MAKING and around and around[-1][2]:
                known[around[-1][2]] = function
            around.append((line.depth, function, ""))
        elif first == "class" and line.end > line.start + 1:
            around.append((line.depth, None, texts[line.start + 1]))
        elif first in _RETURNING:
            inner = next((function for _, function, _ in reversed(around) if function is not None), None)
            if inner is not None:
                links[line.start + 1 : line.end, GOES_INTO] = inner.place
    if known:
        _link_calls(texts, known, links)
    return links


def _link_calls(texts: Sequence[str], known: Mapping[str, Function], links: np.ndarray) -> None:
    named = {name: {texts[place]: place for place in function.parameters} for name, function in known.items()}
    for place in range(len(texts) - 1):
        function = known.get(texts[place])
        if function is None or place == function.place or texts[place + 1] != "(":
            continue
        links[place, COMES_FROM] = function.place
        _link_arguments(texts, place + 2, function.parameters, named[texts[place]], links)


def _link_arguments(
    texts: Sequence[str], start: int, parameters: Sequence[int], by_name: Mapping[str, int], links: np.ndarray
) -> None:
    number, depth, named = 0, 0, NOWHERE
    for place in range(start, min(len(texts), start + FARTHEST)):
        text = texts[place]
        if text in _CLOSING and depth == 0:
            return
        depth += (text in _OPENING) - (text in _CLOSING)
        if depth == 0 and text == ",":
            number, named = number + 1, NOWHERE
            continue
        if depth == 0 and text in by_name and place + 1 < len(texts) and texts[place + 1] == "=":
            named = by_name[text]
        if named == NOWHERE and number < len(parameters):
            links[place, GOES_INTO] = parameters[number]
        elif named != NOWHERE:
            links[place, GOES_INTO] = named
