"""Ids of texts as the batches of a graph: those of alike lengths together, padded to the longest."""

from collections.abc import Iterator, Sequence

import numpy as np

# Padded tokens that are read at once; a batch of long texts has few rows.
TOKENS_AT_ONCE = 4_096
Batch = dict[str, np.ndarray]


def batches(rows: Sequence[Sequence[int]], pad: int) -> Iterator[tuple[np.ndarray, Batch]]:
    """Give numbers of rows [B] with `input_ids` and `attention_mask` [B, L], longest first."""
    lengths = np.array([len(row) for row in rows])
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        chosen = order[start : start + max(1, TOKENS_AT_ONCE // longest)]
        yield chosen, padded([rows[row] for row in chosen], pad)
        start += len(chosen)


def padded(rows: Sequence[Sequence[int] | np.ndarray], pad: int, on_left: bool = False) -> Batch:
    """Fill up rows of ids to the longest: `input_ids` and `attention_mask` [B, L]."""
    longest = max(map(len, rows), default=0)
    ids = np.full((len(rows), longest), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        place = slice(longest - len(row), None) if on_left else slice(len(row))
        ids[number, place], mask[number, place] = row, 1
    return {"input_ids": ids, "attention_mask": mask}
