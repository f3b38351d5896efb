"""Rows that share most of their words: found by MinHash, and counted by what they really share.

Sources: Broder, On the Resemblance and Containment of Documents (1997); Leskovec, Rajaraman and Ullman, Mining of
Massive Datasets, chapter 3.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from application.phases import counting, phase
from infrastructure.auditing.clones import NO_ROW, Partners
from infrastructure.auditing.forms import words_of
from infrastructure.auditing.sides import Side

NEAR = 0.8  # of the shingles of both, those that both have
SHINGLE = 5  # words in a row
# 21 bands of 6: of pairs that share 0.8 of their shingles 998 in 1,000 are found, of pairs that share half 28 in 100
# are looked at for nothing.
BANDS, ROWS_OF_A_BAND = 21, 6
# A thousand rows of one template would each be looked at a thousand times: of those like a row that is known so many
# are kept to be found.
MOST_ALIKE = 20
SEED = 1

Shingles = NDArray[np.uint64]


def can_find_near_clones() -> bool:
    """Tell whether the library that finds them is installed."""
    return find_spec("datasketch") is not None


def shingles_of(words: Sequence[str], number_of: Callable[[str], int]) -> Shingles:
    """Give the distinct runs of five words as 64 bits each, ascending; a shorter text is one run."""
    numbers = np.fromiter(map(number_of, words), dtype=np.uint64, count=len(words))
    width = min(SHINGLE, len(numbers))
    if not width:
        return numbers
    found = np.zeros(len(numbers) - width + 1, dtype=np.uint64)
    for offset in range(width):
        # Odd factors lose no bit; what overflows is left out, as in any hash of this kind.
        found = (found ^ numbers[offset : offset + len(found)]) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return np.unique(found)


def jaccard(one: Shingles, other: Shingles) -> float:
    """Give the share of all shingles that both texts have; 0 without any."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / max(1, len(one) + len(other) - shared)


class NearIndex:
    """Texts that were added, and which of them a new one is like."""

    def __init__(self) -> None:
        from datasketch import MinHashLSH

        self._index: Any = MinHashLSH(num_perm=BANDS * ROWS_OF_A_BAND, params=(BANDS, ROWS_OF_A_BAND))
        self._shingles: dict[int, Shingles] = {}
        self._leaders: dict[int, int] = {}  # place of a text -> the first that was like it
        self._followers: dict[int, int] = {}

    def partner(self, shingles: Shingles, signature: Any) -> tuple[int, float]:
        """Give the place of the most similar text and the share of shingles, -1 where none reaches 0.8."""
        best, most = NO_ROW, 0.0
        for place in sorted(self._index.query(signature)):
            other = self._shingles[place]
            if min(len(other), len(shingles)) < NEAR * max(len(other), len(shingles)):
                continue
            shared = jaccard(shingles, other)
            if shared >= NEAR and shared > most:
                best, most = place, shared
        return best, most

    def add(self, place: int, shingles: Shingles, signature: Any, partner: int) -> None:
        """Add a text by a number of its own; `partner` is the text that it is like, or -1."""
        leader = self._leaders.get(partner, place)
        if leader != place:
            self._followers[leader] = self._followers.get(leader, 0) + 1
            if self._followers[leader] > MOST_ALIKE:
                return
        self._leaders[place] = leader
        self._index.insert(place, signature)
        self._shingles[place] = shingles


def near_partners(train: Side, evaluation: Side, form: str, text_characters: int) -> Partners:
    """Find rows that share at least 0.8 of their runs of five words; needs datasketch.

    Up to 20 rows that are like the same row are kept to be found, so the time follows the number of rows.
    """
    found = Partners.none(len(train), len(evaluation))
    known = NearIndex()
    signed = _Signed(form, text_characters)
    _search(train, known, signed, found.in_train)
    own = NearIndex()
    with phase(f"comparing words in {evaluation.rows.path.name}", len(evaluation), "rows"):
        for place, text in enumerate(counting(evaluation.texts)):
            shingles, signature = signed(text)
            found.of_evaluation[place], found.similarity[place] = known.partner(shingles, signature)
            _note(own, place, shingles, signature, found.in_evaluation)
    return found


def _search(side: Side, index: NearIndex, signed: "_Signed", has_another: NDArray[np.bool_]) -> None:
    with phase(f"comparing words in {side.rows.path.name}", len(side), "rows"):
        for place, text in enumerate(counting(side.texts)):
            _note(index, place, *signed(text), has_another)


def _note(index: NearIndex, place: int, shingles: Shingles, signature: Any, has_another: NDArray[np.bool_]) -> None:
    partner, _ = index.partner(shingles, signature)
    if partner != NO_ROW:
        has_another[[place, partner]] = True
    index.add(place, shingles, signature, partner)


class _Signed:
    """Gives a text as its shingles and their MinHash."""

    def __init__(self, form: str, text_characters: int) -> None:
        from datasketch import MinHash

        self._form, self._most = form, text_characters
        self._numbers: dict[str, int] = {}
        # The numbers are hashes already; the library wants 32 bits.
        start = MinHash(num_perm=BANDS * ROWS_OF_A_BAND, seed=SEED)
        self._sign = partial(
            MinHash,
            seed=SEED,
            hashfunc=_low_bits,
            permutations=start.permutations,
            scheme=start.scheme,
            num_perm=BANDS * ROWS_OF_A_BAND,
        )

    def __call__(self, text: str) -> tuple[Shingles, Any]:
        shingles = shingles_of(words_of(text[: self._most], self._form), self._number)
        signature = self._sign()
        signature.update_batch(shingles.tolist())
        return shingles, signature

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = hash_of(word)
        return number


def hash_of(word: str) -> int:
    """Give 64 bits that stand for a word in every process alike."""
    from hashlib import blake2b

    return int.from_bytes(blake2b(word.encode("utf-8", errors="replace"), digest_size=8).digest(), "little")


def _low_bits(number: int) -> int:
    return number & 0xFFFFFFFF
