"""One turn as people write it, or all that is wrong with it."""

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
SPEAKERS, TEXTS = ("role", "from"), ("content", "value")
_KEYS_OF_TOOLS = ("tool_calls", "function_call", "tool_call_id", "tools", "functions")
_KEYS_OF_MEDIA = ("image", "images", "image_url", "audio", "audios", "video", "videos", "input_audio")
_KEYS_OF_WEIGHT = ("weight", "train", "training")
_TEXT_PARTS = ("text", "input_text", "output_text")
_MOST_KEYS_COUNTED = 100
_LONGEST_ROLE = 40

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


def plain_turn(said: Any) -> Turn | None:
    """Give a turn of a role and a text alone, as most are, in a third of the time; None for any other."""
    if type(said) is not dict or len(said) != 2:
        return None
    name, text = (said.get(keys[0], said.get(keys[1])) for keys in (SPEAKERS, TEXTS))
    role = _ROLES.get(name) if type(name) is str else None
    if role is None or type(text) is not str or not text or text.isspace() or text_problems(text, ""):
        return None
    return Turn(role, text)


def turn_of(said: Any, where: str, seen: Seen) -> Turn | list[Problem]:
    """Give a turn, or all that is wrong with it."""
    if not isinstance(said, dict):
        return [(f"{where} is {shown_cell(said)}, no object", 'Write {"role": "user", "content": "..."}.')]
    known = {key: value for key, value in said.items() if value is not None}
    if problems := _unlearnt(known, where):
        return problems
    speakers = [key for key in SPEAKERS if key in known]
    texts = [key for key in TEXTS if key in known]
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


def text_problems(text: str, where: str) -> list[Problem]:
    """Say what no text has and JSON can write: halves of characters, and NUL."""
    if not is_unicode(text):
        return [(f"{where} has half of a surrogate pair, which is no character", "Write the character whole.")]
    if "\0" in text:
        return [(f"{where} has a NUL, which no text has", "Remove it.")]
    return []


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
    return f"{where} is of {shown_cell(value)}, which is no role that is known", hint


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
