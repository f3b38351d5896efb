"""Token ids of many texts, made once, kept on disk and mapped into memory."""

import hashlib
import json
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from infrastructure.data.cache import cached, key_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEXTS_PER_CALL = 512
CHARACTERS_PER_TOKEN = 24


class TokenStore(Sequence[np.ndarray]):
    """Token ids [L_i] of text i, special tokens included, at most `max_length` of them."""

    def __init__(self, directory: Path) -> None:
        self._ends: np.ndarray = np.load(directory / "ends.npy")
        self._tokens = np.memmap(directory / "tokens.bin", dtype=np.int32, mode="r")
        self.num_cut = int(json.loads((directory / "tokens.json").read_text(encoding="utf-8"))["num_cut"])

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each text [N]."""
        return np.diff(self._ends, prepend=0)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> np.ndarray:  # type: ignore[override]  # slices are of no use here
        start = int(self._ends[index - 1]) if index else 0
        return np.asarray(self._tokens[start : int(self._ends[index])])


def tokenize(texts: Sequence[str], cache_key: str, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> TokenStore:
    """Turn texts into ids, or map those of an earlier call for the same texts, tokenizer and length."""
    key = key_of("tokens", cache_key, fingerprint(tokenizer), max_length)
    return TokenStore(cached("tokens", key, lambda staging: _keep_tokens(texts, tokenizer, max_length, staging)))


def fingerprint(tokenizer: "PreTrainedTokenizerBase") -> str:
    """Give a SHA-256 that differs when two tokenizers could give different ids."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    rules: Any = json.loads(backend.to_str()) if backend is not None else sorted(tokenizer.get_vocab().items())
    if backend is not None:
        # Left there by the latest call; kept in, they would make every second call tokenise all anew.
        del rules["truncation"], rules["padding"]
    special = sorted(tokenizer.special_tokens_map.items())
    sides = f"{tokenizer.truncation_side} {getattr(tokenizer, 'split_special_tokens', False)}"
    described = f"{type(tokenizer).__name__} {sides} {special} {json.dumps(rules)}"
    return hashlib.sha256(described.encode("utf-8", errors="replace")).hexdigest()


def _keep_tokens(texts: Sequence[str], tokenizer: "PreTrainedTokenizerBase", max_length: int, directory: Path) -> None:
    ends = array("q")
    total = num_cut = 0
    with (directory / "tokens.bin").open("wb") as file:
        for ids, was_cut in _encoded(texts, tokenizer, max_length):
            total += len(ids)
            num_cut += was_cut
            ends.append(total)
            file.write(np.asarray(ids, dtype=np.int32).tobytes())
    np.save(directory / "ends.npy", np.frombuffer(ends, dtype=np.int64))
    (directory / "tokens.json").write_text(json.dumps({"num_cut": num_cut}), encoding="utf-8")


def _encoded(
    texts: Sequence[str], tokenizer: "PreTrainedTokenizerBase", max_length: int
) -> Iterator[tuple[list[int], bool]]:
    # A function of 100,000 characters keeps 512 tokens: encoding its head alone saves most of the time. Where the
    # head turns out too short (long runs of blanks are one token), the whole text is encoded after all.
    head = max_length * CHARACTERS_PER_TOKEN
    for start in range(0, len(texts), TEXTS_PER_CALL):
        batch = [texts[index] for index in range(start, min(start + TEXTS_PER_CALL, len(texts)))]
        heads = tokenizer([text[:head] for text in batch], add_special_tokens=True, truncation=False, verbose=False)
        for text, ids in zip(batch, heads["input_ids"], strict=True):
            if len(ids) > max_length:
                yield _cut(tokenizer, text[:head], max_length), True
            elif len(text) > head:
                whole = tokenizer(text, add_special_tokens=True, truncation=False, verbose=False)["input_ids"]
                yield _cut(tokenizer, text, max_length), len(whole) > max_length
            else:
                yield ids, False


def _cut(tokenizer: "PreTrainedTokenizerBase", text: str, max_length: int) -> list[int]:
    return list(tokenizer(text, add_special_tokens=True, truncation=True, max_length=max_length)["input_ids"])
