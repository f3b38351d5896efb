"""Models that cannot be tuned as asked: a sentence with a remedy, nothing left behind, and no hub is waited for."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.command_line import athanor
from tests.support.finished_models import edit
from tests.support.refusals import assert_refused, everything_in
from tests.support.tuned_bases import Bases, Bench, bases_in, data_in, settings

FIRST_WEIGHT = "bert.embeddings.word_embeddings.weight"


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return bases_in(tmp_path_factory.mktemp("bases"))


@pytest.fixture(autouse=True)
def no_hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hub")))


# Name: settings of a classifier on a BERT of three layers, 16 wide, and words that are said.
SETTING_CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "an unknown adapter": ("adapter=qlora", ("adapter is 'qlora'", "'none', 'lora' or 'dora'")),
    "a misspelt setting": ("adaptor=lora", ("'adaptor' is not known", "'adapter'")),
    "unknown layers": ("adapter=lora adapter_targets=[q_proj]", ("names 'q_proj'", "There are dense, key, query")),
    "some unknown layers": ("adapter=lora adapter_targets=[query,one,two]", ("names 'one'", "names 'two'")),
    "an embedding as a layer": ("adapter=lora adapter_targets=[word_embeddings]", ("a head or an embedding",)),
    "a norm as a layer": ("adapter=dora adapter_targets=[LayerNorm]", ("no linear layer but a LayerNorm",)),
    "no layers": ("adapter=lora adapter_targets=[]", ("names no layer", "Use auto")),
    "a rank above the width": ("adapter=lora adapter_rank=17", ("adapter_rank is 17", "only 16 wide", "at most 16")),
    "a rank of nothing": ("adapter=lora adapter_rank=0", ("adapter_rank is 0", "between 1 and")),
    "half a rank": ("adapter=lora adapter_rank=1.5", ("adapter_rank is 1.5", "integer")),
    "a rank in words": ("adapter=lora adapter_rank=big", ("adapter_rank is 'big'", "integer")),
    "a negative alpha": ("adapter=lora adapter_alpha=-1", ("adapter_alpha is -1", "above 0")),
    "everything dropped": ("adapter=lora adapter_dropout=1", ("adapter_dropout is 1", "below 1")),
    "an adapter not to be merged, without one": ("merge_adapter=false", ("adapter is none", "Add adapter=lora")),
    "a rank without an adapter": ("adapter_rank=4", ("adapter_rank is 4, but adapter is none",)),
    "4 bits without an adapter": ("quantize=4bit", ("quantize is '4bit', but adapter is none",)),
    "4 bits without CUDA": ("adapter=lora quantize=4bit device=cpu", ("CUDA device alone", "Use quantize=none")),
    "8 bits without CUDA": ("adapter=lora quantize=8bit device=cpu", ("CUDA device alone",)),
    "3 bits": ("adapter=lora quantize=3bit", ("quantize is '3bit'", "'8bit' or '4bit'")),
    "merged in words": ("adapter=lora merge_adapter=maybe", ("merge_adapter is 'maybe'", "boolean")),
    "frozen and adapted": ("adapter=lora freeze=1", ("freeze is 1 and adapter is lora", "Drop one of them")),
    "more layers frozen than there are": ("freeze=4", ("freeze is 4, but the model has 3 layers", "up to 3")),
    "no layers frozen": ("freeze=0", ("freeze is 0", "at least 1")),
    "fewer than no layers frozen": ("freeze=-1", ("freeze is -1",)),
    "half a layer frozen": ("freeze=1.5", ("freeze is 1.5",)),
    "everything frozen": ("freeze=all", ("freeze is 'all'", "'all_but_head'")),
    "a truth value to freeze": ("freeze=true", ("freeze is", "'all_but_head'")),
    "a decay to nothing": ("layer_decay=0", ("layer_decay is 0.0", "above 0 and at most 1")),
    "a decay that grows": ("layer_decay=1.1", ("layer_decay is 1.1",)),
    "a decay that is no number": ("layer_decay=NaN", ("layer_decay is nan",)),
    "another share of masks": ("mask_share=0.2", ("mask_share means nothing to task text_classification",)),
    "rows in words": ("batch_size=many", ("batch_size is 'many'", "or 'auto'")),
    "no rows": ("batch_size=0", ("batch_size is 0", "at least 1")),
    "rows found and no batches": (
        "batch_size=auto gradient_accumulation_steps=0",
        ("gradient_accumulation_steps is 0",),
    ),
    "a time in parsecs": ("time_budget=5parsecs", ("time_budget is '5parsecs'", "90s, 5m or 1h30m")),
    "no time": ("time_budget=0", ("time_budget is 0.0", "above 0")),
    "a time that runs back": ("time_budget=-5m", ("time_budget is '-5m'", "90s, 5m or 1h30m")),
    "a time without end": ("time_budget=inf", ("time_budget is 'inf'",)),
    "a time in a list": ("time_budget=[5]", ("time_budget is [5]",)),
    "more positions than there are": ("max_length=513", ("max_length is 513, but the model has 512 positions",)),
    "several at once": (
        "adapter=lora adapter_rank=0 adapter_dropout=2 layer_decay=0",
        ("adapter_rank is 0", "adapter_dropout is 2.0", "layer_decay is 0.0"),
    ),
}


@pytest.mark.parametrize("name", SETTING_CASES)
def test_settings_of_tuning_that_make_no_sense_end_in_a_sentence(
    name: str, bases: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked, said = SETTING_CASES[name]
    rows = data_in(tmp_path)["labelled"]
    before = everything_in(tmp_path)
    words = ("--task", "text_classification", "--dataset", rows, "--model", bases.bert, *settings(*asked.split()))
    for dry in ((), ("--dry-run",)):
        assert_refused(athanor("train", *words, *dry), *said)
    assert everything_in(tmp_path) == before


FORECASTS, LORA = ("--task", "quantile_forecasting"), ("--set", "adapter=lora")
ADDRESS = "https://huggingface.co/google/bert_uncased_L-2/tree/main"
# Name: what is typed, and words that are said.
OTHER_CASES: dict[str, tuple[Callable[[Bench], list[object]], tuple[str, ...]]] = {
    "an adapter on a forecaster": (lambda b: [*FORECASTS, *LORA], ("adapter means nothing to task", "Leave it out")),
    "an adapter on directions": (lambda b: ["--task", "market_direction", *LORA], ("adapter means nothing to task",)),
    "a frozen forecaster": (lambda b: [*FORECASTS, *settings("freeze=1")], ("freeze means nothing to task",)),
    "rates by layer of a forecaster": (
        lambda b: [*FORECASTS, *settings("layer_decay=0.9")],
        ("layer_decay means nothing to task",),
    ),
    "a time for a table in words": (
        lambda b: [*FORECASTS, "--time-budget", "five"],
        ("time_budget is 'five'", "90s, 5m or 1h30m"),
    ),
    "no masks": (lambda b: b.gaps(*settings("mask_share=0")), ("mask_share is 0.0", "above 0 and below 1")),
    "nothing but masks": (lambda b: b.gaps(*settings("mask_share=1")), ("mask_share is 1.0", "above 0 and below 1")),
    "a decoder preset that fills gaps": (
        lambda b: b.gaps("--model", "decoder-tiny"),
        ("'decoder-tiny' is no preset of this task", "encoder-tiny"),
    ),
    "a decoder that fills gaps": (
        lambda b: b.gaps("--model", b.bases.llama),
        ("is a decoder (llama)", "Give an encoder"),
    ),
    "a translator that fills gaps": (
        lambda b: b.gaps("--model", b.bases.bart),
        ("is an encoder-decoder (bart)", "Give an encoder"),
    ),
    "an encoder without a sign for a gap": (
        lambda b: b.gaps("--model", b.bases.bert),
        ("without a mask token", "Give another encoder"),
    ),
    "a filler of gaps that writes": (
        lambda b: b.code("--model", b.bases.filler),
        ("is an encoder (modernbert)", "Give a decoder"),
    ),
    "an encoder that writes": (
        lambda b: b.code("--model", b.bases.bert),
        ("is an encoder (bert)", "Give a decoder or another --task"),
    ),
    "a translator that writes code": (
        lambda b: b.code("--model", b.bases.bart),
        ("is an encoder-decoder (bart)", "Give a decoder"),
    ),
    "a decoder that translates": (
        lambda b: [
            *b.code("--model", b.bases.llama),
            *("--task", "sequence_to_sequence", *settings("source_field=description", "target_field=code")),
        ],
        ("is a decoder (llama)", "Give an encoder-decoder"),
    ),
    "positions of a decoder": (
        lambda b: b.code("--model", b.bases.gpt2, "--max-length", 64),
        ("max_length is 64, but the model has 32 positions", "--max-length 32"),
    ),
    "4 bits of a decoder": (
        lambda b: b.code("--model", b.bases.llama, *LORA, *settings("quantize=4bit", "device=cpu")),
        ("quantize is 4bit", "CUDA device alone"),
    ),
    "a hub id of nobody": (
        lambda b: b.labels("--model", "nobody/nothing"),
        ("'nobody/nothing' is no preset and no directory", "HF_HOME", "config.json", "--model DIR"),
    ),
    "a hub id without an owner": (
        lambda b: b.labels("--model", "bert-base-uncasedd"),
        ("hf download bert-base-uncasedd", "HF_HOME"),
    ),
    "a hub id with a bad revision": (
        lambda b: b.labels("--model", "bert-base-uncased@"),
        ("'bert-base-uncased@'", "@revision behind it"),
    ),
    "a name of two words": (
        lambda b: b.labels("--model", "bert base"),
        ("'bert base' is no preset", "owner/name"),
    ),
    "an address of the hub": (
        lambda b: b.labels("--model", ADDRESS),
        ("is an address", "Give its name, google/bert_uncased_L-2."),
    ),
    "an address of elsewhere": (
        lambda b: b.labels("--model", "s3://models/bert"),
        ("is an address", "into a directory"),
    ),
    "a directory that is not there": (
        lambda b: b.labels("--model", "./models/bert"),
        ("does not exist", "Check the path"),
    ),
    "no tokenizer": (
        lambda b: b.without("bert", "tokenizer", "special_tokens"),
        ("has no tokenizer beside it", "tokenizer.save_pretrained"),
    ),
    "no weights": (
        lambda b: b.without("bert", "model.safetensors"),
        ("no .safetensors file called model.safetensors", "save_pretrained"),
    ),
    "no config": (lambda b: b.without("bert", "config.json"), ("has no config.json", "save_pretrained")),
    "a run instead of its model": (
        lambda b: b.labels("--model", b.bases.filler.parent),
        ("has no config.json", "the model of that run"),
    ),
    "an adapter of an encoder that writes": (
        lambda b: b.code("--model", b.bases.adapter),
        ("is an encoder (bert)", "Give a decoder"),
    ),
    "an adapter whose base is gone": (
        lambda b: b.adapter(base_model_name_or_path="/nowhere/base"),
        ("is an adapter of '/nowhere/base'", "not on this machine", "Bring that directory"),
    ),
    "an adapter without a base": (
        lambda b: b.adapter(base_model_name_or_path=None),
        ("base_model_name_or_path is None", "Merge the adapter"),
    ),
    "an adapter of another kind": (
        lambda b: b.adapter(peft_type="IA3"),
        ("peft_type is 'IA3'", "Merge the adapter"),
    ),
    "an adapter with code": (lambda b: b.adapter(auto_mapping={"base": "mine"}), ("auto_mapping wants code",)),
    "an adapter without weights": (
        lambda b: b.without("adapter", "adapter_model"),
        ("has no adapter_model.safetensors", "safetensors"),
    ),
}


@pytest.mark.parametrize("name", OTHER_CASES)
def test_a_model_that_does_not_fit_ends_in_a_sentence(
    name: str, bases: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make, said = OTHER_CASES[name]
    words = make(Bench(bases, tmp_path))
    before = everything_in(tmp_path)
    assert_refused(athanor("train", *words), *said)
    assert everything_in(tmp_path) == before


def other_weights(bases: Bases, tmp: Path) -> Path:
    """Copy the base of the adapter with one weight changed, and let a copy of the adapter name that."""
    base, adapter = bases.copied("bert", tmp), bases.copied("adapter", tmp)
    state = load_file(base / "model.safetensors")
    state[FIRST_WEIGHT] = torch.flip(state[FIRST_WEIGHT], (0,))
    save_file(state, base / "model.safetensors", metadata={"format": "pt"})
    edit(adapter / "adapter_config.json", lambda known: {**known, "base_model_name_or_path": str(base)})
    return adapter


@pytest.mark.parametrize("command", [("evaluate", "--dataset"), ("predict", "--input")], ids=["evaluate", "predict"])
def test_an_adapter_beside_another_base_is_refused(command: tuple[str, str], bases: Bases, tmp_path: Path) -> None:
    adapter, rows = other_weights(bases, tmp_path), data_in(tmp_path)["labelled"]
    before = everything_in(tmp_path)
    answer = athanor(command[0], adapter, command[1], rows)
    assert_refused(answer, "is not the base that the adapter", "another SHA-256", "Restore it")
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize("of", ["bert", "llama"])
def test_an_adapter_that_was_changed_is_refused(of: str, bases: Bases, tmp_path: Path) -> None:
    adapter = bases.copied("adapter", tmp_path)
    if of == "bert":
        weights = adapter / "adapter_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-50])
    else:
        edit(adapter / "adapter_config.json", lambda known: {**known, "r": 8})
    answer = athanor("evaluate", adapter, "--dataset", data_in(tmp_path)["labelled"])
    assert_refused(answer, "is damaged" if of == "bert" else "is not what the training wrote", "Restore the directory")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--max-new-tokens", 5), ("max_new_tokens means nothing to task masked_language_modeling",)),
        (("--threshold", 0.5), ("threshold means nothing to task masked_language_modeling",)),
    ],
)
def test_options_that_mean_nothing_to_a_filler_of_gaps_are_refused(
    words: tuple[object, ...], said: tuple[str, ...], bases: Bases, tmp_path: Path
) -> None:
    assert_refused(athanor("predict", bases.filler, "--input", data_in(tmp_path)["texts"], *words), *said)


@pytest.mark.parametrize("asked", ["adapter=lora", "freeze=1"])
def test_random_weights_that_stay_as_they_are_are_told_of(asked: str, tmp_path: Path) -> None:
    words = ("--dataset", data_in(tmp_path)["labelled"], "--model", "encoder-tiny", *settings(asked, "max_steps=1"))
    answer = athanor("train", "--task", "text_classification", *words, "--output", tmp_path / "run", "--json")
    assert answer.exit_code == 0, answer.stderr
    told = [warning for warning in json.loads(answer.stdout)["warnings"] if "begins from scratch" in warning]
    assert told == [
        f"model encoder-tiny begins from scratch, and with {asked.replace('=', ' ')} most of its weights stay random:"
        " give a pretrained model to tune."
    ]
