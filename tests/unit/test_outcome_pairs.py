"""Rows of two runs are paired by what they hold, and the runs are tested on those alone."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.comparison import BETTER, NOT_FINITE, NOT_KNOWN, NOT_TOLD_APART, WORSE, Difference, PairedOutcomes
from domain.exceptions import RunError
from domain.run_layout import RunLayout
from infrastructure.runs.outcome_pairs import OutcomePairs
from infrastructure.runs.outcomes import write_outcomes
from tests.support.run_directories import run_at


def run_with(path: Path, digests: list[str] | None = None, **columns: Any) -> str:
    run = run_at(path)
    count = len(next(iter(columns.values())))
    names = {"row": [f"rows.csv:{place}" for place in range(count)]}
    write_outcomes(RunLayout(run).outcomes, {**names, "digest": digests or [f"d{n}" for n in range(count)], **columns})
    return str(run)


def labelled(path: Path, answers: str, digests: list[str] | None = None, labels: str = "") -> str:
    labels = labels or "ab" * (len(answers) // 2)
    losses = [0.1 if label == answer else 2.0 for label, answer in zip(labels, answers, strict=True)]
    return run_with(path, digests, label=list(labels), answer=list(answers), score=[0.9] * len(answers), loss=losses)


def paired(first: str, second: str, overlap: int = 1) -> PairedOutcomes:
    return OutcomePairs().pair(first, second, overlap)


def named(outcomes: PairedOutcomes) -> dict[str, Difference]:
    return {found.name: found for found in outcomes.differences}


def test_answers_are_counted_row_by_row_and_tested(tmp_path: Path) -> None:
    one = labelled(tmp_path / "one", "ab" * 20 + "ba" * 20)
    other = labelled(tmp_path / "other", "ab" * 35 + "ba" * 4 + "bb")
    found = paired(one, other)
    assert (found.num_first, found.num_second, found.num_shared) == (80, 80, 80)
    assert found.answers is not None
    right = found.answers
    assert (right.both, right.only_first, right.only_second, right.neither) == (40, 0, 31, 9)
    assert right.p < 1e-6
    accuracy = named(found)["accuracy"]
    assert (accuracy.first, accuracy.second, accuracy.verdict) == (0.5, 71 / 80, BETTER)
    assert accuracy.difference == pytest.approx(31 / 80)
    assert named(found)["macro_f1"].verdict == named(found)["loss"].verdict == BETTER
    turned = paired(other, one)
    assert named(turned)["accuracy"].verdict == named(turned)["loss"].verdict == WORSE


def test_a_run_beside_its_copy_cannot_be_told_apart(tmp_path: Path) -> None:
    one = labelled(tmp_path / "one", "abba" * 10)
    found = paired(one, labelled(tmp_path / "copy", "abba" * 10))
    assert found.answers is not None
    assert found.answers.p == 1.0
    assert {each.verdict for each in found.differences} == {NOT_TOLD_APART}
    assert {each.difference for each in found.differences} == {0.0}


def test_only_rows_that_both_hold_count_whatever_their_order(tmp_path: Path) -> None:
    one = labelled(tmp_path / "one", "abab", ["w", "x", "y", "z"])
    other = labelled(tmp_path / "other", "bbbbbb", ["q", "z", "w", "r", "s", "t"], labels="abaaaa")
    found = paired(one, other)
    assert (found.num_first, found.num_second, found.num_shared) == (4, 6, 2)
    assert found.answers is not None
    assert (found.answers.both, found.answers.only_first) == (1, 1)  # z is right in both, w in the first alone


def test_equal_rows_are_paired_one_with_one(tmp_path: Path) -> None:
    one = labelled(tmp_path / "one", "aabb", ["x", "x", "x", "y"], labels="aaaa")
    other = labelled(tmp_path / "other", "abb", ["x", "y", "x"], labels="aaa")
    found = paired(one, other)
    assert found.num_shared == 3
    assert found.answers is not None
    # The first x with the first x, the second with the second, y with y.
    assert (found.answers.both, found.answers.only_first, found.answers.neither) == (1, 1, 1)


def test_runs_that_share_no_row_are_not_tested(tmp_path: Path) -> None:
    found = paired(labelled(tmp_path / "one", "ab", ["x", "y"]), labelled(tmp_path / "other", "ab", ["v", "w"]))
    assert found == PairedOutcomes(2, 2, 0)


def test_too_few_rows_tell_nothing(tmp_path: Path) -> None:
    for count, verdicts in ((1, {NOT_KNOWN}), (9, {NOT_KNOWN}), (10, {NOT_TOLD_APART})):
        one = labelled(tmp_path / f"one {count}", "a" * count, labels="a" * count)
        found = paired(one, labelled(tmp_path / f"other {count}", "a" * count, labels="a" * count))
        assert {each.verdict for each in found.differences} == verdicts


def test_a_loss_that_is_not_finite_leaves_the_other_metrics_their_verdicts(tmp_path: Path) -> None:
    rows: dict[str, Any] = {"label": list("ab" * 10), "answer": list("ab" * 10)}
    one = run_with(tmp_path / "one", loss=[1.0] * 20, **rows)
    for name, loss in (("nan", float("nan")), ("inf", float("inf")), ("huge", 1e308)):
        found = named(paired(one, run_with(tmp_path / name, loss=[1.0] * 10 + [loss] * 10, **rows)))
        assert (found["loss"].verdict, found["accuracy"].verdict) == (NOT_FINITE, NOT_TOLD_APART)


def test_texts_are_compared_by_token_where_both_cut_them_alike_and_else_by_row(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    targets = random.integers(5, 60, 40)
    losses = targets * random.normal(2.0, 0.2, 40)
    one = run_with(tmp_path / "one", loss_sum=losses, num_targets=targets)
    other = run_with(tmp_path / "other", loss_sum=losses * 0.9, num_targets=targets)
    found = named(paired(one, other))["loss"]
    assert found.first == pytest.approx(losses.sum() / targets.sum())
    assert found.verdict == BETTER
    assert found.second == pytest.approx(0.9 * found.first)
    cut = run_with(tmp_path / "cut", loss_sum=losses * 1.2, num_targets=targets // 2)
    told = paired(one, cut)
    assert (set(named(told)), named(told)["loss_per_row"].verdict) == ({"loss_per_row"}, WORSE)
    assert "other tokens" in told.notes[0]


def test_windows_that_overlap_are_less_sure_than_as_many_rows(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    drift = np.convolve(random.normal(0.02, 0.3, 423), np.ones(24) / 24, mode="valid")
    base = random.random(400) + 1
    known: dict[str, Any] = {"mse": base, "mae": base, "num_points": np.full(400, 24.0)}
    one = run_with(tmp_path / "one", loss=base, **known)
    other = run_with(tmp_path / "other", loss=base - drift, **known)
    apart, overlapping = (named(paired(one, other, overlap))["loss"] for overlap in (1, 24))
    assert apart.low is not None
    assert apart.high is not None
    assert overlapping.low is not None
    assert overlapping.high is not None
    assert overlapping.high - overlapping.low > 2 * (apart.high - apart.low)
    assert paired(one, other, 24).overlap == 24
    assert {each.verdict for each in paired(one, other, 24).differences if each.name != "loss"} == {NOT_TOLD_APART}


def test_answers_to_windows_that_overlap_are_not_put_to_a_test_that_wants_rows_of_their_own(tmp_path: Path) -> None:
    one, other = labelled(tmp_path / "one", "ab" * 100), labelled(tmp_path / "other", "ab" * 80 + "ba" * 20)
    found = paired(one, other, 5)
    assert (found.answers, found.overlap) == (None, 5)
    sharp = named(paired(one, other))["accuracy"]
    wide = named(found)["accuracy"]
    assert wide.low is not None
    assert sharp.low is not None
    assert wide.low < sharp.low


def test_the_same_runs_give_the_same_numbers(tmp_path: Path) -> None:
    one, other = labelled(tmp_path / "one", "abba" * 30), labelled(tmp_path / "other", "abab" * 30)
    assert paired(one, other) == paired(one, other)


def test_what_cannot_be_compared_is_a_sentence(tmp_path: Path) -> None:
    good = labelled(tmp_path / "good", "ab")
    for name in ("older", "garbage", "pipe"):
        run_at(tmp_path / name)
    RunLayout(tmp_path / "garbage").outcomes.write_bytes(b"PAR1 or so")
    os.mkfifo(RunLayout(tmp_path / "pipe").outcomes)
    write_outcomes(RunLayout(run_at(tmp_path / "nameless")).outcomes, {"loss": [1.0]})
    write_outcomes(
        RunLayout(run_at(tmp_path / "texts")).outcomes,
        {"digest": ["d0", "d1"], "loss_sum": ["x", "y"], "num_targets": [1, 2]},
    )
    write_outcomes(
        RunLayout(run_at(tmp_path / "labels")).outcomes,
        {"digest": ["d0", "d1"], "label": ["a", None], "answer": ["a", "b"], "loss": [1.0, 2.0]},
    )
    for name, said in (
        ("older", "has no outcomes.parquet"),
        ("garbage", "is damaged"),
        ("pipe", "cannot be read: "),
        ("nameless", "it names no rows"),
        ("texts", "texts/outcomes.parquet is damaged: row 1 of its column loss_sum is 'x', which is no number"),
        ("labels", "labels/outcomes.parquet is damaged: row 2 of its column label is empty"),
    ):
        with pytest.raises(RunError, match=said) as refused:
            paired(good, str(tmp_path / name))
        assert "train" in str(refused.value)  # the remedy


def test_runs_of_which_different_things_are_known_are_told_so(tmp_path: Path) -> None:
    texts = run_with(tmp_path / "texts", loss_sum=[1.0, 2.0], num_targets=[1, 2])
    assert "different things" in paired(labelled(tmp_path / "good", "ab"), texts).notes[0]
