"""What is refused of an export, and what is asked of it before it is kept."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from application.export_ports import Draft, ModelExporter, Wanted
from application.use_cases.export_model import ExportModelRequest, ExportModelUseCase
from domain.exceptions import ConfigurationError, ExportError
from domain.export import Export, Parity, Score, Speed
from presentation.cli.exported import write_export

ALIKE = Parity(num_rows=100, largest=1e-6, worst_row="row 7", agreement=1.0)
APART = Parity(num_rows=100, largest=0.2, worst_row="row 7", agreement=0.98)


@dataclass
class FakeDraft:
    """Answers as it is told to, and remembers what was kept."""

    parity: Parity
    score: Score | None
    task: str = "text_classification"
    rows_told: str = "some rows"
    warnings: Sequence[str] = ()
    sizes: tuple[int, int] = (400, 100)
    done: list[str] = field(default_factory=list)

    def write(self) -> None:
        self.done.append("written")

    def compared(self) -> tuple[Parity, Score | None]:
        self.done.append("compared")
        return self.parity, self.score

    def speed(self) -> tuple[Sequence[Speed], int]:
        return (Speed(1, 24, 3.0, 1.0),), 2

    def keep(self, told: Export) -> Export:
        self.done.append("kept")
        return told


@dataclass
class FakeExporter:
    """Gives one draft, and remembers what was wanted."""

    given: FakeDraft
    wanted: list[Wanted] = field(default_factory=list)

    def require(self, wanted: Wanted) -> None:
        self.wanted.append(wanted)

    @contextmanager
    def draft(self, wanted: Wanted) -> Iterator[Draft]:
        yield self.given


def exported(draft: FakeDraft, **fields: Any) -> tuple[Export, FakeExporter]:
    exporter = FakeExporter(draft)
    port: ModelExporter = exporter
    request = ExportModelRequest.checked(**{"run": "runs/one", "format": "onnx", **fields})
    return ExportModelUseCase(port).execute(request), exporter


def test_an_export_that_is_its_model_is_kept_with_what_was_found() -> None:
    draft = FakeDraft(ALIKE, Score("macro_f1", 0.9, 0.9))
    told, exporter = exported(draft)
    assert draft.done == ["written", "compared", "kept"]
    assert exporter.wanted == [Wanted("runs/one", "", "onnx", "fp32", None, None)]
    assert told.to_json()["size_ratio"] == 0.25
    assert told.to_json()["speed"][0]["ratio"] == 3.0
    assert told.command == "athanor export runs/one --format onnx"


@pytest.mark.parametrize(
    ("parity", "told"),
    [
        (APART, ["differ from those of the model by 0.2, more than 0.0001, in row 7.", "98.00% of the answers"]),
        (Parity(10, math.nan, "row 3"), ["differ from those of the model by nan"]),
        (Parity(10, 0.0, "row 3", 1.0, num_texts=4, num_equal_texts=3), ["1 of 4 texts are written otherwise."]),
    ],
)
def test_fp32_that_is_not_its_model_is_refused_with_every_reason(parity: Parity, told: Sequence[str]) -> None:
    draft = FakeDraft(parity, None)
    with pytest.raises(ExportError) as refused:
        exported(draft)
    assert len(refused.value.messages) == len(told)
    assert all(part in message for part, message in zip(told, refused.value.messages, strict=True))
    assert refused.value.exit_code == 1
    assert draft.done == ["written", "compared"]


def test_a_forced_export_is_kept_and_says_why_it_was_refused() -> None:
    draft = FakeDraft(APART, None)
    told, _ = exported(draft, force=True)
    assert draft.done[-1] == "kept"
    assert len(told.faults) == 2
    assert told.command.endswith("--force")


def test_rounded_weights_may_answer_otherwise_as_long_as_the_metric_holds() -> None:
    told, exporter = exported(FakeDraft(APART, Score("macro_f1", 0.9, 0.896)), format="onnx-int8")
    assert told.faults == ()
    assert (exporter.wanted[0].weights, exporter.wanted[0].calibration) == ("int8", "dynamic")
    with pytest.raises(ExportError, match=r"macro_f1 goes from 0.9000 to 0.8900, a drop of 1.00 points, and 0.5 are"):
        exported(FakeDraft(APART, Score("macro_f1", 0.9, 0.89)), format="onnx-int8")
    assert exported(FakeDraft(APART, Score("macro_f1", 0.9, 0.89)), format="onnx-int8", max_drop=2.0)[0].faults == ()


@pytest.mark.parametrize(
    ("score", "drop"),
    [
        (Score("accuracy", 0.9, 0.88), 2.0),
        (Score("accuracy", 0.88, 0.9), -2.0),
        (Score("bleu", 31.0, 30.5), 0.5),
        (Score("loss", 2.0, 2.02), 1.0),
        (Score("loss", 0.0, 0.01), 1.0),
        (Score("cosine", 1.0, 0.999), 0.1),
    ],
)
def test_a_drop_is_told_in_points_of_each_metric(score: Score, drop: float) -> None:
    assert score.drop == pytest.approx(drop)


def test_a_score_that_is_no_number_afterwards_is_refused() -> None:
    assert Score("loss", 2.0, math.nan).fault(0.5)


def test_every_fault_of_a_request_is_told() -> None:
    with pytest.raises(ConfigurationError) as refused:
        exported(FakeDraft(ALIKE, None), format="safetensors", calibration="static", weights="int4", max_drop=-1.0)
    assert [message.split()[0] for message in refused.value.messages] == ["calibration", "weights", "max_drop"]


def test_a_narrow_terminal_loses_no_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    told, _ = exported(FakeDraft(ALIKE, Score("macro_f1", 0.9, 0.9)))
    assert write_export(told, as_json=False) == 0
    shown = capsys.readouterr().out
    for part in ("macro F1", "0.9000", "3.00 ms", "1.00 ms", "row 7"):
        assert part in shown
