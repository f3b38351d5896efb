"""Labelled code as ids, roles and marks, kept on disk and read as it is asked for."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from application.phases import phase
from infrastructure.code_reading.batching import UNMARKED
from infrastructure.code_reading.vocabulary import FORMAT, PAD, VOCABULARY, Vocabulary
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.kept.mapped import MappedBytes
from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.indexed_texts import IndexedTexts
from infrastructure.data.labels.rows import LabelledRows
from infrastructure.data.tokens.tokenization import LONGEST_READ, TokenStore, rows_fingerprint

# Changes whenever the same code becomes other ids or roles.
LEXER = 2
# Changes whenever the same code teaches other words.
LEARNING = 1
NO_KIND = -1
# Rows of a family beyond these go into other steps: a step must not be one family.
MOST_TOGETHER = 4


class FlowStore(TokenStore):
    """Ids [L_i] of text i, beside them roles [L_i], links and characters [L_i, 2]."""

    def __init__(self, entry: CacheEntry) -> None:
        super().__init__(entry)
        self._roles, self._spans = MappedBytes(entry / "roles.bin"), MappedBytes(entry / "spans.bin")
        self._links = MappedBytes(entry / "links.bin")

    def roles(self, index: int) -> np.ndarray:
        """Give the roles of the tokens of a text [L_i] int8."""
        start = int(self._ends[index - 1]) if index else 0
        return np.frombuffer(self._roles.read(start, int(self._ends[index])), dtype=np.int8)

    def links(self, index: int) -> np.ndarray:
        """Give the links of the tokens of a text [L_i, 2]."""
        return self._pairs(self._links, index)

    def spans(self, index: int) -> np.ndarray:
        """Give where each token begins and ends, in characters [L_i, 2]."""
        return self._pairs(self._spans, index)

    def _pairs(self, content: MappedBytes, index: int) -> np.ndarray:
        start = int(self._ends[index - 1]) if index else 0
        return np.frombuffer(content.read(8 * start, 8 * int(self._ends[index])), dtype=np.int32).reshape(-1, 2)


@dataclass(frozen=True)
class FlowRows(CodeDataset):
    """Labelled code of one part of a data set; `mark_names` and `kinds` are those that a model tells.

    `dataset[i]` holds `input_ids`, `roles` [L] and `links` [L, 2], `labels`, `marks` [L, M] as 0 and 1, -1 where the
    row says nothing of them, and `kind`, a place in `kinds` or -1.
    """

    mark_names: tuple[str, ...] = ()
    kinds: tuple[int, ...] = field(default=())

    @property
    def together(self) -> np.ndarray:
        """Number rows [N] so that those of one group share a number, at most `MOST_TOGETHER` of them."""
        groups = np.asarray(self.rows.groups[self.indices])
        alone = groups < 0
        groups = np.where(alone, groups.max(initial=0) + 1 + np.arange(len(groups)), groups)
        order = np.argsort(groups, kind="stable")
        first = np.r_[True, np.diff(groups[order]) != 0]
        within = np.arange(len(order)) - np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
        numbers = np.empty(len(order), dtype=np.int64)
        numbers[order] = np.cumsum(within % MOST_TOGETHER == 0)
        return numbers

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        row, store = int(self.indices[index]), self.tokens
        assert isinstance(store, FlowStore)
        item: dict[str, Any] = {"input_ids": store[row], "roles": store.roles(row), "links": store.links(row)}
        label = int(self.rows.labels[row])
        if label < 0:
            return item
        kind = int(self.rows.cwes[row])
        place = self.kinds.index(kind) if kind in self.kinds else NO_KIND
        return {**item, "labels": label, "marks": self._marks(row, store), "kind": place}

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        return [self[index] for index in indices]

    def _marks(self, row: int, store: FlowStore) -> np.ndarray:
        if not self.rows.is_marked[row]:
            return np.full((len(store[row]), len(self.mark_names)), UNMARKED, dtype=np.int8)
        spans = store.spans(row)
        marked = np.zeros((len(spans), len(self.mark_names)), dtype=np.int8)
        for start, end, name in self.rows.read_marks(row):
            if name in self.mark_names:
                marked[(spans[:, 0] < end) & (spans[:, 1] > start), self.mark_names.index(name)] = 1
        return marked


def flow_rows(
    rows: LabelledRows,
    indices: np.ndarray,
    label_names: tuple[str, ...],
    vocabulary: Vocabulary,
    mark_names: Sequence[str],
    kinds: Sequence[int],
) -> FlowRows:
    """Read code into ids, or map what was read before."""
    key = key_of("flow", rows.read_key, FORMAT, LEXER, vocabulary.words)
    store = FlowStore(cached("flow", key, lambda staging: _keep(rows.read_texts, vocabulary, staging)))
    return FlowRows(rows, store, indices, PAD, label_names, mark_names=tuple(mark_names), kinds=tuple(kinds))


def learnt_vocabulary(rows: LabelledRows, indices: np.ndarray, most_words: int) -> Vocabulary:
    """Learn the words of the rows at `indices` [N], or read what was learnt of the same rows before."""

    def keep(staging: Path) -> None:
        with phase("learning the words of interfaces", unit="texts"):
            learnt = Vocabulary.learnt(IndexedTexts(rows.read_texts, indices), most_words)
        (staging / VOCABULARY).write_text(learnt.text(), encoding="utf-8")

    chosen = rows_fingerprint(rows.read_key, indices)
    entry = cached("words", key_of("words of code", chosen, FORMAT, LEXER, LEARNING, most_words), keep)
    return Vocabulary.read(entry.path)


def bounded(code: str) -> str:
    """Give as much of a text as is read at most."""
    return code[:LONGEST_READ]


def _keep(texts: Sequence[str], vocabulary: Vocabulary, directory: Path) -> None:
    ends, cuts, total = array("q"), array("b"), 0
    with (
        phase("reading the code", len(texts), "texts") as done,
        (directory / "tokens.bin").open("wb") as ids,
        (directory / "roles.bin").open("wb") as roles,
        (directory / "links.bin").open("wb") as links,
        (directory / "spans.bin").open("wb") as spans,
    ):
        for index in range(len(texts)):
            text = texts[index]
            encoded = vocabulary.encode(bounded(text))
            total += len(encoded.ids)
            ends.append(total)
            cuts.append(len(text) > LONGEST_READ)
            ids.write(encoded.ids.tobytes())
            roles.write(encoded.roles.tobytes())
            links.write(encoded.links.tobytes())
            spans.write(encoded.spans.tobytes())
            done.advance()
    np.save(directory / "ends.npy", np.frombuffer(ends, dtype=np.int64))
    np.save(directory / "was_cut.npy", np.frombuffer(cuts, dtype=np.bool_))
