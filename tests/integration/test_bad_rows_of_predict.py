"""A bad row never stops predict: it is answered with nulls and a reason, in its place, unless the caller is strict."""

import csv
import io
import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from application.use_cases.predict import PredictRequest
from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.container import Container
from tests.support.command_line import athanor
from tests.support.finished_models import edit, finished, finished_once

WRITERS = ("language_modeling", "sequence_to_sequence")
TASKS = ("text_classification", *WRITERS)
FIELD = {"text_classification": "text", "language_modeling": "text", "sequence_to_sequence": "source"}
RESULT = {"text_classification": "label", "language_modeling": "text", "sequence_to_sequence": "text"}
SHORT = {"max_new_tokens": 2}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return finished_once(tmp_path_factory.mktemp)


def answered(model: Path, path: Path | str, **more: Any) -> tuple[list[Mapping[str, Any]], list[str]]:
    answers = Container().predict().execute(PredictRequest(run=str(model), input_path=str(path), **more))
    return list(answers), list(answers.notes)


def rows_file(path: Path, field: str) -> Path:
    """Write 70 good rows, among them the 3rd, the 64th and the last bad."""
    rows: list[str] = [json.dumps({field: f"still quiet {number}"}) for number in range(70)]
    rows[2], rows[63], rows[69] = json.dumps({field: None}), "{", json.dumps({field: ["x"], "n": 1})
    path.write_text("\n".join(rows))
    return path


@pytest.mark.parametrize("task", TASKS)
def test_answers_stay_in_their_places_and_bad_rows_say_why(
    task: str, models: Callable[[str], Path], tmp_path: Path
) -> None:
    path = rows_file(tmp_path / "x.jsonl", FIELD[task])
    answers, notes = answered(models(task), path, **({} if task == "text_classification" else SHORT))
    assert len(answers) == 70
    bad = [number for number, answer in enumerate(answers, 1) if answer[RESULT[task]] is None]
    assert bad == [3, 64, 70]
    assert answers[2]["error"] == f"x.jsonl:3: {FIELD[task]} is null, not a string"
    assert answers[63]["error"].startswith("x.jsonl:64: is not JSON")
    assert all("error" not in answer for number, answer in enumerate(answers, 1) if number not in bad)
    assert notes == ["3 of 70 rows could not be answered; `error` says why."]


def test_bad_rows_change_no_other_answer(models: Callable[[str], Path], tmp_path: Path) -> None:
    path = rows_file(tmp_path / "x.jsonl", "text")
    good = [line for number, line in enumerate(path.read_text().splitlines(), 1) if number not in (3, 64, 70)]
    (tmp_path / "good.jsonl").write_text("\n".join(good))
    among, _ = answered(models("text_classification"), path)
    alone, notes = answered(models("text_classification"), tmp_path / "good.jsonl")
    kept = [answer for answer in among if answer["label"] is not None]
    assert [answer["label"] for answer in kept] == [answer["label"] for answer in alone]
    for one, other in zip(kept, alone, strict=True):
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-5)
    assert notes == []


@pytest.mark.parametrize("task", TASKS)
def test_a_strict_caller_gets_all_answers_before_the_bad_row_and_then_its_fault(
    task: str, models: Callable[[str], Path], tmp_path: Path
) -> None:
    path = rows_file(tmp_path / "x.jsonl", FIELD[task])
    options = {} if task == "text_classification" else SHORT
    request = PredictRequest(run=str(models(task)), input_path=str(path), strict=True, **options)  # type: ignore[arg-type]
    answers = iter(Container().predict().execute(request))
    assert [next(answers)[RESULT[task]] is None for _ in range(2)] == [False, False]
    with pytest.raises(DatasetError, match=r"x\.jsonl:3: .* is null") as caught:
        next(answers)
    assert caught.value.remedy


