"""Texts with gaps, as a person writes them, to ids."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from infrastructure.data.files.row import Row, RowFault
from infrastructure.data.sources.checking import Faults, TextCheck
from infrastructure.data.sources.fields import Sought
from infrastructure.data.tokens.text_ids import marks_of, text_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Beside the mask token that the tokenizer has: what BERT's and RoBERTa's are called.
USUAL_MASKS = ("[MASK]", "<mask>")
# Stands before the end of a text, so that the tokenizer does not take it for the beginning of one.
_LETTER = "a"
CORRECT = "Correct the row, or leave it out."


@dataclass(frozen=True)
class Gapped:
    """A text cut at its gaps, as it was given and as ids [N] with the mask token at the places `gaps`."""

    pieces: Sequence[str]
    ids: np.ndarray
    gaps: np.ndarray

    def filled(self, fillings: Sequence[str]) -> str:
        """Put what fills the gaps in their place; a blank in front of it is one where none stands there already."""
        text = self.pieces[0]
        for filling, piece in zip(fillings, self.pieces[1:], strict=True):
            has_blank = not text or text[-1].isspace()
            text += (filling.lstrip() if has_blank else filling) + piece
        return text


Why = Callable[[str], str]


@dataclass(frozen=True)
class AskingGaps:
    """Takes texts with gaps; `why_not` says why one cannot be asked, nothing for one that can."""

    text: Sought
    why_not: Why
    nested: bool = False

    def check(self, name: str) -> "GapCheck":
        """Take them from a column."""
        return GapCheck(name, self.text, self.why_not)

    def of_line(self, line: str, number: int) -> str | RowFault:
        """Take all of a line."""
        reason = self.why_not(line)
        return RowFault(number, reason, CORRECT) if reason else line


class GapCheck(TextCheck):
    """Takes line and text from a row whose text has gaps."""

    def __init__(self, name: str, text: Sought, why_not: Why) -> None:
        super().__init__(name, text)
        self._why_not = why_not

    def __call__(self, row: Row) -> tuple[int, str] | Faults:
        """Give line and text of a good row."""
        found = super().__call__(row)
        if isinstance(found, tuple) and (reason := self._why_not(found[1])):
            return [RowFault(row.line, reason, CORRECT)]
        return found


def masks_of(tokenizer: "PreTrainedTokenizerBase") -> list[str]:
    """Give the signs that stand for a gap in what is asked."""
    return list(dict.fromkeys((str(tokenizer.mask_token), *USUAL_MASKS)))


def gapped(tokenizer: "PreTrainedTokenizerBase", text: str, max_length: int) -> Gapped | str:
    """Read a text with gaps; says in words why one cannot be asked.

    Every other special token that a text spells out means its letters. Of a text that is too long, what stands around
    its gaps is read.
    """
    masks = masks_of(tokenizer)
    pieces = re.split("|".join(map(re.escape, masks)), text)
    if len(pieces) < 2:
        return f"holds no gap to be filled: write {' or '.join(masks)} in its place"
    ids, gaps = _joined(tokenizer, pieces)
    beginning, end = marks_of(tokenizer)
    room = max(1, max_length - len(beginning) - len(end))
    if gaps[-1] - gaps[0] >= room:
        return f"has gaps that stand farther apart than max_length {max_length} tokens"
    start = int(np.clip((gaps[0] + gaps[-1] + 1 - room) // 2, 0, max(0, len(ids) - room)))
    window = [*beginning, *ids[start : start + room], *end]
    return Gapped(pieces, np.array(window), np.array(gaps) - start + len(beginning))


def _joined(tokenizer: "PreTrainedTokenizerBase", pieces: Sequence[str]) -> tuple[list[int], list[int]]:
    """Set the ids of the pieces and masks between them one behind the other; also gives the places of the masks."""
    ids: list[int] = []
    gaps: list[int] = []
    for number, piece in enumerate(pieces):
        if number:
            gaps.append(len(ids))
            ids.append(int(tokenizer.mask_token_id or 0))
        # A blank before a word belongs to the word's own token, and so to the gap.
        read = piece.rstrip() if number < len(pieces) - 1 else piece
        if read.strip():
            ids += _continued(tokenizer, read) if number else text_ids(tokenizer, [read], marks=False)[0]
    return ids, gaps


def _continued(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    """Give the ids of a text that goes on: some tokenizers put a blank before every text that begins."""
    before, whole, alone = text_ids(tokenizer, [_LETTER, _LETTER + text, text], marks=False)
    return whole[len(before) :] if not text[0].isalnum() and whole[: len(before)] == before else alone
