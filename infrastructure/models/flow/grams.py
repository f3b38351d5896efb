"""Short runs of tokens as a part of a model: what they say of a text, whatever else stands in the code."""

import numpy as np
import torch
from torch import Tensor, nn

from infrastructure.code_reading.grams import GramScores


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

    def in_arrays(self) -> GramScores:
        """Give what it knows."""
        return GramScores(*(buffer.cpu().numpy() for buffer in (self.known, self.scores, self.rarity)))

    def _found(self, grams: Tensor) -> tuple[Tensor, Tensor]:
        """Give scores [S, C] and lengths [S] of runs; those that are not known have no length."""
        place = torch.searchsorted(self.known, grams).clamp_max(len(self.known) - 1)
        is_known = self.known[place] == grams
        return self.scores[place], torch.where(is_known, self.rarity[place], 0.0)
