"""What a notebook shows is said in full and trusts no text."""

import re
from html import unescape
from os import fsdecode
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

import pytest

from application.use_cases.evaluate_model import EvaluateModelResponse
from application.use_cases.show_run import ShownRun
from application.use_cases.train_model import TrainModelResponse
from domain.runs import RunFacts

HOSTILE = "<img src=x onerror=alert(1)>\u202e"


def test_a_response_shows_scores_rivals_and_how_sure_they_are() -> None:
    response = TrainModelResponse(
        success=True, task="text_classification", stop_reason="completed", final_metrics={"accuracy": 0.875},
        baselines={"majority_accuracy": 0.5}, intervals={"accuracy": (0.8, 0.925)},
    )  # fmt: skip
    shown = response._repr_html_()
    for said in ("completed", "accuracy", "0.8750", "0.8000 to 0.9250", "majority", "0.5000"):
        assert said in shown


def test_scores_on_a_test_part_go_before_those_that_chose_the_model() -> None:
    response = TrainModelResponse(success=True, final_metrics={"mse": 1.0}, test_metrics={"mse": 2.0})
    assert "2.0000" in response._repr_html_()
    assert "1.0000" not in response._repr_html_()


def test_a_failure_shows_why() -> None:
    shown = TrainModelResponse(success=False, errors=("rows.csv:3: no label",))._repr_html_()
    assert "failed" in shown
    assert "rows.csv:3: no label" in shown


@pytest.mark.parametrize(
    "answer",
    [
        TrainModelResponse(success=False, task=HOSTILE, errors=(HOSTILE,), warnings=(HOSTILE,), run_dir=HOSTILE),
        EvaluateModelResponse(metrics={}, num_rows=1, warnings=(HOSTILE,), task=HOSTILE),
        ShownRun(RunFacts(HOSTILE, HOSTILE, HOSTILE, task=HOSTILE), {"errors": [HOSTILE]}, {}, {HOSTILE: HOSTILE}),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_no_text_is_markup(answer: TrainModelResponse | EvaluateModelResponse | ShownRun) -> None:
    shown = answer._repr_html_()
    assert "<img" not in shown
    assert "\u202e" not in shown
    assert "&lt;img" in shown


@pytest.mark.parametrize("name", ["javascript:alert(1)", "50% #2?", "\udce9", '"><img src=x>'])
def test_a_link_leads_to_the_page_of_a_run_whatever_the_run_is_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir()
    (Path(name) / "report.html").touch()
    shown = TrainModelResponse(success=True, run_dir=name)._repr_html_()
    link = re.findall('href="([^"]*)"', shown)[0]
    address = urlsplit(unescape(link))
    assert (address.scheme, address.query, address.fragment) == ("", "", "")
    assert Path(fsdecode(unquote_to_bytes(address.path))) == Path(name) / "report.html"


def test_of_many_warnings_the_rest_is_counted() -> None:
    shown = TrainModelResponse(success=True, warnings=tuple(map(str, range(9))))._repr_html_()
    assert "4 more" in shown
