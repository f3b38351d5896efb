"""Documents as an encoder reads them: each framed by the tokenizer's marks, long ones cut into passages."""

import json
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from application.phases import phase
from domain.exceptions import DatasetError
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.kept.mapped import MappedBytes
from infrastructure.data.some_rows import digest_of
from infrastructure.data.text.encoded import dtype_for, encoded
from infrastructure.data.text.parts import DocumentPart
from infrastructure.data.tokens.text_ids import marks_of
from infrastructure.data.tokens.tokenization import fingerprint, length_statistics

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENS_COUNTED_AT_ONCE = 1 << 20


class Passages(Dataset[dict[str, Any]]):
    """Passages of at most `max_length` tokens, the marks before and behind each counted.

    A document that fits is one passage. A longer one is cut into as few as hold it, of near-equal length: a passage of
    a few last words would give the words that are hidden in it nothing to be told from. No token is lost, and none
    stands in two passages.
    """

    def __init__(
        self, part: DocumentPart, entry: CacheEntry, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> None:
        facts = json.loads((entry / "stream.json").read_text(encoding="utf-8"))
        self._part = part
        self._entry = entry
        self._stream = MappedBytes(entry / "stream.bin")
        self._dtype = np.dtype(facts["dtype"])
        self._num_unknown = int(facts["num_unknown"])
        self._marks = marks_of(tokenizer)
        self._max_length = max_length
        self.mask_token_id: int | None = tokenizer.mask_token_id
        self.special_token_ids: tuple[int, ...] = tuple(tokenizer.all_special_ids)
        room = max(1, max_length - sum(map(len, self._marks)))
        self._edges, self._documents = _cut(np.load(entry / "ends.npy"), room)

    def __len__(self) -> int:
        return len(self._documents)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"passage {index} of {len(self)}")
        row = index % len(self)
        beginning, end = self._marks
        tokens = self._tokens(int(self._edges[row]), int(self._edges[row + 1])).astype(np.int64)
        return {"input_ids": torch.from_numpy(np.concatenate([beginning, tokens, end]).astype(np.int64))}

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each passage [N], its marks among them."""
        return np.diff(self._edges) + sum(map(len, self._marks))

    @property
    def statistics(self) -> Mapping[str, Any]:
        """Counts a person wants to see before training."""
        return {
            **length_statistics(self.lengths),
            "num_bytes": self._part.num_bytes,
            "num_documents": len(self._part),
            "num_unknown": self._num_unknown,
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was unusual in the file."""
        return self._part.documents.warnings

    @property
    def sha256(self) -> str:
        """Name the content of the file."""
        return self._part.documents.sha256

    @property
    def fingerprint(self) -> str:
        """Give what differs when the text, its tokens or the length of a passage do."""
        tokens = self._entry.digest_of(*self._entry.digests)
        return f"{self._part.sha256} {tokens} {self._max_length} {self._marks}"

    def token_counts(self, vocab_size: int) -> np.ndarray:
        """Count how often each id stands in the text, marks left out [V]."""
        counts = np.zeros(vocab_size, dtype=np.int64)
        total = int(self._edges[-1])
        for start in range(0, total, TOKENS_COUNTED_AT_ONCE):
            tokens = self._tokens(start, min(start + TOKENS_COUNTED_AT_ONCE, total))
            counts += np.bincount(tokens, minlength=vocab_size)
        return counts

    def digest(self, index: int) -> str:
        """Give what is equal for passages of the same tokens."""
        return digest_of(self[index]["input_ids"].numpy().tobytes())

    def row_id(self, index: int) -> str:
        """Name a passage by its document, counted from 1 in the file, and its number in a document that was cut."""
        row = index % len(self)
        own = int(self._documents[row])
        first, last = np.searchsorted(self._documents, [own, own + 1])
        part = self._part
        number = int(np.searchsorted(part.documents.ends, part.starts[own], side="right")) + 1
        which = f", passage {row - int(first) + 1} of {int(last - first)}" if last - first > 1 else ""
        return f"{part.documents.path.name}:document {number}{which}"

    def _tokens(self, start: int, end: int) -> np.ndarray:
        size = self._dtype.itemsize
        return np.frombuffer(self._stream.read(size * start, size * end), dtype=self._dtype)


def passages(part: DocumentPart, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> Passages:
    """Turn a part into ids once, or map those of an earlier call, and cut them into passages.

    Text that spells out a special token means its letters. Raises: DatasetError where the tokenizer finds no token.
    """
    key = key_of("documents of letters", part.sha256, part.documents.cache_key, fingerprint(tokenizer))
    entry = cached("passages", key, lambda staging: _keep_stream(part, tokenizer, staging))
    return Passages(part, entry, tokenizer, max_length)


def _keep_stream(part: DocumentPart, tokenizer: "PreTrainedTokenizerBase", directory: Path) -> None:
    dtype, unknown = dtype_for(tokenizer), tokenizer.unk_token_id
    num_unknown = total = 0
    ends = array("q")
    with phase("tokenising", len(part.pieces), "pieces") as done, (directory / "stream.bin").open("wb") as file:
        for number, (ids, begins) in enumerate(encoded(part.pieces, tokenizer)):
            done.advance()
            if begins and number:
                ends.append(total)
            tokens = np.asarray(ids, dtype=dtype)
            num_unknown += 0 if unknown is None else int((tokens == unknown).sum())
            total += len(tokens)
            file.write(tokens.tobytes())
    ends.append(total)
    if not total:
        raise DatasetError(
            f"a part of {part.documents.path.name} has no token that the tokenizer knows.", remedy="Give more text."
        )
    np.save(directory / "ends.npy", np.frombuffer(ends, dtype=np.int64))
    facts = {"dtype": dtype.name, "num_unknown": num_unknown}
    (directory / "stream.json").write_text(json.dumps(facts, allow_nan=False), encoding="utf-8")


def _cut(ends: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut documents that end at `ends` [D] into passages: their edges [N + 1], and the document of each [N]."""
    starts = np.concatenate([[0], ends[:-1]])
    lengths = ends - starts
    counts = -(-lengths // room)  # none for a document without a token
    documents = np.repeat(np.arange(len(ends)), counts)
    numbers = np.arange(len(documents)) - np.repeat(np.cumsum(counts) - counts, counts)
    begins = starts[documents] + numbers * lengths[documents] // counts[documents]
    return np.append(begins, ends[-1]), documents
