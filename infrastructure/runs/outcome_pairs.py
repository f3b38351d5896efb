"""Pairs the rows of two runs by what they hold, and tests how the runs differ on them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.comparison import Difference, PairedOutcomes, RightAnswers
from domain.interval import Interval
from infrastructure.runs.outcomes import outcomes_of
from infrastructure.statistics.confusions import intervals_of_difference
from infrastructure.statistics.paired import averages_of, difference_of_means, mcnemar

Columns = Mapping[str, Sequence[Any]]
Floats = NDArray[np.float64]
SEED = 0
# How many nats a row costs, however many tokens it is cut into.
LOSS_OF_ROW = "loss_per_row"
# Of fewer rows a resample holds so few different ones that its interval is far from 95 %.
MIN_SHARED = 10


class OutcomePairs:
    """Reads what became of each row of a run; the same two runs give the same numbers each time."""

    def pair(self, first: str, second: str, overlap: int) -> PairedOutcomes:
        """Compare two runs on the rows that both were scored on, of windows `overlap` successive ones share a step.

        Raises: RunError for a run without them, and for files that are damaged.
        """
        one, other = outcomes_of(first), outcomes_of(second)
        places = _shared(one, other)
        counts = PairedOutcomes(len(one["digest"]), len(other["digest"]), len(places[0]))
        if not counts.num_shared:
            return counts
        with np.errstate(over="ignore", invalid="ignore"):  # losses that are not finite are told of
            found = _tested(_taken(one, places[0]), _taken(other, places[1]), counts, overlap)
        return found if counts.num_shared >= MIN_SHARED else replace(found, differences=_untold(found.differences))


def _shared(first: Columns, second: Columns) -> tuple[list[int], list[int]]:
    """Give the places of equal rows in both, in the order of the first; the n-th of equal rows belongs to the n-th."""
    waiting = defaultdict(list)
    for place in reversed(range(len(second["digest"]))):
        waiting[second["digest"][place]].append(place)
    ours, theirs = [], []
    for place, digest in enumerate(first["digest"]):
        if waiting[digest]:
            ours.append(place)
            theirs.append(waiting[digest].pop())
    return ours, theirs


def _taken(columns: Columns, places: Sequence[int]) -> Columns:
    return {name: [values[place] for place in places] for name, values in columns.items()}


def _tested(first: Columns, second: Columns, counts: PairedOutcomes, overlap: int) -> PairedOutcomes:
    known = first.keys() & second.keys()
    if {"label", "answer", "loss"} <= known:
        return _of_labels(first, second, counts, overlap)
    if {"loss_sum", "num_targets"} <= known:
        return _of_texts(first, second, counts)
    if {"loss", "mse", "mae", "num_points"} <= known:
        return _of_windows(first, second, counts, overlap)
    return _with(counts, (), notes=("they hold different things of their rows, so that no test is possible.",))


def _untold(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    return tuple(replace(found, low=None, high=None) for found in differences)


def _of_labels(first: Columns, second: Columns, counts: PairedOutcomes, overlap: int) -> PairedOutcomes:
    names, codes = np.unique([*first["label"], *first["answer"], *second["answer"]], return_inverse=True)
    labels, one, other = np.split(codes, 3)
    intervals = intervals_of_difference(labels, other, one, len(names), SEED, overlap)
    before, after = averages_of(labels, one, len(names)), averages_of(labels, other, len(names))
    differences = [
        _difference(name, float(before[name]), float(after[name]), interval) for name, interval in intervals.items()
    ]
    ones = np.ones(len(labels))
    differences.append(_of_means("loss", _numbers(first, "loss"), _numbers(second, "loss"), ones, overlap))
    right, too = one == labels, other == labels
    only = int((right & ~too).sum()), int((too & ~right).sum())
    answers = RightAnswers(int((right & too).sum()), *only, int((~right & ~too).sum()), mcnemar(*only))
    return _with(counts, differences, None if overlap > 1 else answers, overlap=overlap)


def _of_texts(first: Columns, second: Columns, counts: PairedOutcomes) -> PairedOutcomes:
    one, other = _numbers(first, "loss_sum"), _numbers(second, "loss_sum")
    targets = _numbers(first, "num_targets")
    if (targets == _numbers(second, "num_targets")).all():
        per_token = np.maximum(targets, 1)
        return _with(counts, [_of_means("loss", one / per_token, other / per_token, targets, 1)])
    told = "their tokenizers cut the texts into other tokens, so that losses are compared per row and not per token."
    return _with(counts, [_of_means(LOSS_OF_ROW, one, other, np.ones(len(one)), 1)], notes=(told,))


def _of_windows(first: Columns, second: Columns, counts: PairedOutcomes, overlap: int) -> PairedOutcomes:
    points = _numbers(first, "num_points")
    names = ("loss", "mse", "mae")
    differences = [_of_means(name, _numbers(first, name), _numbers(second, name), points, overlap) for name in names]
    return _with(counts, differences, overlap=overlap)


def _of_means(name: str, first: Floats, second: Floats, counts: Floats, overlap: int) -> Difference:
    counted = counts > 0
    one, other = (
        float(np.average(values[counted], weights=counts[counted])) if counted.any() else float("nan")
        for values in (first, second)
    )
    return _difference(name, one, other, difference_of_means(first, second, counts, SEED, overlap))


def _difference(name: str, first: float, second: float, interval: Interval) -> Difference:
    low, high = interval if interval.is_known else (None, None)
    return Difference(name, first, second, second - first, low, high)


def _numbers(columns: Columns, name: str) -> Floats:
    return np.asarray(columns[name], dtype=np.float64)


def _with(
    counts: PairedOutcomes,
    differences: Sequence[Difference],
    answers: RightAnswers | None = None,
    overlap: int = 1,
    notes: tuple[str, ...] = (),
) -> PairedOutcomes:
    return PairedOutcomes(
        counts.num_first, counts.num_second, counts.num_shared, overlap, tuple(differences), answers, notes
    )
