"""A classifier that reads findings: the same ones everywhere, and asked for only where rows carry none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from application.training_request import TrainModelRequest
from application.use_cases.train_model import TrainModelResponse
from domain.exceptions import ConfigurationError
from domain.findings import Finding
from domain.marks import Mark
from infrastructure.container import Container
from infrastructure.data.labels import annotated_texts
from infrastructure.data.labels.annotating import SIGN, annotated
from infrastructure.data.labels.asked_code import FoundCode
from infrastructure.data.labels.carried import FINDINGS, MARKS
from infrastructure.data.labels.loading import found_rows
from infrastructure.data.labels.rows import RowSchema
from infrastructure.data.sources.fields import sought
from infrastructure.prediction import FinishedModel
from infrastructure.predictors import opened_by_torch
from infrastructure.scanners.known import scanner_named
from infrastructure.tasks.labels import rivals
from tests.support.command_line import athanor
from tests.support.small_requests import request_for

pytest.importorskip("bandit", reason="needs the extra security")

FOUND: dict[str, Any] = {"rule": "B307", "first_line": 1, "severity": "medium", "confidence": "high", "cwe": 78}
CODES = ("eval(x)", "y = x")


def rows_of_code(number: int, carry: bool = False) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"code": f"{CODES[place % 2]}  # {place}", "label": ("high", "safe")[place % 2]} for place in range(number)
    ]
    if carry:
        for place, row in enumerate(rows):
            row["findings"] = [FOUND] if place % 2 == 0 else []
    return rows


def file_of(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def asked(directory: Path, rows: list[dict[str, Any]], **changes: Any) -> TrainModelRequest:
    request = request_for("security_classification", directory / "made", max_steps=2, max_length=32)
    path = file_of(directory / "code.jsonl", rows)
    return request.changed(dataset_path=str(path), findings="bandit", **changes)


def trained(directory: Path, rows: list[dict[str, Any]]) -> TrainModelResponse:
    response = Container().train_model().execute(asked(directory, rows))
    assert response.success, response.errors
    return response


def opened(response: TrainModelResponse) -> FinishedModel:
    return opened_by_torch(str(response.run_dir), "cpu")


@pytest.fixture
def without_bandit(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def remove() -> None:
        for module in (annotated_texts, rivals):
            monkeypatch.setattr(module, "is_installed", lambda name: False)

    return remove


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def test_findings_of_the_scanner_and_those_that_rows_carry_are_read_alike(
    tmp_path: Path, without_bandit: Callable[[], None]
) -> None:
    response = trained(tmp_path, rows_of_code(80))
    card = json.loads((Path(str(response.run_dir)) / "model" / "athanor.json").read_text())
    assert (card["findings"], card["findings_version"]) == ("bandit", scanner_named("bandit").version)
    model = opened(response)
    raw = model.answer(["eval(x)", "y = x"])
    assert raw == model.answer([FoundCode("eval(x)", [finding_of(FOUND)]), FoundCode("y = x", [])])
    assert raw[0] != model.answer([FoundCode("eval(x)", []), "y = x"])[0]

    evaluated = model.evaluate(str(file_of(tmp_path / "raw.jsonl", rows_of_code(20))))
    without_bandit()
    carried = model.evaluate(str(file_of(tmp_path / "carried.jsonl", rows_of_code(20, carry=True))))
    assert carried.metrics["loss"] == evaluated.metrics["loss"]
    answers = athanor("predict", str(response.run_dir), "--input", tmp_path / "carried.jsonl").stdout.splitlines()
    assert len(answers) == 20
    assert all(json.loads(answer)["label"] for answer in answers)
    refused = athanor("predict", str(response.run_dir), "--input", tmp_path / "raw.jsonl")
    assert refused.exit_code == 2
    assert "this Python has no bandit. Run: pip install 'athanor[security]'" in refused.stderr


def finding_of(item: dict[str, Any]) -> Finding:
    return Finding(item["first_line"], item["first_line"], "bandit", item["rule"], "", "medium", "high", item["cwe"])


def test_rows_that_all_carry_findings_need_no_scanner(tmp_path: Path, without_bandit: Callable[[], None]) -> None:
    without_bandit()
    response = trained(tmp_path, rows_of_code(80, carry=True))
    card = json.loads((Path(str(response.run_dir)) / "model" / "athanor.json").read_text())
    assert card["findings"] == "bandit"
    assert card.get("findings_version") is None


def test_a_row_that_carries_none_names_itself_where_the_scanner_is_missing(
    tmp_path: Path, without_bandit: Callable[[], None]
) -> None:
    without_bandit()
    rows = rows_of_code(80, carry=True)
    del rows[6]["findings"]
    response = Container().train_model().execute(asked(tmp_path, rows))
    assert response.errors == (
        "findings is bandit and code.jsonl:7 carries no findings, but this Python has no bandit. "
        "Run: pip install 'athanor[security]', or give each row its findings.",
    )


def test_bad_findings_are_refused_in_training_and_answered_in_prediction(tmp_path: Path) -> None:
    rows = rows_of_code(80, carry=True)
    rows[2]["findings"] = [{**FOUND, "first_line": 0}]
    response = Container().train_model().execute(asked(tmp_path, rows))
    assert any("code.jsonl:3: findings[0] has the first_line 0" in error for error in response.errors)

    model = opened(trained(tmp_path, rows_of_code(80)))
    found = list(model.predict(str(file_of(tmp_path / "ask.jsonl", rows[:3]))).rows)
    assert [row.get("error") is None for row in found] == [True, True, False]
    assert found[2]["error"] == "ask.jsonl:3: findings[0] has the first_line 0, but lines count from 1"


def test_the_setting_means_something_where_code_may_be_without_a_weakness(tmp_path: Path) -> None:
    request = request_for("text_classification", tmp_path / "made")
    refused = Container().train_model().execute(request.changed(findings="bandit"))
    assert refused.errors == (
        "findings means nothing to task text_classification. Leave it out: it is for security_classification.",
    )


def test_a_dry_run_learns_the_tokenizer_from_what_is_read(tmp_path: Path) -> None:
    lengths = [
        Container().plan_training().execute(asked(tmp_path, rows_of_code(80)).changed(findings=findings)).lengths["p50"]
        for findings in ("none", "bandit")
    ]
    assert lengths[0] < lengths[1]


def loaded(path: Path) -> Any:
    schema = RowSchema(sought("text", ("code",)), carried=(FINDINGS, MARKS))
    return found_rows(path, schema)


def test_rows_are_examined_once_and_marks_follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*rows_of_code(4), {"code": "print x\nint y;", "label": "safe", "marks": [[0, 5, "m"]]}]
    rows[0]["marks"] = [[0, 4, "harmful"], [5, 6, "tainted"]]
    path = file_of(tmp_path / "x.jsonl", rows)
    read = loaded(path)
    assert read.read_texts[0] == annotated(rows[0]["code"], [finding_of(FOUND)]).text
    assert [read.read_texts[0][mark.start : mark.end] for mark in read.read_marks(0)] == ["eval", "x"]
    assert read.read_texts[1] == rows[1]["code"] == read.texts[1]
    assert read.read_marks(4) == [Mark(0, 5, "m")]
    assert read.warnings == ("x.jsonl: 1 of 5 rows could not be read as Python by bandit and stand without findings.",)

    scanner = scanner_named("bandit")
    monkeypatch.setattr(type(scanner), "examine", lambda self, code: pytest.fail("asked again"))
    again = loaded(path)
    assert (again.read_key, list(again.read_texts)) == (read.read_key, list(read.read_texts))
    assert again.warnings == read.warnings
    monkeypatch.setattr(type(scanner), "version", "2.0")
    with pytest.raises(BaseException, match="asked again"):
        loaded(path)


def test_another_version_of_the_scanner_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    response = trained(tmp_path, rows_of_code(80))
    monkeypatch.setattr(type(scanner_named("bandit")), "version", "2.0")
    raw = file_of(tmp_path / "raw.jsonl", rows_of_code(4))
    told = "and reads those of 2.0 here"
    assert told in athanor("predict", str(response.run_dir), "--input", raw).stderr
    assert told in athanor("evaluate", str(response.run_dir), "--dataset", raw).stderr
    carried = file_of(tmp_path / "carried.jsonl", rows_of_code(4, carry=True))
    assert told not in athanor("predict", str(response.run_dir), "--input", carried).stderr


def test_a_text_that_is_cut_keeps_its_header(tmp_path: Path) -> None:
    rows = rows_of_code(80)
    for row in rows:
        row["code"] = "\n".join([row["code"], *(f"z{place} = {place}" for place in range(200))])
    model: Any = opened(trained(tmp_path, rows))
    dataset, _ = model.task.scored(str(file_of(tmp_path / "ask.jsonl", rows[:1])))
    ids = dataset[0]["input_ids"]
    assert bool(dataset.was_cut[0])
    assert SIGN in model.task.tokenizer.decode(ids)
    assert "307" in model.task.tokenizer.decode(ids)
    assert np.all(dataset.lengths == 32)


def test_without_the_scanner_code_alone_is_refused_in_one_sentence(
    tmp_path: Path, without_bandit: Callable[[], None]
) -> None:
    model = opened(trained(tmp_path, rows_of_code(80)))
    without_bandit()
    with pytest.raises(ConfigurationError, match="findings is bandit and code comes without findings, but this Python"):
        model.answer(["eval(x)"])


def test_a_reader_that_follows_values_tells_lines_of_the_code_alone(tmp_path: Path) -> None:
    rows = [{**row, "code": f"x = input()\n{row['code']}"} for row in rows_of_code(80)]
    response = Container().train_model().execute(asked(tmp_path, rows).changed(model_name="encoder-flow-tiny"))
    assert response.success, response.errors
    model = opened(response)
    found = model.answer(["x = input()\neval(x)", FoundCode("x = input()\neval(x)", []), "y = x"])
    assert found[0] != found[1]
    for answer in found:
        assert all(line in (1, 2) for line in answer["lines"])
        assert answer["label"] == "safe" or answer["lines"]
