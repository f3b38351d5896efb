"""Turns as people write them: lists of objects, or the same as JSON in a cell; each is told what is wrong with it."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from infrastructure.data.chats.chat import Role, Turn
from infrastructure.data.files.opening import is_unicode
from infrastructure.data.sources.checking import BETWEEN_COLUMNS, shown_cell

Problem = tuple[str, str]  # what is wrong, and what to do

# By the library or the collection that writes them so: OpenAI, ShareGPT, OpenAssistant, Gemma, Bing and Bard.
_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "bing": "assistant",
    "bard": "assistant",
}
_OF_TOOLS = ("tool", "function", "function_call", "observation", "tool_call", "tool_response", "ipython")
_SPEAKERS, _TEXTS = ("role", "from"), ("content", "value")
_KEYS_OF_TOOLS = ("tool_calls", "function_call", "tool_call_id", "tools", "functions")
_KEYS_OF_MEDIA = ("image", "images", "image_url", "audio", "audios", "video", "videos", "input_audio")
_KEYS_OF_WEIGHT = ("weight", "train", "training")
_TEXT_PARTS = ("text", "input_text", "output_text")
_AS_PYTHON = re.compile(r"\s*\[\s*\{\s*'")
_MOST_KEYS_COUNTED = 100
_LONGEST_ROLE = 40

_WRITE_TURNS = 'Write [{"role": "user", "content": "..."}, ...].'
NO_TOOLS = "Leave such chats out: calls of tools are not learnt."
NO_MEDIA = "Leave such chats out: texts alone are learnt."


@dataclass
class Seen:
    """Counts what was unusual in turns and is no fault."""

    keys: Counter[str] = field(default_factory=Counter)
    num_joined: int = 0

    def key(self, name: str) -> None:
        """Count a key that is not read."""
        if name in self.keys or len(self.keys) < _MOST_KEYS_COUNTED:
            self.keys[name] += 1

    def words(self, file: str) -> Iterator[str]:
        """Say what was counted, a sentence each."""
        if self.keys:
            names = ", ".join(f"{name[:40]!r} ({count:,})" for name, count in self.keys.most_common(5))
            more = f" and {len(self.keys) - 5:,} more" if len(self.keys) > 5 else ""
            yield f"{file}: turns have keys that are not read: {names}{more}."
        if self.num_joined:
            are = "turn has" if self.num_joined == 1 else "turns have"
            yield f"{file}: {self.num_joined:,} {are} several parts of text, joined by line ends."


def holds_turns(cell: Any) -> bool:
    """Tell whether a cell is meant as turns: a list, the columns of one, or JSON of a list of objects with a role."""
    if isinstance(cell, list | dict):
        return True
    if not isinstance(cell, str) or not cell.lstrip().startswith("[") or not cell.rstrip().endswith("]"):
        return False
    if _AS_PYTHON.match(cell):
        return any(f"'{key}'" in cell for key in _SPEAKERS)
    try:
        turns = json.loads(cell)
    except (ValueError, RecursionError):
        return False
    return bool(turns) and all(isinstance(turn, dict) and any(map(turn.__contains__, _SPEAKERS)) for turn in turns)


def turns_in(cell: Any, column: str, seen: Seen) -> tuple[list[Turn], list[Problem]]:
    """Give the turns that a cell of a column holds, and all that is wrong with them; `seen` counts the unusual."""
    found = list_in(cell, column)
    if isinstance(found, tuple):
        return [], [found]
    turns: list[Turn] = []
    problems: list[Problem] = []
    for number, said in enumerate(found, 1):
        turn = _turn(said, f"turn {number} of {column}", seen)
        if isinstance(turn, Turn):
            turns.append(turn)
        else:
            problems += turn
    return turns, problems


def text_problems(text: str, where: str) -> list[Problem]:
    """Say what no text has and JSON can write: halves of characters, and NUL."""
    if not is_unicode(text):
        return [(f"{where} has half of a surrogate pair, which is no character", "Write the character whole.")]
    if "\0" in text:
        return [(f"{where} has a NUL, which no text has", "Remove it.")]
    return []


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


def _turn(said: Any, where: str, seen: Seen) -> Turn | list[Problem]:
    if not isinstance(said, dict):
        return [(f"{where} is {shown_cell(said)}, no object", 'Write {"role": "user", "content": "..."}.')]
    known = {key: value for key, value in said.items() if value is not None}
    if problems := _unlearnt(known, where):
        return problems
    speakers = [key for key in _SPEAKERS if key in known]
    texts = [key for key in _TEXTS if key in known]
    if len(speakers) != 1 or len(texts) != 1:
        return [_half_there(known, speakers, texts, where)]
    role = _role_of(known[speakers[0]], where)
    text = _text_of(known[texts[0]], f"{texts[0]} of {where}", seen)
    problems = [role] if isinstance(role, tuple) else []
    problems += text if isinstance(text, list) else []
    if isinstance(role, tuple) or isinstance(text, list):
        return problems
    if role != "system" and not text.strip():
        return [(f"{where}, of the {role}, is empty", "Fill it in or remove the chat.")]
    for key in known:
        if key not in (*speakers, *texts, *_KEYS_OF_WEIGHT, *_KEYS_OF_TOOLS, *_KEYS_OF_MEDIA):
            seen.key(key)
    return Turn(role, text)


def _unlearnt(known: Mapping[str, Any], where: str) -> list[Problem]:
    """Say what of a turn asks for more than texts that are all learnt alike."""
    problems = [
        (f"{where} has {key!r}", remedy)
        for keys, remedy in ((_KEYS_OF_TOOLS, NO_TOOLS), (_KEYS_OF_MEDIA, NO_MEDIA))
        for key in keys
        if known.get(key) not in (None, "", [], {}, False)
    ]
    return problems + [
        (f"{where} has {key} {shown_cell(known[key])}", "Each answer is learnt in full: cut the chat before this turn.")
        for key in _KEYS_OF_WEIGHT
        if key in known and known[key] != 1
    ]


def _half_there(known: Mapping[str, Any], speakers: Sequence[str], texts: Sequence[str], where: str) -> Problem:
    for keys in (speakers, texts):
        if len(keys) > 1:
            return f"{where} has both {keys[0]!r} and {keys[1]!r}", "Write one of them."
    if speakers and isinstance(known[speakers[0]], str) and _plain(known[speakers[0]]) in _OF_TOOLS:
        return _role_of_tools(known[speakers[0]], where)
    missing = " and no ".join([*([] if speakers else ["role (or from)"]), *([] if texts else ["content (or value)"])])
    names = ", ".join(repr(str(key)[:40]) for key in list(known)[:5]) or "nothing"
    return f"{where} has no {missing}, but {names}", 'Write {"role": "user", "content": "..."}.'


def _role_of(value: Any, where: str) -> Role | Problem:
    if not isinstance(value, str):
        return f"the role of {where} is {shown_cell(value)}, no text", "Write system, user or assistant."
    plain = _plain(value)
    if plain in _ROLES:
        return _ROLES[plain]
    if plain in _OF_TOOLS:
        return _role_of_tools(value, where)
    nearest = get_close_matches(plain[:_LONGEST_ROLE], _ROLES, n=1)
    hint = f"Did you mean {nearest[0]}?" if nearest else "Write system, user or assistant."
    return f"{where} is of {shown_cell(value)}, who is not known", hint


def _role_of_tools(value: str, where: str) -> Problem:
    return f"{where} is of {shown_cell(value)}", NO_TOOLS


def _plain(role: str) -> str:
    return role.strip().casefold().replace("-", "_").replace(" ", "_")


def _text_of(value: Any, where: str, seen: Seen) -> str | list[Problem]:
    if isinstance(value, str):
        return text_problems(value, where) or value
    if not isinstance(value, list) or not value:
        return [(f"{where} is {shown_cell(value)}, no text", "Write a text or remove the chat.")]
    parts: list[str] = []
    problems: list[Problem] = []
    for number, part in enumerate(value, 1):
        text = _text_of_part(part, f"part {number} of {where}", seen)
        if isinstance(text, str):
            parts.append(text)
        else:
            problems.append(text)
    if problems:
        return problems
    seen.num_joined += len(parts) > 1
    joined = BETWEEN_COLUMNS.join(parts)
    return text_problems(joined, where) or joined


def _text_of_part(part: Any, where: str, seen: Seen) -> str | Problem:
    if not isinstance(part, dict):
        return f"{where} is {shown_cell(part)}, no object", 'Write {"type": "text", "text": "..."}.'
    known = {key: value for key, value in part.items() if value is not None}
    kind = known.get("type")
    if kind not in _TEXT_PARTS:
        return f"{where} is of type {shown_cell(kind)}, no text", NO_MEDIA
    if not isinstance(known.get("text"), str):
        return f"{where} has the text {shown_cell(known.get('text'))}", "Write a text or remove the part."
    for key in known:
        if key not in ("type", "text"):
            seen.key(key)
    return str(known["text"])