def test_lines_that_are_ragged_are_bad_rows_and_a_file_that_cannot_be_read_is_refused(
    models: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text("id,text\n1,still\n2,bang,crash\n3,\n4,quiet\n")
    answers, notes = answered(models("text_classification"), tmp_path / "x.csv")
    assert [answer["label"] is None for answer in answers] == [False, True, True, False]
    assert answers[2]["error"] == "x.csv:4: text is empty"
    assert "2 of 4 rows" in notes[-1]
    for name, content in (
        ("b.jsonl", b'{"text": "caf\x81"}\n'),
        ("c.csv", b"v1,v2\na,b\n"),
        ("d.jsonl.gz", b"x"),
        ("e.json", b'[{"text": "a"}, {"text": "b"} {"text": "c"}]'),
        ("f.csv", b'text,n\na,1\n"b,2\n'),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DatasetError):
            answered(models("text_classification"), tmp_path / name)


def test_each_line_of_standard_input_stands_for_itself(
    models: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = b'still\n{"text": ""}\n{"other": 1, "n": 2}\n{"Text": "bang"}\n{"text": 7}\n{broken\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    answers, notes = answered(models("text_classification"), "-")
    assert [answer.get("error") for answer in answers] == [
        None,
        "standard input:2: text is empty",
        "standard input:3: has the fields 'other', 'n', but the text is looked for in 'text' or 'code' or 'content'"
        " or 'sentence' and the like",
        None,
        None,
        None,
    ]
    assert "2 of 6 rows" in notes[-1]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_line_of_standard_input_that_is_no_text_is_a_bad_row(
    mark: bytes, models: Callable[[str], Path], tmp_path: Path
) -> None:
    lines = mark + "bäng\n".encode() + b'{"text": "a\xff", "id": 7}\nstill\n' + b"\xffb\xc3\xa4c\nbang\n"
    words = ("predict", models("text_classification"), "--input", "-", "--keep", "all")
    printed = athanor(*words, stdin=lines)
    assert printed.exit_code == 0, printed.stderr
    answers = [json.loads(line) for line in printed.stdout.splitlines()]
    told = "holds byte 0xff, which cannot be decoded"
    errors = [None, f"standard input:2: {told}", None, f"standard input:4: {told}", None]
    assert [answer.get("error") for answer in answers] == errors
    assert (answers[1]["id"], answers[1]["text"], answers[3]["text"]) == (7, "a\ufffd", "\ufffdbäc")
    assert "2 of 5 rows could not be answered" in printed.stderr
    output = tmp_path / "answers.csv"
    assert athanor(*words, "--output", output, stdin=lines).exit_code == 0
    with output.open(encoding="utf-8", newline="") as file:
        assert [row["error"] or None for row in csv.DictReader(file)] == errors


def test_a_strict_caller_and_one_who_named_the_encoding_are_stopped_by_such_a_line(
    models: Callable[[str], Path],
) -> None:
    for words in (("--strict",), ("--set", "encoding=utf-8")):
        stdin = b"still\nb\xc3\xa4\xff\n"
        told = athanor("predict", models("text_classification"), "--input", "-", *words, stdin=stdin)
        assert told.exit_code == 2
        assert "byte 0xff" in told.stderr


@pytest.mark.parametrize("task", ["text_classification", "quantile_forecasting"])
def test_a_pipe_without_an_ending_is_told_of_standard_input(models: Callable[[str], Path], task: str) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    try:
        for path in (f"/dev/fd/{reading}", "/dev/stdin"):
            told = athanor("predict", models(task), "--input", path)
            assert told.exit_code == 2
            assert f"{path} is a stream" in told.stderr
            assert "--input -" in told.stderr
    finally:
        os.close(reading)


def test_the_command_counts_bad_rows_keeps_them_in_a_file_and_stops_when_strict(
    models: Callable[[str], Path], tmp_path: Path
) -> None:
    path, kept = rows_file(tmp_path / "x.jsonl", "text"), tmp_path / "out.jsonl"
    told = athanor("predict", models("text_classification"), "--input", path, "--output", kept)
    assert (told.exit_code, told.stdout) == (0, "")
    assert "warning: 3 of 70 rows could not be answered" in told.stderr
    answers = [json.loads(line) for line in kept.read_text().splitlines()]
    assert len(answers) == 70
    assert answers[2] == {
        **{"text": None, "row": 3, "label": None, "score": None, "scores": None},
        "error": "x.jsonl:3: text is null, not a string",
    }
    kept.unlink()
    strict = athanor("predict", models("text_classification"), "--input", path, "--output", kept, "--strict")
    assert (strict.exit_code, kept.exists()) == (2, False)
    assert "x.jsonl:3: text is null" in strict.stderr


@pytest.mark.parametrize("task", WRITERS)
def test_a_stream_shows_the_reason_in_the_place_of_the_text(
    task: str, models: Callable[[str], Path], tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({FIELD[task]: text, "n": 1}) + "\n" for text in ("one two", "", "three")))
    told = athanor("predict", models(task), "--input", path, "--stream", "--max-new-tokens", 2)
    assert told.exit_code == 0
    assert f'{{"row": 2, "text": null, "error": "x.jsonl:2: {FIELD[task]} is empty"}}' in told.stdout.splitlines()
    assert "1 of 3 rows" in told.stderr


def test_columns_of_the_model_are_found_first_others_guessed_and_any_named(
    models: Callable[[str], Path], tmp_path: Path
) -> None:
    model = finished("text_classification", tmp_path / "own")
    edit(model / "athanor.json", lambda card: {**card, "text_field": ["Subject", "Body"]})
    path = tmp_path / "x.csv"
    path.write_text("Subject,Body,note\nstill,quiet,bang crash\n")
    together, notes = answered(model, path)
    assert notes == []
    path.write_text("text\nstill\n")
    assert answered(model, path)[1] == []
    path.write_text("Message,note\nstill quiet,x\n")
    assert answered(model, path)[1] == ["x.csv: found the text in 'Message'."]
    path.write_text('v1,v2\nx,"still\nquiet"\n')
    with pytest.raises(DatasetError, match="--set text_field="):
        answered(model, path)
    named, _ = answered(model, path, reading={"text_field": "v2"})
    assert named[0]["scores"] == pytest.approx(together[0]["scores"], abs=1e-5)
    with pytest.raises(DatasetError, match="text_field names 'v3'"):
        answered(model, path, reading={"text_field": "v3"})
    with pytest.raises(ConfigurationError, match=r"Name one of .*text_field"):
        answered(model, path, reading={"textfield": "v3"})


@pytest.mark.parametrize(
    ("task", "name", "said"),
    [
        ("language_modeling", "label_field", "Use text_field"),
        ("sequence_to_sequence", "text_field", "Use source_field or target_field"),
        ("quantile_forecasting", "text_field", "Leave it out"),
    ],
)
def test_a_field_that_a_task_does_not_read_is_refused(
    task: str, name: str, said: str, models: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} means nothing to task {task}. {said}"):
        answered(models(task), tmp_path / "x.csv", reading={name: "v"})


def test_evaluate_takes_named_columns_and_says_which_it_guessed(models: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Message,Category\nstill quiet,calm \nbang crash,loud\n")
    guessed = athanor("evaluate", models("text_classification"), "--dataset", path)
    assert guessed.exit_code == 0
    assert "warning: x.csv: found the text in 'Message', the label in 'Category'." in guessed.stderr
    assert "1 label had white space" in guessed.stderr
    path.write_text("v1,v2\ncalm,still quiet\nloud,bang crash\n")
    settings = ("--set", "text_field=v2", "--set", "label_field=v1")
    named = athanor("evaluate", models("text_classification"), "--dataset", path, *settings, "--json")
    assert json.loads(named.stdout)["num_rows"] == 2


def test_evaluate_says_how_far_it_is_where_that_takes_long(
    models: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text,label\n" + "still quiet,calm\nbang crash,loud\n" * 50)
    ticks = itertools.count(0.0, 10.0)  # seconds; one look at the clock is as good as a long wait
    monkeypatch.setattr("application.phases.time", SimpleNamespace(monotonic=lambda: next(ticks)))
    monkeypatch.setattr("presentation.cli.answering.SECONDS_BETWEEN_LINES", 0.0)
    told = athanor("evaluate", models("text_classification"), "--dataset", path)
    assert re.search(r"^\d\d:\d\d:\d\d  scoring: \d+ of 100 rows", told.stderr, re.MULTILINE)
    assert "scoring" not in told.stdout
