"""What a page tells of a classifier agrees with scikit-learn, and with what was planted."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, precision_recall_fscore_support

from infrastructure.data.series.market_features import DIRECTIONS
from infrastructure.predictors import opened_by_torch
from infrastructure.reports.page.blocks import Choice, Estimate, Matrix, Page, Paragraph, Section
from infrastructure.reports.page.html import page_html
from infrastructure.statistics.shares import interval_of_f1
from infrastructure.tasks.labels.metrics import expected_calibration_error
from infrastructure.tasks.labels.page.answered import Answered
from infrastructure.tasks.labels.page.calibration import calibration_of
from infrastructure.tasks.labels.page.curves import Cuts
from infrastructure.tasks.labels.page.noise import candidates
from infrastructure.tasks.labels.page.wording import short
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.series.direction_adapter import DirectionClassification
from tests.support import tiny, tiny_series
from tests.support.answered import HOSTILE, answered, blocks_within, sections_of, table_of
from tests.support.finished_models import finished


def titles(sections: Sequence[Section]) -> list[str]:
    return [section.title for section in sections]


def said(sections: Sequence[Section]) -> str:
    blocks = blocks_within([block for section in sections for block in section.blocks])
    return "\n".join(block.text for block in blocks if isinstance(block, Paragraph))


def probabilities(of: Answered) -> np.ndarray:
    return np.concatenate([scores for _, scores in of.blocks()])


def test_probabilities_of_rows_classes_and_labels_are_the_same_numbers() -> None:
    of = answered(200, 5)
    whole = probabilities(of)
    np.testing.assert_allclose(whole.sum(axis=1), 1.0)
    np.testing.assert_allclose(whole.max(axis=1), of.scores)
    np.testing.assert_allclose(whole[np.arange(200), of.labels], of.label_scores)
    np.testing.assert_allclose(whole[:, 3], of.scores_of(3))
    np.testing.assert_allclose(whole[7, [4, 0]], of.scores_at(7, (4, 0)))


def test_every_cut_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(1)
    scores, hits = np.round(random.random(500), 2), random.random(500) < 0.3
    cuts = Cuts.of(scores, hits)
    precision, recall, thresholds = precision_recall_curve(hits, scores)
    np.testing.assert_allclose(cuts.thresholds, thresholds)
    np.testing.assert_allclose(cuts.precision, precision[:-1])
    np.testing.assert_allclose(cuts.recall, recall[:-1])
    chosen = cuts.at([0.0, 0.25, 0.255, 2.0])
    assert chosen.kept.tolist() == [500, (scores >= 0.25).sum(), (scores >= 0.255).sum(), 0]
    assert math.isnan(chosen.precision[-1])


def test_the_best_and_the_cheapest_cut_are_the_best_and_the_cheapest_of_all() -> None:
    random = np.random.default_rng(2)
    hits = random.random(300) < 0.4
    scores = hits * 0.3 + random.random(300)
    cuts = Cuts.of(scores, hits)

    def cost(threshold: float, miss: float) -> float:
        called = scores >= threshold
        return float(miss * (hits & ~called).sum() + (called & ~hits).sum())

    assert cuts.f1[cuts.best()] == max(cuts.f1)
    for miss in (0.1, 1.0, 10.0):
        costs = [cost(threshold, miss) for threshold in [*cuts.thresholds, np.inf]]
        assert costs[cuts.cheapest(miss)] == min(costs)


def test_thinned_cuts_are_few_and_keep_both_ends() -> None:
    random = np.random.default_rng(3)
    cuts = Cuts.of(random.random(10_000), random.random(10_000) < 0.5)
    some = cuts.some(100)
    assert 50 < len(some.kept) <= 100
    assert (some.kept[0], some.kept[-1]) == (cuts.kept[0], cuts.kept[-1])


def test_the_scores_of_each_class_agree_with_scikit_learn_and_the_lowest_comes_first() -> None:
    of = answered(800, 6, skill=1.0)
    rows = table_of(sections_of(of), "Scores of each class").rows
    precision, recall, f1, support = precision_recall_fscore_support(of.labels, of.answers)
    assert [row[0] for row in rows] == [f"class {at}" for at in np.argsort(f1, kind="stable")]
    for name, *estimates, rows_of_class, answers, average in rows:
        at = int(str(name).split()[1])
        assert (rows_of_class, answers) == (support[at], (of.answers == at).sum())
        for found, known in zip(estimates, (f1[at], precision[at], recall[at]), strict=True):
            assert isinstance(found, Estimate)
            assert found.value == pytest.approx(known)
            assert found.low < known < found.high
        assert average == pytest.approx(average_precision_score(of.labels == at, of.scores_of(at)))


def test_the_interval_of_f1_holds_the_true_one_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(4)
    # Of 400 rows a tenth is of the class, seven in ten of it are found, and one in thirty of the others is called so.
    hits, missed, alarms = random.multinomial(400, [0.07, 0.03, 0.03, 0.87], size=1_000)[:, :3].T
    true = 2 * 0.07 / (2 * 0.07 + 0.03 + 0.03)
    found = [
        interval_of_f1(int(hit), int(hit + miss), int(hit + alarm))
        for hit, miss, alarm in zip(hits, missed, alarms, strict=True)
    ]
    assert 0.93 < np.mean([low <= true <= high for low, high in found]) < 0.97


def test_calibration_adds_up_to_the_metric_and_its_interval_lies_around_it() -> None:
    of = answered(2_000, 4, skill=1.5)
    found = calibration_of(of.scores, of.is_right)
    assert found.error == pytest.approx(expected_calibration_error(of.scores, of.is_right))
    assert found.counts.sum() == 2_000
    assert found.interval.low < found.error < found.interval.high
    assert found.surplus == pytest.approx((of.scores - of.is_right).mean())


def test_scores_that_are_true_are_not_called_too_sure() -> None:
    random = np.random.default_rng(5)
    errors = []
    for _ in range(200):
        scores = random.uniform(0.5, 1.0, 500)
        found = calibration_of(scores, random.random(500) < scores)
        errors.append((found.error, found.by_chance))
    mean_error, mean_promised = np.mean(errors, axis=0)
    assert mean_promised == pytest.approx(mean_error, rel=0.1)


@pytest.mark.parametrize(("surplus", "true"), [(0.0, 0.0), (0.1, 0.1)])
def test_the_interval_of_the_calibration_error_holds_the_true_one(surplus: float, true: float) -> None:
    random = np.random.default_rng(7)
    held = []
    for _ in range(300):
        scores = random.uniform(0.5, 1.0, 1_000)
        interval = calibration_of(scores, random.random(1_000) < scores - surplus).interval
        held.append(interval.low <= true <= interval.high)
    assert np.mean(held) > 0.9


def test_a_model_that_is_too_sure_is_told_so() -> None:
    of = answered(3_000, 3, skill=1.0)
    assert "too sure" in said(sections_of(replace(of, logits=of.logits * 5)))
    assert "not sure enough" in said(sections_of(replace(of, logits=of.logits / 5)))


def test_planted_wrong_labels_are_found_far_more_often_than_by_chance() -> None:
    of = answered(3_000, 5, skill=4.0)
    random = np.random.default_rng(6)
    flipped = random.choice(3_000, 90, replace=False)
    labels = of.labels.copy()
    labels[flipped] = (labels[flipped] + random.integers(1, 5, 90)) % 5
    found = candidates(replace(of, labels=labels))
    first = np.isin(found.rows[:50], flipped).mean()
    assert first > 0.9  # by chance 0.03
    assert np.isin(flipped, found.rows).mean() > 0.6
    planted = np.isin(found.rows, flipped)
    assert (found.suggested[planted] == of.labels[found.rows[planted]]).mean() > 0.9


def test_a_class_without_rows_suggests_nothing() -> None:
    of = answered(300, 3)
    found = candidates(replace(of, labels=of.labels % 2))
    assert not (found.suggested == 2).any()
    assert math.isnan(found.thresholds[2])


def test_the_worst_errors_are_those_with_the_largest_loss() -> None:
    of = answered(500, 3, skill=1.0)
    rows = table_of(sections_of(of), "Worst errors").rows
    wrong = np.flatnonzero(of.answers != of.labels)
    order = wrong[np.argsort(-of.losses[wrong])][:50]
    assert [row[0] for row in rows] == [f"rows.csv:{row + 2}" for row in order]
    assert [row[-1] for row in rows] == [f"text {row}" for row in order]
    assert [row[4] for row in rows] == pytest.approx(of.label_scores[order].tolist())


def test_the_most_confused_pairs_come_first_with_their_share() -> None:
    labels = np.array([0] * 10 + [1] * 10)
    answers = np.array([0] * 7 + [1] * 3 + [1] * 9 + [0])
    sections = sections_of(Answered(np.eye(2)[answers] * 4, labels, ("cat", "dog")))
    assert table_of(sections, "Most confused pairs").rows == [("cat", "dog", 3, 0.3, 1), ("dog", "cat", 1, 0.1, 3)]
    assert "Most often cat was taken for dog: 3 times, 30.0 % of that class." in said(sections)


def test_a_model_without_errors_is_told_so() -> None:
    labels = np.arange(30) % 3
    sections = sections_of(Answered(np.eye(3)[labels] * 9, labels, ("a", "b", "c")))
    assert "All 30 rows were answered right" in said(sections)
    assert "No row was answered wrong." in said(sections)
    assert "nothing to gain" in said(sections)


def test_two_classes_can_each_be_looked_for_and_a_negative_label_makes_one_side() -> None:
    two = sections_of(answered(300, 2))
    (choice,) = [block for section in two for block in section.blocks if isinstance(block, Choice)]
    assert sorted(choice.views) == ["class 0", "class 1"]
    safe = sections_of(answered(300, 5), negative_label="class 2")
    assert "what it calls anything but class 2 is right" in said(safe)
    assert "Choosing a threshold" not in titles(sections_of(answered(300, 5)))


def test_the_row_of_the_table_with_the_best_f1_is_marked() -> None:
    rows = table_of(
        sections_of(answered(300, 5, skill=1.0), negative_label="class 0"), "What each threshold gives"
    ).rows
    best = [row for row in rows if row[-1] == "best F1"]
    assert len(best) == 1
    assert best[0][3] == max(row[3] for row in rows if isinstance(row[3], float))


def test_what_is_left_out_as_unsure_is_counted_as_predict_would() -> None:
    of = answered(400, 4, skill=1.0)
    for threshold, covered, right, unsure, wrong in table_of(sections_of(of), "What each threshold answers").rows:
        assert isinstance(threshold, float)
        kept = of.scores >= threshold
        assert isinstance(right, Estimate)
        assert covered == pytest.approx(kept.mean())
        assert unsure == pytest.approx(1 - kept.mean())
        assert right.value == (pytest.approx(of.is_right[kept].mean()) if kept.any() else None)
        assert wrong == (~of.is_right[kept]).sum()


@pytest.mark.parametrize("num_classes", [2, 3, 12, 77, 500])
def test_any_number_of_classes_makes_a_page(num_classes: int) -> None:
    sections = sections_of(answered(600, num_classes, names=HOSTILE))
    matrices = [block for section in sections for block in section.blocks if isinstance(block, Matrix)]
    assert len(matrices) == (num_classes <= 100)
    assert len(page_html(Page("a", "b", sections))) < 1_500_000


def test_one_class_alone_is_told_and_no_more() -> None:
    sections = sections_of(Answered(np.zeros((4, 1)), np.zeros(4, dtype=np.int64), ("only",)))
    assert "There is one class, only: 4 rows" in said(sections)
    assert titles(sections) == ["Confusions"]


def test_rows_of_one_class_of_two_leave_no_threshold_to_judge() -> None:
    of = answered(40, 2)
    sections = sections_of(replace(of, labels=np.zeros(40, dtype=np.int64)))
    assert "In these rows every row is class 0, so no threshold can be judged." in said(sections)
    page_html(Page("a", "b", sections))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_are_told_and_break_nothing(value: float) -> None:
    of = answered(50, 3)
    logits = of.logits.copy()
    logits[:5] = value
    logits[5, 1] = value
    sections = sections_of(replace(of, logits=logits))
    assert "6 rows a score that is no number" in said(sections)
    page_html(Page("a", "b", sections))


@pytest.mark.parametrize("num_rows", [1, 2, 3])
def test_a_few_rows_make_a_page(num_rows: int) -> None:
    sections = sections_of(answered(num_rows, 3))
    page = page_html(Page("a", "b", sections))
    assert len(sections) > 1
    assert all(section.title in page for section in sections)


def test_every_section_of_some_of_the_rows_says_so() -> None:
    sections = sections_of(answered(64, 3), num_whole=7_600)
    assert len(sections) == said(sections).count("64 of 7,600 rows, evenly spread, were looked at here.")


def test_texts_that_were_cut_are_scored_apart() -> None:
    of = answered(100, 3)
    lengths, cut = np.arange(100), np.arange(100) >= 90
    sections = sections_of(of, lengths=lengths, was_cut=cut, max_length=90)
    rows = table_of(sections, "Right answers by length").rows
    assert [row[0] for row in rows] == ["0 to 22", "23 to 44", "45 to 66", "67 to 89", "cut"]
    assert sum(int(str(row[1])) for row in rows) == 100
    assert isinstance(rows[-1][2], Estimate)
    assert rows[-1][2].value == pytest.approx(of.is_right[90:].mean())


def test_names_in_sentences_are_clipped_and_told_apart() -> None:
    found = short(HOSTILE)
    assert len(set(found)) == len(HOSTILE)
    assert all(len(name) < 60 and name.isprintable() and name.strip() for name in found)


def test_windows_that_overlap_make_intervals_wider() -> None:
    of = answered(400, 3, skill=1.0)
    widths = []
    for overlap in (1, 10):
        first = table_of(sections_of(replace(of, overlap=overlap)), "Scores of each class").rows[0]
        assert isinstance(first[1], Estimate)
        widths.append(first[1].high - first[1].low)
    assert widths[1] > 2 * widths[0]


def test_windows_have_neither_texts_nor_labels_that_somebody_gave() -> None:
    sections = sections_of(answered(200, 3, skill=1.0), text=None, noun="window")
    assert "Labels to look at" not in titles(sections)
    columns = [column.name for column in table_of(sections, "Worst errors").columns]
    assert columns == ["window", "label", "answered", "score", "score of the label"]


def test_directions_of_prices_are_shown_with_windows_named_by_time(tmp_path: Path) -> None:
    model = opened_by_torch(str(finished("market_direction", tmp_path)), "cpu")
    windows = tiny_series.ready("market_direction", tmp_path).prepared.evaluation.few(40)
    adapter = DirectionClassification(LabelScoring(DIRECTIONS))
    task: Any = model.task
    sections = task.examined(windows, model.score_rows(windows, adapter), num_windows=200).sections
    assert "40 of 200 windows, evenly spread" in said(sections)
    first = table_of(sections, "Worst errors").rows[0][0]
    assert re.fullmatch(r"until \d{4}-\d\d-\d\d.*", str(first))


def test_some_rows_know_of_how_many_they_are(tmp_path: Path) -> None:
    model = opened_by_torch(str(finished("text_classification", tmp_path)), "cpu")
    rows, _ = model.task.scored(str(tiny.file_of_rows(tmp_path / "rows.json", 24)))
    assert rows.num_whole == 24
    assert rows.few(9).few(5).num_whole == 24
    assert not rows.was_cut.any()
