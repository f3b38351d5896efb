"""In which order turns may come: a system first or none, then the user and the assistant by turns."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from infrastructure.data.chats.chat import Turn
from infrastructure.data.chats.turn import Problem

_BY_TURNS = "Let the user and the assistant speak by turns."


def without_open_question(turns: Sequence[Turn]) -> Sequence[Turn]:
    """Leave out a last turn of the user that nobody answers."""
    is_open = len(turns) > 1 and turns[-1].role == "user" and turns[-2].role == "assistant"
    return turns[:-1] if is_open else turns


def without_last_answer(turns: Sequence[Turn]) -> Sequence[Turn]:
    """Leave out the last answer, which a model is to write itself."""
    return turns[:-1] if len(turns) > 1 and turns[-1].role == "assistant" else turns


def order_problems(turns: Sequence[Turn]) -> Iterator[Problem]:
    """Say what is wrong with the order of a chat that is learnt from."""
    if all(turn.role != "assistant" for turn in turns):
        yield "has no turn of the assistant, and nothing to learn", "Add an answer or remove the chat."
    elif turns[-1].role != "assistant":
        yield f"ends with a turn of the {turns[-1].role}", "Let the chat end with an answer."
    yield from _sequence_problems(turns)


def asked_problems(turns: Sequence[Turn]) -> Iterator[Problem]:
    """Say what is wrong with the order of a chat that is to be answered."""
    if not turns or turns[-1].role != "user":
        yield "ends with no turn of the user, and asks nothing", "Add a question."
    yield from _sequence_problems(turns)


def _sequence_problems(turns: Sequence[Turn]) -> Iterator[Problem]:
    for number, turn in enumerate(turns[1:], 2):
        if turn.role == "system":
            yield f"turn {number} is of the system, which only speaks first", "Move it to the front or remove it."
    rest = [(number, turn.role) for number, turn in enumerate(turns, 1) if turn.role != "system"]
    if rest and rest[0][1] == "assistant":
        yield f"turn {rest[0][0]} is of the assistant, but the user speaks first", "Remove it, or add a question."
    for (before, role), (after, other) in pairwise(rest):
        if role == other:
            yield f"turns {before} and {after} are both of the {role}", _BY_TURNS
