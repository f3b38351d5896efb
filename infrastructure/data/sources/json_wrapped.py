"""JSON whose rows are wrapped in an object: what holds them, and a command that takes them out."""

import json
from shlex import quote
from typing import Any

from domain.exceptions import DatasetError

MAX_SHOWN = 40
_OF_TURNS = ({"role", "content"}, {"from", "value"})


def refuse_wrapped(name: str, values: dict[str, Any]) -> None:
    """Refuse a file of one object that holds rows, and is none itself. Raises: DatasetError with a command."""
    nested = {key: value for key, value in values.items() if isinstance(value, list | dict)}
    arrays = {key: value for key, value in nested.items() if isinstance(value, list)}
    of_objects = {key: value for key, value in arrays.items() if value and isinstance(value[0], dict)}
    if any(map(_are_turns, arrays.values())):
        return  # one chat is one row
    if not values:
        raise DatasetError(f"{name} holds an empty JSON object.", remedy="Give a file with rows.")
    if of_objects:
        key = max(of_objects, key=lambda name: len(of_objects[name]))
        inner = isinstance(of_objects[key][0].get("row"), dict)  # as the data set viewer has it
        rows = f"d[{_literal(key)}]"
        rows = f'[row["row"] for row in {rows}]' if inner else rows
        raise _wrapped(name, f"the rows in {_shown(key)}", "Write that array alone", rows)
    if _are_lists(values.get("columns"), values.get("data")):
        rows = '[dict(zip(d["columns"], row)) for row in d["data"]]'
        raise _wrapped(name, "the names in 'columns' and the cells in 'data'", "Write an array of objects", rows)
    if len(nested) < len(values) or not nested:
        return
    if len(arrays) == len(nested) and len(set(map(len, arrays.values()))) == 1:
        held = f"a column in each of {', '.join(map(_shown, list(values)[:5]))}"
        rows = "[dict(zip(d, row)) for row in zip(*d.values())]"
    elif not arrays and _are_columns(nested):
        held = f"a column in each of {', '.join(map(_shown, list(values)[:5]))}"
        rows = "[dict(zip(d, row)) for row in zip(*(column.values() for column in d.values()))]"
    elif not arrays:
        held, rows = f"a row in each of {', '.join(map(_shown, list(values)[:3]))}...", "list(d.values())"
    else:
        return
    raise _wrapped(name, held, "Write an array of objects", rows)


def _are_turns(items: list[Any]) -> bool:
    """Tell whether the objects of a list are what is said in a chat, by the keys of OpenAI or of ShareGPT."""
    return bool(items) and isinstance(items[0], dict) and any(keys <= items[0].keys() for keys in _OF_TURNS)


def _are_columns(nested: dict[str, Any]) -> bool:
    """Tell whether objects are columns, as pandas writes them, whose keys count the rows."""
    first, *others = (list(value) for value in nested.values())
    return bool(first) and all(key.isdecimal() for key in first) and all(other == first for other in others)


def _are_lists(names: Any, rows: Any) -> bool:
    return isinstance(names, list) and isinstance(rows, list) and bool(rows) and isinstance(rows[0], list)


def _shown(key: str) -> str:
    return ascii(key) if len(key) <= MAX_SHOWN else ascii(key[:MAX_SHOWN]) + "..."


def _literal(text: str) -> str:
    """Write a text as Python reads it, without the quotes of a shell."""
    return json.dumps(text, allow_nan=False)


def _wrapped(name: str, held: str, what: str, rows: str) -> DatasetError:
    opens = "gzip.open" if name.lower().endswith(".gz") else "open"
    opened = f'{opens}({_literal(name)}, "rt", encoding="utf-8-sig")'
    code = f'import gzip, json; d = json.load({opened}); json.dump({rows}, open("new.json", "w"))'
    return DatasetError(f"{name} holds a JSON object with {held}.", remedy=f"{what}: python3 -c {quote(code)}")
