"""Lists of turns as people write them, or as JSON in a cell."""

import json
import re
from collections.abc import Mapping
from typing import Any

from infrastructure.data.chats.chat import Turn
from infrastructure.data.chats.turn import SPEAKERS, Problem, Seen, plain_turn, turn_of
from infrastructure.data.sources.checking import shown_cell

_AS_PYTHON = re.compile(r"\s*\[\s*\{\s*'")
_WRITE_TURNS = 'Write [{"role": "user", "content": "..."}, ...].'


def holds_turns(cell: Any) -> bool:
    """Tell whether a cell is meant as turns: a list, the columns of one, or JSON of a list of objects with a role."""
    if isinstance(cell, list | dict):
        return True
    if not isinstance(cell, str) or not cell.lstrip().startswith("[") or not cell.rstrip().endswith("]"):
        return False
    if _AS_PYTHON.match(cell):
        return any(f"'{key}'" in cell for key in SPEAKERS)
    try:
        turns = json.loads(cell)
    except (ValueError, RecursionError):
        return False
    return bool(turns) and all(isinstance(turn, dict) and any(map(turn.__contains__, SPEAKERS)) for turn in turns)


def turns_in(cell: Any, column: str, seen: Seen) -> tuple[list[Turn], list[Problem]]:
    """Give the turns that a cell of a column holds, and all that is wrong with them; `seen` counts the unusual."""
    found = list_in(cell, column)
    if isinstance(found, tuple):
        return [], [found]
    turns: list[Turn] = []
    problems: list[Problem] = []
    for number, said in enumerate(found, 1):
        turn = plain_turn(said) or turn_of(said, f"turn {number} of {column}", seen)
        if isinstance(turn, Turn):
            turns.append(turn)
        else:
            problems += turn
    return turns, problems


def list_in(cell: Any, column: str) -> list[Any] | Problem:
    """Give the list that a cell is, or holds as JSON."""
    try:
        return _listed(cell, column)
    except _NoListError as error:
        return error.problem, error.remedy


class _NoListError(Exception):
    """A cell that cannot be taken for a list at all."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _NoListError(f"has the key {twice[:40]!a} twice in an object", "Rename one of them.")
    return values


def _listed(cell: Any, column: str) -> list[Any]:
    """Give what stands in a list. Raises: _NoListError."""
    if isinstance(cell, str) and cell.strip():
        cell = _json_in(cell, column)
    if isinstance(cell, dict):
        cell = _transposed(cell, column)
    if cell is None or cell == [] or (isinstance(cell, str) and not cell.strip()):
        raise _NoListError(f"{column} has no turns", "Fill it in or remove the row.")
    if not isinstance(cell, list):
        raise _NoListError(f"{column} is {shown_cell(cell)}, no list of turns", _WRITE_TURNS)
    return cell


def _json_in(text: str, column: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except _NoListError as error:
        raise _NoListError(f"{column} {error.problem}", error.remedy) from error
    except (ValueError, RecursionError) as error:
        if _AS_PYTHON.match(text):
            shown = f"{column} is written as Python shows a list, not as JSON"
            raise _NoListError(shown, "Write the cell with json.dumps.") from error
        reason = getattr(error, "msg", "it nests too deep")
        raise _NoListError(f"{column} is not JSON ({reason})", _WRITE_TURNS) from error


def _transposed(cell: Mapping[str, Any], column: str) -> list[Any]:
    """Give turns of which all roles stand in one list and all texts in another, as `datasets` keeps sequences."""
    lists = {key: value for key, value in cell.items() if value is not None}
    if not lists or not all(isinstance(value, list) for value in lists.values()):
        raise _NoListError(f"{column} is an object, no list of turns", "Write the list alone.")
    if len(set(map(len, lists.values()))) > 1:
        raise _NoListError(f"{column} has lists of different lengths", "Give each turn a role and a text.")
    return [dict(zip(lists, said, strict=True)) for said in zip(*lists.values(), strict=True)]
