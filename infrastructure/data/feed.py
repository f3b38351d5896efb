"""Batches as a function of the step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

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
    Ranks share out the tokens of a step evenly, each among its `devices`. With `keeps_cuts` they take whole
    micro-batches of those that one rank alone would make, wherever a full step has enough: what a model draws for a
    micro-batch, as dropout, is then the same, at the cost of ranks that idle in the short step of an epoch.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        rows_per_step: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        together: np.ndarray | None = None,
        keeps_cuts: bool = False,
        devices: int = 1,
    ) -> None:
        self._lengths = np.asarray(lengths)
        self._units = None if together is None else np.unique(together, return_inverse=True)[1]
        self._rows_per_step = rows_per_step
        self._seed = seed
        self._rank = rank
        self._world_size = world_size
        self._keeps_cuts = keeps_cuts
        self._num_places = world_size * devices
        self.steps_per_epoch = -(-len(self._lengths) // rows_per_step)
        self._order_of = lru_cache(maxsize=1)(self._epoch_order)

    def at(self, step: int, micro_batch_size: int) -> StepRows:
        """Give the rows of `step`, in micro-batches of at most `micro_batch_size` rows."""
        epoch, position = divmod(step, self.steps_per_epoch)
        start = position * self._rows_per_step
        rows = self._order_of(epoch)[start : start + self._rows_per_step]
        longest_first = rows[np.argsort(-self._lengths[rows], kind="stable")]
        whole = [longest_first[first : first + micro_batch_size] for first in range(0, len(rows), micro_batch_size)]
        if self._num_places == 1:
            return StepRows(longest_first, [RowsAtOnce(part, number) for number, part in enumerate(whole)])
        if self._keeps_cuts and -(-self._rows_per_step // micro_batch_size) >= self._num_places:
            return StepRows(longest_first, self._own(whole))
        num_parts = -(-len(whole) // self._num_places) * self._num_places
        sizes = cut_evenly(self._lengths[longest_first], num_parts, micro_batch_size)
        return StepRows(longest_first, self._own(np.split(longest_first, np.cumsum(sizes)[:-1])))

    def _own(self, parts: Sequence[np.ndarray]) -> list[RowsAtOnce]:
        """Choose the micro-batches of this rank: those of all ranks have about equally many tokens."""
        shares = shared_out([len(part) * int(self._lengths[part].max()) for part in parts], self._world_size)
        own = [RowsAtOnce(parts[number], number) for number in shares[self._rank]]
        spare = RowsAtOnce(parts[-1][-1:], len(parts) - 1, is_spare=True)
        return own + [spare] * (max(map(len, shares)) - len(own))

    def _epoch_order(self, epoch: int) -> np.ndarray:
        """Permute all rows; within a window, steps hold rows of near-equal length and come in random order."""
        rng = random_of(self._seed, "order", epoch)
        order, lengths = self._shuffled(rng)
        window = self._rows_per_step * STEPS_PER_WINDOW
        pieces = []
        for start in range(0, len(order), window):
            rows = order[start : start + window]
            rows = rows[np.argsort(lengths[rows], kind="stable")]
            steps = [rows[first : first + self._rows_per_step] for first in range(0, len(rows), self._rows_per_step)]
            # The one short step of an epoch stays at the end, for positions are computed and not stored.
            short = [steps.pop()] if len(steps[-1]) < self._rows_per_step else []
            pieces += [steps[index] for index in rng.permutation(len(steps))] + short
        return np.concatenate(pieces)

    def _shuffled(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Permute all rows, or the units of them; gives the order [N], and of each row the length to sort by [N]."""
        if self._units is None:
            return rng.permutation(len(self._lengths)), self._lengths
        longest = np.zeros(self._units.max() + 1, dtype=self._lengths.dtype)
        np.maximum.at(longest, self._units, self._lengths)
        place = rng.permutation(len(longest))[self._units]  # [N]
        # A fraction keeps units of equal length apart, and each of them in one piece.
        return np.argsort(place, kind="stable"), longest[self._units] + place / len(longest)


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


def cut_anew(rows_per_step: int, rows_at_once: int, num_places: int) -> str:
    """Say of a model that draws dropout what becomes of it where a step has too few micro-batches for all."""
    num_cuts = -(-rows_per_step // rows_at_once)
    if num_cuts >= num_places:
        return ""
    whole = "1 micro-batch" if num_cuts == 1 else f"{num_cuts} micro-batches"
    told = f"a step of {whole} is cut into {num_places}, so that dropout falls otherwise"
    if rows_per_step % num_places:
        return f"{told} than on one device."
    least = rows_per_step // num_places
    return f"{told} than on one device; batch_size={least} gradient_accumulation_steps={num_places} keeps it."


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


def batches_by_length(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Cut all rows into batches of near-equal length, longest first, for work whose order does not matter."""
    order = np.argsort(-np.asarray(lengths), kind="stable")
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
