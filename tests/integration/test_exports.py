"""An export answers as its model does, whatever comes in, or it is refused; nothing is left of one that is."""

import errno
import json
import os
import shutil
from collections.abc import Mapping
from importlib import util
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from athanor import export
from domain.exceptions import ExportError
from infrastructure.container import Container
from infrastructure.exporting import draft, forms
from infrastructure.exporting.graph import Graph
from infrastructure.exporting.onnx_graphs import in_onnx_runtime, write_graph
from infrastructure.model_files.card import ModelCard, read_card, require_files, typed_card
from infrastructure.tasks.registry import kind_of
from tests.support.adapted import asked, base_of
from tests.support.command_line import Answer, athanor
from tests.support.finished_models import edit, finished
from tests.support.small_requests import request_for
from tests.support.sources import ROOT

TASK = "text_classification"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    """Train a classifier for six steps."""
    response = Container().train_model().execute(request_for(TASK, place))
    assert response.success, response.errors
    return place / "run"


@pytest.fixture(scope="module")
def graphs(run: Path) -> tuple[Path, Mapping[str, Any]]:
    """Export it to ONNX; gives the directory, and what the command has told."""
    answer = athanor("export", run, "--format", "onnx", "--json")
    assert answer.exit_code == 0, answer.stderr
    return run.with_name("run-onnx"), json.loads(answer.stdout)


