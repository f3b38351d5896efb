"""A model directory from anywhere: nothing in it runs, nothing is asked, nothing outside it is read."""

import io
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import dynamic_module_utils

from application.training import LabelTraining
from domain.exceptions import ModelError
from infrastructure.model_files.model_directory import Weights
from infrastructure.models import pretrained
from infrastructure.models.factory import CLASSIFIER, Blueprint, build_model
from infrastructure.models.hub import HubModel, fetched
from infrastructure.models.pretrained import open_config, open_model, open_tokenizer
from infrastructure.prediction import FinishedModel
from infrastructure.predictors import PredictorSource
from tests.support import tiny
from tests.support.finished_models import TASKS, edit, finished_once
from tests.support.trainings import training

Damage = Callable[[Path], Any]
HUGE = 10**9


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return finished_once(tmp_path_factory.mktemp)


@pytest.fixture
def model(models: Callable[[str], Path], tmp_path: Path) -> Path:
    """A finished classifier to be damaged."""
    return Path(shutil.copytree(models("text_classification"), tmp_path / "model"))


@pytest.fixture(autouse=True)
def nothing_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Answer yes to whoever asks, let nobody connect, and see at the end that nobody has asked."""
    answers = io.StringIO("y\n1\n" * 9)
    monkeypatch.setattr(sys, "stdin", answers)

    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was wanted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield answers
    assert answers.tell() == 0, "standard input was read"


def config(change: Callable[[Any], Any], name: str = "config.json") -> Damage:
    return lambda directory: edit(directory / name, change)


def code(directory: Path) -> None:
    (directory / "evil.py").write_text(f"open({str(directory / 'it ran')!r}, 'w')\nclass C: ...\nclass M: ...\n")


def config_class(directory: Path) -> None:
    code(directory)
    own = {"AutoConfig": "evil.C", "AutoModelForSequenceClassification": "evil.M"}
    edit(directory / "config.json", lambda known: {**known, "model_type": "evil", "auto_map": own})


def known_type_with_code(directory: Path) -> None:
    code(directory)
    own = {"AutoConfig": "evil.C", "AutoModelForSequenceClassification": "elsewhere/evil--evil.M"}
    edit(directory / "config.json", lambda known: known.update(auto_map=own))


def tokenizer_code(directory: Path) -> None:
    code(directory)
    own = {"auto_map": {"AutoTokenizer": ["evil.T", "evil.T"]}, "tokenizer_class": "T"}
    edit(directory / "tokenizer_config.json", lambda known: known.update(own))


def custom_generate(directory: Path) -> None:
    (directory / "custom_generate").mkdir()
    (directory / "custom_generate" / "generate.py").write_text("raise SystemExit\n")


def processor(directory: Path) -> None:
    (directory / "processor_config.json").write_text(json.dumps({"auto_map": {"AutoProcessor": "evil.P"}}))


def outside_index(name: str) -> Damage:
    def damage(directory: Path) -> None:
        tensors = load_file(directory / "model.safetensors")
        (directory / "model.safetensors").rename(directory.parent / "x.safetensors")
        wanted = name.format(outside=directory.parent)
        index = {"metadata": {}, "weight_map": dict.fromkeys(tensors, wanted)}
        (directory / "model.safetensors.index.json").write_text(json.dumps(index))

    return damage


def link(name: str) -> Damage:
    def damage(directory: Path) -> None:
        (directory / name).rename(directory.parent / f"outside-{name}")
        (directory / name).symlink_to(directory.parent / f"outside-{name}")

    return damage


def only_pickles(directory: Path) -> None:
    weights = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    torch.save(weights, directory / "pytorch_model.bin")


def cut(name: str, share: float = 0.5) -> Damage:
    def damage(directory: Path) -> None:
        whole = (directory / name).read_bytes()
        (directory / name).write_bytes(whole[: int(len(whole) * share)])

    return damage


def no_tokenizer(directory: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (directory / name).unlink()


def flipped(name: str, place: int) -> Damage:
    def damage(directory: Path) -> None:
        content = bytearray((directory / name).read_bytes())
        content[place] ^= 1
        (directory / name).write_bytes(bytes(content))

    return damage


def without_a_tensor(directory: Path) -> None:
    weights = load_file(directory / "model.safetensors")
    weights.pop(sorted(weights)[0])
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})


def nested(name: str) -> Damage:
    return lambda directory: (directory / name).write_text('{"a":' * 100_000 + "1" + "}" * 100_000)


REFUSED: dict[str, tuple[Damage, str]] = {
    "a config with a class of its own": (config_class, "config.json wants code"),
    "a known type with a class of its own": (known_type_with_code, "config.json wants code"),
    "code inside a nested config": (
        config(lambda known: known.update(text_config={"deep": [{"auto_map": {"AutoConfig": "evil.C"}}]})),
        r"config.json wants code of its own \(text_config.deep.auto_map\)",
    ),
    "a tokenizer with a class of its own": (tokenizer_code, "tokenizer_config.json wants code"),
    "generation settings with code": (
        lambda directory: (directory / "generation_config.json").write_text('{"auto_map": {"x": "evil.G"}}'),
        "generation_config.json wants code",
    ),
    "a processor with code": (processor, "processor_config.json wants code"),
    "pipelines of its own": (
        config(lambda known: known.update(custom_pipelines={"x": {"impl": "evil.P"}})),
        "config.json wants code",
    ),
    "a way to generate of its own": (custom_generate, "custom_generate"),
    "an adapter": (
        lambda directory: (directory / "adapter_config.json").write_text('{"base_model_name_or_path": "a/b"}'),
        "adapter_config.json",
    ),
    "a kernel of the hub": (config(lambda known: known.update(attn_implementation="evil/attention")), "evil/attention"),
    "a kernel inside a nested config": (
        config(lambda known: known.update(text_config={"_attn_implementation": {"": "evil/attention"}})),
        "evil/attention",
    ),
    "a quantised model": (config(lambda known: known.update(quantization_config={"quant_method": "x"})), "quantised"),
    "another file for the config": (
        config(lambda known: known.update(configuration_files=["config.0.0.1.json"])),
        "names another file",
    ),
    "another file for the weights": (
        config(lambda known: known.update(transformers_weights="../x.safetensors")),
        "another file for its weights",
    ),
    "a tokenizer that is a model": (
        config(lambda known: known.update(tokenizer_class="AutoModel"), "tokenizer_config.json"),
        "no tokenizer",
    ),
    "a vocabulary elsewhere": (
        config(lambda known: known.update(vocab_file="/etc/passwd"), "tokenizer_config.json"),
        "outside the directory",
    ),
    "weights above it": (outside_index("../x.safetensors"), "no .safetensors file beside it"),
    "weights at an absolute place": (outside_index("{outside}/x.safetensors"), "no .safetensors file beside it"),
    "weights in another format": (outside_index("pytorch_model.bin"), "no .safetensors file beside it"),
    "linked weights": (link("model.safetensors"), "link that leaves"),
    "a linked config": (link("config.json"), "link that leaves"),
    "a fifo": (lambda directory: os.mkfifo(directory / "chat_template.jinja"), "neither a file nor a folder"),
    "pickles alone": (only_pickles, "other formats may carry code"),
    "parts of ranks": (
        lambda directory: shutil.copy(
            directory / "model.safetensors", directory / "shard-00000-model-00001-of-00001.safetensors"
        ),
        "distributed",
    ),
    "a config nested deep": (nested("config.json"), "nested too deep"),
    "settings of the tokenizer nested deep": (nested("tokenizer_config.json"), "nested too deep"),
    "a giant config": (
        lambda directory: (directory / "config.json").write_text('{"a": "' + "x" * (9 << 20) + '"}'),
        "more than 8 MiB",
    ),
    "a config that is a list": (lambda directory: (directory / "config.json").write_text("[]"), "JSON object"),
    "a config that is no UTF-8": (lambda directory: (directory / "config.json").write_bytes(b"\xff{}"), "cannot be"),
    "a number of 6,000 digits": (
        lambda directory: (directory / "config.json").write_text('{"hidden_size": ' + "9" * 6000 + "}"),
        "cannot be opened",
    ),
    "a billion layers": (
        config(lambda known: known.update(num_hidden_layers=HUGE)),
        "num_hidden_layers is 1,000,000,000",
    ),
    "a vocabulary of a trillion": (
        config(lambda known: known.update(vocab_size=HUGE * 1000)),
        "vocab_size is 1,000,000,000,000",
    ),
    "a billion labels": (config(lambda known: known.update(num_labels=HUGE)), "num_labels is 1,000,000,000"),
    "a list with a billion to unfold": (
        config(lambda known: known.update(model_type="gpt_neo", attention_types=[[["global"], HUGE]])),
        "attention_types is 1,000,000,000",
    ),
    "some thousand layers": (config(lambda known: known.update(num_hidden_layers=5000)), "the files hold"),
    "a vast width": (config(lambda known: known.update(intermediate_size=300_000_000)), "the files hold"),
    "a width larger than the files": (config(lambda known: known.update(intermediate_size=9_000)), "do not fit"),
    "a negative width": (config(lambda known: known.update(hidden_size=-64)), "cannot be opened"),
    "a width in words": (config(lambda known: known.update(hidden_size="wide")), "cannot be opened"),
    "a config of another type": (config(lambda known: known.update(model_type="llama")), "model"),
    "a config of an unknown type": (config(lambda known: known.update(model_type="evil")), "cannot be opened"),
    "fewer layers than trained": (
        config(lambda known: known.update(num_hidden_layers=1, layer_types=known["layer_types"][:1])),
        "unknown to it",
    ),
    "cut weights": (cut("model.safetensors"), "damaged"),
    "empty weights": (cut("model.safetensors", 0.0), "damaged"),
    "weights without a tensor": (without_a_tensor, "missing"),
    "no config": (lambda directory: (directory / "config.json").unlink(), "has no config.json"),
    "no weights": (lambda directory: (directory / "model.safetensors").unlink(), "no .safetensors file"),
    "no tokenizer": (
        no_tokenizer,
        "tokenizer|cannot be opened",
    ),
    "a flipped bit of a weight": (flipped("model.safetensors", -9), "model.safetensors is damaged"),
    "an edited setting": (config(lambda known: known.update(norm_eps=0.5)), "config.json is damaged"),
    "a cut tokenizer": (cut("tokenizer.json"), "cannot be opened"),
}


# To go on training from, a head may be made anew, and what was changed was changed on purpose.
ONLY_OF_A_FINISHED_MODEL = (
    "a flipped bit of a weight",
    "an edited setting",
    "fewer layers than trained",
    "weights without a tensor",
)


@pytest.mark.parametrize("what", REFUSED)
def test_a_finished_model_is_refused_in_one_sentence_when_it_holds(what: str, model: Path) -> None:
    damage, sentence = REFUSED[what]
    damage(model)
    with pytest.raises(ModelError, match=sentence) as caught:
        PredictorSource().open(str(model), "cpu")
    assert "\n" not in str(caught.value)
    assert caught.value.remedy
    assert not (model / "it ran").exists()


@pytest.mark.parametrize("task", TASKS)
def test_a_finished_model_of_any_task_is_opened_from_its_directory_alone(
    task: str, models: Callable[[str], Path]
) -> None:
    assert isinstance(PredictorSource().open(str(models(task)), "cpu"), FinishedModel)


@pytest.mark.parametrize("task", TASKS)
def test_code_in_the_directory_of_any_task_is_refused_before_the_library_is_called(
    task: str, models: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = Path(shutil.copytree(models(task), tmp_path / "model"))
    config_class(directory)
    edit(directory / "config.json", lambda known: known.update(json.loads((models(task) / "config.json").read_text())))
    monkeypatch.setattr(pretrained, "_translated", None)  # whoever calls the library fails
    with pytest.raises(ModelError, match="wants code"):
        PredictorSource().open(str(directory), "cpu")


@pytest.mark.parametrize(
    "opening",
    [open_config, open_tokenizer, lambda directory: open_model(directory, CLASSIFIER)],
    ids=["config", "tokenizer", "model"],
)
def test_the_library_cannot_ask_even_where_a_wish_for_code_is_overlooked(
    opening: Callable[[Path], Any], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_class(model)
    tokenizer_code(model)
    for name in ("check_settings", "checked_directory"):
        monkeypatch.setattr(pretrained, name, lambda directory: Weights(99, 10**9))
    with pytest.raises(ModelError, match="cannot be opened"):
        opening(model)
    assert not (model / "it ran").exists()
    assert dynamic_module_utils.TIME_OUT_REMOTE_CODE == 0


def cached(model: Path, cache: Path) -> Path:
    """Put a model into a cache of the hub as `a/b`, its snapshot made of links to blobs."""
    snapshot, blobs = cache / "models--a--b" / "snapshots" / "abc", cache / "models--a--b" / "blobs"
    for folder in (snapshot, blobs, cache / "models--a--b" / "refs"):
        folder.mkdir(parents=True)
    (cache / "models--a--b" / "refs" / "main").write_text("abc")
    for number, file in enumerate(sorted(model.iterdir())):
        shutil.copy(file, blobs / str(number))
        (snapshot / file.name).symlink_to(Path("..") / ".." / "blobs" / str(number))
    return snapshot


def test_links_of_a_snapshot_to_the_blobs_of_its_own_cache_are_followed(model: Path, tmp_path: Path) -> None:
    assert isinstance(PredictorSource().open(str(cached(model, tmp_path)), "cpu"), FinishedModel)


def test_a_model_of_the_hub_is_looked_at_like_any_other_directory(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    snapshot = cached(model, tmp_path / "cache")
    assert fetched(HubModel("a/b")).directory == snapshot
    open_model(snapshot, CLASSIFIER)
    (snapshot / "config.json").unlink()
    shutil.copy(model / "config.json", snapshot / "config.json")
    config_class(snapshot)
    request = training(LabelTraining, "text_classification", model_name="a/b", max_length=32)
    blueprint = Blueprint(CLASSIFIER, {}, tiny.tokenizer, {"num_labels": 2})
    with pytest.raises(ModelError, match=r"config.json wants code"):
        build_model(request, blueprint, tmp_path / "none kept")


@pytest.mark.parametrize("what", [what for what in REFUSED if what not in ONLY_OF_A_FINISHED_MODEL])
def test_training_does_not_begin_from_a_directory_that_holds(what: str, model: Path, tmp_path: Path) -> None:
    damage, _ = REFUSED[what]
    damage(model)
    request = training(LabelTraining, "text_classification", model_name=str(model), max_length=32)
    with pytest.raises(ModelError) as caught:
        build_model(request, Blueprint(CLASSIFIER, {}, tiny.tokenizer, {"num_labels": 2}), tmp_path / "none kept")
    assert "\n" not in str(caught.value)
    assert not (model / "it ran").exists()


def test_names_of_the_machine_of_the_author_in_old_tokenizers_are_no_reason_to_refuse(model: Path) -> None:
    dead = {"tokenizer_file": "/root/.cache/x/tokenizer.json", "special_tokens_map_file": "/root/x.json"}
    edit(model / "tokenizer_config.json", lambda known: known.update(dead, name_or_path="/root/x"))
    edit(model / "athanor.json", lambda card: card["files"].pop("tokenizer_config.json") and None)
    assert isinstance(PredictorSource().open(str(model), "cpu"), FinishedModel)


def test_a_list_of_another_program_beside_a_model_is_no_reason_to_refuse(model: Path) -> None:
    (model / "data_config.json").write_text('[{"name": "S2ORC", "auto_map": "x.Y"}]')
    assert isinstance(PredictorSource().open(str(model), "cpu"), FinishedModel)


def test_a_card_without_digests_is_that_of_an_older_model(model: Path) -> None:
    edit(model / "athanor.json", lambda card: card.pop("files") and None)
    assert isinstance(PredictorSource().open(str(model), "cpu"), FinishedModel)


def test_a_label_may_be_called_like_a_wish_for_code(model: Path) -> None:
    named = json.loads((model / "config.json").read_text())
    first = named["id2label"]["0"]
    named["id2label"]["0"] = "auto_map"
    named["label2id"] = {"auto_map" if name == first else name: number for name, number in named["label2id"].items()}
    (model / "config.json").write_text(json.dumps(named))
    labels: Any = open_config(model).id2label
    assert labels[0] == "auto_map"


def test_weights_that_are_not_finite_are_refused_by_name(model: Path) -> None:
    weights = load_file(model / "model.safetensors")
    name = sorted(weights)[0]
    weights[name].view(-1)[0] = float("nan")
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=f"{name} hold NaN"):
        open_model(model, CLASSIFIER)
