"""Answers beside the rows of a file, and lines of standard input that are answered as they come."""

import csv
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

import athanor as face
from application.use_cases.predict import PredictRequest
from domain.exceptions import ConfigurationError
from infrastructure.container import Container
from tests.support.command_line import athanor
from tests.support.finished_models import finished_once

CLASSIFIER, WRITER = "text_classification", "language_modeling"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return finished_once(tmp_path_factory.mktemp)


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    texts = [f"still{number} quiet" if number % 2 else f"bang{number} crash" for number in range(150)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Ticket ID", "text", "label"])
        writer.writerows([f"{number:05}", text, "gold"] for number, text in enumerate(texts))
    return path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_spreadsheet_becomes_answers_beside_its_columns_in_one_command(
    models: Callable[[str], Path], tickets: Path
) -> None:
    output = tickets.with_name("answers.csv")
    told = athanor("predict", models(CLASSIFIER), "--input", tickets, "--output", output)
    assert (told.exit_code, told.stdout) == (0, ""), told.stderr
    assert "'label' of its own, which is kept; that of the answers is 'answer_label'" in told.stderr
    rows = table(output)
    assert list(rows[0]) == ["Ticket ID", "text", "label", "row", "id", "answer_label", "score", "error"]
    asked = table(tickets)
    assert [{name: row[name] for name in asked[0]} for row in rows] == asked
    assert all(re.fullmatch(r"[01]\.\d{1,6}|[01]", row["score"]) for row in rows)
    printed = [
        json.loads(line) for line in athanor("predict", models(CLASSIFIER), "--input", tickets).stdout.splitlines()
    ]
    assert [list(answer) for answer in printed[:1]] == [["row", "id", "label", "score", "scores"]]
    assert [(row["id"], row["answer_label"], float(row["score"])) for row in rows] == [
        (answer["id"], answer["label"], answer["score"]) for answer in printed
    ]


def test_labels_by_rank_and_a_threshold_stand_beside_the_columns_that_were_named(
    models: Callable[[str], Path], tickets: Path
) -> None:
    output = tickets.with_name("answers.parquet")
    words = ("--keep", "text", "--top-k", 2, "--threshold", 1, "--output", output)
    told = athanor("predict", models(CLASSIFIER), "--input", tickets, *words)
    assert "150 of 150 answers (100.0%) are below the threshold 1: their label is 'unsure'" in told.stderr
    answers = pyarrow.parquet.read_table(output)
    assert answers.schema.names == [
        *("text", "row", "id", "label", "score", "second_label", "second_score", "likeliest", "error"),
    ]
    first = answers.to_pylist()[0]
    assert first["label"] == "unsure"
    assert first["likeliest"] != first["second_label"]
    assert first["score"] >= first["second_score"]
    assert answers.column("error").null_count == 150


def test_a_model_that_writes_has_its_text_beside_the_one_it_was_asked(
    models: Callable[[str], Path], tickets: Path
) -> None:
    output = tickets.with_name("answers.csv")
    told = athanor(
        "predict", models(WRITER), "--input", tickets, "--output", output, "--max-new-tokens", 2, "--keep", "text"
    )
    assert told.exit_code == 0, told.stderr
    rows = table(output)
    assert list(rows[0]) == ["text", "row", "id", "answer_text", "error"]
    assert [row["text"] for row in rows] == [row["text"] for row in table(tickets)]


def test_python_takes_the_same_options(models: Callable[[str], Path], tickets: Path) -> None:
    answers = list(face.predict(models(CLASSIFIER), tickets, keep=["text"], top_k=1, threshold=0.0001))
    assert list(answers[0]) == ["text", "row", "id", "label", "score", "likeliest"]
    assert list(face.predict(models(CLASSIFIER), tickets, keep="all"))[1]["label"] == "gold"
    with pytest.raises(ConfigurationError, match="keep names 'txt'"):
        face.predict(models(CLASSIFIER), tickets, keep="txt")


@pytest.mark.parametrize(
    ("task", "words", "said"),
    [
        (CLASSIFIER, ("--temperature", 0.5, "--seed", 1), ("temperature means nothing to task text", "seed means")),
        (CLASSIFIER, ("--beams", 2), ("It is for tasks that write. Leave it out.",)),
        (CLASSIFIER, ("--top-k", 0), ("top_k is 0, but must be a whole number of at least 1",)),
        (CLASSIFIER, ("--top-k", -1), ("top_k is -1, but must be a whole number of at least 1",)),
        (WRITER, ("--top-k", -1), ("top_k is -1, but must be a whole number of at least 0",)),
        (CLASSIFIER, ("--threshold", 80), ("threshold is 80.0, but must be above 0 and at most 1",)),
        (CLASSIFIER, ("--stream",), ("this model writes none",)),
        (CLASSIFIER, ("--keep", "text,Labl"), ("keep names 'Labl', but tickets.csv has", "Did you mean 'label'?")),
        (CLASSIFIER, ("--output", "x.doc"), ("must end in one of .csv", ".xlsx")),
        (CLASSIFIER, ("--for-spreadsheets",), ("answers in JSON", "--output answers.csv")),
        (WRITER, ("--threshold", 0.5), ("threshold means nothing to task", "It is for tasks that label")),
    ],
)
def test_an_option_that_means_nothing_or_cannot_be_is_refused(
    task: str, words: tuple[object, ...], said: tuple[str, ...], models: Callable[[str], Path], tickets: Path
) -> None:
    before = sorted(tickets.parent.iterdir())
    answer = athanor("predict", models(task), "--input", tickets, *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert all(sentence in answer.stderr for sentence in said), answer.stderr
    assert sorted(tickets.parent.iterdir()) == before


def test_lines_of_standard_input_become_one_table_with_the_columns_of_all_of_them(
    models: Callable[[str], Path], tmp_path: Path
) -> None:
    lines = b'still\n\n{"id": 7, "text": "bang", "n": 1.5}\n{"text": "", "label": "gold"}\n'
    output = tmp_path / "answers.csv"
    told = athanor("predict", models(CLASSIFIER), "--input", "-", "--output", output, stdin=lines)
    assert told.exit_code == 0, told.stderr
    rows = table(output)
    assert list(rows[0]) == ["text", "id", "n", "label", "row", "answer_label", "score", "error"]
    assert [(row["text"], row["id"], row["n"], row["label"], row["row"]) for row in rows] == [
        ("still", "", "", "", "1"),
        ("bang", "7", "1.5", "", "2"),
        ("", "", "", "gold", "3"),
    ]
    assert rows[2]["error"] == "standard input:4: text is empty"


def test_each_line_of_standard_input_has_an_id_of_its_own(models: Callable[[str], Path]) -> None:
    lines = b'still\n{"key": "k", "text": "bang"}\n'
    told = athanor("predict", models(CLASSIFIER), "--input", "-", stdin=lines)
    assert [json.loads(line).get("id") for line in told.stdout.splitlines()] == [None, "k"]


@contextmanager
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give the end of a pipe whose other one is standard input."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield writing


@pytest.mark.parametrize("task", [CLASSIFIER, WRITER])
@pytest.mark.parametrize("ends", [b"\n", b"\n\n", b"\nha"], ids=["a line", "a blank line", "half of the next"])
def test_a_line_is_answered_while_the_pipe_stays_open(
    task: str, ends: bytes, models: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = threading.Event()
    came_in_time: list[bool] = []
    options: dict[str, Any] = {} if task == CLASSIFIER else {"max_new_tokens": 2}
    with piped(monkeypatch) as writing:

        def type_in() -> None:
            os.write(writing, b"still" + ends)
            came_in_time.append(seen.wait(timeout=60))  # else the end of the pipe brings the answer
            os.write(writing, b"lf of it\n" if ends.endswith(b"ha") else b"bang\n")
            os.close(writing)

        typist = threading.Thread(target=type_in)
        request = PredictRequest(run=str(models(task)), input_path="-", **options)
        answers = iter(Container().predict().execute(request))
        typist.start()
        first = next(answers)
        seen.set()
        typist.join()
        assert came_in_time == [True]
        assert [first["row"], *(answer["row"] for answer in answers)] == [1, 2]


def test_lines_that_have_all_come_are_answered_together(
    models: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from infrastructure.prediction import FinishedModel

    sizes: list[int] = []
    answer = FinishedModel.answer

    def counted(self: FinishedModel, inputs: Any, *more: Any) -> Any:
        sizes.append(len(inputs))
        return answer(self, inputs, *more)

    monkeypatch.setattr(FinishedModel, "answer", counted)
    athanor("predict", models(CLASSIFIER), "--input", "-", stdin=b"still\n" * 100)
    assert sizes == [64, 36]
