"""Text and pairs that nobody can learn from, models that do not fit: a sentence with a remedy, nothing left behind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
)

from infrastructure.models.tokenizer import train_bpe
from tests.support.command_line import athanor
from tests.support.refusals import Case, assert_refused, everything_in, lines, written
from tests.support.tiny_text import PRESETS, documents, pairs

TEXT = "".join(document["text"] for document in documents(40))
PAIRS = pairs(24)
GOOD = lines(PAIRS)
POSITIONS = 32


def settings(*words: str) -> list[object]:
    return [part for word in words for part in ("--set", word)]


def words_to(
    task: str, name: str, content: str | bytes, *said: str, file: str = "", extra: tuple[str, ...] = ()
) -> Case:
    """A file for a task, with settings."""
    suffix = file or ("t.txt" if task == "language_modeling" else "p.jsonl")

    def make(tmp: Path) -> list[object]:
        return ["--task", task, "--dataset", written(tmp / suffix, content), *settings(*extra)]

    return Case(f"{name} ({task})", make, said)


def text(name: str, content: str | bytes, *said: str, file: str = "", extra: tuple[str, ...] = ()) -> Case:
    return words_to("language_modeling", name, content, *said, file=file, extra=extra)


def pair(name: str, content: str | bytes, *said: str, file: str = "", extra: tuple[str, ...] = ()) -> Case:
    return words_to("sequence_to_sequence", name, content, *said, file=file, extra=extra)


def setting(name: str, extra: str, *said: str) -> Case:
    return pair(name, GOOD, *said, extra=tuple(extra.split()))


def with_pair(**changes: Any) -> str:
    """Put one more row among good ones, some of its fields changed or, with None, left out."""
    row = {name: value for name, value in ({**PAIRS[0], **changes}).items() if value is not None}
    return lines([*PAIRS[:3], row, *PAIRS[3:]])


def model(task: str, name: str, save: Callable[[Path], None], *said: str, extra: tuple[str, ...] = ()) -> Case:
    """A checkpoint for a task that does not suit it."""

    def make(tmp: Path) -> list[object]:
        save(tmp / "model")
        names = {"source": "description", "target": "code"} if task == "code_generation" else {}
        rows = [{names.get(field, field): value for field, value in pair.items()} for pair in PAIRS]
        content = TEXT if task == "language_modeling" else lines(rows)
        file = "t.txt" if task == "language_modeling" else "p.jsonl"
        return ["--task", task, "--model", tmp / "model", "--dataset", written(tmp / file, content), *settings(*extra)]

    return Case(f"{name} ({task})", make, said)


def saved(directory: Path, made: PreTrainedModel) -> None:
    made.save_pretrained(directory)
    train_bpe([TEXT], 300, 0, document_start=False, end=True).save_pretrained(directory)


def a_decoder(directory: Path) -> None:
    config = GPT2Config(vocab_size=300, n_positions=POSITIONS, n_embd=16, n_layer=1, n_head=2)
    saved(directory, GPT2LMHeadModel(config))


def an_encoder_decoder(directory: Path) -> None:
    config = BartConfig(
        vocab_size=300, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=POSITIONS,
    )  # fmt: skip
    saved(directory, BartForConditionalGeneration(config))


def an_encoder(directory: Path) -> None:
    config = BertConfig(
        vocab_size=300, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    saved(directory, BertForMaskedLM(config))


def _files(tmp: Path, **contents: bytes) -> Path:
    (tmp / "d").mkdir()
    for name, content in contents.items():
        (tmp / "d" / name.replace("_DOT_", ".")).write_bytes(content)
    return tmp / "d"


def directory(name: str, *said: str, **contents: bytes) -> Case:
    return Case(name, lambda tmp: ["--task", "language_modeling", "--dataset", _files(tmp, **contents)], said)


SHORT = "max_length=16"
FEW_POSITIONS = ("max_length is 64, but the model has 32 positions", "Use --max-length 32")
DATA_CASES = [
    text("shorter than one block", "to be or not to be\n" * 9, "fewer than one block", "Lower max_length"),
    text("undecodable bytes", b"caf\x81 " * 400, "t.txt", "not UTF-8", "0x81", "--set encoding="),
    text("empty file", "", "is empty", "Give a file"),
    text("white space alone", " \n\t " * 500, "white space only", "Give a file"),
    text("binary", bytes(range(256)) * 20, "is binary"),
    text("zeros", b"\x00" * 5000, "is binary"),
    text("damaged gzip", b"\x1f\x8b\x08 nothing", "t.txt.gz", file="t.txt.gz"),
    text("vocabulary of merges too large", TEXT, "vocab_size is 9000", "supports only", extra=("vocab_size=9000",)),
    text(
        "vocabulary of characters too large",
        TEXT,
        "vocab_size is 9000",
        "supports only",
        "Lower it",
        extra=("vocab_size=9000", "tokenizer=char"),
    ),
    text("unknown tokenizer", TEXT, "tokenizer is 'word'", "'bpe' or 'char'", extra=("tokenizer=word",)),
    text("csv without the column", "bdy,n\nhello,1\n", "has the fields 'bdy'", "text_field=", file="t.csv"),
    text("row without text", lines([*documents(9), {"n": 1}]), "t.jsonl:10", "is missing", file="t.jsonl"),
    text("text that is a list", lines([*documents(9), {"text": [7]}]), "text is [7], not a string", file="t.jsonl"),
    text("one document many times", lines(documents(1) * 9), "9 times", "Add other documents", file="t.jsonl"),
    text("a workbook", b"PK\x03\x04\x00\x00" * 99, "t.xlsx is no readable workbook", file="t.xlsx"),
    directory("directory without texts", "without text", image_DOT_png=b"\x89PNG"),
    directory("directory of blanks", "white space only", a_DOT_py=b"\n\n", b_DOT_py=b"  "),
    directory(
        "directory with an undecodable file", "b.py", "not UTF-8", a_DOT_py=b"x = 1\n" * 99, b_DOT_py=b"\x81\x8d"
    ),
    Case("missing file", lambda tmp: ["--task", "language_modeling", "--dataset", tmp / "no.txt"], ("does not exist",)),
    pair("empty pairs", "", "is empty"),
    pair("blank pairs", "\n \n", "has no rows"),
    pair("empty target", with_pair(target=""), "p.jsonl:4", "target is empty"),
    pair("empty source", with_pair(source=" \n"), "p.jsonl:4", "source is empty"),
    pair("missing target", with_pair(target=None), "p.jsonl:4", "field 'target' is missing"),
    pair("missing source", with_pair(source=None), "p.jsonl:4", "field 'source' is missing"),
    pair("target not a string", with_pair(target=["a"]), 'target is ["a"], not a string'),
    pair("source not a string", with_pair(source={"a": 5}), 'source is {"a": 5}, not a string'),
    pair("no field that is known", lines([{"en": "a", "de": "b"}] * 3), "'en', 'de'", "--set source_field="),
    pair("no target that is known", lines([{"source": "a", "de": "b"}] * 3), "target is looked", "--set target_field="),
    pair("one pair", lines(PAIRS[:1]), "one source in 1 rows", "eval_dataset"),
    pair("one source", lines([{**PAIRS[0], "target": str(n)} for n in range(9)]), "one source in 9 rows", "Add rows"),
    pair("undecodable pairs", GOOD.encode() + b'{"source": "\x81"}', "not UTF-8"),
    pair("pairs as text", TEXT, "the field 'text' alone", "source and target", file="p.txt"),
    pair(
        "csv without the target", "source\nhello\n", "target is looked for", "Add a column named target", file="p.csv"
    ),
    pair("vocabulary too large", GOOD, "vocab_size is 9000", "supports only", extra=("vocab_size=9000",)),
    pair("evaluation on what was learnt", GOOD, "every source", "Give parts", extra=("eval_dataset=p.jsonl",)),
    words_to("code_generation", "missing code", lines([{"description": "add"}] * 3), "target is looked for in 'code'"),
    words_to(
        "code_generation", "empty code", lines([{"description": "add", "code": ""}] * 3), "p.jsonl:1", "code is empty"
    ),
]
MODEL_CASES = [
    model("sequence_to_sequence", "a decoder", a_decoder, "is a decoder (gpt2)", "Give an encoder-decoder"),
    model("language_modeling", "an encoder-decoder", an_encoder_decoder, "is an encoder-decoder (bart)", "decoder"),
    model("language_modeling", "an encoder", an_encoder, "is an encoder (bert)", "Give a decoder"),
    model("code_generation", "an encoder", an_encoder, "is an encoder (bert)", "Give a decoder"),
    model(
        "language_modeling",
        "too few positions",
        a_decoder,
        "32 positions",
        "Use --max-length 32",
        extra=("max_length=64",),
    ),
    model(
        "sequence_to_sequence",
        "too few positions",
        an_encoder_decoder,
        "32 positions",
        "Use --max-length 32",
        extra=("max_length=64",),
    ),
    model(
        "sequence_to_sequence",
        "packing rows of a Bart",
        an_encoder_decoder,
        "packing is on",
        "Use --set packing=false",
        extra=("packing=true", SHORT),
    ),
]
SETTING_CASES = [
    setting("unknown scheduler", "scheduler=cosin", "scheduler 'cosin' is not known", "Choose one of"),
    setting("warm-up as long as the run", "max_steps=9 warmup_steps=9", "warmup_steps is 9"),
    setting("unknown optimizer", "optimizer=lion", "optimizer 'lion' is not known", "Choose one of"),
    setting("smoothing above 1", "label_smoothing=1.5", "label_smoothing is 1.5", "below 1"),
    setting("no beams", "num_beams=0", "num_beams is 0", "at least 1"),
    setting("fewer than no repeats", "max_repeats=-1", "max_repeats is -1", "at least 0"),
    setting("no new tokens", "max_new_tokens=0", "max_new_tokens is 0", "at least 1"),
    setting("fewer than no samples", "sample_rows=-1", "sample_rows is -1", "at least 0"),
    setting("cycles that vanish", "scheduler=cosine_with_restarts t_mult=0", "t_mult is 0", "at least 1"),
    setting("least rate above the rate", "learning_rate=0.001 eta_min=0.01", "eta_min is 0.01", "Lower eta_min"),
    setting("gamma above 1", "scheduler=exponential gamma=1.5", "gamma is 1.5", "at most 1"),
    setting("a metric of another task", "metric_name=macro_f1", "metric_name 'macro_f1'", "loss"),
    setting("metric of samples without samples", "metric_name=bleu sample_rows=0", "metric_name 'bleu'"),
    setting("an encoder preset", "model_name=encoder-tiny", "'encoder-tiny' is no preset of this task", "seq2seq-tiny"),
    setting("a decoder preset", "model_name=decoder-tiny", "'decoder-tiny' is no preset of this task"),
    text("an encoder preset", TEXT, "'encoder-tiny' is no preset", "decoder-tiny", extra=("model_name=encoder-tiny",)),
    words_to(
        "text_classification",
        "a decoder preset",
        lines([{"text": f"t {n}", "label": "ab"[n % 2]} for n in range(20)]),
        "'decoder-tiny' is no preset",
        "encoder-tiny",
        extra=("model_name=decoder-tiny",),
    ),
]


@pytest.mark.parametrize("case", [*DATA_CASES, *MODEL_CASES, *SETTING_CASES], ids=lambda case: case.name)
def test_bad_text_to_train_ends_in_a_sentence(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = case.make(tmp_path)
    before = everything_in(tmp_path)
    named = "--model" in words or any("model_name=" in str(word) for word in words)
    tiny = [] if named else ["--model", PRESETS[str(words[1])]]
    answer = athanor("train", *tiny, "--epochs", "1", *words)
    assert_refused(answer, *case.said)
    assert everything_in(tmp_path) == before


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translator that has seen two steps."""
    tmp = tmp_path_factory.mktemp("finished")
    torch.manual_seed(0)
    answer = athanor(
        "train", "--task", "sequence_to_sequence", "--model", "seq2seq-tiny", "--output", tmp / "run", "--dataset",
        written(tmp / "p.jsonl", GOOD), *settings("max_steps=2", "sample_rows=0", "vocab_size=300", "warmup_steps=0"),
    )  # fmt: skip
    assert answer.exit_code == 0, answer
    return tmp / "run"


