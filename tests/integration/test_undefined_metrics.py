"""A metric that cannot be computed is said to be so, and never chooses the best model."""

import json
from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from application.use_cases.evaluate_model import EvaluateModelRequest
from domain.events import Event, StepCompleted
from domain.metrics import undefined_told
from infrastructure.container import Container
from tests.support import tiny

SETTINGS: dict[str, Any] = {
    "task": "text_classification",
    "model_name": "encoder-tiny",
    "metric_name": "pr_auc",
    "max_length": 32,
    "vocab_size": 400,
    "max_steps": 6,
    "eval_steps": 2,
    "save_steps": 2,
    "logging_steps": 1,
    "batch_size": 16,
    "early_stopping_patience": 2,
    "device": "cpu",
    "precision": "fp32",
}


class StopsAt:
    """Asks to stop once a step is done."""

    def __init__(self, step: int) -> None:
        self._step, self._done = step, 0

    def notify(self, event: Event) -> None:
        if isinstance(event, StepCompleted):
            self._done = event.step

    def stop_requested(self) -> str:
        return "cancelled" if self._done >= self._step else ""


@pytest.fixture(scope="module")
def request_of_one_label(tmp_path_factory: pytest.TempPathFactory) -> TrainModelRequest:
    place = tmp_path_factory.mktemp("one label")
    rows = [{**row, "text": f"{row['text']} again"} for row in tiny.rows(48) if row["label"] == "calm"]
    (place / "one.json").write_text(json.dumps(rows))
    return TrainModelRequest(
        **SETTINGS,
        dataset_path=str(tiny.file_of_rows(place / "rows.json")),
        eval_dataset=str(place / "one.json"),
        output_dir=str(place / "run"),
    )


@pytest.fixture(scope="module")
def response(request_of_one_label: TrainModelRequest) -> Any:
    return Container().train_model().execute(request_of_one_label)


def test_the_loss_chooses_the_model_instead_and_that_is_said(response: Any) -> None:
    assert response.success
    assert response.metric_name == "loss"
    assert response.final_metrics["pr_auc"] is None
    assert response.best_metric == response.final_metrics["loss"]
    assert response.warnings[-2:] == (
        "pr_auc cannot be computed on the evaluation part, which has only the label 'calm'.",
        "pr_auc cannot choose the best model, so the loss does.",
    )
    log = [json.loads(line) for line in Path(response.run_dir, "log.jsonl").read_text().splitlines()]
    kinds = [line["event"] for line in log]
    told_before = [line["message"] for line in log[: kinds.index("RunStarted")] if line["event"] == "Warned"]
    (of_preparing,) = [message for message in told_before if "only the label 'calm': pr_auc cannot be" in message]
    assert of_preparing in response.warnings
    assert set(told_before) <= set(response.warnings)


def test_the_best_of_all_losses_was_chosen(response: Any) -> None:
    lines = [json.loads(line) for line in Path(response.metrics_file).with_suffix(".jsonl").read_text().splitlines()]
    losses = {line["step"]: line["value"] for line in lines if line["name"] == "eval_loss"}
    assert losses[response.best_step] == min(losses.values()) == response.best_metric


def test_a_run_that_was_resumed_goes_on_by_the_loss(
    request_of_one_label: TrainModelRequest, response: Any, tmp_path: Path
) -> None:
    request = request_of_one_label.changed(output_dir=str(tmp_path / "run"), keep_checkpoints=True)
    Container().train_model().execute(request, StopsAt(3))
    resumed = Container().resume_training().execute(str(tmp_path / "run"))
    assert (resumed.metric_name, resumed.best_step, resumed.best_metric) == (
        response.metric_name,
        response.best_step,
        response.best_metric,
    )


def test_an_evaluation_says_what_it_could_not_compute(request_of_one_label: TrainModelRequest, response: Any) -> None:
    assert request_of_one_label.eval_dataset
    asked = EvaluateModelRequest(run=response.run_dir, dataset_path=request_of_one_label.eval_dataset)
    scored = Container().evaluate_model().execute(asked)
    assert scored.metrics["pr_auc"] is None
    assert scored.warnings == ("pr_auc cannot be computed on one.json, which has only the label 'calm'.",)


def test_rates_of_a_binary_view_cannot_be_chosen_where_there_is_none(
    request_of_one_label: TrainModelRequest, tmp_path: Path
) -> None:
    request = request_of_one_label.changed(metric_name="youden_j", output_dir=str(tmp_path / "run"))
    refused = Container().train_model().execute(request)
    assert refused.exit_code == 2
    assert "youden_j" in refused.errors[0]


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"loss": 1.0, "accuracy": 0.5}, ""),
        ({"loss": float("nan"), "pr_auc": None}, ""),
        ({"loss": 1.0, "perplexity": float("inf")}, ""),
        ({"loss": 1.0, "loss_24": float("nan"), "mae": 0.1}, "loss_24 cannot be computed on it."),
        ({"loss": 1.0, **{f"m{i}": None for i in range(7)}}, "m0, m1, m2, m3, m4 and 2 more cannot be computed on it."),
    ],
)
def test_what_is_undefined_is_told_by_name(metrics: dict[str, Any], told: str) -> None:
    assert undefined_told(metrics, "it") == told
