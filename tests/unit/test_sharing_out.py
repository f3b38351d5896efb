"""How rows of a step are shared out over ranks: each once, evenly by tokens, cut as by one rank where that counts."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.config import TrainingConfig
from domain.plan import TrainingPlan
from domain.step_size import TOKENS
from infrastructure.data.feed import Feed, RowsAtOnce, cut_evenly, shared_out

SKEWED = np.random.default_rng(0).lognormal(4.0, 1.2, size=1000).astype(int) + 1
LENGTHS = st.lists(st.integers(0, 300), min_size=1, max_size=70)


def shares(
    lengths: Sequence[int] | np.ndarray, size: int, rows: int, at_once: int, step: int, keeps_cuts: bool = False
) -> list[Sequence[RowsAtOnce]]:
    """Give the micro-batches of each rank in a step."""
    of_rank = [Feed(np.asarray(lengths), rows, 1, rank, size, keeps_cuts=keeps_cuts) for rank in range(size)]
    return [feed.at(step, at_once).micro_batches for feed in of_rank]


def places(lengths: np.ndarray, share: Sequence[RowsAtOnce]) -> int:
    """Count what a rank computes for tokens, padding among it."""
    return sum(len(part.rows) * int(lengths[part.rows].max()) for part in share)


@given(LENGTHS, st.integers(1, 9), st.integers(1, 20), st.integers(1, 6), st.integers(0, 9), st.booleans())
def test_each_row_of_a_step_is_learnt_from_once(
    lengths: list[int], size: int, rows: int, at_once: int, step: int, keeps_cuts: bool
) -> None:
    [alone] = shares(lengths, 1, rows, at_once, step)
    all_shares = shares(lengths, size, rows, at_once, step, keeps_cuts)
    counted = [part for share in all_shares for part in share if not part.is_spare]
    expected = sorted(row for part in alone for row in part.rows)
    assert sorted(row for part in counted for row in part.rows) == expected
    assert sorted(part.number for part in counted) == list(range(len(counted)))
    assert all(1 <= len(part.rows) <= at_once for share in all_shares for part in share)
    assert len({len(share) for share in all_shares}) == 1  # as many passes on each, or one would wait for ever


@pytest.mark.parametrize("keeps_cuts", [False, True])
@pytest.mark.parametrize(("size", "rows", "at_once"), [(2, 32, 8), (4, 64, 16), (4, 64, 4), (8, 256, 8)])
def test_ranks_compute_about_equally_many_tokens_though_lengths_are_skewed(
    size: int, rows: int, at_once: int, keeps_cuts: bool
) -> None:
    worst = []
    for step in range(1000 // rows):
        computed = [places(SKEWED, share) for share in shares(SKEWED, size, rows, at_once, step, keeps_cuts)]
        worst.append(max(computed) / np.mean(computed))
    assert np.mean(worst) < 1.15, worst
    assert max(worst) < 1.5, worst


@example(SKEWED[SKEWED < 300].tolist(), 0, 1, 2, False)  # many windows of steps
@example([5, 5, 1], 0, 1, 3, True)  # even cuts would leave the second step of three without a row
@given(LENGTHS, st.integers(0, 400), st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_an_epoch_by_tokens_has_each_row_once_in_steps_of_about_as_many(
    lengths: list[int], room: int, batches: int, size: int, keeps_cuts: bool
) -> None:
    weights = np.maximum(lengths, 1)
    longest = int(weights.max())
    budget = longest + room
    per_step = budget * batches
    feeds = [Feed(np.asarray(lengths), per_step, 1, rank, size, None, keeps_cuts, unit=TOKENS) for rank in range(size)]
    num_steps = feeds[0].steps_per_epoch
    config = TrainingConfig(batch_tokens=max(2, budget), gradient_accumulation_steps=batches)
    if longest > 1:
        assert TrainingPlan.of(config, len(lengths), int(weights.sum()), longest).steps_per_epoch == num_steps
    seen: list[int] = []
    for step in range(num_steps, 2 * num_steps):
        of_ranks = [feed.at(step, budget) for feed in feeds]
        rows = of_ranks[0].all_rows
        assert len(rows)
        assert weights[rows].sum() < weights.sum() / num_steps + longest
        assert len({len(share.micro_batches) for share in of_ranks}) == 1
        counted = [row for share in of_ranks for part in share.micro_batches if not part.is_spare for row in part.rows]
        assert sorted(counted) == sorted(rows)
        seen += counted
    assert sorted(seen) == list(range(len(lengths)))
    assert (num_steps - 1) * per_step < weights.sum()  # no fewer would do
    assert weights.sum() / num_steps <= per_step or per_step < 2 * longest


def test_half_the_tokens_at_once_are_twice_as_many_micro_batches_of_the_same_rows() -> None:
    feed = Feed(SKEWED[SKEWED < 300], 2400, 1, unit=TOKENS)
    whole, half = feed.at(7, 1200), feed.at(7, 600)
    assert [len(step.micro_batches) for step in (whole, half)] == [2, 4]
    assert list(whole.all_rows) == list(half.all_rows) == [row for part in half.micro_batches for row in part.rows]


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("step", [3, 7], ids=["full step", "short step"])
def test_ranks_that_keep_cuts_compute_the_micro_batches_of_one(size: int, step: int) -> None:
    lengths = np.arange(61)  # five rows in the last step: two micro-batches, fewer than ranks
    [alone] = shares(lengths, 1, 8, 2, step)
    assert len(alone) == (4 if step == 3 else 3)
    counted = [part for share in shares(lengths, size, 8, 2, step, True) for part in share if not part.is_spare]
    assert {part.number: list(part.rows) for part in counted} == {part.number: list(part.rows) for part in alone}


def test_a_step_with_fewer_cuts_than_ranks_is_cut_anew_so_that_none_is_idle() -> None:
    for share in shares(np.arange(1, 65), 4, 8, 8, 2, True):
        assert [len(part.rows) for part in share if not part.is_spare]


def test_ranks_without_a_row_compute_one_that_is_not_counted() -> None:
    all_shares = shares([5, 3, 9], 5, 3, 4, 0)
    assert [[part.is_spare for part in share] for share in all_shares].count([True]) == 2


@given(LENGTHS, st.integers(1, 12), st.integers(1, 8))
def test_pieces_hold_all_rows_and_are_as_many_as_can_be(lengths: list[int], num_parts: int, most_rows: int) -> None:
    longest_first = np.sort(np.asarray(lengths))[::-1]
    num_parts = max(num_parts, -(-len(lengths) // most_rows))
    sizes = cut_evenly(longest_first, num_parts, most_rows)
    assert sum(sizes) == len(lengths)
    assert len(sizes) == min(num_parts, len(lengths))
    assert 1 <= min(sizes) <= max(sizes) <= most_rows


@example([0] * 5, 4)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60), st.integers(1, 9))
def test_shares_hold_each_piece_once_and_none_much_more_than_another(costs: list[int], num_shares: int) -> None:
    found = shared_out(costs, num_shares)
    assert sorted(number for share in found for number in share) == list(range(len(costs)))
    assert max(map(len, found)) == -(-len(costs) // num_shares)
    if len(costs) >= num_shares:
        assert min(map(len, found)) >= 1  # nobody idles beside one who has two pieces
