"""From what a reader says of windows to labels: a text is as weak as its worst token."""

from dataclasses import dataclass

import numpy as np

from infrastructure.code_reading.batching import Arrays
from infrastructure.code_reading.grams import GramScores

# Of a label among the rows of a kind: what was never seen may be all the same.
LEAST_SHARE = 1e-6
SEVERITIES, KNOWN, SCORES, RARITY = "severities", "grams.known", "grams.scores", "grams.rarity"
NOTHING = "nothing"


@dataclass(frozen=True)
class Judging:
    """What a finished reader knows beside its layers.

    `negative` is the place of the label that names no weakness. `severities` [K, C - 1] say how often each kind has
    each of the others, None for a reader that tells the labels apart itself; `grams` what runs of tokens say.
    """

    negative: int
    severities: np.ndarray | None = None
    grams: GramScores | None = None

    def to_arrays(self) -> Arrays:
        """Give what `of_arrays` reads, by name."""
        found = {} if self.severities is None else {SEVERITIES: self.severities}
        if self.grams is not None:
            found |= {KNOWN: self.grams.known, SCORES: self.grams.scores, RARITY: self.grams.rarity}
        return found or {NOTHING: np.zeros(1, dtype=np.float32)}

    @classmethod
    def of_arrays(cls, negative: int, arrays: Arrays) -> "Judging":
        """Read what was kept. Raises: KeyError where a part is missing."""
        grams = GramScores(arrays[KNOWN], arrays[SCORES], arrays[RARITY]) if KNOWN in arrays else None
        return cls(negative, arrays.get(SEVERITIES), grams)

    def verdict(self, said: Arrays, batch: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Give log-probabilities of labels [B, C] and scores of kinds [B, K], of what is said of windows."""
        row = batch["row"]
        num_rows = int(row.max()) + 1
        worst = np.where(batch["attention_mask"] == 0, -np.inf, said["marks"][..., 0]).max(1)  # [W]
        score = np.full(num_rows, -np.inf, dtype=worst.dtype)
        np.maximum.at(score, row, worst)
        number = np.arange(len(worst))
        first = np.full(num_rows, len(worst) - 1)
        np.minimum.at(first, row, np.where(worst >= score[row], number, len(worst) - 1))
        kinds = said["kinds"][first]
        if self.grams is not None:
            beside = self.grams.of_texts(batch["grams"], batch["gram_row"], num_rows)
            score, kinds = score + beside[:, 0], kinds + beside[:, 1:]
        labels = -np.logaddexp(0, -score)[:, None] + self._severities_of(kinds)  # [B, C - 1]
        safe = -np.logaddexp(0, score)[:, None]
        return np.concatenate([labels[:, : self.negative], safe, labels[:, self.negative :]], axis=1), kinds

    def _severities_of(self, kinds: np.ndarray) -> np.ndarray:
        """Give log-probabilities [B, C - 1] of the labels of weak code from scores of kinds [B, K]."""
        log_kinds = kinds - np.logaddexp.reduce(kinds, axis=1, keepdims=True)
        if self.severities is None:
            return log_kinds
        shares = np.log(np.maximum(self.severities, LEAST_SHARE))  # [K, C - 1]
        result: np.ndarray = np.logaddexp.reduce(log_kinds[:, :, None] + shares, axis=1)
        return result
