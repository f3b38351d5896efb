"""One stream of tokens, kept on disk and cut into blocks of equal length."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from application.phases import phase
from domain.exceptions import DatasetError
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.kept.mapped import MappedBytes
from infrastructure.data.some_rows import as_tensors, digest_of
from infrastructure.data.text.encoded import dtype_for, encoded
from infrastructure.data.text.parts import DocumentPart
from infrastructure.data.tokens.tokenization import fingerprint

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase


class TokenBlocks:
    """A stream of N tokens in blocks: block i holds tokens i*L to i*L + L inclusive.

    Neighbours share one token, the last target of one and the first input of the next: with `input_ids[:-1]` as
    inputs and `labels[1:]` as targets, every token but the first of the stream is a target exactly once. The last
    block may be shorter. Each document begins with the sign of beginning, which is also the end of the one before
    it; a single document has no sign.
    """

    def __init__(self, part: DocumentPart, entry: CacheEntry, block_length: int) -> None:
        facts = json.loads((entry / "stream.json").read_text(encoding="utf-8"))
        self._part = part
        self._stream = MappedBytes(entry / "stream.bin")
        self._dtype = np.dtype(facts["dtype"])
        self._num_unknown = int(facts["num_unknown"])
        self.document_start_id: int | None = facts["document_start_id"]
        self._entry = entry
        self.block_length = block_length
        self.num_tokens = len(self._stream) // self._dtype.itemsize

    def __len__(self) -> int:
        return -(-self.num_targets // self.block_length)

    def __getitem__(self, index: int) -> "dict[str, Tensor]":
        return as_tensors(self.arrays(index))

    def arrays(self, index: int) -> dict[str, np.ndarray]:
        """Give the tokens of a block as `input_ids` and `labels` [L + 1] int64."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"block {index} of {len(self)}")
        start = index % len(self) * self.block_length
        ids = self.tokens(start, start + self.block_length + 1).astype(np.int64)
        return {"input_ids": ids, "labels": ids}

    def tokens(self, start: int, end: int) -> np.ndarray:
        """Read the tokens of the stream from `start` up to `end` or its end."""
        size = self._dtype.itemsize
        return np.frombuffer(self._stream.read(size * start, size * min(end, self.num_tokens)), dtype=self._dtype)

    @property
    def num_targets(self) -> int:
        """Tokens to be told from those before them: all but the first."""
        return self.num_tokens - 1

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each block [N], the shared ones counted twice."""
        lengths = np.full(len(self), self.block_length + 1, dtype=np.int32)
        lengths[-1] = self.num_tokens - (len(self) - 1) * self.block_length
        return lengths

    @property
    def statistics(self) -> Mapping[str, Any]:
        """Counts a person wants to see before training."""
        return {
            "num_rows": len(self),
            "num_tokens": self.num_tokens,
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
        """Give what differs when the text, its tokens or the length of a block do."""
        return f"{self._part.sha256} {self._entry.digest_of(*self._entry.digests)} {self.block_length}"

    def digest(self, index: int) -> str:
        """Give what is equal for the same tokens in the same place of the same text."""
        return digest_of(self._part.sha256, str(index % len(self)), self.arrays(index)["input_ids"].tobytes())

    def row_id(self, index: int) -> str:
        """Name a block by its place in the stream."""
        start = index % len(self) * self.block_length
        end = min(start + self.block_length + 1, self.num_tokens)
        return f"{self._part.documents.path.name}:tokens {start}-{end - 1}"


def token_blocks(part: DocumentPart, tokenizer: "PreTrainedTokenizerBase", block_length: int) -> TokenBlocks:
    """Turn a part into ids once, or map those of an earlier call, and cut them into blocks of `block_length` targets.

    Text that spells out a special token means its letters. Raises: DatasetError when there is not one whole block.
    """
    key = key_of("stream of letters", part.sha256, part.documents.cache_key, fingerprint(tokenizer))
    entry = cached("stream", key, lambda staging: _keep_stream(part, tokenizer, staging))
    blocks = TokenBlocks(part, entry, block_length)
    if blocks.num_tokens <= block_length:
        raise DatasetError(
            f"a part of {part.documents.path.name} has {blocks.num_tokens} tokens, fewer than one block of max_length"
            f" {block_length} and the token behind it.",
            remedy="Lower max_length, or give more text.",
        )
    return blocks


def _keep_stream(part: DocumentPart, tokenizer: "PreTrainedTokenizerBase", directory: Path) -> None:
    dtype = dtype_for(tokenizer)
    unknown = tokenizer.unk_token_id
    start = document_start(tokenizer) if len(part.documents) > 1 else None
    num_unknown = 0
    with phase("tokenising", len(part.pieces), "pieces") as done, (directory / "stream.bin").open("wb") as file:
        for ids, begins in encoded(part.pieces, tokenizer):
            done.advance()
            if begins and start is not None:
                file.write(np.array([start], dtype=dtype).tobytes())
            tokens = np.asarray(ids, dtype=dtype)
            num_unknown += 0 if unknown is None else int((tokens == unknown).sum())
            file.write(tokens.tobytes())
    facts = {"dtype": dtype.name, "num_unknown": num_unknown, "document_start_id": start}
    (directory / "stream.json").write_text(json.dumps(facts, allow_nan=False), encoding="utf-8")


def document_start(tokenizer: "PreTrainedTokenizerBase") -> int | None:
    """Give the token that begins a document of several, None where the tokenizer has no such sign."""
    # A foreign tokenizer may know an end alone; between two documents it says the same.
    return tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
