"""Which lines of a piece of code decide a score: those without which it falls most.

Blocks of lines are left blank in turn; the block that counts most is divided again, down to a line. All pieces go
through a round together, so that a model answers many texts at once. Source: Zeiler and Fergus, ECCV 2014, who did so
with pictures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

BLOCKS = 8
MOST_ROUNDS = 4  # 8 ** 4 lines
LEAST_FALL = 0.05  # of the score; below that no line decides


@dataclass(frozen=True)
class Deciding:
    """Lines of a piece, counted from 1, both ends included, and the score without them."""

    first_line: int
    last_line: int
    without: float


@dataclass
class _Sought:
    lines: list[str]
    score: float
    first: int  # of the block that is divided next, from 0
    last: int
    without: float

    def blocks(self) -> list[tuple[int, int]]:
        """Divide what is left into at most `BLOCKS` runs of lines that hold something, of about the same length."""
        filled = [at for at in range(self.first, self.last + 1) if self.lines[at].strip()]
        number = min(BLOCKS, len(filled))
        if number < 2:
            return []
        parts = [filled[len(filled) * at // number : len(filled) * (at + 1) // number] for at in range(number)]
        return [(part[0], part[-1]) for part in parts]

    def without_block(self, block: tuple[int, int]) -> str:
        """Give the code with a block left blank."""
        first, last = block
        return "\n".join("" if first <= at <= last else line for at, line in enumerate(self.lines))


def deciding_lines(
    texts: Sequence[str], scores: Sequence[float], score: Callable[[Sequence[str]], Sequence[float]]
) -> list[Deciding | None]:
    """Find the lines that decide the score of each text, None where leaving out any block changes it little."""
    sought = [
        _Sought(text.split("\n"), before, 0, text.count("\n"), before)
        for text, before in zip(texts, scores, strict=True)
    ]
    open_ones = list(sought)
    for _ in range(MOST_ROUNDS):
        tried = [(one, block) for one in open_ones for block in one.blocks()]
        found = score([one.without_block(block) for one, block in tried])
        best: dict[int, tuple[float, tuple[int, int]]] = {}
        for (one, block), without in zip(tried, found, strict=True):
            best[id(one)] = min(best.get(id(one), (without, block)), (without, block))
        kept = []
        for one in open_ones:
            without, block = best.get(id(one), (one.score, (0, 0)))
            # A part of a block that takes next to nothing away is no better told than the whole block.
            if one.score - without >= max(LEAST_FALL, (one.score - one.without) / 2):
                one.first, one.last, one.without = *block, without
                kept.append(one)
        open_ones = kept
    return [
        None if one.score - one.without < LEAST_FALL else Deciding(one.first + 1, one.last + 1, one.without)
        for one in sought
    ]
