"""Bandit stands beside a classifier of code: judged on the same rows, told in every place, and left out with a word."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from application.use_cases.train_model import TrainModelResponse
from domain.headlines import BASELINES
from domain.rivals import SCANNER, scanner_told
from infrastructure.container import Container
from infrastructure.data.some_rows import QUICK_ROWS
from infrastructure.tasks.labels import rivals
from infrastructure.tasks.labels.intervals import intervals_of_rates
from infrastructure.tasks.labels.metrics import binary_confusion, binary_scores
from infrastructure.tasks.labels.rivals import NOT_INSTALLED, scanner_rival
from tests.support.command_line import athanor
from tests.support.small_requests import request_for

pytest.importorskip("bandit", reason="needs the extra security")

# What Bandit flags of each label: 3 of 4 weak rows, 1 of 4 safe ones; every 20th row is Python 2.
WEAK = ("eval(x)", "exec(x)", "assert x", "y = x")
SAFE = ("y = x", "y = 1", "y = 2", "eval(1)")


def file_of_code(path: Path, num_rows: int = 160, every: int = 20) -> Path:
    codes = [
        {
            "code": f"{(WEAK if number % 2 else SAFE)[number // 2 % 4]}  # {path.stem} {number}",
            "label": ("safe", "high")[number % 2],
        }
        for number in range(num_rows)
    ]
    for row in codes[::every]:
        row["code"] = f"print x, {row['code']}"
    path.write_text(json.dumps(codes))
    return path


def trained(directory: Path, **changes: Any) -> TrainModelResponse:
    data = file_of_code(directory / "code.json")
    held_out = file_of_code(directory / "eval.json", 4 * QUICK_ROWS)
    request = request_for("security_classification", directory / "made", max_steps=2).changed(
        dataset_path=str(data), eval_dataset=str(held_out), **changes
    )
    response = Container().train_model().execute(request)
    assert response.success, response.errors
    return response


def test_a_training_an_evaluation_and_a_dry_run_have_its_rates_with_ranges(tmp_path: Path) -> None:
    response = trained(tmp_path)
    held_out = tmp_path / "eval.json"
    rates = {name: response.baselines[f"bandit_{name}"] for name in ("youden_j", "tpr", "fpr", "rows", "unreadable")}
    # Rows 0, 20, ... cannot be read. They are safe, and would not have been flagged in any case.
    assert rates == {"youden_j": 0.5, "tpr": 0.75, "fpr": 0.25, "rows": 4 * QUICK_ROWS, "unreadable": 13}
    for name in ("youden_j", "tpr", "fpr"):
        for whose in ("", "bandit_", "bow_"):
            low, high = response.intervals[f"{whose}{name}"]
            value = {**response.final_metrics, **response.baselines}[f"{whose}{name}"]
            assert low - 1e-9 <= value <= high + 1e-9

    page = (Path(str(response.run_dir)) / "report.html").read_text()
    assert "13 of 256 rows it could not read, which count as not flagged" in page
    assert "Bandit reaches Youden&#39;s J 0.5000" in page or "Bandit reaches Youden's J 0.5000" in page

    found = json.loads(athanor("evaluate", str(response.run_dir), "--dataset", held_out, "--json").stdout)
    assert {name: found["metrics"][f"bandit_{name}"] for name in rates} == rates
    assert found["intervals"]["bandit_youden_j"] == list(response.intervals["bandit_youden_j"])
    told = athanor("evaluate", str(response.run_dir), "--dataset", held_out).stdout
    assert re.search(r"Bandit +Youden's J 0\.5000", told)
    assert "bandit_" not in told

    plan = athanor(
        "train", "--task", "security_classification", "--dataset", tmp_path / "code.json", "--model", "encoder-tiny",
        "--set", f"eval_dataset={held_out}", "--set", "vocab_size=400", "--set", "max_steps=2",
        "--output", tmp_path / "new", "--dry-run",
    ).stdout  # fmt: skip
    assert "Youden's J 0.5000  TPR 75.0%  FPR 25.0%; flags a row where it finds anything; 13 of 256 rows" in plan


def test_a_quick_run_asks_about_the_rows_that_it_scores(tmp_path: Path) -> None:
    response = trained(tmp_path, quick=True)
    assert response.baselines["bandit_rows"] == QUICK_ROWS
    assert not any("something so simple" in warning for warning in response.warnings)


def test_without_the_extra_a_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "is_installed", lambda name: False)
    response = trained(tmp_path)
    assert NOT_INSTALLED in response.warnings
    assert "pip install 'athanor[security]'" in NOT_INSTALLED
    assert not any(name.startswith("bandit_") for name in response.baselines)


def test_rows_of_another_language_leave_it_out_with_a_word() -> None:
    report = scanner_rival(["int main() {}", "int x;", "eval(x)"], np.array([0, 1, 1]), 0)
    assert not report.baselines
    assert report.warnings == ("Bandit reads 1 of 3 rows as Python, too few to stand beside this model.",)


def test_rows_of_one_side_tell_one_rate() -> None:
    report = scanner_rival(["eval(x)", "y = x"], np.array([3, 4]), 0)
    assert report.baselines == {"bandit_tpr": 0.5, "bandit_rows": 2, "bandit_unreadable": 0}
    assert set(report.intervals) == {"bandit_tpr"}
    assert scanner_rival([], np.array([], dtype=int), 0).baselines == {}


def test_classes_but_the_negative_one_are_put_together() -> None:
    confusion = np.arange(9).reshape(3, 3)
    assert binary_confusion(confusion, 1).tolist() == [[4, 3 + 5], [1 + 7, 0 + 2 + 6 + 8]]
    scores = binary_scores(confusion, 1)
    assert (scores["tpr"], scores["fpr"]) == (16 / 24, 8 / 12)


def test_the_interval_of_j_holds_the_true_one_as_often_as_it_says() -> None:
    # Rates of 0.6 and 0.2 on 80 rows of each side; what a normal interval of a difference of shares would be.
    random = np.random.default_rng(0)
    held, widths = 0, []
    for _ in range(200):
        weak, safe = random.binomial(80, 0.6), random.binomial(80, 0.2)
        low, high = intervals_of_rates(np.array([[80 - safe, safe], [80 - weak, weak]]), 0)["youden_j"]
        held += low <= 0.4 <= high
        widths.append(high - low)
    assert 0.91 <= held / 200 <= 0.99
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.sqrt(0.24 / 80 + 0.16 / 80), rel=0.1)


def test_it_has_a_name_and_a_sentence() -> None:
    assert BASELINES[SCANNER] == "Bandit"
    assert scanner_told({}) == ""
    assert scanner_told({"bandit_rows": 1}) == "flags a row where it finds anything; judged on 1 row"
