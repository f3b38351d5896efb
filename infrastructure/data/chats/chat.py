"""A chat: who says what, turn by turn."""

import json
from dataclasses import dataclass
from typing import Literal, TypeAlias

from domain.strict_json import strict_json

Role: TypeAlias = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant")


@dataclass(frozen=True)
class Turn:
    """What one of the `ROLES` says."""

    role: Role
    content: str


Chat: TypeAlias = tuple[Turn, ...]


def chat_json(chat: Chat) -> str:
    """Write a chat in one line, as `chat_of` reads it."""
    return strict_json([[turn.role, turn.content] for turn in chat])


def chat_of(line: str) -> Chat:
    """Read what `chat_json` wrote. Raises: ValueError for anything else."""
    turns = json.loads(line)
    if not (isinstance(turns, list) and all(map(_is_turn, turns))):
        raise ValueError(f"{line[:40]!r} is no chat")
    return tuple(Turn(role, content) for role, content in turns)


def prompt_part(chat: Chat) -> Chat:
    """Give what stands before the first answer."""
    first = next((number for number, turn in enumerate(chat) if turn.role == "assistant"), len(chat))
    return chat[:first]


def _is_turn(said: object) -> bool:
    return isinstance(said, list) and len(said) == 2 and said[0] in ROLES and isinstance(said[1], str)
