"""Which tokens of a text are marked: spans of characters as the tokens that a model reads."""

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from application.phases import phase
from domain.marks import Mark
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.labels.rows import LabelledRows
from infrastructure.data.tokens.text_ids import text_places
from infrastructure.data.tokens.tokenization import (
    CHARACTERS_PER_TOKEN,
    TEXTS_PER_CALL,
    TokenStore,
    bounded,
    fingerprint,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_FACTS = "marked.json"


@dataclass(frozen=True)
class MarkedTokens:
    """The marked tokens of all rows, mapped into memory.

    `pairs` [P, 2] are the place of a token in its row and the number of a name, those of row i up to `ends[i]`.
    `is_marked` [N] tells of which rows is known what is marked in them. `numbers` [K] turn the names of the file into
    those of a model, -1 for one that it does not know. `num_lost` of `num_marks` have no token.
    """

    pairs: np.ndarray
    ends: np.ndarray
    is_marked: np.ndarray
    numbers: np.ndarray
    num_lost: int
    num_marks: int

    def of(self, row: int) -> np.ndarray:
        """Give the marked tokens of a row [P_i, 2] by the names of the model."""
        pairs = self.pairs[int(self.ends[row - 1]) if row else 0 : int(self.ends[row])]
        named = np.stack([pairs[:, 0], self.numbers[pairs[:, 1]]], axis=1)
        return named[named[:, 1] >= 0]

    def counts(self, rows: np.ndarray, num_names: int) -> np.ndarray:
        """Count the marked tokens of some rows by name [K]."""
        is_asked = np.zeros(len(self.ends), dtype=np.bool_)
        is_asked[rows] = True
        numbers = self.numbers[self.pairs[:, 1]][np.repeat(is_asked, np.diff(self.ends, prepend=0))]
        return np.bincount(numbers[numbers >= 0], minlength=num_names)

    def told(self, name: str) -> tuple[str, ...]:
        """Say, when there are any, how many marks of a file have no token."""
        if not self.num_lost:
            return ()
        are = (
            f"{self.num_lost:,} of {self.num_marks:,} marks"
            if self.num_lost > 1
            else f"one of {self.num_marks:,} marks"
        )
        return (
            f"{are} of {name} lie where texts were cut, or on characters without a token; nothing is learnt of them.",
        )


def marked_tokens(
    rows: LabelledRows,
    tokens: TokenStore,
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int,
    mark_names: Sequence[str],
) -> MarkedTokens:
    """Find the tokens that stand in the marks of rows, or map what was found before.

    A token is marked where a mark holds one of its characters; white space at the ends of a mark is not looked at,
    for many tokenizers put a blank to the word behind it.
    """
    key = key_of("marked tokens", rows.read_key, rows.carried.content, fingerprint(tokenizer), max_length)
    entry = cached("marked", key, lambda staging: _keep(rows, tokens, tokenizer, max_length, staging))
    facts = json.loads((entry / _FACTS).read_text(encoding="utf-8"))
    known = {name: number for number, name in enumerate(mark_names)}
    return MarkedTokens(
        pairs=_mapped(entry, "pairs"),
        ends=_mapped(entry, "ends"),
        is_marked=rows.is_marked,
        numbers=np.array([known.get(name, -1) for name in rows.mark_names], dtype=np.int64),
        num_lost=facts["num_lost"],
        num_marks=facts["num_marks"],
    )


def _mapped(entry: CacheEntry, name: str) -> np.ndarray:
    return np.load(entry / f"{name}.npy", mmap_mode="r")


def _keep(
    rows: LabelledRows, tokens: TokenStore, tokenizer: "PreTrainedTokenizerBase", max_length: int, directory: Path
) -> None:
    number_of = {name: number for number, name in enumerate(rows.mark_names)}
    pairs, counts = array("i"), np.zeros(len(rows), dtype=np.int64)
    num_marks = num_lost = 0
    marked = np.flatnonzero(rows.is_marked)
    with phase("finding marked tokens", len(marked), "texts") as done:
        for row, text, places in _placed(rows, marked, tokens, tokenizer, max_length):
            done.advance()
            found: set[tuple[int, int]] = set()
            for mark in rows.read_marks(row):
                hit = _tokens_in(mark, text, places)
                num_marks += 1
                num_lost += not len(hit)
                found |= {(int(token), number_of[mark.name]) for token in hit}
            for pair in sorted(found):
                pairs.extend(pair)
            counts[row] = len(found)
    np.save(directory / "pairs.npy", np.frombuffer(pairs, dtype=np.int32).reshape(-1, 2))
    np.save(directory / "ends.npy", counts.cumsum())
    facts = {"num_lost": num_lost, "num_marks": num_marks}
    (directory / _FACTS).write_text(json.dumps(facts, allow_nan=False), encoding="utf-8")


def _placed(
    rows: LabelledRows, marked: np.ndarray, tokens: TokenStore, tokenizer: "PreTrainedTokenizerBase", max_length: int
) -> Iterator[tuple[int, str, np.ndarray]]:
    """Give the number, the text and the places of the tokens [L, 2] of each marked row, as they were tokenised."""
    head = max_length * CHARACTERS_PER_TOKEN
    for start in range(0, len(marked), TEXTS_PER_CALL):
        numbers = [int(row) for row in marked[start : start + TEXTS_PER_CALL]]
        texts = [rows.read_texts[row] for row in numbers]
        told = text_places(tokenizer, [text[:head] for text in texts], max_length)
        for row, text, (ids, places) in zip(numbers, texts, told, strict=True):
            if not np.array_equal(ids, tokens[row]):  # the head alone was too short
                ((_, places),) = text_places(tokenizer, [bounded(text, max_length)], max_length)
            yield row, text, np.array(places, dtype=np.int64).reshape(-1, 2)


def _tokens_in(mark: Mark, text: str, places: np.ndarray) -> np.ndarray:
    """Give the tokens [P] that hold a character of a mark."""
    marked = text[mark.start : mark.end]
    start = mark.start + len(marked) - len(marked.lstrip())
    end = start + len(marked.strip())
    return np.flatnonzero((places[:, 0] < end) & (places[:, 1] > start))
