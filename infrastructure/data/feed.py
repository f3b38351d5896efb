"""Batches as a function of the step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from domain.step_size import ROWS, TOKENS, StepSize, steps_of_epoch

# Rows of this many steps are sorted by length together: enough to make batches of near-equal lengths, few enough
# that the composition of a batch still changes from epoch to epoch.
STEPS_PER_WINDOW = 50


@dataclass(frozen=True)
class RowsAtOnce:
    """Rows of one micro-batch, and its number in the step; a `spare` one counts for nothing."""

    rows: np.ndarray
    number: int
    is_spare: bool = False


@dataclass(frozen=True)
class StepRows:
    """Rows of one optimizer step, longest first: all of them, and those of this rank in micro-batches.

    Each rank has as many micro-batches; where there are too few, one more is computed and not counted.
    """

    all_rows: np.ndarray
    micro_batches: Sequence[RowsAtOnce]


class Feed:
    """Chooses the rows of a step from (seed, step, rank, world size) alone.

    It has no state to save: a resumed run asks for the next step, a skipped million costs nothing, and another
    number of ranks sees the same rows in the same step. Rows with an equal number in `together` [N] stand in the same
    step, but for those that its end cuts: what differs between twins is then what a step can learn from them.
    A step sees `per_step` rows, and the last of an epoch what is left; or, where `unit` is tokens, as few steps as see
    no more than `per_step` tokens on average see about equally many, each up to a row more than that.
    Ranks share out the tokens of a step evenly, each among its `devices`. With `keeps_cuts` they take whole
    micro-batches of those that one rank alone would make, wherever a full step has enough: what a model draws for a
    micro-batch, as dropout, is then the same, at the cost of ranks that idle in the short step of an epoch.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        per_step: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        together: np.ndarray | None = None,
        keeps_cuts: bool = False,
        devices: int = 1,
        unit: str = ROWS,
    ) -> None:
        self._lengths = np.asarray(lengths)
        # [N], what each row adds to what a step sees; one without a token is one all the same
        self._weights = np.maximum(self._lengths, 1) if unit == TOKENS else np.ones(len(self._lengths), dtype=np.int64)
        self._units = None if together is None else np.unique(together, return_inverse=True)[1]
        self._per_step = per_step
        self._unit = unit
        self._seed = seed
        self._rank = rank
        self._world_size = world_size
        self._keeps_cuts = keeps_cuts
        self._num_places = world_size * devices
        amount = int(self._weights.sum())
        self.steps_per_epoch = steps_of_epoch(amount, int(self._weights.max(initial=1)), per_step)
        # Steps for what rows weigh: the fraction of two whole numbers, for positions must be exact.
        self._pace = (self.steps_per_epoch, amount) if unit == TOKENS else (1, per_step)
        self._order_of = lru_cache(maxsize=1)(self._epoch_order)

    def at(self, step: int, micro_batch_size: int) -> StepRows:
        """Give the rows of `step`, in micro-batches of at most so many rows, or of about so many tokens."""
        epoch, position = divmod(step, self.steps_per_epoch)
        order, ends = self._order_of(epoch)
        rows = order[ends[position] : ends[position + 1]]
        longest_first = rows[np.argsort(-self._lengths[rows], kind="stable")]
        num_cuts = -(-self._per_step // micro_batch_size)
        most_rows = micro_batch_size if self._unit == ROWS else len(rows)
        whole = self._whole(longest_first, num_cuts, most_rows)
        if self._num_places == 1:
            return StepRows(longest_first, [RowsAtOnce(part, number) for number, part in enumerate(whole)])
        if not (self._keeps_cuts and num_cuts >= self._num_places):
            num_parts = -(-len(whole) // self._num_places) * self._num_places
            whole = self._evenly(longest_first, num_parts, most_rows)
        return StepRows(longest_first, self._own(whole))

    def _whole(self, rows: np.ndarray, num_cuts: int, most_rows: int) -> list[np.ndarray]:
        """Cut the rows of a step, longest first, as for one device alone."""
        if self._unit == TOKENS:
            return self._evenly(rows, num_cuts, most_rows)
        return [rows[first : first + most_rows] for first in range(0, len(rows), most_rows)]

    def _evenly(self, rows: np.ndarray, num_parts: int, most_rows: int) -> list[np.ndarray]:
        return np.split(rows, np.cumsum(cut_evenly(self._lengths[rows], num_parts, most_rows))[:-1])

    def first_of(self, rows: np.ndarray, micro_batch_size: int) -> np.ndarray:
        """Give so many of some rows, from the first, as a micro-batch has room for, at least one."""
        return rows[: max(1, int(np.searchsorted(np.cumsum(self._weights[rows]), micro_batch_size, side="right")))]

    def _own(self, parts: Sequence[np.ndarray]) -> list[RowsAtOnce]:
        """Choose the micro-batches of this rank: those of all ranks have about equally many tokens."""
        shares = shared_out([len(part) * int(self._lengths[part].max()) for part in parts], self._world_size)
        own = [RowsAtOnce(parts[number], number) for number in shares[self._rank]]
        spare = RowsAtOnce(parts[-1][-1:], len(parts) - 1, is_spare=True)
        return own + [spare] * (max(map(len, shares)) - len(own))

    def _epoch_order(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Permute all rows; within a window, steps hold rows of near-equal length and come in random order.

        Gives the order [N], and where in it each step begins, and the last one ends [steps + 1].
        """
        rng = random_of(self._seed, "order", epoch)
        order, lengths = self._shuffled(rng)
        pieces: list[np.ndarray] = []
        seen = 0
        for rows in _runs(order, self._step_of(order, seen) // STEPS_PER_WINDOW):
            rows = rows[np.argsort(lengths[rows], kind="stable")]
            steps = _runs(rows, self._step_of(rows, seen))
            seen += int(self._weights[rows].sum())
            # A short step stays at the end of its epoch, where runs that began before ends were kept have it.
            short = [steps.pop()] if self._unit == ROWS and len(steps[-1]) < self._per_step else []
            pieces += [steps[index] for index in rng.permutation(len(steps))] + short
        return np.concatenate(pieces), np.cumsum([0, *map(len, pieces)])

    def _step_of(self, rows: np.ndarray, seen: int) -> np.ndarray:
        """Give the step in which each row [N] begins where rows that weigh `seen` come before them."""
        weights = self._weights[rows]
        steps, amount = self._pace
        return (seen + np.cumsum(weights) - weights) * steps // amount

    def _shuffled(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Permute all rows, or the units of them; gives the order [N], and of each row the length to sort by [N]."""
        if self._units is None:
            return rng.permutation(len(self._lengths)), self._lengths
        longest = np.zeros(self._units.max() + 1, dtype=self._lengths.dtype)
        np.maximum.at(longest, self._units, self._lengths)
        place = rng.permutation(len(longest))[self._units]  # [N]
        # A fraction keeps units of equal length apart, and each of them in one piece.
        return np.argsort(place, kind="stable"), longest[self._units] + place / len(longest)


def _runs(rows: np.ndarray, numbers: np.ndarray) -> list[np.ndarray]:
    """Cut rows [N] where their numbers [N], which never fall, rise."""
    return np.split(rows, np.flatnonzero(np.diff(numbers)) + 1)


class RowNoise:
    """Uniform noise for the tokens of some rows in some step.

    The noise of a row depends on (seed, step, row, position) alone: however the rows of a step are cut into
    micro-batches, each meets the same noise.
    """

    def __init__(self, seed: int, step: int, rows: np.ndarray) -> None:
        self._keys = _mixed(np.asarray(rows, dtype=np.uint64) ^ np.uint64(seed_of(seed, "words", step)))

    def uniform(self, width: int) -> np.ndarray:
        """Give numbers in [0, 1) of shape [rows, width], fp32."""
        counters = np.arange(1, width + 1, dtype=np.uint64) * _GOLDEN  # wraps, as it should
        bits = _mixed(self._keys[:, None] + counters[None, :])
        return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Scramble 64-bit counters. Source: the finaliser of SplitMix64, Steele, Lea and Flood, OOPSLA 2014."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


_PURPOSES: Mapping[str, int] = {"order": 1, "words": 2, "dropout": 3}


def random_of(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """Give the generator that belongs to a seed, a purpose and a place in the run, whatever was drawn before."""
    return np.random.Generator(np.random.Philox(_entropy(seed, purpose, *counters)))


def seed_of(seed: int, purpose: str, *counters: int) -> int:
    """Give a 63-bit seed for generators that are not numpy's."""
    return int(_entropy(seed, purpose, *counters).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _entropy(seed: int, purpose: str, *counters: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(entropy=seed, spawn_key=(_PURPOSES[purpose], *counters))


def cut_anew(size: StepSize, num_places: int) -> str:
    """Say of a model that draws dropout what becomes of it where a step has too few micro-batches for all."""
    if size.batches >= num_places:
        return ""
    whole = "1 micro-batch" if size.batches == 1 else f"{size.batches} micro-batches"
    told = f"a step of {whole} is cut into {num_places}, so that dropout falls otherwise"
    if size.per_step % num_places:
        return f"{told} than on one device."
    least = f"{size.setting}={size.per_step // num_places}"
    return f"{told} than on one device; {least} gradient_accumulation_steps={num_places} keeps it."


def cut_evenly(lengths: np.ndarray, num_parts: int, most_rows: int) -> list[int]:
    """Cut rows, longest first, into at most `num_parts` pieces of about equally many places for tokens.

    Lengths [N]; gives the rows of each piece. A piece has as many places as rows times its longest row.
    """
    lengths = np.maximum(lengths, 1)
    least, enough = int(lengths[0]), int(lengths[0]) * most_rows
    while least < enough:
        middle = (least + enough) // 2
        if len(_filled(lengths, middle, most_rows)) <= num_parts:
            enough = middle
        else:
            least = middle + 1
    sizes = _filled(lengths, enough, most_rows)
    while len(sizes) < min(num_parts, len(lengths)):  # fewer pieces would do; each rank is to have one all the same
        largest = max(range(len(sizes)), key=sizes.__getitem__)
        half = sizes[largest] // 2
        sizes[largest : largest + 1] = [half, sizes[largest] - half]
    return sizes


def _filled(lengths: np.ndarray, places: int, most_rows: int) -> list[int]:
    """Count the rows of each piece when each takes what fits into so many places."""
    sizes: list[int] = []
    start = 0
    while start < len(lengths):
        size = min(most_rows, max(1, places // int(lengths[start])), len(lengths) - start)
        sizes.append(size)
        start += size
    return sizes


def shared_out(costs: Sequence[int], num_shares: int) -> list[list[int]]:
    """Share out pieces of work by their costs, equally many to each as far as they go; gives their numbers, in order.

    The dearest first, each to who has least so far. Source: Graham, Bounds on Multiprocessing Timing Anomalies (1969).
    """
    most = -(-len(costs) // num_shares)
    shares: list[list[int]] = [[] for _ in range(num_shares)]
    loads = [0] * num_shares
    for number in sorted(range(len(costs)), key=lambda n: -costs[n]):
        to = min((n for n in range(num_shares) if len(shares[n]) < most), key=lambda n: (loads[n], len(shares[n]), n))
        shares[to].append(number)
        loads[to] += costs[number]
    return [sorted(share) for share in shares]


def batches_by_length(lengths: np.ndarray, rows_at_once: int) -> list[np.ndarray]:
    """Cut all rows into batches of near-equal length, longest first, for work whose order does not matter.

    A batch has room for `rows_at_once` of the longest rows, and of shorter ones as many as take the same room.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    sorted_lengths = np.maximum(np.asarray(lengths)[order], 1)
    sizes = _filled(sorted_lengths, rows_at_once * int(sorted_lengths[0]), len(order)) if len(order) else []
    return np.split(order, np.cumsum(sizes)[:-1]) if sizes else []