PREDICT_CASES: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
    ("share above 1", ("--top-p", "2"), ("top_p is 2.0", "at most 1")),
    ("share of nothing", ("--top-p", "0"), ("top_p is 0.0", "above 0")),
    (
        "beams that draw",
        ("--beams", "2", "--temperature", "0.5"),
        (
            "num_beams 2 contradicts temperature 0.5",
            "Search with temperature 0",
        ),
    ),
    ("empty stop", ("--stop", ""), ("stop", "empty")),
    ("no beams", ("--beams", "0"), ("num_beams is 0", "at least 1")),
    ("negative temperature", ("--temperature", "-1"), ("temperature is -1", "at least 0")),
    ("no new tokens", ("--max-new-tokens", "0"), ("max_new_tokens is 0", "at least 1")),
    ("negative top-k", ("--top-k", "-5"), ("top_k is -5", "at least 0")),
    ("words for a number", ("--top-k", "many"), ("'many'",)),
]


@pytest.mark.parametrize(("options", "said"), [case[1:] for case in PREDICT_CASES], ids=[c[0] for c in PREDICT_CASES])
def test_bad_options_of_predict_end_in_a_sentence(
    options: tuple[str, ...], said: tuple[str, ...], finished: Path, tmp_path: Path
) -> None:
    before = everything_in(finished)
    answer = athanor("predict", finished, "--input", written(tmp_path / "in.jsonl", GOOD), *options)
    assert_refused(answer, *said)
    assert everything_in(finished) == before


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("in.jsonl", "", ("is empty", "Give a file")),
        ("in.jsonl", "\n\n", ("no rows",)),
        ("in.jsonl", lines([{"de": "x"}]), ("has the fields 'de'",)),
        ("in.jsonl", b'{"source": "caf\x81"}\n', ("not UTF-8",)),
    ],
    ids=["empty", "blank", "other field", "some encoding"],
)
def test_bad_input_to_predict_ends_in_a_sentence(
    file: str, content: str | bytes, said: tuple[str, ...], finished: Path, tmp_path: Path
) -> None:
    assert_refused(athanor("predict", finished, "--input", written(tmp_path / file, content)), *said)


