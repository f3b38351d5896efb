"""Token ids of many texts, made once, kept on disk and mapped into memory."""

import hashlib
import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from application.phases import phase
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.kept.mapped import MappedBytes
from infrastructure.data.tokens.text_ids import text_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Texts and a greatest length, None for none, to ids.
Encode = Callable[[list[str], int | None], list[list[int]]]
TEXTS_PER_CALL = 512
CHARACTERS_PER_TOKEN = 24
LONGEST_READ = 1 << 20  # characters


class TokenStore(Sequence[np.ndarray]):
    """Token ids [L_i] of text i, at most `max_length` of them; `was_cut` [N] tells which texts had more."""

    def __init__(self, entry: CacheEntry) -> None:
        self._entry = entry
        self._ends: np.ndarray = np.load(entry / "ends.npy")
        self._tokens = MappedBytes(entry / "tokens.bin")
        self.was_cut: np.ndarray = np.load(entry / "was_cut.npy")

    @property
    def num_cut(self) -> int:
        """Number of texts that had more tokens."""
        return int(self.was_cut.sum())

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each text [N]."""
        return np.diff(self._ends, prepend=0)

    @property
    def sha256(self) -> str:
        """Give what differs when any token of any text does."""
        return self._entry.digest_of("tokens.bin", "ends.npy")

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> np.ndarray:  # type: ignore[override]  # slices are of no use here
        start = int(self._ends[index - 1]) if index else 0
        return np.frombuffer(self._tokens.read(4 * start, 4 * int(self._ends[index])), dtype=np.int32)


def tokenize(
    texts: Sequence[str],
    cache_key: str,
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int,
    *,
    marks: bool = True,
    as_target: bool = False,
) -> TokenStore:
    """Turn texts into ids, or map those of an earlier call for the same texts, tokenizer and length.

    `marks` adds the signs of beginning and end that the tokenizer has; `as_target` asks for the ids that a decoder
    learns, for some tokenizers know two languages.
    """
    key = key_of("tokens of letters", cache_key, fingerprint(tokenizer), max_length, marks, as_target)
    encode = partial(text_ids, tokenizer, marks=marks, as_target=as_target)
    return TokenStore(cached("tokens", key, lambda staging: _keep_tokens(texts, encode, max_length, staging)))


def bounded(text: str, max_length: int) -> str:
    """Give as much of a text as is encoded at most: one word of many megabytes would take minutes and gigabytes."""
    return text[: most_characters(max_length)]


def most_characters(max_length: int) -> int:
    """Give how many characters of a text are encoded at most."""
    return max(LONGEST_READ, max_length * CHARACTERS_PER_TOKEN)


def length_statistics(lengths: np.ndarray) -> dict[str, Any]:
    """Give the counts of rows and tokens that a person wants to see before training, from the lengths [N]."""
    return {
        "num_rows": len(lengths),
        "num_tokens": int(lengths.sum()),
        "mean_tokens": float(lengths.mean()),
        "median_tokens": float(np.median(lengths)),
        "max_tokens": int(lengths.max()),
    }


def cut_told(num_cut: int, num_rows: int, name: str, max_length: int, lost: str = "") -> tuple[str, ...]:
    """Say, when there are any, how many rows of a file were cut; `lost` is what that may cost."""
    if not num_cut:
        return ()
    share = f"{num_cut} of {num_rows} rows ({num_cut / num_rows:.0%}) of {name}"
    return (f"{share} are longer than max_length {max_length} and were cut{lost and f'; {lost}'}.",)


def rows_fingerprint(sha256: str, *parts: np.ndarray | str) -> str:
    """Give what differs when the file or one of the parts does: row numbers, labels, names, digests of tokens."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode("utf-8", errors="surrogatepass") if isinstance(part, str) else part.tobytes()
        digest.update(f"{len(content)} ".encode())  # so that nothing can move from one part to the next
        digest.update(content)
    return f"{sha256} {digest.hexdigest()[:32]}"


def fingerprint(tokenizer: "PreTrainedTokenizerBase") -> str:
    """Give a SHA-256 that differs when two tokenizers could give different ids."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    rules: Any = json.loads(backend.to_str()) if backend is not None else sorted(tokenizer.get_vocab().items())
    if backend is not None:
        # Left there by the latest call; kept in, they would make every second call tokenise all anew.
        del rules["truncation"], rules["padding"]
    special = sorted(tokenizer.special_tokens_map.items())
    sides = f"{tokenizer.truncation_side} {getattr(tokenizer, 'split_special_tokens', False)}"
    described = f"{type(tokenizer).__name__} {sides} {special} {json.dumps(rules, allow_nan=False)}"
    return hashlib.sha256(described.encode("utf-8", errors="replace")).hexdigest()


def _keep_tokens(texts: Sequence[str], encode: Encode, max_length: int, directory: Path) -> None:
    ends, cuts = array("q"), array("b")
    total = 0
    with phase("tokenising", len(texts), "texts") as done, (directory / "tokens.bin").open("wb") as file:
        for ids, was_cut in _encoded(texts, encode, max_length):
            done.advance()
            total += len(ids)
            cuts.append(was_cut)
            ends.append(total)
            file.write(np.asarray(ids, dtype=np.int32).tobytes())
    np.save(directory / "ends.npy", np.frombuffer(ends, dtype=np.int64))
    np.save(directory / "was_cut.npy", np.frombuffer(cuts, dtype=np.bool_))


def _encoded(texts: Sequence[str], encode: Encode, max_length: int) -> Iterator[tuple[list[int], bool]]:
    # A function of 100,000 characters keeps 512 tokens: encoding its head alone saves most of the time. Where the
    # head turns out too short (long runs of blanks are one token), the whole text is encoded after all.
    head = max_length * CHARACTERS_PER_TOKEN
    for start in range(0, len(texts), TEXTS_PER_CALL):
        batch = [texts[index] for index in range(start, min(start + TEXTS_PER_CALL, len(texts)))]
        for text, ids in zip(batch, encode([text[:head] for text in batch], None), strict=True):
            if len(ids) > max_length:
                yield encode([text[:head]], max_length)[0], True
            elif len(text) > head:
                read = bounded(text, max_length)
                num_tokens = len(encode([read], None)[0])
                yield encode([read], max_length)[0], num_tokens > max_length or len(read) < len(text)
            else:
                yield ids, False
