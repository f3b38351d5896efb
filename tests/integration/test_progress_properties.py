"""Where a run stands, for every course it may take: counting, choosing the best, going back, and JSON between."""

import json
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.progress import EMA_DECAY, EarlyStopping, Progress, SinceLog, StepResult
from domain.schedule import Plateau
from infrastructure.training.tensor_tree import join_tree, split_tree

FEW = settings(max_examples=30)
# A handful of texts: building those of all of Unicode takes longer than the tests.
texts = st.sampled_from(("", "f1", "per_class", "$tensor", "Zürich", "a/b"))
counts = st.integers(0, 10**12)
numbers = st.floats(allow_nan=True, allow_infinity=True)
maybe = st.one_of(st.none(), numbers)
plain = st.recursive(
    st.one_of(st.none(), st.booleans(), counts, numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts, inner, max_size=2)),
    max_leaves=4,
)
KNOWN: Mapping[str, st.SearchStrategy[Any]] = {
    "direction": st.sampled_from(("min", "max")),
    "early_stopping": st.builds(EarlyStopping, st.integers(0, 9), numbers, maybe, st.integers(0, 9)),
    "micro_batch_size": st.integers(1, 512),
    "plateau": st.builds(Plateau, st.integers(1, 9), maybe, st.integers(0, 9), st.integers(0, 9)),
    "since_log": st.builds(SinceLog, counts, counts, counts, numbers, numbers),
    "best_metrics": st.dictionaries(texts, plain, max_size=3),
    "best_step": st.one_of(st.none(), counts),
    "best_epoch": st.one_of(st.none(), counts),
    "evaluated_at": st.one_of(st.none(), counts),
    "stopped": st.sampled_from(("", "early_stopping", "diverged")),
    **dict.fromkeys(("loss_ema", "best_metric", "last_metric"), maybe),
    **dict.fromkeys(("lr_scale", "train_seconds"), numbers),
    **dict.fromkeys(
        (
            "step",
            "applied_steps",
            "num_rows",
            "num_tokens",
            "bad_steps_in_row",
            "num_bad_steps",
            "num_rollbacks",
        ),
        counts,
    ),
}


@st.composite
def states(draw: st.DrawFn) -> Progress:
    """Draw any state of a run; a field that this file does not know keeps its default."""
    named = {field.name: KNOWN[field.name] for field in fields(Progress) if field.name in KNOWN}
    required = {field.name for field in fields(Progress) if field.default is field.default_factory is MISSING}
    assert required <= named.keys()
    return Progress(**{name: draw(strategy) for name, strategy in named.items()})


def fresh(direction: str = "max", patience: int = 0) -> Progress:
    return Progress(direction, EarlyStopping(patience), micro_batch_size=8)


results = st.builds(
    lambda loss, kind, rows, tokens: StepResult(
        loss=loss, grad_norm=1.0, learning_rate=0.1, num_rows=rows, num_tokens=tokens,
        applied=kind == "applied", finite=kind != "bad",
    ),
    st.integers(-8, 8).map(float),
    st.sampled_from(("applied", "bad", "scaling")),
    st.integers(1, 9),
    st.integers(1, 99),
)  # fmt: skip


@FEW
@given(st.lists(results, max_size=12))
def test_a_run_counts_what_its_steps_did(done: list[StepResult]) -> None:
    progress = fresh()
    for result in done:
        progress.advance(result, seconds=0.5)
    losses = [result.loss for result in done if result.applied]
    bad = [not result.finite for result in done]
    assert (progress.step, progress.applied_steps, progress.num_bad_steps) == (len(done), len(losses), sum(bad))
    assert progress.bad_steps_in_row == len(bad) - max((i + 1 for i, b in enumerate(bad) if not b), default=0)
    assert progress.num_rows == progress.since_log.num_rows == sum(result.num_rows for result in done)
    assert progress.num_tokens == progress.since_log.num_tokens == sum(result.num_tokens for result in done)
    assert progress.train_seconds == progress.since_log.seconds == 0.5 * len(done)
    assert progress.since_log.loss_sum == sum(losses)
    assert (progress.loss_ema is None) == (not losses)
    if losses:
        assert progress.since_log.mean_loss == sum(losses) / len(losses)
        assert min(losses) - 1e-9 <= progress.loss_ema <= max(losses) + 1e-9  # type: ignore[operator]


def smoothed(losses: Sequence[float]) -> float:
    progress = fresh()
    for loss in losses:
        progress.advance(StepResult(loss, 1.0, 0.1, applied=True, finite=True, num_rows=1, num_tokens=1))
    assert progress.loss_ema is not None
    return progress.loss_ema


def test_the_smoothed_loss_forgets_half_of_what_it_knew_in_34_steps_and_not_in_33() -> None:
    long_known = [1.0] * 1000
    assert smoothed(long_known + [0.0] * 35) < 0.5 < smoothed(long_known + [0.0] * 34)


def test_the_smoothed_loss_begins_with_the_first_loss_and_stays_where_the_loss_does() -> None:
    assert smoothed([3.0]) == 3.0
    assert math.isclose(smoothed([3.0] * 50), 3.0)


@FEW
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_the_smoothed_loss_is_the_mean_of_all_losses_weighed_by_their_age_and_lies_among_them(
    losses: list[float],
) -> None:
    weights = [EMA_DECAY**age for age in reversed(range(len(losses)))]
    mean = math.fsum(map(operator.mul, weights, losses)) / math.fsum(weights)
    found = smoothed(losses)
    assert math.isclose(found, mean, rel_tol=1e-9, abs_tol=1e-6)
    slack = 1e-12 * max(map(abs, losses))  # the rounding of a sum
    assert min(losses) - slack <= found <= max(losses) + slack


