"""An exported model answers and is scored as the model that it is from, without torch and transformers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch

from athanor import export as athanor_export
from domain.exceptions import ModelError
from infrastructure.code_reading.grams import grams_of
from infrastructure.code_reading.vocabulary import VOCABULARY
from infrastructure.exporting import forms
from infrastructure.exporting.following import windows_of_code
from infrastructure.exporting.made_rows import made_batches
from infrastructure.exporting.onnx_graphs import in_onnx_runtime
from infrastructure.exporting.opened import opened
from infrastructure.model_files.card import read_card
from infrastructure.model_files.exports import JUDGING_FILE
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.presets import ENCODERS
from infrastructure.predictors import PredictorSource, opened_by_torch
from tests.support import flowing, tiny, tiny_series
from tests.support.command_line import athanor
from tests.support.finished_models import edit, finished
from tests.support.sources import ROOT

Made = Callable[[str], Path]
LABELS, GAPS, CODE = "text_classification", "masked_language_modeling", "security_classification"
ANSWERED = (LABELS, CODE, *tiny_series.SERIES_TASKS)
HEAVY = """
import sys
from presentation.cli.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print({"torch", "transformers", "sklearn"} & set(sys.modules), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Give models of torch by their task, each made when it is first wanted; that of code is a reader."""
    tiny_encoder = replace(ENCODERS["encoder-tiny"], num_layers=1)  # half the layers, half the time to export them

    @cache
    def make(task: str) -> Path:
        place = tmp_path_factory.mktemp(task)
        if task != CODE:
            with patch.dict(ENCODERS, {"encoder-tiny": tiny_encoder}):
                return finished(task, place)
        card = {"task": CODE, "labels": list(flowing.LABELS), "max_length": 32, "precision": "fp32"}
        ModelBundle(flowing.reader(num_layers=1), card=card, beside={VOCABULARY: flowing.WORDS.text()}).save(
            place / "model", {}
        )
        return place / "model"

    return make


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Give rows for each task."""

    @cache
    def make(task: str) -> Path:
        place = tmp_path_factory.mktemp("data")
        if task in tiny_series.SERIES_TASKS:
            return tiny_series.table_file(place / "bars.csv", tiny_series.bars())
        if task != CODE:
            return tiny.file_of_rows(place / "rows.json", 24)
        (place / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in flowing.programs(20)))
        return place / "rows.jsonl"

    return make


@pytest.fixture(scope="module")
def rows(data: Made) -> Path:
    """Give rows with labels."""
    return data(LABELS)


@pytest.fixture(scope="module")
def exported(models: Made, data: Made) -> Made:
    """Give what is exported of them."""

    @cache
    def export(task: str) -> Path:
        place = models(task).with_name(f"{task}-onnx")
        answer = athanor("export", models(task), "--format", "onnx", "--output", place, "--dataset", data(task))
        assert answer.exit_code == 0, answer.stderr
        return place

    return export


@pytest.fixture
def copied(exported: Made, tmp_path: Path) -> Path:
    """Copy the classifier, for somebody to damage it."""
    return Path(shutil.copytree(exported(LABELS), tmp_path / "copy"))


def agrees(found: Any, expected: Any) -> None:
    """Want the same names and texts, and numbers that differ by rounding alone."""
    if isinstance(expected, Mapping):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            agrees(found[name], value)
    elif isinstance(expected, list | tuple):
        for one, other in zip(found, expected, strict=True):
            agrees(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-3, rel=1e-3, nan_ok=True)
    else:
        assert found == expected


@pytest.mark.parametrize("task", ANSWERED)
def test_it_answers_as_its_model_does(models: Made, exported: Made, data: Made, task: str) -> None:
    expected, found = (
        list(PredictorSource().open(str(path(task))).predict(str(data(task)))) for path in (models, exported)
    )
    assert len(expected) > 0
    agrees(found, expected)


@pytest.mark.parametrize("task", ANSWERED)
def test_it_is_scored_as_its_model_is(models: Made, exported: Made, data: Made, task: str) -> None:
    expected, found = (PredictorSource().open(str(path(task))).evaluate(str(data(task))) for path in (models, exported))
    agrees(found.metrics, expected.metrics)
    agrees(dict(found.intervals), dict(expected.intervals))
    assert (found.num_rows, found.warnings) == (expected.num_rows, expected.warnings)


