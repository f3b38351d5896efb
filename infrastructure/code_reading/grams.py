"""Short runs of tokens: their numbers, and what those that are known say by themselves of a weakness and its kind."""

from dataclasses import dataclass

import numpy as np

LONGEST = 4
# Of no run: where fewer tokens than it has stand in front.
NONE = 0
_FACTOR, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)
_LEAST_LENGTH = 1e-6


def grams_of(ids: np.ndarray, vocabulary_size: int) -> np.ndarray:
    """Give a number for each run of 1, 2, ... tokens that ends at each of ids [L], [L, LONGEST] int64.

    All names are one in it, so that a run is a form of words: `execute ( name %`. Equal runs have equal numbers on any
    machine; that two others share one is as good as never.
    """
    known = np.minimum(ids, vocabulary_size).astype(np.uint64) + np.uint64(1)
    found = np.zeros((len(ids), LONGEST), dtype=np.uint64)
    before = np.ones(len(ids), dtype=np.uint64)
    for size in range(LONGEST):
        run = before * _FACTOR + known
        run ^= run >> _SHIFT
        found[size:, size] = run[size:]
        before = np.roll(run, 1)
    return found.view(np.int64)


@dataclass(frozen=True)
class GramScores:
    """Runs [G] in ascending order, the scores of each [G, C], and what it counts for [G]: rare ones count for more."""

    known: np.ndarray
    scores: np.ndarray
    rarity: np.ndarray

    def of_texts(self, grams: np.ndarray, row: np.ndarray, num_rows: int) -> np.ndarray:
        """Score texts [B, C] by their runs [S], none twice in a text; `row` [S] says whose each is."""
        scores, lengths = self._found(grams)
        sums = np.zeros((num_rows, scores.shape[1]), dtype=scores.dtype)
        np.add.at(sums, row, lengths[:, None] * scores)
        squares = np.zeros(num_rows, dtype=scores.dtype)
        np.add.at(squares, row, np.square(lengths))
        result: np.ndarray = sums / np.maximum(np.sqrt(squares), _LEAST_LENGTH)[:, None]
        return result

    def shares(self, grams: np.ndarray) -> np.ndarray:
        """Give what the runs that end at each token [L, LONGEST] of a text add to the first of its scores, [L]."""
        distinct, number, count = np.unique(grams, return_inverse=True, return_counts=True)
        scores, lengths = self._found(distinct)
        each = lengths * scores[:, 0] / max(float(np.sqrt(np.square(lengths).sum())), _LEAST_LENGTH)
        shares: np.ndarray = (each / count)[number].reshape(grams.shape).sum(1)
        return shares

    def _found(self, grams: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give scores [S, C] and lengths [S] of runs; those that are not known have no length."""
        place = np.minimum(np.searchsorted(self.known, grams), len(self.known) - 1)
        is_known = self.known[place] == grams
        return self.scores[place], np.where(is_known, self.rarity[place], np.float32(0.0))