def test_the_first_loss_of_a_run_weighs_no_more_than_its_neighbours() -> None:
    high_at_first = smoothed([3.0] + [2.0] * 9)
    assert math.isclose(high_at_first, 2.1, abs_tol=0.02)  # uncorrected it would be 2.83


def test_smoothing_goes_on_from_a_saved_state_as_if_it_had_not_stopped() -> None:
    losses = [3.0, 2.5, 2.75, 1.5, 1.25]
    progress = fresh()
    for loss in losses:
        progress = Progress.from_json(json.loads(json.dumps(progress.to_json())))
        progress.advance(StepResult(loss, 1.0, 0.1, applied=True, finite=True, num_rows=1, num_tokens=1))
    assert progress.loss_ema == smoothed(losses)


@FEW
@given(
    st.lists(st.one_of(st.just(math.nan), st.integers(0, 5).map(float)), max_size=9), st.sampled_from(("min", "max"))
)
def test_the_best_is_the_first_of_the_best_scores_and_everything_said_of_it_is_its_own(
    scores: list[float], direction: str
) -> None:
    progress = fresh(direction)
    said = []
    for number, score in enumerate(scores):
        progress.step = 10 * number
        said.append(progress.consider({"score": score, "number": number}, "score", epoch=number))
    finite = [
        (-score if direction == "max" else score, number) for number, score in enumerate(scores) if score == score
    ]
    best = min(finite)[1] if finite else None
    assert (progress.best_epoch, progress.best_step) == ((best, 10 * best) if best is not None else (None, None))
    assert progress.best_metrics == ({} if best is None else {"score": scores[best], "number": best})
    assert progress.best_metric == (None if best is None else scores[best])
    assert max((number for number, was_best in enumerate(said) if was_best), default=None) == best


@FEW
@given(texts, st.floats(0, 1))
def test_an_evaluation_that_lacks_the_metric_is_never_the_best(name: str, score: float) -> None:
    progress = fresh()
    assert not progress.consider({name: score}, name + "!", epoch=0)
    assert (progress.best_metric, progress.best_metrics, progress.stopped) == (None, {}, "")


def test_without_a_least_gain_the_smallest_gain_counts_and_a_step_takes_no_time_that_nobody_measured() -> None:
    stopping = EarlyStopping(patience=1)
    assert [stopping.says_stop(value, "max") for value in (0.5, 0.5 + 1e-9, 0.5)] == [False, False, True]
    progress = fresh()
    progress.advance(StepResult(1.0, 1.0, 0.1, applied=True, finite=True, num_rows=1, num_tokens=1))
    assert progress.train_seconds == 0.0


def test_the_first_reason_to_stop_counts() -> None:
    progress = fresh()
    progress.stop("diverged")
    progress.stop("early_stopping")
    assert progress.stopped == "diverged"


@FEW
@given(states())
def test_any_state_comes_back_from_the_json_of_a_checkpoint(progress: Progress) -> None:
    structure, tensors = split_tree(progress.to_json())
    text = json.dumps(structure, allow_nan=False)
    assert not tensors
    assert told(Progress.from_json(join_tree(json.loads(text), {}))) == told(progress)


@FEW
@given(states(), states())
def test_a_rollback_goes_back_in_all_but_what_it_has_to_remember(now: Progress, earlier: Progress) -> None:
    before, told_of_now = Progress.from_json(earlier.to_json()), told(now)
    back = now.roll_back(earlier)
    assert back.num_rollbacks == now.num_rollbacks + 1
    assert back.num_bad_steps == now.num_bad_steps  # else the summary of a run that went astray would say "none"
    assert repr(back.train_seconds) == repr(now.train_seconds)
    assert back.micro_batch_size == min(now.micro_batch_size, before.micro_batch_size)
    for name in ("step", "applied_steps", "num_rows", "num_tokens", "loss_ema", "best_metric", "best_step",
                 "best_metrics", "early_stopping", "plateau", "bad_steps_in_row", "stopped"):  # fmt: skip
        assert repr(getattr(back, name)) == repr(getattr(before, name)), name
    assert told(now) == told_of_now


@FEW
@given(st.integers(1, 12), st.integers(0, 5))
def test_each_rollback_halves_the_rate_once_more_whatever_state_it_goes_back_to(times: int, bad: int) -> None:
    progress = fresh()
    for _ in range(times):
        for _ in range(bad):
            progress.advance(StepResult(math.nan, 1.0, 0.1, applied=False, finite=False, num_rows=1, num_tokens=1))
        progress = progress.roll_back(fresh())
    assert progress.lr_scale == 2.0**-times
    assert (progress.num_rollbacks, progress.num_bad_steps, progress.bad_steps_in_row) == (times, times * bad, 0)


def test_a_stretch_without_an_applied_step_has_no_mean_loss_and_one_without_time_no_rate() -> None:
    empty = SinceLog(num_rows=3)
    assert math.isnan(empty.mean_loss)
    assert empty.per_second(5) == 0.0
    assert SinceLog(seconds=0.5).per_second(5) == 10.0


def told(progress: Progress) -> str:
    """Tell a state so that NaN is equal to itself."""
    return repr(asdict(progress))
