"""Rows ready for a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from domain.marks import Mark
from infrastructure.data.labels.marked_tokens import MarkedTokens, marked_tokens
from infrastructure.data.labels.rows import LabelledRows
from infrastructure.data.some_rows import digest_of, spread
from infrastructure.data.tokens.tokenization import TokenStore, length_statistics, rows_fingerprint

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class CodeDataset:
    """Tokenised, labelled rows of one part of a data set, read from disk as they are asked for.

    `dataset[i]` holds `input_ids` [L] int64, `attention_mask` [L] of ones and `labels`, an int (absent without labels);
    where `marked` is there and the row says what is marked, also `marked_tokens` [P, 2], places and names.
    `part_of` are the rows that these were chosen from, evenly spread; None where they are all.
    """

    rows: LabelledRows
    tokens: TokenStore
    indices: np.ndarray
    pad_token_id: int
    label_names: tuple[str, ...] = field(default=())
    part_of: int | None = None
    marked: MarkedTokens | None = None

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        import torch  # rows of an exported model are read without it

        row = int(self.indices[index])
        ids = torch.from_numpy(self.tokens[row].astype(np.int64))  # [L]
        item: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if self.marked is not None and self.marked.is_marked[row]:
            item["marked_tokens"] = torch.from_numpy(self.marked.of(row))  # [P, 2]
        label = int(self.rows.labels[row])
        return item if label < 0 else {**item, "labels": label}

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Give many rows at once, their arrays as they are kept: what a batch is made of, without masks of ones."""
        rows = self.indices[indices]
        items: list[dict[str, Any]] = [{"input_ids": self.tokens[row]} for row in rows.tolist()]
        for item, row, label in zip(items, rows.tolist(), self.rows.labels[rows].tolist(), strict=True):
            if self.marked is not None and self.marked.is_marked[row]:
                item["marked_tokens"] = self.marked.of(row)  # [P, 2]
            if label >= 0:
                item["labels"] = label
        return items

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each row [N]."""
        return self.tokens.lengths[self.indices]

    @property
    def was_cut(self) -> np.ndarray:
        """Tell of each row [N] whether it had more tokens."""
        return self.tokens.was_cut[self.indices]

    @property
    def labels(self) -> np.ndarray:
        """Label numbers [N]; they index `label_names`."""
        return np.asarray(self.rows.labels[self.indices])

    @property
    def cwes(self) -> np.ndarray:
        """Numbers of the kinds of weakness [N], 0 where unknown."""
        return np.asarray(self.rows.cwes[self.indices])

    @property
    def parts(self) -> np.ndarray:
        """Numbers of the parts that rows are scored in [N], -1 for none; they index `part_names`."""
        return np.asarray(self.rows.parts[self.indices])

    @property
    def part_names(self) -> tuple[str, ...]:
        """Names of the parts that rows are scored in."""
        return self.rows.part_names

    @property
    def label2id(self) -> dict[str, int]:
        """Map label names to the numbers the model uses."""
        return {name: number for number, name in enumerate(self.label_names)}

    @property
    def id2label(self) -> dict[int, str]:
        """Map the numbers the model uses to label names."""
        return dict(enumerate(self.label_names))

    @property
    def label_mapping(self) -> dict[str, int]:
        """Same as `label2id`."""
        return self.label2id

    @property
    def texts(self) -> "list[str]":
        """Texts of all rows, in order."""
        return [self.rows.texts[int(row)] for row in self.indices]

    @property
    def statistics(self) -> Mapping[str, Any]:
        """Counts a person wants to see before training; lengths are tokens."""
        lengths = self.lengths
        counts = np.bincount(self.labels[self.labels >= 0], minlength=len(self.label_names))
        return {
            **length_statistics(lengths),
            "num_cut": int(self.was_cut.sum()),
            "label_counts": dict(zip(self.label_names, counts.tolist(), strict=True)),
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
        """Give what differs when the rows, their order, a token, a label or what else is learnt from them do."""
        labels = (self.labels, repr(self.label_names))
        carried = (self.rows.carried.content,) if self.rows.carried.content else ()
        return rows_fingerprint(self.rows.content, self.tokens.sha256, self.indices, self.lengths, *labels, *carried)

    def few(self, count: int) -> "CodeDataset":
        """Give at most `count` of the rows, evenly spread."""
        return replace(self, indices=self.indices[spread(len(self), count)], part_of=self.num_whole)

    def with_marks(
        self, tokenizer: "PreTrainedTokenizerBase", max_length: int, mark_names: tuple[str, ...]
    ) -> "CodeDataset":
        """Give the same rows with their marked tokens, by the names of a model."""
        return replace(self, marked=marked_tokens(self.rows, self.tokens, tokenizer, max_length, mark_names))

    @property
    def num_whole(self) -> int:
        """Give the number of all rows, of which these may be a few."""
        return len(self) if self.part_of is None else self.part_of

    def marks(self, index: int) -> list[Mark]:
        """Give the marks of a row, in characters of its text."""
        return self.rows.marks(int(self.indices[index]))

    def findings(self, index: int) -> list[dict[str, Any]] | None:
        """Give what scanners found in a row, None where it does not say."""
        return self.rows.findings(int(self.indices[index]))

    def text(self, index: int) -> str:
        """Give the whole text of a row."""
        return self.rows.texts[int(self.indices[index])]

    def digest(self, index: int) -> str:
        """Give what is equal for the same text with the same label, in whatever file they stand."""
        return digest_of(self.text(index), self.label_names[int(self.labels[index])])

    def row_id(self, index: int) -> str:
        """Name a row the way an editor finds it."""
        return f"{self.rows.path.name}:{int(self.rows.lines[int(self.indices[index])])}"
