"""Short runs of tokens: what they say by themselves of a weakness and its kind, whatever else stands in the code."""

import numpy as np
import torch
from torch import Tensor, nn

LONGEST = 4
# Of no run: where fewer tokens than it has stand in front.
NONE = 0
_FACTOR, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)


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


class Grams(nn.Module):
    """Scores texts by the runs in them: each counts once, rare ones for more, and all of a text have the length 1."""

    known: Tensor
    scores: Tensor
    rarity: Tensor

    def __init__(self, size: int, num_scores: int) -> None:
        super().__init__()
        self.register_buffer("known", torch.arange(1, size + 1))  # in ascending order
        self.register_buffer("scores", torch.zeros(size, num_scores))
        self.register_buffer("rarity", torch.ones(size))

    @torch.no_grad()
    def take(self, known: np.ndarray, scores: np.ndarray, rarity: np.ndarray) -> None:
        """Take up numbers of runs [G] in ascending order, the scores of each [G, C], and what it counts for [G]."""
        for buffer, values in ((self.known, known), (self.scores, scores), (self.rarity, rarity)):
            buffer.copy_(torch.from_numpy(values))

    def forward(self, grams: Tensor, row: Tensor, num_rows: int) -> Tensor:
        """Score texts [B, C] by their runs [S], none twice in a text; `row` [S] says whose each is."""
        scores, lengths = self._found(grams)
        sums = scores.new_zeros(num_rows, scores.shape[1]).index_add(0, row, lengths[:, None] * scores)
        squares = lengths.new_zeros(num_rows).index_add(0, row, lengths.square())
        return sums / squares.sqrt().clamp_min(1e-6)[:, None]

    def shares(self, grams: np.ndarray) -> np.ndarray:
        """Give what the runs that end at each token [L, LONGEST] of a text add to the first of its scores, [L]."""
        distinct, number, count = np.unique(grams, return_inverse=True, return_counts=True)
        scores, lengths = self._found(torch.from_numpy(distinct).to(self.known.device))
        each = lengths * scores[:, 0] / lengths.square().sum().sqrt().clamp_min(1e-6)
        return (each.cpu().numpy() / count)[number].reshape(grams.shape).sum(1)

    def _found(self, grams: Tensor) -> tuple[Tensor, Tensor]:
        """Give scores [S, C] and lengths [S] of runs; those that are not known have no length."""
        place = torch.searchsorted(self.known, grams).clamp_max(len(self.known) - 1)
        is_known = self.known[place] == grams
        return self.scores[place], torch.where(is_known, self.rarity[place], 0.0)
