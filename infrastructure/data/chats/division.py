"""Long chats in pieces, each of whole exchanges behind the turn of the system, so that every answer is learnt once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infrastructure.data.chats.chat import Chat, Turn
from infrastructure.data.chats.chat_format import ChatEncoder, LearntIds


@dataclass(frozen=True)
class Piece:
    """A stretch of a chat as ids, at most `max_length` of them; `answer` is the number of its last answer's turn.

    `was_cut` tells whether it had more ids, `is_copy` whether the chat has others with the same turns before.
    """

    ids: list[int]
    learnt: list[bool]
    answer: int
    was_cut: bool
    is_copy: bool = False


class RefusedChatError(Exception):
    """A template does not take a chat."""


def whole_or_divided(
    chat: Chat, found: "list[LearntIds] | str | None", encoder: ChatEncoder, max_length: int
) -> Iterator[Piece]:
    """Give a chat, as it was encoded, in one piece where it fits, and else in several.

    One that surely does not fit needs not be encoded as a whole. Raises: RefusedChatError.
    """
    answers = [number for number, turn in enumerate(chat) if turn.role == "assistant"]
    if found is not None and fits(found, max_length):
        yield from _pieces(found, answers, max_length)
        return
    system, exchanges = exchanges_of(chat)
    place = len(system)
    for window, encoded in _windows(system, exchanges, encoder, max_length):
        size = sum(map(len, window))
        yield from _pieces(encoded, [number for number in answers if place <= number < place + size], max_length)
        place += size


def exchanges_of(chat: Sequence[Turn]) -> tuple[Chat, list[Chat]]:
    """Divide a chat into what the system says at its beginning, and exchanges: what is asked, and its answers."""
    first = next((number for number, turn in enumerate(chat) if turn.role != "system"), len(chat))
    begins = [
        number
        for number in range(first, len(chat))
        if number == first or (chat[number].role != "assistant" and chat[number - 1].role == "assistant")
    ]
    ends = [*begins[1:], len(chat)]
    return tuple(chat[:first]), [tuple(chat[begin:end]) for begin, end in zip(begins, ends, strict=True)]


def _windows(
    system: Chat, exchanges: Sequence[Chat], encoder: ChatEncoder, max_length: int
) -> Iterator[tuple[Sequence[Chat], list[LearntIds]]]:
    """Take as many successive exchanges together as fit, one at least. Raises: RefusedChatError."""

    def encoded(count: int) -> list[LearntIds]:
        (found,) = encoder.pieces([(*system, *(turn for each in exchanges[start : start + count] for turn in each))])
        if isinstance(found, str):
            raise RefusedChatError(found)
        return found

    start, size = 0, 1
    while start < len(exchanges):
        size = min(size, len(exchanges) - start)  # about as many as before
        found = encoded(size)
        while size > 1 and not fits(found, max_length):
            size -= 1
            found = encoded(size)
        while start + size < len(exchanges) and fits(found, max_length):
            larger = encoded(size + 1)
            if not fits(larger, max_length):
                break
            size, found = size + 1, larger
        yield exchanges[start : start + size], found
        start += size


def fits(found: "list[LearntIds] | str", max_length: int) -> bool:
    """Tell whether no piece is too long. Raises: RefusedChatError."""
    if isinstance(found, str):
        raise RefusedChatError(found)
    return not any(is_long(piece, max_length) for piece in found)


def is_long(piece: LearntIds, max_length: int) -> bool:
    """Tell whether a piece has more than `max_length` ids."""
    return piece.was_cut or len(piece.ids) > max_length


def _pieces(found: "list[LearntIds] | str", answers: Sequence[int], max_length: int) -> Iterator[Piece]:
    assert not isinstance(found, str), "fits() raises for what is refused"
    last = answers[-1:] if len(found) == 1 else answers  # one piece with all answers, or one for each
    for piece, answer in zip(found, last, strict=True):
        ids, learnt = piece.ids[:max_length], piece.learnt[:max_length]
        yield Piece(ids, learnt, answer, is_long(piece, max_length), len(found) > 1)
