"""Where a written text ends: at a stop string, or where it is stuck in a loop. And what of it can be shown before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.generation import (
    GenerationSettings,
    cut_at_stop,
    find_loop,
    looping_block,
    without_open_end,
    without_open_loop,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

OPEN_CHARACTER = "\ufffd"  # what decoding makes of the first bytes of a character whose others are still to come
BYTES_PER_CHARACTER = 4
EndsAtString = Callable[[Sequence[int]], bool]


@dataclass(frozen=True)
class Ends:
    """What ends a text: one of `tokens`, what `at_string` says of its ids, or a loop (see `domain.generation`)."""

    tokens: Sequence[int]
    max_repeats: int = 0
    at_string: EndsAtString | None = None

    def without(self, ids: list[int]) -> list[int]:
        """Give the ids before the first token that ends a text."""
        return ids[: next((at for at, token in enumerate(ids) if token in self.tokens), len(ids))]

    def end(self, ids: Sequence[int], room: int) -> bool:
        """Say whether a text of so many tokens, at most `room`, has ended with its last one."""
        return (
            len(ids) >= room
            or ids[-1] in self.tokens
            or looping_block(ids, self.max_repeats) > 0
            or (self.at_string is not None and self.at_string(ids))
        )


def ended_text(tokenizer: "PreTrainedTokenizerBase", ids: list[int], settings: GenerationSettings) -> tuple[str, bool]:
    """Give the text of new tokens up to its stop string or loop, whichever came first, and whether there was one.

    The library writes on in a row that is done until all of its batch are: what it adds changes nothing here.
    """
    kept, end = find_loop(ids, settings.max_repeats) or (len(ids), len(ids))
    text, stopped = cut_at_stop(_decoded(tokenizer, ids[:end]), settings.stop)
    if kept < end and not stopped:
        return _decoded(tokenizer, ids[:kept]), True
    return text, stopped


def stop_check(tokenizer: "PreTrainedTokenizerBase", stop: tuple[str, ...]) -> EndsAtString | None:
    """Give what says of the ids of a text whether it holds a stop string; None where there is none to hold."""
    if not stop:
        return None
    special = set(tokenizer.all_special_ids)
    # A token that shows has a byte at least; some more, for the first of a window may decode otherwise.
    window = (max(map(len, stop)) + 1) * BYTES_PER_CHARACTER

    def holds_one(ids: Sequence[int]) -> bool:
        shown = [token for token in ids if token not in special][-window:]
        return cut_at_stop(_decoded(tokenizer, shown), stop)[1]

    return holds_one


class TextStream:
    """Tells a text while it is written; the methods `put` and `end` are what the library calls."""

    def __init__(
        self, tokenizer: "PreTrainedTokenizerBase", settings: GenerationSettings, on_text: Callable[[str], None]
    ) -> None:
        self._tokenizer = tokenizer
        self._stop = settings.stop
        self._max_repeats = settings.max_repeats
        self._stuck = False
        self._on_text = on_text
        self._ids: list[int] = []
        self._prompt_comes = False
        self._told = 0
        self._silent = True

    def expect_prompt(self) -> None:
        """Be warned that a new window begins, of which the library puts the prompt first."""
        self._prompt_comes = True

    def put(self, value: Any) -> None:
        """Take a token [1] at a time, a tensor or an array, after a prompt [1, L] that was expected."""
        if self._prompt_comes:
            self._prompt_comes = False
            return
        self._ids += value.tolist()
        self._stuck = self._stuck or looping_block(self._ids, self._max_repeats) > 0
        if self._stuck:  # a later window may still write, but the text has ended
            return
        text, stopped = cut_at_stop(_decoded(self._tokenizer, self._ids), self._stop)
        if not stopped:
            settled = without_open_loop(self._ids, self._max_repeats)
            text = without_open_end(_decoded(self._tokenizer, settled).rstrip(OPEN_CHARACTER), self._stop)
        self._tell(text)

    def end(self) -> None:
        """Wait: what was held back is told by `finish`, from the text that is returned."""

    def finish(self, text: str) -> None:
        """Tell what remains of the whole text."""
        self._tell(text)
        if self._silent:
            self._on_text("")

    def _tell(self, text: str) -> None:
        if len(text) > self._told:
            piece, self._told, self._silent = text[self._told :], len(text), False
            self._on_text(piece)


def _decoded(tokenizer: "PreTrainedTokenizerBase", ids: Sequence[int]) -> str:
    # Cleaning up would take the space out of "a ." and change a text of code.
    return str(tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))
