"""The same chats in each form that people have them in."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infrastructure.data.chats.chat import Chat, Turn
from infrastructure.data.chats.forms import chat_sought
from tests.support.formats import Columns

ANY_FORM = chat_sought(("instruction", "prompt"), ("output", "response", "completion"))
_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}


def chat(*texts: str, system: str | None = None) -> Chat:
    """Make a chat of what the user and the assistant say by turns."""
    roles = ("user", "assistant")
    turns = [Turn(roles[place % 2], text) for place, text in enumerate(texts)]  # type: ignore[arg-type]  # a tuple of roles
    return (*([] if system is None else [Turn("system", system)]), *turns)


def as_messages(chats: Sequence[Chat]) -> Columns:
    return {"messages": [[{"role": turn.role, "content": turn.content} for turn in turns] for turns in chats]}


def as_conversations(chats: Sequence[Chat]) -> Columns:
    said = [[{"from": _SHAREGPT[turn.role], "value": turn.content} for turn in _spoken(turns)] for turns in chats]
    return {"conversations": said, "system": [_system(turns) for turns in chats]}


def as_instructions(chats: Sequence[Chat]) -> Columns:
    """Write what comes before the last question as its history, and the last line of that question as its input."""
    spoken = [[turn.content for turn in _spoken(turns)] for turns in chats]
    questions = [texts[-2].rpartition("\n") for texts in spoken]
    return {
        "instruction": [head or last for head, _, last in questions],
        "input": [last if head else "" for head, _, last in questions],
        "output": [texts[-1] for texts in spoken],
        "system": [_system(turns) for turns in chats],
        "history": [[texts[n : n + 2] for n in range(0, len(texts) - 2, 2)] for texts in spoken],
    }


def as_prompts(chats: Sequence[Chat]) -> Columns:
    messages = as_messages(chats)["messages"]
    return {"prompt": [turns[:-1] for turns in messages], "completion": [turns[-1:] for turns in messages]}


FORMS: Mapping[str, Callable[[Sequence[Chat]], Columns]] = {
    "messages": as_messages,
    "conversations": as_conversations,
    "instructions": as_instructions,
    "prompts": as_prompts,
}


def flat(columns: Columns) -> Columns:
    """Write what is nested as JSON, for files whose cells are texts."""
    return {name: list(map(_flat, cells)) for name, cells in columns.items()}


def _flat(cell: Any) -> Any:
    return json.dumps(cell, ensure_ascii=False) if isinstance(cell, list) else cell


def _spoken(turns: Chat) -> list[Turn]:
    return [turn for turn in turns if turn.role != "system"]


def _system(turns: Chat) -> str | None:
    return turns[0].content if turns[0].role == "system" else None
