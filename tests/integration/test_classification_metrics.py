"""Every figure is compared with scikit-learn or with a loop written from the definition."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as reference

from domain.exceptions import ConfigurationError, DatasetError
from domain.metrics import undefined_told
from infrastructure.statistics.ranking import area_under_roc, average_precision
from infrastructure.tasks.labels import metrics as module
from infrastructure.tasks.labels.metrics import (
    classification_metrics,
    expected_calibration_error,
)
from infrastructure.tasks.labels.scoring import labelled

NAMES = ["safe", "low", "medium", "high", "critical", "unknown"]
Rows = tuple[NDArray[Any], NDArray[Any]]


def test_an_answer_is_the_likeliest_label_and_the_probabilities_of_all() -> None:
    logits = np.log([[1.0, 3.0], [4.0, 1.0]])
    answers = list(labelled(logits, ["no", "yes"]))
    assert [answer["label"] for answer in answers] == ["yes", "no"]
    assert answers[0]["scores"] == pytest.approx({"no": 0.25, "yes": 0.75})


@st.composite
def scored_rows(draw: st.DrawFn) -> Rows:
    """Give logits [N, C] and labels [N]; whole-number logits tie, few rows leave classes out."""
    num_rows, num_classes = draw(st.integers(1, 40)), draw(st.integers(2, len(NAMES)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tied = draw(st.booleans())
    logits = random.integers(-1, 2, (num_rows, num_classes)) if tied else random.normal(0, 3, (num_rows, num_classes))
    return logits.astype(np.float32), random.integers(0, draw(st.integers(1, num_classes)), num_rows)


@st.composite
def ranked_rows(draw: st.DrawFn) -> Rows:
    """Give scores [N], mostly tied, and whether each row is positive."""
    size = draw(st.integers(1, 30))
    scores = draw(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), min_size=size, max_size=size))
    positive = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return np.array(scores), np.array(positive)


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    shares = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return probabilities


@settings(max_examples=40, deadline=None)
@given(scored_rows())
def test_averages_and_classes_are_those_of_scikit_learn(rows: Rows) -> None:
    logits, labels = rows
    names = NAMES[: logits.shape[1]]
    predicted = logits.argmax(axis=1)
    result = classification_metrics(logits, labels, names)

    macro = reference.precision_recall_fscore_support(labels, predicted, average="macro", zero_division=0)
    weighted = reference.f1_score(labels, predicted, average="weighted", zero_division=0)
    assert result["accuracy"] == pytest.approx(reference.accuracy_score(labels, predicted))
    assert [result[name] for name in ("macro_precision", "macro_recall", "macro_f1")] == pytest.approx(macro[:3])
    assert result["weighted_f1"] == pytest.approx(weighted)
    everything = range(len(names))
    assert result["confusion_matrix"] == reference.confusion_matrix(labels, predicted, labels=everything).tolist()
    by_class = reference.precision_recall_fscore_support(labels, predicted, labels=everything, zero_division=np.nan)
    for name, *expected in zip(names, *by_class, strict=True):
        scores = [result["per_class"][name][key] for key in ("precision", "recall", "f1", "support")]
        known = [np.nan if score is None else score for score in scores]
        assert known == pytest.approx(expected, nan_ok=True), "None stands where scikit-learn can be told to say NaN"


@settings(max_examples=40, deadline=None)
@given(ranked_rows())
def test_average_precision_and_auc_are_those_of_scikit_learn_where_scores_tie(rows: Rows) -> None:
    scores, positive = rows
    if positive.any() and not positive.all():
        assert average_precision(scores, positive) == pytest.approx(reference.average_precision_score(positive, scores))
    else:
        assert average_precision(scores, positive) is None
    if positive.any() and not positive.all():
        assert area_under_roc(scores, positive) == pytest.approx(reference.roc_auc_score(positive, scores))
    else:
        assert area_under_roc(scores, positive) is None


def test_pr_auc_averages_over_the_classes_that_occur() -> None:
    random = np.random.default_rng(1)
    logits, labels = random.normal(0, 2, (300, 5)), random.integers(0, 4, 300)
    result = classification_metrics(logits, labels, NAMES[:5])
    probabilities = softmax(logits)
    expected = [reference.average_precision_score(labels == index, probabilities[:, index]) for index in range(4)]
    assert [result["per_class"][name]["pr_auc"] for name in NAMES[:4]] == pytest.approx(expected)
    assert result["per_class"][NAMES[4]]["pr_auc"] is None
    assert result["pr_auc"] == pytest.approx(np.mean(expected))


def test_pr_auc_of_a_single_label_is_unknown_however_good_the_answers_are() -> None:
    for logits in (np.eye(3)[[0, 0, 0]], np.eye(3)[[1, 0, 2]]):
        result = classification_metrics(logits, np.array([0, 0, 0]), NAMES[:3])
        assert result["pr_auc"] is None
        assert [scores["pr_auc"] for scores in result["per_class"].values()] == [None] * 3
        told = undefined_told(result, "part.csv")
        assert told == f"pr_auc cannot be computed on part.csv, which has only the label {NAMES[0]!r}."
        json.dumps(result, allow_nan=False)


def test_the_binary_view_counts_every_other_label_as_positive() -> None:
    random = np.random.default_rng(2)
    logits, labels = random.normal(0, 2, (400, 5)), random.integers(0, 5, 400)
    result = classification_metrics(logits, labels, NAMES[:5], negative_label="medium")
    positive, answer = labels != 2, logits.argmax(axis=1) != 2
    (true_negatives, false_positives), (false_negatives, true_positives) = reference.confusion_matrix(positive, answer)
    tpr = true_positives / (true_positives + false_negatives)
    fpr = false_positives / (false_positives + true_negatives)
    assert (result["tpr"], result["fpr"], result["youden_j"]) == pytest.approx((tpr, fpr, tpr - fpr))
    assert result["binary_precision"] == pytest.approx(reference.precision_score(positive, answer))
    assert result["binary_recall"] == pytest.approx(reference.recall_score(positive, answer))
    assert result["auc"] == pytest.approx(reference.roc_auc_score(positive, 1 - softmax(logits)[:, 2]))


def test_a_binary_view_without_one_side_is_unknown_and_fits_strict_json() -> None:
    result = classification_metrics(np.eye(2), np.array([0, 0]), ["safe", "bad"], negative_label="safe")
    assert (result["tpr"], result["fpr"], result["youden_j"], result["auc"]) == (None, 0.5, None, None)
    json.dumps(result, allow_nan=False)


@settings(max_examples=30, deadline=None)
@given(scored_rows())
def test_calibration_error_follows_its_definition(rows: Rows) -> None:
    logits, labels = rows
    probabilities = softmax(logits)
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    expected = 0.0
    for low, high in zip(np.linspace(0, 1, 16)[:-1], np.linspace(0, 1, 16)[1:], strict=True):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            expected += inside.mean() * abs(confidence[inside].mean() - correct[inside].mean())
    assert expected_calibration_error(confidence, correct) == pytest.approx(expected, abs=1e-12)


def test_a_confident_model_that_is_always_right_is_calibrated_and_one_always_wrong_is_not() -> None:
    logits = np.array([[50.0, 0.0], [0.0, 50.0]])
    assert classification_metrics(logits, np.array([0, 1]), NAMES[:2])["ece"] == pytest.approx(0.0)
    assert classification_metrics(logits, np.array([1, 0]), NAMES[:2])["ece"] == pytest.approx(1.0)


@pytest.mark.parametrize(("majority", "answer"), [(None, 1), (0, 0), (2, 2)])
def test_the_constant_answer_is_the_most_frequent_label_or_the_one_given(majority: int | None, answer: int) -> None:
    labels = np.array([1, 1, 1, 0, 0])
    result = classification_metrics(np.zeros((5, 3)), labels, NAMES[:3], majority=majority)
    constant = np.full(5, answer)
    assert result["majority_accuracy"] == pytest.approx(reference.accuracy_score(labels, constant))
    expected = reference.f1_score(labels, constant, average="macro", zero_division=0)
    assert result["majority_macro_f1"] == pytest.approx(expected)


def test_figures_do_not_depend_on_the_order_of_rows_or_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    logits, labels = random.normal(0, 2, (500, 4)).astype(np.float32), random.integers(0, 4, 500)
    whole = classification_metrics(logits, labels, NAMES[:4], "safe")
    monkeypatch.setattr(module, "BLOCK_ROWS", 7)
    order = random.permutation(500)
    cut = classification_metrics(logits[order], labels[order], NAMES[:4], "safe")
    assert cut.pop("ece") == pytest.approx(whole.pop("ece"))  # the only sum of unequal floats
    assert cut == whole


def test_large_and_missing_logits_are_scored_without_a_warning() -> None:
    logits = np.array([[1e30, -1e30], [np.inf, 0.0], [np.nan, 1.0], [-np.inf, 2.0]], dtype=np.float32)
    with np.errstate(all="raise", under="ignore"):
        result = classification_metrics(logits, np.array([0, 0, 1, 1]), NAMES[:2], "safe")
    assert result["accuracy"] == 1.0
    assert all(math.isfinite(result[name]) for name in ("ece", "pr_auc", "auc"))


def test_no_rows_and_an_unknown_negative_label_are_refused() -> None:
    with pytest.raises(DatasetError, match="no rows"):
        classification_metrics(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), NAMES[:2])
    with pytest.raises(ConfigurationError, match="'harmless'"):
        classification_metrics(np.zeros((1, 2)), np.zeros(1, dtype=np.int64), NAMES[:2], "harmless")