def test_it_gives_vectors_of_texts_whatever_stands_beside_them(exported: Made) -> None:
    model = PredictorSource().open(str(exported(GAPS)))
    texts = ["one two", "one two three four five", ""]
    together = [answer["embedding"] for answer in model.answer(texts)]
    alone = [model.answer([text])[0]["embedding"] for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    refused = athanor("evaluate", exported(GAPS), "--dataset", "rows.json")
    assert refused.exit_code == 2
    assert "gives vectors of texts" in refused.stderr


@pytest.fixture
def traced(exported: Made, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Let an export take the graph of the one before, whose model is the same."""

    def take(task: str) -> Path:
        graphs = exported(task)
        monkeypatch.setattr(forms, "write_graph", lambda graph, path: shutil.copyfile(graphs / path.name, path))
        return graphs

    return take


@pytest.mark.parametrize("task", ["quantile_forecasting", GAPS])
def test_rows_are_made_for_models_without_rows_of_text_and_label(
    models: Made, traced: Made, tmp_path: Path, task: str
) -> None:
    traced(task)
    told = athanor_export(models(task), "onnx", output_dir=tmp_path / "export")
    assert told.parity.num_rows == 64
    assert told.parity.largest <= 1e-4
    card = read_card(tmp_path / "export")
    session = in_onnx_runtime(tmp_path / "export" / card["export"]["graphs"]["model"], 1)
    _, batch = next(made_batches(opened(str(models(task)))))
    outputs = session({name: tensor[:1] for name, tensor in batch.items()})
    assert list(outputs) == card["export"]["outputs"]
    assert all(len(each) == 1 for each in outputs.values())


def test_a_reader_of_code_keeps_what_it_knows_beside_its_layers(
    models: Made, traced: Made, data: Made, tmp_path: Path
) -> None:
    traced(CODE)
    answers = {"none": answered(models(CODE), data(CODE))}
    for form in ("safetensors", "onnx-int8"):
        exported = athanor("export", models(CODE), "--format", form, "--output", tmp_path / form)
        assert exported.exit_code == 0, exported.stderr
        answers[form] = answered(tmp_path / form, data(CODE))
    assert answers["none"] == answers["safetensors"]
    assert [answer["label"] for answer in answers["none"]] == [answer["label"] for answer in answers["onnx-int8"]]
    assert not (tmp_path / "safetensors" / JUDGING_FILE).exists()  # the weights hold it
    assert "from_pretrained" not in (tmp_path / "safetensors" / "README.md").read_text()


@pytest.mark.parametrize("weights", ["fp32", "int8"])
def test_a_program_of_a_reader_of_code_says_what_its_model_says_of_any_windows(
    models: Made, data: Made, tmp_path: Path, weights: str
) -> None:
    place = tmp_path / "program"
    told = athanor_export(models(CODE), "torch-export", weights=weights, output_dir=place, dataset_path=data(CODE))
    assert (told.parity.largest == 0.0) == (weights == "fp32")
    assert told.score is not None
    assert told.bytes_after == sum(told.files[name] for name in ("model.pt2", JUDGING_FILE))
    assert ("torchao" in told.versions) == (weights == "int8")
    program = torch.export.load(place / "model.pt2").module()
    model = opened(str(models(CODE))).model
    for rows, length in ((1, 1), (1, 7), (3, 1), (2, 40)):
        windows = windows_of_code(model, rows, length)
        with torch.inference_mode():
            expected, found = model(**windows), program(*windows.values())
        for name, tensor in zip(("marks", "kinds"), found, strict=True):
            torch.testing.assert_close(tensor, expected[name], rtol=0, atol=1e-5 if weights == "fp32" else 0.2)


def test_what_is_known_beside_the_layers_is_compared_as_it_is_written(data: Made, tmp_path: Path) -> None:
    """Halve numbers that judge, of a reader whose layers lose nothing by it."""
    rows = [json.loads(line) for line in data(CODE).read_text().splitlines()]
    known = np.unique(
        np.concatenate([grams_of(flowing.WORDS.encode(row["code"]).ids, len(flowing.WORDS)) for row in rows])
    )
    reader = flowing.reader(num_layers=1, num_grams=len(known))
    for parameter in reader.parameters():
        parameter.data = parameter.data.bfloat16().float()
    scores = np.random.default_rng(0).normal(size=(len(known), 3))
    assert reader.grams is not None
    reader.grams.take(known, scores, np.ones(len(known)))
    card = {"task": CODE, "labels": list(flowing.LABELS), "max_length": 32, "precision": "fp32"}
    ModelBundle(reader, card=card, beside={VOCABULARY: flowing.WORDS.text()}).save(tmp_path / "model", {})
    told = athanor_export(
        tmp_path / "model", "safetensors", weights="bf16", output_dir=tmp_path / "half", dataset_path=data(CODE)
    )
    assert told.parity.largest > 1e-4


def test_a_scan_is_told_the_same_by_an_exported_model(
    models: Made, exported: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "code.py").write_text("".join(flowing.program(number, number % 2 == 0)["code"] for number in range(6)))
    told = []
    for path in (models(CODE), exported(CODE)):
        answer = athanor("scan", tmp_path / "code.py", "--run", path, "--min-score", "0.1", "--format", "json")
        assert answer.exit_code == 0, answer.stderr
        told.append(json.loads(answer.stdout)["findings"])
    assert any(finding["found_by"] != "bandit" for finding in told[0])
    agrees(told[1], told[0])


def answered(model: Path, rows: Path) -> list[dict[str, Any]]:
    answer = athanor("predict", model, "--input", rows)
    assert answer.exit_code == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (LABELS, ["predict", "MODEL", "--input", "ROWS"]),
        (LABELS, ["evaluate", "MODEL", "--report", "page.html", "--dataset", "ROWS"]),
        (CODE, ["scan", "code.py", "--run", "MODEL"]),
    ],
)
def test_it_is_asked_without_torch(exported: Made, rows: Path, tmp_path: Path, task: str, words: list[str]) -> None:
    (tmp_path / "code.py").write_text(flowing.program(0, True)["code"])
    places = {"MODEL": str(exported(task)), "ROWS": str(rows)}
    program = [sys.executable, "-c", HEAVY, *(places.get(word, word) for word in words)]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "ATHANOR_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(program, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "set()", done.stderr


class TestWhatIsWrong:
    def test_a_graph_that_was_changed(self, copied: Path) -> None:
        with (copied / "model.onnx").open("ab") as file:
            file.write(b" ")
        with pytest.raises(ModelError, match=r"model\.onnx is damaged"):
            PredictorSource().open(str(copied))

    def test_no_graph_at_all(self, copied: Path) -> None:
        edit(copied / "athanor.json", lambda card: card["export"]["graphs"].clear())
        with pytest.raises(ModelError, match="has no graph 'model'"):
            PredictorSource().open(str(copied))

    @pytest.mark.parametrize("name", ["../model.onnx", "/model.onnx", ""])
    def test_a_graph_of_another_place(self, copied: Path, name: str) -> None:
        edit(copied / "athanor.json", lambda card: card["export"]["graphs"].update(model=name))
        with pytest.raises(ModelError, match="names a graph outside of itself"):
            PredictorSource().open(str(copied))

    def test_a_file_that_is_no_graph(self, copied: Path) -> None:
        (copied / "model.onnx").write_bytes(b"none")
        edit(copied / "athanor.json", lambda card: card.pop("files") and None)
        answer = athanor("predict", copied, "--input", "-")
        assert answer.exit_code == 2
        assert "model.onnx cannot be opened" in answer.stderr

    @pytest.mark.parametrize("form", ["onnxx", 3, None])
    def test_a_format_that_there_is_not(self, copied: Path, form: Any) -> None:
        edit(copied / "athanor.json", lambda card: card["export"].update(format=form))
        with pytest.raises(ModelError, match=r"export\.format is"):
            PredictorSource().open(str(copied))

    def test_a_program_of_torch_export(self, copied: Path) -> None:
        edit(copied / "athanor.json", lambda card: card["export"].update(format="torch-export"))
        with pytest.raises(ModelError, match="answers tensors and not rows"):
            PredictorSource().open(str(copied))

    def test_a_device_that_is_not_there(self, exported: Made, rows: Path) -> None:
        answer = athanor("predict", exported(LABELS), "--input", rows, "--device", "tpu")
        assert answer.exit_code == 2
        assert "device 'tpu' is not available to onnxruntime" in answer.stderr

    def test_the_package_is_not_there(self, exported: Made, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        answer = athanor("predict", exported(LABELS), "--input", "-")
        assert answer.exit_code == 2
        assert 'pip install "athanor[onnx]"' in answer.stderr

    def test_more_is_asked_than_answers(self, exported: Made) -> None:
        with pytest.raises(ModelError, match="was exported, and can be asked and evaluated alone"):
            opened_by_torch(str(exported(LABELS)))
