"""What retention, patience and the plan hold for every input, against oracles written another way."""

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.config import TrainingConfig
from domain.plan import TrainingPlan
from domain.progress import EarlyStopping
from domain.retention import CheckpointMetadata, kept, ranked
from domain.schedule import SCHEDULERS, Plateau

# Thirty courses of few values find what a hundred do, in half the time; the unit tests together have ten seconds.
FEW = settings(max_examples=30)
DIRECTIONS = st.sampled_from(("min", "max"))
SCORES = st.one_of(st.none(), st.just(math.nan), st.integers(-3, 3).map(float))
# Few different values, so that equal scores meet; NaN as an evaluation that failed.
VALUES = st.lists(st.one_of(st.just(math.nan), st.integers(0, 6).map(float)), max_size=14)


def saved(scores: Sequence[float | None]) -> list[CheckpointMetadata]:
    """Give a checkpoint for each score; steps are counted in tens."""
    return [
        CheckpointMetadata(f"step-{10 * i}", 10 * i, 0, "m", score, saved_at=0.0, size_bytes=1)
        for i, score in enumerate(scores)
    ]


def signed(value: float, direction: str) -> float:
    """Turn a value round where less is better, so that more is better always."""
    return value if direction == "max" else -value


# Retention


@FEW
@given(st.permutations(range(7)), st.lists(SCORES, min_size=7, max_size=7), DIRECTIONS, st.integers(1, 5))
def test_the_order_in_which_checkpoints_are_listed_does_not_matter(
    order: list[int], scores: list[float | None], direction: str, limit: int
) -> None:
    listed, best = saved(scores), 2
    shuffled = [listed[place] for place in order]
    assert kept(shuffled, direction, limit, best) == kept(listed, direction, limit, best)
    assert ranked(shuffled, direction) == ranked(listed, direction)


@FEW
@given(st.lists(SCORES, min_size=1, max_size=9), DIRECTIONS, st.integers(1, 5), st.integers(1, 4))
def test_the_best_and_the_newest_stay_within_the_bounds_and_no_room_is_left_unused(
    scores: list[float | None], direction: str, limit: int, best: int
) -> None:
    stay = kept(saved(scores), direction, limit, best)
    finite = sorted((-signed(s, direction), i) for i, s in enumerate(scores) if s is not None and not math.isnan(s))
    assert {f"step-{10 * i}" for _, i in finite[:best]} <= stay
    assert f"step-{10 * (len(scores) - 1)}" in stay
    assert min(limit, len(scores)) <= len(stay) <= max(limit, min(best, len(finite)) + 1)


@FEW
@given(st.lists(SCORES, min_size=1, max_size=9), DIRECTIONS, st.integers(1, 5), st.integers(1, 4))
def test_choosing_again_among_what_stayed_drops_nothing(
    scores: list[float | None], direction: str, limit: int, best: int
) -> None:
    listed = saved(scores)
    stay = kept(listed, direction, limit, best)
    assert kept([c for c in listed if c.name in stay], direction, limit, best) == stay
    assert stay <= kept(listed, direction, limit + 1, best)


@FEW
@given(st.lists(SCORES, min_size=1, max_size=12), DIRECTIONS, st.integers(1, 4))
def test_dropping_after_each_save_never_loses_the_best_of_all(
    scores: list[float | None], direction: str, limit: int
) -> None:
    disk: list[CheckpointMetadata] = []
    for made in saved(scores):
        disk.append(made)
        stay = kept(disk, direction, limit)
        disk = [checkpoint for checkpoint in disk if checkpoint.name in stay]
    assert ranked(disk, direction)[:1] == ranked(saved(scores), direction)[:1]


@FEW
@given(st.integers(1, 9), st.integers(1, 9))
def test_without_scores_the_newest_stay(count: int, limit: int) -> None:
    stay = kept(saved([None] * count), "min", limit)
    assert stay == {f"step-{10 * i}" for i in range(max(0, count - limit), count)}


# Patience


def gains(values: Sequence[float], direction: str, min_delta: float) -> list[bool]:
    """Say which values lie beyond the last gain by more than `min_delta`."""
    found: list[bool] = []
    last = -math.inf
    for value in values:
        found.append(not math.isnan(value) and signed(value, direction) > last + min_delta)
        last = signed(value, direction) if found[-1] else last
    return found


