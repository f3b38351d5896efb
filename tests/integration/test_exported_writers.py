"""Exported models that write give the texts and scores of the models that they are from, without torch."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from domain.exceptions import ConfigurationError, ExportError, ModelError
from domain.generation import GenerationSettings
from infrastructure.answering import AnsweringModel
from infrastructure.exported.graph import Graph
from infrastructure.exported.writing import rows as rows_of_graphs
from infrastructure.exported.writing import writer
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.generation import generate_texts
from infrastructure.predictors import PredictorSource
from tests.support import tiny_text
from tests.support.exported_writers import export_writer, writer_of
from tests.support.sources import ROOT
from tests.support.tiny_architectures import TOKENS, model_of

Made = Callable[[str], Path]
ARCHITECTURES = ("gpt2", "llama", "bart", "t5", "t5gemma")
PROMPTS = [[3, 4, 5], [6], list(range(2, 50)), [9, 9, 9, 9, 9, 9, 9], [17, 21], []]
ASKED: dict[str, dict[str, Any]] = {
    "greedily": {"max_new_tokens": 30},
    "by beams": {"max_new_tokens": 12, "num_beams": 3},
    "up to a string": {"max_new_tokens": 30, "stop": ("7 ", "w1")},
    "out of loops": {"max_new_tokens": 50, "max_repeats": 2},
    "by beams out of loops": {"max_new_tokens": 30, "num_beams": 2, "max_repeats": 2},
}
FIELDS = {"sequence_to_sequence": "source", "code_generation": "description", "language_modeling": "text"}
ONE_LAYER: dict[str, dict[str, Any]] = {
    "llama": {"num_hidden_layers": 1, "max_position_embeddings": 96},
    "t5": {"num_layers": 1, "num_decoder_layers": 1},
}
SPECIAL = 4  # tokens of a learnt vocabulary come first
HEAVY = """
import sys
from presentation.cli.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print({"torch", "transformers"} & set(sys.modules), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    """A word for each number."""
    vocabulary = {"[PAD]": 0, "[START]": 1, "[END]": 2} | {f"w{number}": number for number in range(3, TOKENS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="w3"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", bos_token="[START]", eos_token="[END]"
    )


@torch.no_grad()
def spread(model: Any) -> Any:
    """Set the weights of a fresh model apart, so that it writes many tokens and no two of them tie."""
    torch.manual_seed(1)
    for weight in model.parameters():
        if weight.dim() > 1:
            weight.normal_(std=0.6)
    return model.eval()


@cache
def writing(name: str) -> Any:
    config = {} if name in ("t5", "t5gemma") else {"max_position_embeddings": 40}
    return spread(model_of(name, **config))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Give models of one layer by their task, with the tokenizer and the card of a run."""

    @cache
    def make(task: str) -> Path:
        directory = tmp_path_factory.mktemp(task)
        made = tiny_text.ready(task, directory / "data")
        signs = {name: getattr(made.tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
        name = "t5" if task == "sequence_to_sequence" else "llama"
        begins = {"decoder_start_token_id": made.card["start_token_id"]} if name == "t5" else {}
        model = spread(model_of(name, **ONE_LAYER[name], **signs, **begins, vocab_size=len(made.tokenizer)))
        with torch.no_grad():  # no special token of its own accord: an end would be the first
            model.get_output_embeddings().weight[:SPECIAL].zero_()
        card = {**made.bundle.card, "precision": "fp32", "batch_size": 8, "max_new_tokens": 20, **made.card}
        ModelBundle(model, made.tokenizer, card).save(directory / "model", {"step": 1, "metrics": {}})
        return directory / "model"

    return make


@pytest.fixture(scope="module")
def exported(finished: Made) -> Iterator[Made]:
    """Give what is exported of them; two of them as graphs that torch computes, which take no time to make."""
    computed: dict[Path, Any] = {}

    @cache
    def export(task: str) -> Path:
        graphs = None if task in ("sequence_to_sequence", "instruction_tuning") else computed
        return export_writer(finished(task), finished(task).with_name("onnx"), graphs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "Graph", lambda path, device: computed.get(path) or Graph(path, device))
        yield export


def opened(directory: Path) -> AnsweringModel:
    return PredictorSource().open(str(directory))


def some_rows(task: str, directory: Path) -> Path:
    return tiny_text.file_for(task, directory, 10)


def inputs_for(task: str) -> list[str]:
    """Give texts of many lengths, one of them longer than the positions of a tiny model."""
    texts = [pair["source"] for pair in tiny_text.pairs(12)]
    return [*texts, "x", "count all of the words " * 20]


@pytest.mark.parametrize("how", ASKED)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_writes_what_it_writes_with_torch(
    name: str, how: str, words: PreTrainedTokenizerFast
) -> None:
    prompts = PROMPTS if name in ("gpt2", "llama") else [prompt or [2] for prompt in PROMPTS]
    settings = GenerationSettings(**ASKED[how])
    expected = generate_texts(writing(name), words, prompts, settings)
    assert writer_of(writing(name), words).texts(prompts, settings) == expected
    assert len(set(expected)) > 1


NAMED: dict[str, dict[str, Any]] = {
    "bart": {"forced_bos_token_id": 7, "suppress_tokens": [11, 12]},
    "llama": {"bad_words_ids": [[13], [29]]},
}


@pytest.mark.parametrize("how", ["greedily", "by beams"])
@pytest.mark.parametrize("name", NAMED)
def test_tokens_that_a_model_names_are_written_first_or_never(
    name: str, how: str, words: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts, settings = [[3, 4, 5], [6], [17, 21]], GenerationSettings(**ASKED[how])
    before = generate_texts(writing(name), words, prompts, settings)
    for setting, tokens in NAMED[name].items():
        monkeypatch.setattr(writing(name).generation_config, setting, tokens)
    expected = generate_texts(writing(name), words, prompts, settings)
    assert writer_of(writing(name), words).texts(prompts, settings) == expected
    assert expected != before


@pytest.mark.parametrize(("name", "named"), [("llama", "forced_bos_token_id"), ("bart", "begin_suppress_tokens")])
def test_tokens_that_a_model_names_and_no_graph_knows_are_refused(
    name: str, named: str, words: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing(name).generation_config, named, 5 if named.startswith("forced") else [5])
    with pytest.raises(ExportError, match="must or must not write"):
        writer_of(writing(name), words)


def test_long_rows_are_read_in_parts(words: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = GenerationSettings(max_new_tokens=8)
    expected = writer_of(writing("llama"), words).texts(PROMPTS, settings)
    monkeypatch.setattr(rows_of_graphs, "SCORES_AT_ONCE", 7 * len(PROMPTS) * len(words))
    assert writer_of(writing("llama"), words).texts(PROMPTS, settings) == expected


@pytest.mark.parametrize("task", tiny_text.TEXT_TASKS)
def test_an_export_writes_the_texts_of_its_model(task: str, finished: Made, exported: Made) -> None:
    model, export = opened(finished(task)), opened(exported(task))
    for options in ({}, {"num_beams": 3, "max_new_tokens": 9}, {"stop": ("e", "ad")}, {"max_new_tokens": 120}):
        texts = export.answer(inputs_for(task), options)
        assert texts == model.answer(inputs_for(task), options)
        assert len({answer["text"] for answer in texts}) > 2


@pytest.mark.parametrize("task", tiny_text.TEXT_TASKS)
def test_an_export_is_scored_as_its_model_is(task: str, finished: Made, exported: Made, tmp_path: Path) -> None:
    rows = str(some_rows(task, tmp_path))
    page = tmp_path / "page.html"
    expected, found = opened(finished(task)).evaluate(rows), opened(exported(task)).evaluate(rows, str(page))
    about = {name: pytest.approx(expected.metrics[name], rel=1e-4) for name in ("loss", "perplexity")}
    if task == "language_modeling":
        about["bits_per_byte"] = pytest.approx(expected.metrics["bits_per_byte"], rel=1e-4)
    assert found.metrics == {**expected.metrics, **about}
    assert found.intervals.keys() == expected.intervals.keys()
    for name, interval in expected.intervals.items():  # of few rows: where two resamples tie, the last digit decides
        assert list(found.intervals[name]) == pytest.approx(list(interval), rel=1e-2)
    assert found.num_rows == expected.num_rows
    assert "Loss by" in page.read_text(encoding="utf-8")


def test_an_export_asks_a_chat_as_its_model_does(finished: Made, exported: Made, tmp_path: Path) -> None:
    rows = some_rows("instruction_tuning", tmp_path)
    expected, found = (opened(path("instruction_tuning")).predict(str(rows)) for path in (finished, exported))
    assert list(found.rows) == list(expected.rows)
    assert found.notes == expected.notes


def test_what_is_drawn_is_repeated_by_its_seed_and_streamed_as_it_is_written(exported: Made) -> None:
    model = opened(exported("code_generation"))
    drawing = {"temperature": 1.0, "top_k": 40, "top_p": 0.95, "seed": 3}
    told: list[str] = []
    (alone,) = model.answer(["count the rows"], drawing, told.append)
    assert "".join(told) == alone["text"]
    assert model.answer(["count the rows", "merge all"], drawing)[0] == alone
    assert model.answer(["count the rows"], {**drawing, "seed": 4}) != [alone]


@pytest.mark.parametrize(
    ("task", "command"),
    [
        ("sequence_to_sequence", ["evaluate", "--report", "page.html", "--dataset"]),
        ("instruction_tuning", ["predict", "--input"]),
    ],
)
def test_an_export_is_asked_without_torch(task: str, command: list[str], exported: Made, tmp_path: Path) -> None:
    name, *options = command
    program = [sys.executable, "-c", HEAVY, name, str(exported(task)), *options, str(some_rows(task, tmp_path))]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(program, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "set()", done.stderr
    assert done.stdout


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"max_new_tokens": 0}, "max_new_tokens is 0"),
            ({"num_beams": 2, "temperature": 1.0}, "contradicts temperature"),
            ({"top_p": 1.5, "stop": ("",)}, r"top_p(.|\n)*stop"),
        ],
    )
    def test_a_setting(self, options: dict[str, Any], told: str, exported: Made) -> None:
        with pytest.raises(ConfigurationError, match=told):
            opened(exported("code_generation")).answer(["a"], options)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda export: export.pop("start_token_id"), r"export\.start_token_id is missing"),
            (lambda export: export.update(end_token_ids=["end"]), r"export\.end_token_ids\.0 is"),
            (lambda export: export["graphs"].pop("decoder"), "has no graph 'decoder'"),
            (lambda export: export["graphs"].update(decoder="gone.onnx"), "gone.onnx"),
        ],
    )
    def test_a_card(self, change: Callable[[Any], Any], told: str, exported: Made, tmp_path: Path) -> None:
        for path in exported("code_generation").iterdir():
            (tmp_path / path.name).symlink_to(path)
        card = json.loads((tmp_path / "athanor.json").read_text(encoding="utf-8"))
        (tmp_path / "athanor.json").unlink()
        change(card["export"])
        (tmp_path / "athanor.json").write_text(json.dumps(card), encoding="utf-8")
        with pytest.raises(ModelError, match=told):
            opened(tmp_path)
