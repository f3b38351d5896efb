"""How sure BLEU and chrF are: rows are resampled, and both scores follow from sums over rows."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.interval import UNKNOWN, Interval
from infrastructure.data.some_rows import spread
from infrastructure.statistics.corrected import RESAMPLES, SEED, corrected_interval, normal_interval

Floats = NDArray[np.floating[Any]]

BLEU_ORDER, CHRF_ORDER = 4, 6
_RECALL_COUNTS = 2.0  # as often as precision, in chrF
MAX_ROWS_COUNTED = 2_000  # their n-grams take as long as scoring does; of more rows these tell the spread
_WRITTEN, _WANTED, _SHARED = range(3)


@dataclass(frozen=True)
class TextScore:
    """A score from counts of n-grams: up to which order, of which pieces of a text, and what their sums [..., 3, order]
    come to, [...]: n-grams written, wanted, and those of the written that were wanted. With `only_where_wanted` a row
    that wants none of a length has written none either.
    """

    order: int
    pieces: Callable[[str], Sequence[str]]
    score: Callable[[Floats], Floats]
    only_where_wanted: bool = False

    def interval(self, estimate: float, outputs: Sequence[str], references: Sequence[str]) -> Interval:
        """Give the interval of a score of all rows. Unknown for fewer than two."""
        rows = spread(len(outputs), MAX_ROWS_COUNTED) if len(outputs) > 1 else ()
        if len(rows) < 2:
            return UNKNOWN
        counts = np.stack([self.counts(outputs[row], references[row]) for row in rows])  # [K, 3, order]
        without_one = self.score(counts.sum(axis=0) - counts)
        ones = np.ones(len(rows))
        if len(rows) < len(outputs):
            of_these = float(self.score(counts.sum(axis=0)))
            found = Interval(
                *(end + estimate - of_these for end in normal_interval(of_these, without_one, ones, len(outputs)))
            )
        else:
            drawn = np.random.default_rng(SEED).multinomial(len(rows), ones / len(rows), RESAMPLES)  # [R, K]
            sums = (drawn @ counts.reshape(len(rows), -1)).reshape(RESAMPLES, 3, self.order)
            found = corrected_interval(estimate, self.score(sums), without_one, ones)
        return Interval(max(found.low, 0.0), min(found.high, 100.0)) if found.is_known else found

    def counts(self, output: str, reference: str) -> Floats:
        """Count the n-grams of a row: [3, order]."""
        found = np.zeros((3, self.order))
        written, wanted = self.pieces(output), self.pieces(reference)
        for place in range(self.order):
            ours, theirs = (_ngrams(pieces, place + 1) for pieces in (written, wanted))
            if theirs or not self.only_where_wanted:
                found[:, place] = ours.total(), theirs.total(), (ours & theirs).total()
        return found


def _ngrams(pieces: Sequence[str], length: int) -> Counter[Any]:
    stretches = zip(*(pieces[start:] for start in range(length)), strict=False)
    return Counter(stretches)


def _bleu(sums: Floats) -> Floats:
    """Give BLEU with the smoothing `exp` of sacrebleu: the first order without a match counts half a match, and so on.

    Source: Post, A Call for Clarity in Reporting BLEU Scores (2018).
    """
    written, shared = sums[..., _WRITTEN, :], sums[..., _SHARED, :]
    missed = shared == 0
    halves = np.where(missed, 0.5 ** np.cumsum(missed, axis=-1), shared)
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions = np.where(written > 0, halves / written, 0.0)
        brevity = np.exp(np.minimum(0.0, 1.0 - sums[..., _WANTED, 0] / written[..., 0]))
        score = 100.0 * brevity * np.exp(np.log(precisions).mean(axis=-1))
    return np.where(shared.any(axis=-1), score, 0.0)


def _chrf(sums: Floats) -> Floats:
    """Give chrF2: precision and recall averaged over the orders that both sides have, recall counting double.

    Source: Popovic, chrF (2015), as sacrebleu takes it.
    """
    written, wanted, shared = (sums[..., place, :] for place in (_WRITTEN, _WANTED, _SHARED))
    there = (written > 0) & (wanted > 0)
    num_orders = np.maximum(there.sum(axis=-1), 1)
    precision = np.where(there, shared / np.maximum(written, 1), 0.0).sum(axis=-1) / num_orders
    recall = np.where(there, shared / np.maximum(wanted, 1), 0.0).sum(axis=-1) / num_orders
    factor = _RECALL_COUNTS**2
    below = factor * precision + recall
    return 100.0 * np.divide((1 + factor) * precision * recall, below, out=np.zeros_like(below), where=below > 0)


def _characters(text: str) -> str:
    return "".join(text.split())


TEXT_SCORES = {"bleu": TextScore(BLEU_ORDER, str.split, _bleu), "chrf": TextScore(CHRF_ORDER, _characters, _chrf, True)}
