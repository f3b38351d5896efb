"""What the tokens of rows cost: cross-entropies from the scores of a graph, a few rows at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infrastructure.data.pairs.datasets import IGNORED
from infrastructure.exported.texts import TOKENS_AT_ONCE, padded
from infrastructure.exported.writing.writer import Writer

ROWS_AT_ONCE = 512  # are laid out, and put in the order of their lengths


@dataclass(frozen=True)
class Stretch:
    """Tokens of a row that are read [L], and those that follow each [L], -100 where that does not count.

    `source` is what an encoder reads before.
    """

    row: int
    ids: np.ndarray
    targets: np.ndarray
    source: np.ndarray

    @property
    def size(self) -> int:
        """Tokens of both."""
        return len(self.ids) + len(self.source)


def token_losses(
    writer: Writer, dataset: Any, document_start: int | None, advance: Callable[[int], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Give the sum of the loss (nats) of each row [N], and of how many tokens it is [N].

    Behind `document_start`, wherever it stands, nothing of what stands before is seen. `advance` is told of rows done.
    """
    sums, counts = np.zeros(len(dataset)), np.zeros(len(dataset), dtype=np.int64)
    for start in range(0, len(dataset), ROWS_AT_ONCE):
        some = range(start, min(start + ROWS_AT_ONCE, len(dataset)))
        stretches = [each for row in some for each in _stretches(writer, row, dataset.arrays(row), document_start)]
        for batch in _batches(stretches):
            rows = [each.row for each in batch]
            losses, are_targets = _losses(writer, batch)
            np.add.at(sums, rows, losses)
            np.add.at(counts, rows, are_targets)
        advance(len(some))
    return sums, counts


def _stretches(writer: Writer, row: int, arrays: dict[str, np.ndarray], start: int | None) -> Iterator[Stretch]:
    """Lay a row out as the model has learnt it."""
    ids, labels = arrays["input_ids"], arrays["labels"]
    if writer.encoder is not None:
        first = writer.signs.start_token_id
        labels = labels[1:] if len(labels) > 1 and labels[0] == first else labels
        read = np.concatenate(([first], np.where(labels == IGNORED, writer.pad, labels)[:-1]))
        yield Stretch(row, read, labels, ids)
        return
    read, targets = ids[:-1], labels[1:]
    cuts: np.ndarray = np.flatnonzero(read == start if start is not None else ())
    for part, wanted in zip(np.split(read, cuts), np.split(targets, cuts), strict=True):
        if len(part):
            yield Stretch(row, part, wanted, part[:0])


def _batches(stretches: Sequence[Stretch]) -> Iterator[Sequence[Stretch]]:
    """Put stretches of about the same length together, the longest first."""
    order = sorted(stretches, key=lambda stretch: -stretch.size)
    while order:
        count = max(1, TOKENS_AT_ONCE // order[0].size)
        yield order[:count]
        order = order[count:]


def _losses(writer: Writer, batch: Sequence[Stretch]) -> tuple[np.ndarray, np.ndarray]:
    """Give the sum of the loss of each stretch [B], and its number of targets [B]."""
    read = padded([each.ids for each in batch], writer.pad)
    targets = padded([each.targets for each in batch], IGNORED)["input_ids"]  # [B, L]
    sums = np.zeros(len(batch))
    rows = writer.rows([each.source for each in batch])
    for part, scores in rows.read(read["input_ids"], read["attention_mask"]):
        wanted = targets[:, part]
        at, place = np.nonzero(wanted != IGNORED)
        np.add.at(sums, at, _cross_entropies(scores[at, place], wanted[at, place]))
    return sums, (targets != IGNORED).sum(1)


def _cross_entropies(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Give the cross-entropy of each target [T] in nats, from scores [T, V]."""
    scores = scores - scores.max(-1, keepdims=True, initial=-np.inf)
    sums = np.exp(scores).sum(-1, dtype=np.float64)
    return np.log(sums) - scores[np.arange(len(targets)), targets]
