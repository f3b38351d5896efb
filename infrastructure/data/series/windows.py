"""Windows of a series: cut when they are asked for, so that memory holds the series once."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.naive import Naive
from infrastructure.data.series.series import Series
from infrastructure.data.some_rows import digest_of, spread
from infrastructure.data.table.table import Table

FIRST_LINE = 2  # below the names of the columns


class Window(NamedTuple):
    """One window by its anchor, the last row that it sees; many are cut in one go by `cut`."""

    source: "Windows"
    anchor: int


def to_learn(window: Mapping[str, Any]) -> dict[str, Any]:
    """Give windows that were cut as a model sees them: on the scale on which targets are learnt."""
    seen = {"values": window.get("seen", window["values"])}
    return {**window, **seen, **({"target": window.get("learnt", window["target"])} if "target" in window else {})}


class Windows:
    """Windows of a series by their anchors [N]; with `labels` [rows] each has the class of its anchor.

    An anchor is left out, as `left_out` [M] has them, unless one target at least was observed both in its history and
    behind it; a target that its history does not hold is not scored. `lengths` [N] are the rows that a window sees.
    `table` is what the series was made of: it knows the times of its rows. With `naive` windows carry its forecasts.
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
        table: Table | None = None,
        naive: Naive | None = None,
    ) -> None:
        self.series = series
        self.context_length = context_length
        self.horizons = tuple(horizons)
        self.labels = labels
        self.table = table
        self.naive = naive
        self.sha256 = sha256
        is_usable = _usable(series, anchors, context_length, self.horizons, labels)
        self.anchors, self.left_out = anchors[is_usable], anchors[~is_usable]
        self.lengths = np.ones(len(self.anchors), dtype=np.int8)  # all alike: batches need no sorting by length
        self.warnings: tuple[str, ...] = ()  # about the table, for whoever scores all of it
        self._name = name

    def few(self, count: int) -> "Windows":
        """Give at most `count` of the windows, evenly spread, the last one among them."""
        return self.at(self.anchors[spread(len(self), count)])

    def at(self, anchors: np.ndarray) -> "Windows":
        """Give the windows of the same series at other anchors [N]."""
        place = self.context_length, self.horizons, self._name, self.sha256, self.labels, self.table, self.naive
        return Windows(self.series, anchors, *place)

    def __len__(self) -> int:
        return len(self.anchors)

    def __getitem__(self, index: int) -> Window:
        return Window(self, int(self.anchors[index]))

    def cut(self, anchors: np.ndarray) -> dict[str, np.ndarray]:
        """Give the windows at anchors [B] as arrays: history, and `target` [B, T, H] or `labels` [B].

        Where the table has columns that are known ahead or describe a series, what they say is there too; where windows
        carry forecasts that need no model, these stand under their names, [B, T, H], with `level` and `unit` [B, T],
        which bring targets back to their own units, the `moments` at which they begin and are known, and of a long
        table the number of the `series` [B]. Where targets are learnt on another scale, `seen` and `learnt` are
        `values` and `target` on it.
        """
        series = self.series
        window = series.history(anchors, self.context_length)
        if series.covariates is not None:
            window |= series.known_ahead(anchors, max(self.horizons))
        if self.labels is not None:
            return {**window, "labels": self.labels[anchors].astype(np.int64)}
        target = series.targets(anchors, self.horizons)
        if self._may_lack_history:
            target[~window["observed"][..., : series.num_targets].any(axis=1)] = np.nan
        if self.naive is not None:
            window |= self.naive.forecasts(series, window["observed"], anchors, self.horizons)
            window |= dict(zip(("begins", "known"), self.moments(anchors), strict=True))
        if (self.naive is not None or series.is_mapped) and series.level is not None and series.unit is not None:
            numbers = series.numbers_of(anchors)
            window |= {"level": series.level[numbers], "unit": series.unit[numbers]}
            window |= {} if series.offsets is None else {"series": numbers}
        if series.is_mapped:
            window["learnt"] = series.learnt(anchors, target)
        return {**window, "target": target}

    @cached_property
    def _may_lack_history(self) -> bool:
        """Tell whether any history of this length lacks a target: most tables need no look at each window."""
        targets = self.series.observed[:, : self.series.num_targets]
        if targets.all():
            return False
        rows = np.arange(len(self.series))
        start = _first_seen(self.series, rows, self.context_length)
        return not all(_any_in(known, start, rows + 1).all() for known in targets.T)

    @property
    def overlap(self) -> int:
        """Count the successive windows that share a step of what follows them: 1 when no two do."""
        if len(self) < 2:
            return max(self.horizons)
        if self._shares_a_clock:
            begins, ends = self.moments(self.anchors)
            # As far as windows usually reach in time: a horizon of rows may span nights.
            return overlap_in_time(begins, max(1, int(np.median(ends - begins))))
        closest = int(np.diff(self.anchors).min())
        return max(1, -(-max(self.horizons) // max(1, closest)))

    def moments(self, anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give when windows at anchors [B] begin, and when all that they forecast has come: [B] each.

        In rows; where several series share a clock, in its microseconds.
        """
        last = anchors + max(self.horizons)
        if not self._shares_a_clock:
            return anchors, last
        assert self.table is not None
        assert self.table.stamps is not None
        ends = self.series.ends[self.series.numbers_of(anchors) + 1]
        return self.table.stamps[anchors], self.table.stamps[np.minimum(last, ends - 1)]

    @property
    def _shares_a_clock(self) -> bool:
        return self.series.offsets is not None and self.table is not None and self.table.stamps is not None

    @property
    def statistics(self) -> Mapping[str, Any]:
        """Counts a person wants to see before training."""
        counts = {"num_windows": len(self), "num_rows": len(self.series), "context_length": self.context_length}
        if self.series.offsets is not None:
            counts["num_series"] = len(self.series.ends) - 1
        elif len(self):
            counts |= {"first_row": int(self.anchors[0]), "last_row": int(self.anchors[-1])}
        return counts

    @cached_property
    def fingerprint(self) -> str:
        """Give what differs when the values, their scale or the windows do."""
        digest = hashlib.sha256(self.anchors.tobytes())
        series = self.series
        arrays = [series.values, series.observed, series.calendar, self.labels, series.offsets, series.moments]
        if (beside := series.covariates) is not None:
            arrays += [beside.categories, beside.static, beside.static_categories]
        for array in arrays:
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        digest.update(repr((self.series.values.shape, self.series.num_targets)).encode())
        digest.update(repr((self.context_length, self.horizons)).encode())
        return digest.hexdigest()[:32]

    def digest(self, index: int) -> str:
        """Give what is equal for the same future at the same place on the same scale, whatever the history seen."""
        anchor = self.anchors[index : index + 1]
        future = self.series.targets(anchor, self.horizons) if self.labels is None else self.labels[anchor]
        return digest_of(str(int(anchor[0])), np.ascontiguousarray(future).tobytes())

    def row_id(self, index: int) -> str:
        """Name a window by its last row, counted as lines of a CSV file are when no row was moved or added.

        Of many series, by the series and the time of that row.
        """
        if isinstance(self.table, LongTable):
            return f"{self._name}: {self.table.place_of(int(self.anchors[index]))}"
        return f"{self._name}:{int(self.anchors[index]) + FIRST_LINE}"


def overlap_in_time(times: np.ndarray, reach: int) -> int:
    """Count the successive windows, by their ascending times [N], that share a step of what follows, at the busiest."""
    ends = np.searchsorted(times, times + reach, side="left")
    return max(1, int((ends - np.arange(len(times))).max()))


def _first_seen(series: Series, anchors: np.ndarray, context_length: int) -> np.ndarray:
    """Give the first row that a window sees, which is of the series of its anchor."""
    first = anchors + 1 - context_length
    return first if series.offsets is None else np.maximum(first, series.ends[series.numbers_of(anchors)])


def _usable(
    series: Series, anchors: np.ndarray, context_length: int, horizons: Sequence[int], labels: np.ndarray | None
) -> np.ndarray:
    """Tell which anchors [N] have something to see and something to be scored on."""
    start = _first_seen(series, anchors, context_length)
    if labels is not None:
        classified: np.ndarray = labels[anchors] >= 0
        if series.observed.all():
            return classified
        return classified & _any_in(np.asarray(series.observed.any(axis=1)), start, anchors + 1)
    observed = series.observed[:, : series.num_targets]
    if observed.all():
        return np.ones(len(anchors), dtype=bool)
    usable = np.zeros(len(anchors), dtype=bool)
    for known in observed.T:
        ahead = np.zeros(len(anchors), dtype=bool)
        for first, last in _runs(horizons):
            ahead |= _any_in(known, anchors + first, anchors + last + 1)
        usable |= ahead & _any_in(known, start, anchors + 1)
    return usable


def _any_in(known: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Tell of stretches of rows, from `start` [N] to `end` [N], the latter outside, whether any is known [rows]."""
    count = np.concatenate([[0], np.cumsum(known)])
    found: np.ndarray = count[np.clip(end, 0, len(known))] > count[np.clip(start, 0, len(known))]
    return found


def _runs(steps: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Give the first and the last of each run of steps that follow each other."""
    first = before = steps[0]
    for step in steps[1:]:
        if step != before + 1:
            yield first, before
            first = step
        before = step
    yield first, before
