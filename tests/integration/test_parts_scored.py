"""Rows that say which part they belong to are scored there too: in training, in evaluate, on screen and page."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from sklearn.metrics import accuracy_score, f1_score, recall_score

from application.training_request import TrainModelRequest
from domain.task import TASKS
from domain.words import Words
from infrastructure.container import Container
from infrastructure.data.labels.loading import ClassificationData
from infrastructure.tasks.labels.parts import scores_of_parts
from infrastructure.tasks.labels.scoring import LabelScoring
from presentation.cli.parts import write_parts
from tests.support import marked
from tests.support.command_line import athanor

NAMES = ("high", "low", "safe")
BINARY = LabelScoring(NAMES, negative_label="safe")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def drawn(count: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, count)
    logits = random.normal(size=(count, 3)) + 1.5 * np.eye(3)[labels]
    return logits, labels, random.integers(-1, 2, count)


def test_each_part_has_the_scores_of_its_rows() -> None:
    logits, labels, parts = drawn()
    found = scores_of_parts(BINARY, {"logits": logits, "labels": labels}, parts, ("one", "other", "empty"))["per_part"]
    assert list(found) == ["one", "other"]
    for number, name in enumerate(found):
        rows = parts == number
        true, answer = labels[rows], logits[rows].argmax(axis=1)
        sensitivity, specificity = (recall_score(true != 2, answer != 2, pos_label=side) for side in (True, False))
        scores = found[name]
        assert scores["num_rows"] == rows.sum()
        assert scores["accuracy"] == pytest.approx(accuracy_score(true, answer))
        assert scores["macro_f1"] == pytest.approx(f1_score(true, answer, average="macro"))
        assert scores["youden_j"] == pytest.approx(sensitivity + specificity - 1)
        low, high = scores["interval"]
        assert low < scores["youden_j"] < high


def test_a_part_of_one_side_has_no_j_and_says_why() -> None:
    logits, labels, _ = drawn()
    parts = np.where(labels == 2, 0, 1)
    found = scores_of_parts(BINARY, {"logits": logits, "labels": labels}, parts, ("sound", "weak"))["per_part"]
    assert [scores["youden_j"] for scores in found.values()] == [None, None]
    assert [scores["undefined"] for scores in found.values()] == ["every row is safe", "no row is safe"]
    assert found["sound"]["fpr"] is not None
    assert found["weak"]["tpr"] is not None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_without_a_negative_label_accuracy_has_the_interval() -> None:
    logits, labels, parts = drawn()
    plain = LabelScoring(NAMES)
    scores = scores_of_parts(plain, {"logits": logits, "labels": labels}, parts, ("one", "other"))["per_part"]["one"]
    assert "youden_j" not in scores
    assert scores["interval"][0] < scores["accuracy"] < scores["interval"][1]


def test_rows_of_no_part_make_none() -> None:
    logits, labels, _ = drawn()
    assert scores_of_parts(BINARY, {"logits": logits, "labels": labels}, np.full(300, -1), ("one",)) == {}


def with_parts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "part": ("unseen <steps>", "unseen uses", None)[number % 3]} for number, row in enumerate(rows)]


def test_a_training_and_an_evaluation_give_the_same_parts(tmp_path: Path) -> None:
    wanted = marked.request(tmp_path, count=24, max_steps=2, batch_size=4)
    marked.file_of(Path(str(wanted.eval_dataset)), with_parts(marked.rows(30, 7)))
    response = Container().train_model().execute(wanted)
    assert response.success, response.errors
    parts = response.final_metrics["per_part"]
    assert {name: scores["num_rows"] for name, scores in parts.items()} == {"unseen <steps>": 10, "unseen uses": 10}
    run = Path(str(wanted.output_dir))
    assert json.loads((run / "summary.json").read_text())["final_metrics"]["per_part"] == parts
    page = (run / "report.html").read_text()
    assert "Scores of each part" in page
    assert "unseen &lt;steps&gt;" in page
    assert "Marked tokens, found again" in page
    again = athanor("evaluate", run, "--dataset", wanted.eval_dataset, "--json")
    assert again.exit_code == 0, again.stderr
    for name, scores in json.loads(again.stdout)["metrics"]["per_part"].items():
        assert scores.pop("interval") == pytest.approx(parts[name].pop("interval"))
        assert scores == pytest.approx(parts[name])
    told = athanor("evaluate", run, "--dataset", wanted.eval_dataset).stdout
    assert "unseen <steps>" in told


def told(parts: dict[str, Any], width: int) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, markup=False, emoji=False, highlight=False)
    write_parts(console, {"per_part": parts}, Words(), "report.html")
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_parts_fit_a_screen(width: int) -> None:
    scores = {"num_rows": 1_000, "youden_j": 0.1234, "interval": [0.05, 0.2]}
    names = ["unseen steps", "\u202eevil\x1b[31m", "n" * 500, *(f"p{number}" for number in range(20))]
    lines = told(dict.fromkeys(names, scores), width)
    assert all(cell_len(line) <= width for line in lines)
    assert lines[-1] == "all 23 parts: report.html"
    assert all(letter.isprintable() for line in lines for letter in line)
    assert ("(0.05-0.20)" in "".join(lines)) == (width >= 60)


def test_a_screen_says_why_a_part_has_no_score() -> None:
    lines = told({"weak": {"num_rows": 3, "youden_j": None, "interval": None, "undefined": "no row is safe"}}, 80)
    assert lines[1].split() == ["weak", "-", "3"]
    assert lines[2] == " weak: no Youden's J, for no row is safe"


class TestDefaultEvaluationRows:
    @pytest.fixture(autouse=True)
    def task(self, monkeypatch: pytest.MonkeyPatch) -> None:
        known = TASKS["security_classification"]
        monkeypatch.setitem(TASKS, known.name, replace(known, default_eval_dataset="data/classification.json"))

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            ({}, "data/classification.json"),
            ({"dataset_path": TASKS["security_classification"].default_dataset}, "data/classification.json"),
            ({"dataset_path": "mine.jsonl"}, None),
            ({"validation_split": 0.1}, None),
            ({"eval_dataset": "mine.jsonl"}, "mine.jsonl"),
            ({"eval_dataset": "mine.jsonl", "dataset_path": "other.jsonl"}, "mine.jsonl"),
        ],
        ids=str,
    )
    def test_are_taken_where_nothing_else_was_said(self, said: dict[str, Any], expected: str | None) -> None:
        assert TrainModelRequest(**said).resolved().eval_path == expected

    def test_are_found_from_elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        default = TASKS["security_classification"].default_dataset
        monkeypatch.setitem(
            TASKS,
            "security_classification",
            replace(TASKS["security_classification"], default_eval_dataset=default, default_dataset="mine.json"),
        )
        monkeypatch.chdir(tmp_path)
        rows = [{"code": f"x = {number}", "label": ("safe", "low")[number % 2]} for number in range(8)]
        (tmp_path / "mine.json").write_text(json.dumps(rows))
        training: Any = TrainModelRequest(dataset_path=str(tmp_path / "mine.json"), eval_dataset=default).resolved()
        assert ClassificationData().load(training).num_eval > 100
