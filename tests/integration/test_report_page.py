"""The page of a run says what was asked, what came out, and where to be careful."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from application.use_cases.evaluate_model import EvaluateModelRequest
from domain.exceptions import ConfigurationError
from domain.interval import Interval
from domain.metrics import MetricEntry
from domain.results import EvaluationResult, Report
from domain.run_layout import RunLayout
from infrastructure.container import Container
from infrastructure.report_page import RunTold, require_page, write_evaluation_page
from infrastructure.reports.page.blocks import Paragraph, Section
from infrastructure.reports.page.html import page_html
from tests.fakes.ports import RESULT
from tests.support import tiny
from tests.support.finished_models import finished

HOSTILE = "</script><script>alert(1)</script>"


def entries(metric: str = "eval_accuracy") -> list[MetricEntry]:
    made = [MetricEntry("train_loss", 2.0 / step, step, 0, 1e9 + 60 * step) for step in range(1, 11)]
    return [*made, *(MetricEntry(metric, step / 20, step, 0, 1e9 + 60 * step) for step in (5, 10))]


def told(tmp_path: Path, **report: Any) -> RunTold:
    model = finished("text_classification", tmp_path)
    metrics = {"accuracy": 0.875, "macro_f1": 0.5, "loss": 0.25, "ece": None}
    result: Any = replace(
        RESULT, metric_name="accuracy", final_metrics=metrics, model_path=str(model), stop_reason="early_stopping",
        warnings=(HOSTILE,), total_steps=10, steps_per_epoch=5, steps=10,
    )  # fmt: skip
    found = {"warnings": ("3 rows repeat another",), "audit": {HOSTILE: 3}, "facts": {"season": "a week"}}
    dataset: Any = SimpleNamespace(num_train=96, num_eval=24, **found)
    request = tiny.request(tmp_path, "run").resolved()
    usual = {"baselines": {"majority_accuracy": 0.5}, "intervals": {"accuracy": Interval(0.7, 0.96)}}
    known = Report(**{**usual, **report})
    return RunTold(RunLayout(tmp_path / "run"), request, dataset, result, known, entries())


def body_of(told: RunTold, *sections: Section) -> str:
    return page_html(told.page(sections)).partition("<body>")[2]


def test_one_sentence_says_what_was_asked_and_what_came_out(tmp_path: Path) -> None:
    page = told(tmp_path).page([])
    assert page.sentence.startswith("encoder-tiny (")
    for said in ("text_classification", "96 rows of rows.json", "10 steps", "accuracy 0.8750 (0.7000 to 0.9600)",
                 "beside majority 0.5000", "24 rows held out", "ended early"):  # fmt: skip
        assert said in page.sentence


@pytest.mark.parametrize(
    ("reason", "said"), [("completed", ""), ("diverged", " It diverged:"), ("SIGTERM", " It was stopped by SIGTERM")]
)
def test_the_sentence_says_why_a_training_ended_before_its_last_step(tmp_path: Path, reason: str, said: str) -> None:
    known = told(tmp_path)
    sentence = replace(known, result=replace(known.result, stop_reason=reason, training_time=1.0)).page([]).sentence
    assert said in sentence
    assert sentence.endswith("held out.") == (not said)
    assert "in 10 steps and 1 s, and" in sentence


def test_scores_and_rivals_are_explained_to_those_who_never_trained_a_model(tmp_path: Path) -> None:
    body = body_of(told(tmp_path))
    for said in ("Macro F1 says how well", "Accuracy is the share", "Majority always gives"):
        assert said in body
    assert "Bag of words is" not in body  # nobody counted words here


def test_the_page_has_scores_rivals_curves_data_settings_and_the_command(tmp_path: Path) -> None:
    body = body_of(told(tmp_path), Section("Of the kind", [Paragraph("seen")]))
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>", body)
    assert headings == ["Scores", "Of the kind", "How the training went", "The data", "The run"]
    for said in ("87.5 %", "70.0 to 96.0 %", "majority 0.5", "best: 0.5 at step 10", "3 rows repeat another",
                 "run.yaml --output NEW", "learning_rate", "torch"):  # fmt: skip
        assert said in body
    assert body.count('<svg viewBox="0 0 1000 1000"') == 6  # loss and accuracy, each by step, epoch and time


def test_nothing_that_comes_from_a_file_is_markup(tmp_path: Path) -> None:
    samples = [{"prompt": HOSTILE, "output": f"a {HOSTILE}", "wanted": f"b {HOSTILE}"}]
    body = body_of(told(tmp_path, samples=samples))
    assert "What it writes" in body
    assert body.count("<script>") == 1
    assert "alert(1)" in body


def test_a_run_that_was_never_scored_has_a_page_all_the_same(tmp_path: Path) -> None:
    known = told(tmp_path, baselines={}, intervals={})
    result = replace(known.result, best_metric=None, final_metrics={}, metric_name="loss")
    body = body_of(replace(known, result=result, entries=[]))
    assert "loss -" in body
    assert "nothing to draw" in body


def test_an_evaluation_writes_its_page_where_it_is_told(tmp_path: Path) -> None:
    run = finished("text_classification", tmp_path)
    page = tmp_path / "new" / "page.html"
    rows = tiny.file_of_rows(tmp_path / "rows.json")
    request = EvaluateModelRequest(run=str(run), dataset_path=str(rows), device="cpu", report_path=str(page))
    response = Container().evaluate_model().execute(request)
    body = page.read_text(encoding="utf-8")
    assert f"{response.metrics['accuracy']:.4f}" in body
    assert "64 rows of rows.json" in body


@pytest.mark.parametrize(
    ("name", "why"), [("page.pdf", "must end in .html"), ("there.html", "is no file"), ("no/way/x.html", "cannot be")]
)
def test_a_page_that_cannot_be_is_refused_before_anything_is_scored(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "there.html").mkdir()
    (tmp_path / "no").touch()
    with pytest.raises(ConfigurationError, match=why):
        require_page(str(tmp_path / name))


def test_a_page_that_the_disk_refuses_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = EvaluationResult({"loss": 1.0}, 1, "text_classification")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_evaluation_page(str(tmp_path / "file" / "page.html"), "run", "rows.json", result, [])
