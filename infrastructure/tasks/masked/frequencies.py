"""The simple rival of a model that fills gaps: how frequent tokens are, whatever stands around the gap."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frequencies:
    """Losses of all tokens [V], in nats, by their shares of a text, and the most frequent one."""

    losses: np.ndarray
    best: int

    @classmethod
    def of(cls, counts: np.ndarray, special_token_ids: list[int]) -> "Frequencies":
        """Take the counts of a training part [V]; one is added to each, so that no token is impossible.

        Special tokens are never hidden and take no share.
        """
        shares = counts.astype(np.float64) + 1.0
        shares[special_token_ids] = 0.0
        with np.errstate(divide="ignore"):
            return cls(-np.log(shares / shares.sum()), int(shares.argmax()))

    def loss_sum(self, targets: np.ndarray) -> float:
        """Sum the losses of tokens [T]."""
        return float(self.losses[targets].sum())

    def num_right(self, targets: np.ndarray) -> int:
        """Count how often the most frequent token is the right one."""
        return int((targets == self.best).sum())
