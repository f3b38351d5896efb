"""Text of a part as ids, a piece at a time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from infrastructure.data.text.parts import Pieces
from infrastructure.data.tokens.text_ids import text_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Enough for one call to keep the tokenizer busy; its answer takes more than a hundred bytes for each token.
CHARACTERS_PER_CALL = 1 << 18


def dtype_for(tokenizer: "PreTrainedTokenizerBase") -> "np.dtype[np.uint16] | np.dtype[np.int32]":
    """Give the smallest type that holds every id of a tokenizer."""
    return np.dtype(np.uint16) if len(tokenizer) <= 1 << 16 else np.dtype(np.int32)


def encoded(pieces: Pieces, tokenizer: "PreTrainedTokenizerBase") -> Iterator[tuple[list[int], bool]]:
    """Give the ids of each piece, without marks, and whether a document begins with it."""
    for first, texts in _batches(pieces):
        for index, ids in enumerate(text_ids(tokenizer, texts, marks=False), first):
            yield ids, pieces.begins_document(index)


def _batches(pieces: Pieces) -> Iterator[tuple[int, list[str]]]:
    texts: list[str] = []
    size = 0
    for index in range(len(pieces)):
        texts.append(pieces[index])
        size += len(texts[-1])
        if size >= CHARACTERS_PER_CALL or index == len(pieces) - 1:
            yield index + 1 - len(texts), texts
            texts, size = [], 0
