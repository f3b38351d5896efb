"""What a message spells out is text: signs of the tokenizer in it are hidden from the template and its rendering."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from infrastructure.data.chats.chat import Turn

# The last plane of Unicode, of private use: each character stands for a string that is to stay text. A message that
# holds one of them has it hidden in the same way, so that all that are found in a rendering are ours.
FIRST, LAST = 0x100000, 0x10FFEF
_WHOLE_PLANE = "\U00100000-\U0010ffff"
_HIDDEN = re.compile(f"([{chr(FIRST)}-{chr(LAST)}])")


@dataclass(frozen=True)
class Hidden:
    """Turns, role and content, with stand-ins for `texts`."""

    turns: Sequence[tuple[str, str]]
    texts: Sequence[str]

    def parts(self, rendering: str) -> Iterator[tuple[str, int, bool]]:
        """Give a rendering in parts, each with its length there: what has signs, and what was hidden (True)."""
        for number, part in enumerate(_HIDDEN.split(rendering)):
            if number % 2:
                yield self.texts[ord(part) - FIRST], 1, True
            elif part:
                yield part, len(part), False


class Hiding:
    """Puts stand-ins in the place of signs."""

    def __init__(self, signs: Iterable[str]) -> None:
        longest_first = sorted(filter(None, signs), key=len, reverse=True)
        self._pattern = re.compile("|".join([*map(re.escape, longest_first), f"[{_WHOLE_PLANE}]"]))

    def hidden(self, chat: Sequence[Turn]) -> Hidden:
        """Hide the signs in all turns of a chat."""
        numbers: dict[str, int] = {}

        def stand_in(match: re.Match[str]) -> str:
            return chr(FIRST + numbers.setdefault(match[0], len(numbers)))

        turns = [(turn.role, self._pattern.sub(stand_in, turn.content)) for turn in chat]
        return Hidden(turns, list(numbers))
