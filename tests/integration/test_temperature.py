"""A temperature makes scores mean what they say, and travels with the model."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from application.use_cases.train_model import TrainModelRequest
from infrastructure.container import Container
from infrastructure.tasks.labels.temperature import LEAST_ROWS, MOST, calibration
from tests.support import tiny


def drawn(sharpness: float, number: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Draw logits of two labels that say the truth when divided by `sharpness`."""
    random = np.random.default_rng(0)
    truth = random.normal(0, 2, number)
    labels = (random.random(number) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    return np.stack([np.zeros(number), truth * sharpness], axis=1), labels


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_made_scores_too_sharp_or_too_flat(sharpness: float) -> None:
    logits, labels = drawn(sharpness)
    found = calibration(logits, labels, ("safe", "high"), "safe")
    assert found["temperature"] == pytest.approx(sharpness, rel=0.1)
    assert found["ece_after"] < 0.03
    assert found["ece_after"] <= found["ece_before"] + 0.005
    assert found["rows"] == 4_000


def test_it_is_the_slope_of_a_logistic_regression_on_the_difference() -> None:
    logits, labels = drawn(2.0)
    slope = LogisticRegression(C=np.inf, fit_intercept=False).fit(logits[:, 1:] - logits[:, :1], labels).coef_[0, 0]
    assert calibration(logits, labels, ("a", "b"), None)["temperature"] == pytest.approx(1 / slope, rel=1e-3)


def test_few_rows_and_rows_of_one_label_leave_scores_as_they_are() -> None:
    logits, labels = drawn(3.0, LEAST_ROWS - 1)
    assert calibration(logits, labels, ("safe", "high"), "safe")["temperature"] == 1.0
    logits, labels = drawn(3.0)
    assert calibration(logits, np.ones_like(labels), ("safe", "high"), "safe")["temperature"] == 1.0
    assert calibration(logits[:0], labels[:0], ("safe", "high"), "safe") == {}


def test_scores_that_say_nothing_become_flat_within_bounds() -> None:
    random = np.random.default_rng(0)
    found = calibration(random.normal(0, 30, (500, 3)), random.integers(0, 3, 500), ("a", "b", "c"), None)
    assert 5 < found["temperature"] <= MOST


def test_a_shift_undoes_what_weighing_classes_did_and_is_the_intercept_of_a_logistic_regression() -> None:
    logits, labels = drawn(2.0)
    raised = logits + np.array([0.0, 3.0])
    found = calibration(raised, labels, ("safe", "high"), "safe")
    of_sklearn = LogisticRegression(C=np.inf).fit(raised[:, 1:] - raised[:, :1], labels)
    assert found["temperature"] == pytest.approx(1 / of_sklearn.coef_[0, 0], rel=1e-3)
    assert found["shift"] == pytest.approx(-of_sklearn.intercept_[0], rel=1e-3)
    assert found["ece_after"] < 0.03 < calibration(raised, labels, ("a", "b"), None)["ece_after"]


def test_a_shift_that_chance_could_explain_is_none() -> None:
    assert calibration(*drawn(1.0), ("safe", "high"), "safe")["shift"] == 0.0


def test_it_says_how_many_of_its_rows_were_weak() -> None:
    logits, labels = np.zeros((60, 3)), np.repeat([0, 1, 2], [45, 10, 5])
    assert calibration(logits, labels, ("safe", "low", "high"), "safe")["weak_share"] == pytest.approx(0.25)
    assert "weak_share" not in calibration(logits, labels, ("a", "b", "c"), None)


def test_it_stands_in_the_card_of_a_model_that_labels(tmp_path: Path) -> None:
    request: TrainModelRequest = tiny.request(tmp_path, "run")
    assert Container().train_model().execute(request).success
    card = json.loads((tmp_path / "run" / "model" / "athanor.json").read_text(encoding="utf-8"))
    assert set(card["calibration"]) == {"temperature", "shift", "ece_before", "ece_after", "rows"}