@FEW
@given(VALUES, DIRECTIONS, st.integers(0, 4), st.sampled_from((0.0, 1.0, 2.0)))
def test_patience_ends_a_run_after_that_many_evaluations_in_a_row_without_gain(
    values: list[float], direction: str, patience: int, min_delta: float
) -> None:
    stopping = EarlyStopping(patience, min_delta)
    said = [stopping.says_stop(value, direction) for value in values]
    gained = gains(values, direction, min_delta)
    expected = [
        patience > 0 and i + 1 >= patience and not any(gained[i + 1 - patience : i + 1]) for i in range(len(values))
    ]
    assert said == expected


@FEW
@given(VALUES, DIRECTIONS, st.integers(1, 4))
def test_a_plateau_reduces_once_for_each_full_patience_within_a_stretch_without_gain(
    values: list[float], direction: str, patience: int
) -> None:
    plateau = Plateau(patience)
    for value in values:
        plateau.take_in(value, direction)
    stretches = "".join("+" if gain else "-" for gain in gains(values, direction, 0.0)).split("+")
    assert plateau.num_reductions == sum(len(stretch) // patience for stretch in stretches)
    assert plateau.num_without_gain == len(stretches[-1]) % patience


# Plan

plans = st.builds(
    lambda rows, **wanted: TrainingPlan.of(TrainingConfig(**wanted), rows),
    st.integers(1, 500),
    batch_size=st.integers(1, 40),
    gradient_accumulation_steps=st.integers(1, 4),
    num_epochs=st.integers(1, 4),
    max_steps=st.one_of(st.none(), st.integers(1, 60)),
    eval_steps=st.one_of(st.none(), st.integers(1, 30)),
    save_steps=st.one_of(st.none(), st.integers(1, 30)),
    logging_steps=st.integers(1, 30),
    scheduler=st.sampled_from(SCHEDULERS),
)


@FEW
@given(plans)
def test_an_epoch_has_the_fewest_steps_that_hold_every_row(plan: TrainingPlan) -> None:
    rows = plan.step_size.per_step
    assert (plan.steps_per_epoch - 1) * rows < plan.num_rows <= plan.steps_per_epoch * rows
    epochs = [plan.epoch_of(step) for step in range(plan.total_steps)]
    assert epochs[0] == 0
    assert all(later - earlier in (0, 1) for earlier, later in pairwise(epochs))
    assert max(map(epochs.count, epochs)) <= plan.steps_per_epoch


@FEW
@given(plans)
def test_the_last_step_is_logged_evaluated_and_saved_and_every_gap_before_it_is_the_cadence(
    plan: TrainingPlan,
) -> None:
    for asks, cadence in (
        (plan.logs_at, plan.logging_steps),
        (plan.evaluates_at, plan.eval_steps),
        (plan.saves_at, plan.save_steps),
    ):
        done = [step for step in range(1, plan.total_steps + 1) if asks(step)]
        assert done[-1] == plan.total_steps
        assert len(done) == math.ceil(plan.total_steps / cadence)
        assert all(later - earlier == cadence for earlier, later in pairwise([0, *done[:-1]]))


@FEW
@given(plans)
def test_the_rate_rises_through_the_warm_up_and_never_leaves_its_bounds(plan: TrainingPlan) -> None:
    factors = [plan.lr_factor(step) for step in range(plan.total_steps)]
    assert all(0.0 < factor <= 1.0 for factor in factors)
    rising = factors[: plan.warmup_steps]
    assert rising == sorted(set(rising))
    assert factors[plan.warmup_steps] == max(factors)


@FEW
@given(st.integers(1, 3000))
def test_six_steps_of_a_hundred_warm_up_when_nobody_says_how_many(total: int) -> None:
    warmup = TrainingPlan.of(TrainingConfig(max_steps=total), num_rows=10).warmup_steps
    assert warmup == total * 6 // 100


@pytest.mark.parametrize(("total", "warmup"), [(16, 0), (17, 1), (99, 5), (100, 6), (3000, 180)])
def test_a_short_run_warms_up_for_a_whole_number_of_steps(total: int, warmup: int) -> None:
    assert TrainingPlan.of(TrainingConfig(max_steps=total), num_rows=10).warmup_steps == warmup
