"""Pairs ready for a model: joined for a decoder, side by side for an encoder-decoder."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from infrastructure.data.pairs.rows import PairRows
from infrastructure.data.some_rows import as_tensors, digest_of
from infrastructure.data.tokens.text_ids import text_ids
from infrastructure.data.tokens.tokenization import TokenStore, bounded, length_statistics, rows_fingerprint, tokenize

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

IGNORED = -100  # a label that is not learnt, by the convention of torch and transformers


class PairDataset(ABC):
    """Some rows of a file of pairs; `lengths` [N] are the tokens of each, `was_cut` [N] whether it had more.

    `dataset[i]` holds as tensors what `arrays` gives.
    """

    rows: PairRows
    indices: np.ndarray
    lengths: np.ndarray
    was_cut: np.ndarray
    _sources: TokenStore
    _targets: TokenStore

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> "dict[str, Tensor]":
        return as_tensors(self.arrays(index))

    @abstractmethod
    def arrays(self, index: int) -> dict[str, np.ndarray]:
        """Give the ids of a row and those to be learnt, each int64."""

    @property
    def num_cut(self) -> int:
        """Number of rows that had more tokens."""
        return int(self.was_cut.sum())

    @property
    def statistics(self) -> Mapping[str, Any]:
        """Counts a person wants to see before training; lengths are tokens."""
        return {
            **length_statistics(self.lengths),
            "num_cut": self.num_cut,
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was unusual in the file."""
        return self.rows.warnings

    @property
    def sha256(self) -> str:
        """Name the content of the file."""
        return self.rows.sha256

    @property
    def fingerprint(self) -> str:
        """Give what differs when the rows, their order, a token or what stands around them do."""
        tokens = (self._sources.sha256, self._targets.sha256, repr(self._frame()))
        return rows_fingerprint(self.rows.content, *tokens, self.indices, self.lengths)

    def _frame(self) -> tuple[object, ...]:
        """Give what a sequence holds beside source and target."""
        return ()

    def digest(self, index: int) -> str:
        """Give what is equal for the same source with the same target, in whatever file they stand."""
        return digest_of(self.source(index), self.reference(index))

    def row_id(self, index: int) -> str:
        """Name a row the way an editor finds it."""
        return self.rows.name_of(self._row(index))

    @abstractmethod
    def prompt(self, index: int) -> list[int]:
        """Give the ids that a model is asked with."""

    def source(self, index: int) -> str:
        """Give the whole source text of a row."""
        return str(self.rows.sources[self._row(index)])

    def reference(self, index: int) -> str:
        """Give the whole target text of a row."""
        return str(self.rows.targets[self._row(index)])

    def _row(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        return int(self.indices[index])


class JoinedPairs(PairDataset):
    """Source and target in one sequence: beginning, source, separator, target, end.

    A row holds `input_ids` [L] and `labels` [L], equal but for -100 up to and with the separator: the
    target and its end are learnt. A source keeps its head, so that all up to the separator takes at most half of
    `max_length`, whatever follows, for nothing follows yet when a model is asked. Then a target that is too long
    loses its tail, and with it the end.
    """

    def __init__(
        self, rows: PairRows, indices: np.ndarray, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> None:
        self.rows, self.indices, self._max_length = rows, indices, max_length
        self._head = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
        self._separator = separator_ids(tokenizer)
        self._end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
        room = max(1, max_length // 2 - len(self._head) - len(self._separator))
        key = rows.cache_key
        self._sources = tokenize(rows.sources, f"{key} sources", tokenizer, room, marks=False)
        self._targets = tokenize(rows.targets, f"{key} targets", tokenizer, max_length, marks=False)
        prompts = self._sources.lengths[indices] + len(self._head) + len(self._separator)
        whole = prompts + self._targets.lengths[indices] + len(self._end)
        self.lengths = np.minimum(whole, max_length)
        self.was_cut = self._sources.was_cut[indices] | self._targets.was_cut[indices] | (whole > max_length)

    def arrays(self, index: int) -> dict[str, np.ndarray]:
        """Give `input_ids` and `labels` of a row."""
        prompt = self.prompt(index)
        target = self._targets[self._row(index)]
        # A target that the store has cut fills all room alone, so that no end can follow it.
        ids = np.array([*prompt, *target.tolist(), *self._end][: self._max_length], dtype=np.int64)  # [L]
        labels = ids.copy()
        labels[: len(prompt)] = IGNORED
        return {"input_ids": ids, "labels": labels}

    def _frame(self) -> tuple[object, ...]:
        return self._head, self._separator, self._end, self._max_length

    def prompt(self, index: int) -> list[int]:
        """Give the ids of a row up to and with the separator: what a model is asked."""
        return [*self._head, *self._sources[self._row(index)].tolist(), *self._separator]


def prompt_of(tokenizer: "PreTrainedTokenizerBase", source: str, max_length: int) -> list[int]:
    """Give the ids of a source as `JoinedPairs` does: beginning, head of the source, separator."""
    head = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    separator = separator_ids(tokenizer)
    (ids,) = text_ids(tokenizer, [bounded(source, max_length)], marks=False)
    return [*head, *ids[: max(1, max_length // 2 - len(head) - len(separator))], *separator]


def separator_ids(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Give what stands between source and target: the tokenizer's separator, or a line end where it has none."""
    if tokenizer.sep_token_id is not None:
        return [tokenizer.sep_token_id]
    return text_ids(tokenizer, ["\n"], marks=False)[0]


class SourceTargetPairs(PairDataset):
    """Source and target side by side.

    A row holds `input_ids` [S], the source, and `labels` [T], the target, each with the tokenizer's own
    marks and at most `max_length` long: what is cut is the end of the text, not its mark.
    """

    def __init__(
        self, rows: PairRows, indices: np.ndarray, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> None:
        self.rows, self.indices = rows, indices
        key = rows.cache_key
        self._sources = tokenize(rows.sources, f"{key} sources", tokenizer, max_length)
        self._targets = tokenize(rows.targets, f"{key} targets", tokenizer, max_length, as_target=True)
        self.source_lengths: np.ndarray = self._sources.lengths[indices]
        self.target_lengths: np.ndarray = self._targets.lengths[indices]
        self.lengths = self.source_lengths + self.target_lengths
        self.was_cut = self._sources.was_cut[indices] | self._targets.was_cut[indices]

    def arrays(self, index: int) -> dict[str, np.ndarray]:
        """Give `input_ids` and `labels` of a row."""
        row = self._row(index)
        return {
            "input_ids": self._sources[row].astype(np.int64),  # [S]
            "labels": self._targets[row].astype(np.int64),  # [T]
        }

    def prompt(self, index: int) -> list[int]:
        """Give the ids of a source: what a model is asked."""
        ids: list[int] = self._sources[self._row(index)].tolist()
        return ids