@pytest.fixture(scope="module")
def rounded(run: Path, graphs: tuple[Path, Mapping[str, Any]]) -> tuple[Path, Mapping[str, Any]]:
    """Export it with weights of eight bits, rounded of the same graph."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forms, "write_graph", lambda graph, path: shutil.copyfile(graphs[0] / path.name, path))
        answer = athanor("export", run, "--format", "onnx-int8", "--json")
    assert answer.exit_code == 0, answer.stderr
    return run.with_name("run-onnx-int8"), json.loads(answer.stdout)


@pytest.mark.parametrize(("rows", "length"), [(1, 1), (1, 2), (3, 7), (2, 24), (1, 64)])
def test_a_graph_gives_the_scores_of_its_model_for_any_number_of_texts_of_any_length(
    run: Path, graphs: tuple[Path, Mapping[str, Any]], rows: int, length: int
) -> None:
    card = read_card(run / "model")
    model, _ = kind_of(TASK).open(run / "model", card)
    ids = torch.randint(0, 200, (rows, length), generator=torch.Generator().manual_seed(length))
    mask = torch.ones_like(ids)
    mask[-1, length // 2 + 1 :] = 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    with torch.inference_mode():
        expected = model.eval()(**inputs).logits
    found = in_onnx_runtime(graphs[0] / card_of(graphs[0])["export"]["graphs"]["model"], 1)(inputs)["logits"]
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-5)
    assert found.dtype == torch.float32


def test_an_export_tells_how_it_compares_with_its_model(run: Path, graphs: tuple[Path, Mapping[str, Any]]) -> None:
    directory, told = graphs
    assert told == {**json.loads((directory / "export.json").read_text()), "output_dir": str(directory)}
    assert told["parity"]["largest"] <= 1e-4
    assert told["parity"]["agreement"] == 1.0
    assert told["parity"]["num_rows"] == 8
    assert told["score"]["metric"] == "macro_f1"
    # What the run itself has found on the same rows, by the same code.
    metrics = json.loads((run / "summary.json").read_text())["final_metrics"]
    assert told["score"]["before"] == told["score"]["after"] == pytest.approx(metrics["macro_f1"])
    assert [each["rows"] for each in told["speed"]] == [1, 8]
    assert f"athanor export {run} --format onnx" in (directory / "README.md").read_text()


def test_an_export_stands_beside_what_opens_it_and_vouches_for_its_files(
    graphs: tuple[Path, Mapping[str, Any]],
) -> None:
    directory, _ = graphs
    card = card_of(directory)
    assert card["task"] == TASK
    assert card["export"]["format"] == "onnx"
    assert {"model.onnx", "tokenizer.json", "config.json"} <= card["files"].keys()
    assert not list(directory.glob("*.safetensors"))
    require_files(typed_card(ModelCard, card, directory), directory)


def test_a_graph_names_no_place_of_this_machine(graphs: tuple[Path, Mapping[str, Any]]) -> None:
    content = (graphs[0] / "model.onnx").read_bytes()
    assert str(Path(torch.__file__).parent).encode() not in content


def test_weights_of_eight_bits_take_a_third_and_answer_alike(rounded: tuple[Path, Mapping[str, Any]]) -> None:
    directory, told = rounded
    assert (
        told["bytes_after"] < told["bytes_before"] / 2.5
    )  # of a larger model a third, for what is not weights is less
    assert told["score"]["drop"] <= 0.5
    assert 0 < told["parity"]["largest"] < 1.0
    assert card_of(directory)["export"]["calibration"] == "dynamic"


def test_rows_that_are_gone_are_made_and_the_card_says_so(
    run: Path, place: Path, graphs: tuple[Path, Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "write_graph", lambda graph, path: shutil.copyfile(graphs[0] / path.name, path))
    model = place / "alone"
    shutil.copytree(run / "model", model)
    answer = athanor("export", model, "--format", "onnx", "--output", place / "of a model")
    assert answer.exit_code == 0, answer.stderr
    assert "made rows of random tokens" in answer.stdout
    assert "made rows of random tokens" in (place / "of a model" / "README.md").read_text()


def test_an_export_that_is_not_its_model_is_refused_unless_forced(
    run: Path, place: Path, graphs: tuple[Path, Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, output = onnx.load(graphs[0] / "model.onnx"), place / "other"
    (bias,) = [each for each in model.graph.initializer if each.name.endswith("classifier.bias")]
    bias.CopyFrom(
        onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + np.array([1, 0], np.float32), bias.name)
    )
    monkeypatch.setattr(forms, "write_graph", lambda graph, path: onnx.save(model, path))
    words = ("export", run, "--format", "onnx", "--output", output)
    refused = athanor(*words)
    assert refused.exit_code == 1
    assert "its scores differ from those of the model by 1, more than 0.0001, in row rows.json:" in refused.stderr
    assert_nothing_left(place, output)
    kept = athanor(*words, "--force")
    assert kept.exit_code == 0
    assert "kept all the same: its scores differ" in kept.stderr
    assert "its scores differ" in (output / "README.md").read_text()


@pytest.mark.parametrize("where", ["write_companions", "write_card"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    run: Path, place: Path, graphs: tuple[Path, Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*given: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(forms, "write_graph", lambda graph, path: shutil.copyfile(graphs[0] / path.name, path))
    monkeypatch.setattr(draft, where, full)
    monkeypatch.setattr(draft.ExportDraft, "speed", lambda self: ((), 1))
    output = place / "new" / "full"
    answer = athanor("export", run, "--format", "onnx", "--output", output)
    assert_one_sentence(answer, 1, f"{output} could not be written: No space left on device. Make room")
    assert_nothing_left(place, output.parent)


def test_ctrl_c_leaves_nothing(run: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(forms, "write_graph", interrupted)
    assert athanor("export", run, "--format", "onnx", "--output", place / "stopped").exit_code == 130
    assert_nothing_left(place, place / "stopped")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            ("--format", "onyx"),
            "format is 'onyx', but must be one of onnx, onnx-int8, torch-export, safetensors",
        ),
        (("--format", ""), "format is '', but must be one of"),
        (("--format", "onnx", "--calibration", "static"), "calibration means nothing to format onnx: only onnx-int8"),
        (
            ("--format", "onnx-int8", "--calibration", "statik"),
            "calibration is 'statik', but must be one of",
        ),
        (("--format", "onnx", "--weights", "int8"), "weights is 'int8', but of format onnx must be fp32."),
        (("--format", "onnx", "--max-drop", "-1"), "max_drop is -1.0, but must be 0 or more points."),
        (("--format", "onnx", "--max-drop", "nan"), "max_drop is nan, but must be 0 or more points."),
        (("--format", "onnx", "--dataset", "nowhere.csv"), "nowhere.csv"),
        ((), "Missing option '--format'."),
    ],
)
def test_bad_words_are_told_before_anything_is_exported(run: Path, words: tuple[str, ...], problem: str) -> None:
    assert_one_sentence(athanor("export", run, *words, "--output", run.with_name("none")), 2, problem)


def test_several_faults_are_told_together(run: Path) -> None:
    answer = athanor("export", run, "--format", "onnx", "--calibration", "static", "--max-drop", "-1")
    assert answer.exit_code == 2
    assert answer.stderr.count("error: ") == 2


def test_bad_places_are_told_before_anything_is_opened(
    run: Path, graphs: tuple[Path, Mapping[str, Any]], place: Path
) -> None:
    file = place / "a file"
    file.touch()
    output = ("--format", "onnx", "--output")
    for words, problem in (
        ((place / "no run", "--format", "onnx"), f"{place / 'no run'} is no directory."),
        ((place, "--format", "onnx"), f"{place} holds no finished model (athanor.json is missing)."),
        ((run, "--format", "onnx"), f"{graphs[0]} is there already."),
        ((run, *output, file), f"{file} is there already."),
        ((run, *output, file / "below"), "below cannot be written there."),
        ((run, *output, "a" * 300), "cannot be a directory: File name too long."),
        ((run, *output, "a\0b"), "cannot be a directory: "),
        ((graphs[0], *output, place / "of an export"), f"{graphs[0]} is an export itself."),
    ):
        assert_one_sentence(athanor("export", *words), 2, problem)


def test_a_package_that_is_missing_is_named_with_what_installs_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "onnxscript" else object())
    answer = athanor("export", run, "--format", "onnx", "--output", run.with_name("without"))
    assert_one_sentence(answer, 2, "this Python has no onnxscript. Run: pip install 'athanor[export]'.")


def test_a_damaged_model_is_told_as_everywhere(run: Path, place: Path) -> None:
    model = finished(TASK, place / "damaged")
    edit(model / "config.json", lambda config: {**config, "num_hidden_layers": 1})
    answer = athanor("export", model, "--format", "onnx", "--output", place / "of damage")
    assert answer.exit_code == 2
    assert answer.stderr.startswith("error: ")
    assert_nothing_left(place, place / "of damage")


def test_plain_weights_are_those_of_the_run_and_open_everywhere(run: Path, place: Path) -> None:
    output = place / "plain"
    assert athanor("export", run, "--format", "safetensors", "--output", output).exit_code == 0
    ours, theirs = (load_file(directory / "model.safetensors") for directory in (run / "model", output))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert "from_pretrained" in (output / "README.md").read_text()
    assert AutoModelForSequenceClassification.from_pretrained(output).config.num_labels == 2
    (place / "asked.csv").write_text("text\nbang crash\n")
    answers = [athanor("predict", each, "--input", place / "asked.csv").stdout for each in (run, output)]
    assert answers[0] == answers[1] != ""


def test_halved_weights_take_half_and_open_as_any_model(run: Path, place: Path) -> None:
    told = export(run, "safetensors", weights="bf16", output_dir=place / "half")
    assert told.bytes_after / told.bytes_before == pytest.approx(0.5, abs=0.01)
    assert 0 < told.parity.largest < 0.1
    assert athanor("predict", place / "half", "--input", place / "asked.csv").exit_code == 0


def test_an_adapter_is_merged_into_what_it_stands_beside(tmp_path: Path) -> None:
    base = base_of("bert", tmp_path / "base", num_hidden_layers=1)
    response = Container().train_model().execute(asked(base, "bert", tmp_path, max_steps=3, epochs=1))
    assert response.success, response.errors
    told = export(tmp_path / "run", "safetensors", output_dir=tmp_path / "merged")
    assert told.parity.largest <= 1e-6
    assert not any("lora" in name for name in load_file(tmp_path / "merged/model.safetensors"))
    assert not (tmp_path / "merged/adapter_config.json").exists()


@pytest.mark.parametrize("weights", ["fp32", "int8"])
def test_a_program_of_torch_answers_texts_of_any_length(run: Path, place: Path, weights: str) -> None:
    told = export(run, "torch-export", weights=weights, output_dir=place / weights)
    assert (told.parity.largest == 0.0) == (weights == "fp32")
    with ZipFile(place / weights / "model.pt2") as archive:
        content = b"".join(map(archive.read, archive.namelist()))
    assert not any(str(home).encode() in content for home in (ROOT, Path(torch.__file__).parent))
    program = torch.export.load(place / weights / "model.pt2").module()
    model, _ = kind_of(TASK).open(run / "model", read_card(run / "model"))
    for rows, length in ((1, 1), (3, 7), (2, 64)):
        ids = torch.randint(0, 200, (rows, length), generator=torch.Generator().manual_seed(length))
        mask = torch.ones_like(ids)
        with torch.inference_mode():
            expected = model.eval()(input_ids=ids, attention_mask=mask).logits
            (found,) = program(ids, mask)
        np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-5 if weights == "fp32" else 0.05)


def test_ranges_are_found_on_rows_of_the_training_part_or_not_at_all(
    run: Path, place: Path, graphs: tuple[Path, Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "write_graph", lambda graph, path: shutil.copyfile(graphs[0] / path.name, path))
    told = export(run, "onnx-int8", calibration="static", output_dir=place / "static")
    assert told.bytes_after < told.bytes_before / 2.5
    operators = {node.op_type for node in onnx.load(place / "static/model.onnx").graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= operators
    assert "DynamicQuantizeLinear" not in operators
    shutil.copytree(run / "model", place / "without run")
    words = ("export", place / "without run", "--format", "onnx-int8", "--calibration", "static")
    answer = athanor(*words, "--output", place / "none")
    assert_one_sentence(answer, 2, "a static calibration wants rows of the training part, which cannot be had.")
    assert_nothing_left(place, place / "none")


class Choosing(torch.nn.Module):
    """Goes one way or another by the content of a row, which no graph can."""

    def forward(self, rows: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return {"sums": rows.sum(1) if rows.sum() > 0 else rows[:, 0]}


def test_a_model_that_cannot_be_traced_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = Graph("model", Choosing(), {"rows": torch.ones(3, 4)}, {"rows": (0, 1)}, ("sums",))
    with pytest.raises(ExportError, match=r"^this model cannot be exported: .*\. Use --format safetensors") as refused:
        write_graph(graph, tmp_path / "model.onnx")
    assert "\n" not in str(refused.value)
    assert "data-dependent" in str(refused.value)  # what torch has met, and not which step of an exporter it was at
    assert capsys.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def card_of(directory: Path) -> dict[str, Any]:
    return read_card(directory)


def assert_one_sentence(answer: Answer, exit_code: int, problem: str) -> None:
    assert answer.exit_code == exit_code, answer.stderr
    assert problem in answer.stderr
    assert answer.stderr.count("error: ") == 1
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""


def assert_nothing_left(place: Path, output: Path) -> None:
    assert not output.exists()
    assert not list(place.glob(".staging-*"))
