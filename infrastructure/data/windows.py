"""Windows of a series: cut when they are asked for, so that memory holds the series once."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from torch.utils.data import Dataset

from infrastructure.data.series import Series

FIRST_LINE = 2  # below the names of the columns


class Window(NamedTuple):
    """One window by its anchor, the last row that it sees; many are cut in one go by `cut`."""

    source: "Windows"
    anchor: int


class Windows(Dataset[Window]):
    """Windows of a series by their anchors [N]; with `labels` [rows] each has the class of its anchor.

    Anchors without anything observed in their history or behind it are left out. `lengths` [N] are the rows that a
    window sees.
    """

    def __init__(
        self,
        series: Series,
        anchors: np.ndarray,
        context_length: int,
        horizons: Sequence[int],
        name: str = "series",
        sha256: str = "",
        labels: np.ndarray | None = None,
    ) -> None:
        self.series = series
        self.context_length = context_length
        self.horizons = tuple(horizons)
        self.labels = labels
        self.sha256 = sha256
        self.anchors = anchors[_usable(series, anchors, context_length, self.horizons, labels)]
        self.lengths = np.ones(len(self.anchors), dtype=np.int8)  # all alike: batches need no sorting by length
        self._name = name

    def few(self, count: int) -> "Windows":
        """Give at most `count` of the windows, evenly spread, the last one among them."""
        places = np.unique(np.linspace(len(self) - 1, 0, min(count + 1, len(self))).astype(np.int64))[-count:]
        return self.at(self.anchors[places])

    def at(self, anchors: np.ndarray) -> "Windows":
        """Give the windows of the same series at other anchors [N]."""
        return Windows(self.series, anchors, self.context_length, self.horizons, self._name, self.sha256, self.labels)

    def __len__(self) -> int:
        return len(self.anchors)

    def __getitem__(self, index: int) -> Window:
        return Window(self, int(self.anchors[index]))

    def cut(self, anchors: np.ndarray) -> dict[str, np.ndarray]:
        """Give the windows at anchors [B] as arrays: history, and `target` [B, T, H] or `labels` [B]."""
        window = self.series.history(anchors, self.context_length)
        if self.labels is not None:
            return {**window, "labels": self.labels[anchors].astype(np.int64)}
        return {**window, "target": self.series.targets(anchors, self.horizons)}

    @property
    def statistics(self) -> Mapping[str, Any]:
        """Counts a person wants to see before training."""
        counts = {"num_windows": len(self), "num_rows": len(self.series), "context_length": self.context_length}
        if len(self):
            counts |= {"first_row": int(self.anchors[0]), "last_row": int(self.anchors[-1])}
        return counts

    @cached_property
    def fingerprint(self) -> str:
        """Give what differs when the values, their scale or the windows do."""
        digest = hashlib.sha256(self.anchors.tobytes())
        for array in (self.series.values, self.series.observed, self.series.calendar, self.labels):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        digest.update(repr((self.series.values.shape, self.series.num_targets)).encode())
        digest.update(repr((self.context_length, self.horizons)).encode())
        return digest.hexdigest()[:32]

    def row_id(self, index: int) -> str:
        """Name a window by its last row, counted as lines of a CSV file are when no row was moved or added."""
        return f"{self._name}:{int(self.anchors[index]) + FIRST_LINE}"


def _usable(
    series: Series, anchors: np.ndarray, context_length: int, horizons: Sequence[int], labels: np.ndarray | None
) -> np.ndarray:
    """Tell which anchors [N] have something to see and something to be scored on."""
    usable: np.ndarray = np.ones(len(anchors), dtype=bool)
    if labels is not None:
        usable &= labels[anchors] >= 0
    if series.observed.all():
        return usable
    seen = np.concatenate([[0], np.cumsum(series.observed.any(axis=1))])
    usable &= seen[anchors + 1] > seen[np.maximum(anchors + 1 - context_length, 0)]
    if labels is None:
        known = np.asarray(series.observed[:, : series.num_targets].any(axis=1))
        ahead = np.zeros(len(anchors), dtype=bool)
        for step in horizons:
            ahead |= known[np.minimum(anchors + step, len(series) - 1)] & (anchors + step < len(series))
        usable &= ahead
    return usable
