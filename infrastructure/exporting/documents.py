"""Blocks of a stream of text cut where documents begin: a graph has no mask that keeps them apart within a row."""

from itertools import pairwise
from typing import Any

import numpy as np


class DocumentsApart:
    """Gives each stretch of a block that belongs to one document as a row, with the same targets in all."""

    def __init__(self, blocks: Any, start: int) -> None:
        self._blocks = blocks
        self._places: list[tuple[int, int, int]] = []  # block, and from where to where in it
        for block in range(len(blocks)):
            ids = blocks[block]["input_ids"].numpy()
            # The sign of a beginning is told from what stands before it, and so ends that stretch too.
            borders = [0, *(int(place) for place in np.flatnonzero(ids[1:-1] == start) + 1), len(ids) - 1]
            self._places += [(block, first, last + 1) for first, last in pairwise(borders)]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> dict[str, Any]:
        block, start, end = self._places[index]
        ids = self._blocks[block]["input_ids"][start:end]
        return {"input_ids": ids, "labels": ids}

    @property
    def lengths(self) -> np.ndarray:
        """Give the number of tokens of each row [N]."""
        return np.array([end - start for _, start, end in self._places])

    def row_id(self, index: int) -> str:
        """Name the block that a row is cut from."""
        return str(self._blocks.row_id(self._places[index][0]))
