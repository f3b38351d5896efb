"""Answers as text: a table that every reader of CSV takes back, and JSON lines."""

import csv
import io
import json
import math
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from application.answers import Answers
from application.joining import NOTHING_KEPT, Keep
from application.use_cases.predict import PredictRequest, PredictUseCase
from domain.exceptions import ConfigurationError
from domain.program_tests import ProgramTesting
from domain.results import EvaluationResult


def test_strange_names_come_back_from_csv_as_they_were() -> None:
    rows = [{'"time", so': "2024-01-01", "target": name} for name in ("a,b", 'a"b', "a\nb", "a\rb", " ä ", "")]
    text = "".join(f"{line}\n" for line in Answers(rows, is_table=True).lines())
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == rows


def test_numbers_of_csv_have_fifteen_digits_and_keep_their_order() -> None:
    draw = random.Random(1)
    sizes = [10.0 ** draw.uniform(-30, 30) for _ in range(500)]
    rows = [{f"q{n}": size * (1 + n * 3e-8) for n in range(5)} for size in sizes]
    lines = list(Answers(rows, is_table=True).lines())[1:]
    for line, row in zip(lines, rows, strict=True):
        numbers = [float(text) for text in line.split(",")]
        assert numbers == sorted(numbers)
        assert all(math.isclose(*pair, rel_tol=5e-15) for pair in zip(numbers, row.values(), strict=True))
        assert max(map(len, line.split(","))) <= len("1.23456789012345e+30")


def test_whole_numbers_of_csv_keep_all_their_digits() -> None:
    assert list(Answers([{"row": 123_456_789}], is_table=True).lines()) == ["row", "123456789"]


def test_answers_that_are_no_table_are_json_with_every_digit() -> None:
    answer = {"label": "höher\n", "scores": {"a": 1 / 3}}
    (line,) = Answers([answer]).lines()
    assert "\n" not in line
    assert json.loads(line) == answer


def test_an_answer_is_made_when_its_line_is_asked_for() -> None:
    made = []

    def rows() -> Iterator[Mapping[str, Any]]:
        for number in range(3):
            made.append(number)
            yield {"row": number}

    lines = Answers(rows()).lines()
    next(lines)
    assert made == [0]


def test_notes_are_complete_once_all_rows_have_come_and_stay_with_guarded_answers() -> None:
    notes: list[str] = []

    def rows() -> Iterator[Mapping[str, Any]]:
        yield {"row": 1}
        notes.append("y was last observed 3 rows before the end.")

    answers = Answers(rows(), is_table=True, notes=notes).for_spreadsheets()
    assert list(answers.lines()) == ["row", "1"]
    assert list(answers.notes) == ["y was last observed 3 rows before the end."]


class Nobody:
    """Opens nothing and writes nothing."""

    def open(self, path: str, device: str, reading: Mapping[str, Any]) -> "Nobody":
        raise AssertionError("opened")

    def evaluate(
        self, dataset_path: str, report_path: str | None = None, testing: ProgramTesting | None = None
    ) -> EvaluationResult:
        return EvaluationResult({}, 0, "")

    def predict(
        self,
        input_path: str,
        options: Mapping[str, Any],
        on_text: Callable[[str], None] | None = None,
        strict: bool = False,
        keep: Keep = NOTHING_KEPT,
        as_table: bool = False,
    ) -> Answers:
        return Answers([])

    def holds_table(self, path: str) -> bool:
        raise AssertionError("asked")

    def write(self, path: str, answers: Answers) -> None:
        raise AssertionError("written")


def test_a_file_is_not_replaced_by_its_own_answers_whatever_it_is_called() -> None:
    use_case = PredictUseCase(Nobody(), Nobody())
    for output in ("rows.csv", "./rows.csv", str(Path.cwd() / "rows.csv")):
        with pytest.raises(ConfigurationError, match="would be lost"):
            use_case.write(PredictRequest(run="run", input_path="rows.csv"), output)
