"""Every kind says how sure its metrics are, and compares its model with rivals on the same rows."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from application.use_cases.evaluate_model import EvaluateModelRequest
from domain.interval import Interval
from infrastructure.container import Container
from infrastructure.data.series.market_features import FLAT
from infrastructure.data.some_rows import QUICK_ROWS, spread
from infrastructure.predictors import opened_by_torch
from infrastructure.tasks.labels.intervals import intervals_of_labels
from infrastructure.tasks.labels.losses import count_labels, label_loss_sum
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.series.scoring.intervals import intervals_of_forecasts
from infrastructure.tasks.writing.intervals import intervals_of_tokens
from tests.support import tiny, tiny_series, tiny_text
from tests.support.finished_models import TASKS, finished_once

OF_LABELS = {"loss", "accuracy", "macro_f1", "majority_accuracy", "majority_macro_f1"}
SURE: dict[str, set[str]] = {
    "text_classification": OF_LABELS,
    "masked_language_modeling": {"loss", "perplexity", "token_accuracy"},
    "language_modeling": {"loss", "perplexity", "bits_per_byte"},
    "code_generation": {"loss", "perplexity", "exact_match", "parses"},
    "instruction_tuning": {"loss", "perplexity", "exact_match"},
    "sequence_to_sequence": {"loss", "perplexity", "exact_match"},
    "quantile_forecasting": {"loss", "crps", "mse", "mae", "picp_80", "repeat_last_mse", "repeat_last_mae"},
    "market_direction": OF_LABELS | {"random_walk_accuracy", "persistence_macro_f1"},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return finished_once(tmp_path_factory.mktemp)


def data_of(task: str, directory: Path) -> Path:
    """Write rows of a task that a finished model can be scored on."""
    if task == "text_classification":
        return tiny.file_of_rows(directory / "rows.json", 24)
    if task in tiny_series.SERIES_TASKS:
        return tiny_series.table_file(directory / "bars.csv", tiny_series.bars())
    return tiny_text.file_for(task, directory, 12)


def test_an_evaluation_of_directions_sets_them_beside_those_who_know_nothing(
    finished: Callable[[str], Path], tmp_path: Path
) -> None:
    model = opened_by_torch(str(finished("market_direction")), "cpu")
    path = str(data_of("market_direction", tmp_path))
    windows, _ = model.task.scored(path)
    found = model.evaluate(path)
    came = windows.labels[windows.anchors]
    assert found.metrics["random_walk_accuracy"] == pytest.approx(np.mean(came == FLAT))
    assert 0.0 <= found.metrics["persistence_accuracy"] <= 1.0
    assert any(told.startswith("All three directions: ") for told in found.warnings)
    assert any(told.startswith("Up or down") for told in found.warnings)


@pytest.mark.parametrize("task", TASKS)
def test_an_evaluation_says_how_sure_its_headlines_are(
    finished: Callable[[str], Path], tmp_path: Path, task: str
) -> None:
    asked = EvaluateModelRequest(run=str(finished(task)), dataset_path=str(data_of(task, tmp_path)), device="cpu")
    found = Container().evaluate_model().execute(asked)
    assert SURE[task] <= set(found.intervals) <= set(found.metrics)
    for name, (low, high) in found.intervals.items():
        assert low - 1e-6 <= found.metrics[name] <= high + 1e-6, name
    assert json.loads(found.model_dump_json())["intervals"] == {
        name: list(ends) for name, ends in found.intervals.items()
    }
    assert Container().evaluate_model().execute(asked).intervals == found.intervals


def test_a_quick_run_scores_model_and_bag_of_words_on_the_same_rows(tmp_path: Path) -> None:
    # A bag of words is right on the rows that a quick run looks at, and wrong on all others.
    rows = tiny.rows(4 * QUICK_ROWS)
    looked_at = set(spread(len(rows), QUICK_ROWS).tolist())
    turned = dict(zip(tiny.LABELS, reversed(tiny.LABELS), strict=True))
    held_out = [
        row if number in looked_at else {**row, "label": turned[row["label"]]} for number, row in enumerate(rows)
    ]
    for row in held_out:
        row["text"] += " held out"
    (tmp_path / "eval.json").write_text(json.dumps(held_out))
    request = tiny.request(tmp_path, "run", eval_dataset=str(tmp_path / "eval.json"), quick=True)
    response = Container().train_model().execute(request)
    assert response.success, response.errors
    assert response.baselines["bow_accuracy"] == 1.0
    assert sum(scores["support"] for scores in response.final_metrics["per_class"].values()) == QUICK_ROWS
    for name in ("accuracy", "macro_f1", "loss"):
        low, high = response.intervals[name]
        assert low <= response.final_metrics[name] <= high
    for name in ("bow_accuracy", "bow_macro_f1", "majority_accuracy", "majority_macro_f1"):
        low, high = response.intervals[name]
        assert low <= response.baselines[name] <= high
    kept = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert kept["intervals"] == {name: list(ends) for name, ends in response.intervals.items()}


@pytest.mark.parametrize("class_weights", [None, np.array([1.0, 4.0, 0.0], dtype=np.float32)])
def test_losses_of_rows_are_what_the_loss_of_all_is_made_of(class_weights: np.ndarray | None) -> None:
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(50, 3)).astype(np.float32), random.integers(0, 3, 50)
    scoring = LabelScoring(["a", "b", "c"], label_smoothing=0.1, class_weights=class_weights)
    losses, weights = scoring.row_losses(logits, labels)
    whole = label_loss_sum(scoring, torch.from_numpy(logits), torch.from_numpy(labels))
    assert losses.sum() == pytest.approx(float(whole), rel=1e-5)
    assert weights.sum() == pytest.approx(count_labels(scoring, torch.from_numpy(labels)))


def test_more_classes_than_are_compared_with_each_other_have_intervals_too() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 600, 2_000)
    logits = random.normal(size=(2_000, 600)).astype(np.float32)
    logits[np.arange(1_600), labels[:1_600]] += 20.0
    scoring = LabelScoring([str(number) for number in range(600)])
    metrics = scoring.metrics(logits, labels)
    assert "confusion_matrix" not in metrics
    found = intervals_of_labels(scoring, metrics, {"logits": logits, "labels": labels})
    assert found["accuracy"].low < metrics["accuracy"] < found["accuracy"].high
    # 0.8 of as many rows as one likes; of three rows a class it comes out lower.
    assert metrics["macro_f1"] < 0.8
    assert found["macro_f1"].low < 0.8 < found["macro_f1"].high


def test_the_constant_answer_is_that_of_the_training_part() -> None:
    logits, labels = np.eye(2)[[0, 0, 1, 1]], np.array([0, 0, 0, 1])
    scoring = LabelScoring(["a", "b"], majority=1)
    metrics = scoring.metrics(logits, labels)
    found = intervals_of_labels(scoring, metrics, {"logits": logits, "labels": labels})
    low, high = found["majority_accuracy"]
    assert low < metrics["majority_accuracy"] == 0.25 < high < 0.75


def test_windows_that_share_what_they_forecast_are_less_sure_than_as_many_that_do_not() -> None:
    random = np.random.default_rng(0)
    points = np.full(400, 6)
    scores = np.convolve(random.exponential(size=411), np.ones(12) / 12, "valid")
    outcomes = {"loss": scores, "repeat_last_loss": scores, "num_points": points, "num_points_repeat_last": points // 2}
    apart, sharing = (intervals_of_forecasts(outcomes, overlap)["loss"] for overlap in (1, 12))
    assert sharing.high - sharing.low > 2 * (apart.high - apart.low)
    assert set(intervals_of_forecasts(outcomes, 1)) == {"loss", "repeat_last_loss"}


@pytest.mark.parametrize(("stride", "overlap"), [(1, 6), (4, 2), (6, 1), (50, 1)])
def test_windows_know_how_many_of_them_share_a_step(tmp_path: Path, stride: int, overlap: int) -> None:
    windows = tiny_series.loaded(tiny_series.request("quantile_forecasting", tmp_path)).evaluation
    assert max(windows.horizons) == 6
    assert windows.at(windows.anchors[::stride]).overlap == overlap
    assert windows.at(windows.anchors[:1]).overlap == 6


def test_a_perplexity_beyond_all_numbers_and_a_loss_that_is_none_have_no_interval() -> None:
    outcomes = {"loss_sum": np.array([9e3, 8e3]), "num_targets": np.array([10, 10])}
    found = intervals_of_tokens({"loss": 850.0, "perplexity": float("inf")}, outcomes)
    assert found["loss"].is_known
    assert not found["perplexity"].is_known
    nothing = {**outcomes, "loss_sum": np.array([np.nan, 1.0])}
    assert not intervals_of_tokens({"loss": float("nan")}, nothing)["loss"].is_known
    assert intervals_of_tokens({}, outcomes) == {}


def test_a_share_of_written_texts_is_as_sure_as_their_number_makes_it() -> None:
    outcomes = {"loss_sum": np.ones(9), "num_targets": np.ones(9), "output": np.array(["x"] * 4 + [None] * 5)}
    (low, high) = intervals_of_tokens({"loss": 1.0, "exact_match": 1.0}, outcomes)["exact_match"]
    assert (low, high) == pytest.approx((0.51, 1.0), abs=0.01)
    assert "exact_match" not in intervals_of_tokens({"loss": 1.0, "exact_match": None}, outcomes)
    assert isinstance(Interval(low, high), tuple)