def test_standard_input_that_is_no_text_ends_in_a_sentence(finished: Path) -> None:
    answer = athanor("predict", finished, "--strict", "--input", "-", stdin=b"caf\x81\n")
    assert_refused(answer, "standard input:1: holds byte 0x81, which cannot be decoded", "--set encoding=")
    answer = athanor("predict", finished, "--strict", "--input", "-", stdin=b'{"de": "x"}\n')
    assert_refused(answer, "standard input:1", "source is looked for in", "--set source_field=de")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"source": "a"}], ("target is looked for in", "Add a column named target")),
        ([{"source": "a", "target": ""}], ("target is empty",)),
        ([{"target": "a"}], ("source is looked for in",)),
    ],
    ids=["no target", "empty target", "no source"],
)
def test_evaluating_on_pairs_that_lack_a_side_ends_in_a_sentence(
    rows: list[Any], said: tuple[str, ...], finished: Path, tmp_path: Path
) -> None:
    answer = athanor("evaluate", finished, "--dataset", written(tmp_path / "p.jsonl", lines(rows)))
    assert_refused(answer, *said)


def test_a_refusal_of_text_is_one_json_object_too(tmp_path: Path) -> None:
    path = written(tmp_path / "t.txt", " \n")
    answer = athanor("train", "--json", "--task", "language_modeling", "--dataset", path)
    assert answer.exit_code == 2
    assert "white space only" in json.loads(answer.stdout)["errors"][0]
