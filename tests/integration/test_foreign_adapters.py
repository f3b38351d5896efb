"""A directory of an adapter comes from anywhere: it is opened whole, beside its own base, or refused in a sentence."""

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import IA3Config, LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from domain.exceptions import AthanorError, ModelError
from infrastructure.container import Container
from infrastructure.models.adapters.layers import has_adapters
from infrastructure.predictors import PredictorSource
from tests.support.adapted import asked, base_of, built, learnt, logits_of
from tests.support.finished_models import edit

Damage = Callable[[Path], Any]
WEIGHTS, SETTINGS = "adapter_model.safetensors", "adapter_config.json"
# Of a layer of the base, 16 numbers wide.
LAYER = "base_model.model.bert.encoder.layer.0.attention.self.query"


@pytest.fixture(autouse=True)
def nobody_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was wanted")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier's adapter as a run keeps it, `kept`, and its base beside it."""
    home = tmp_path_factory.mktemp("made")
    bundle = built(asked(base_of("bert", home / "base"), "bert", home, merge_adapter=False, adapter="dora"))
    learnt(bundle.model)
    bundle.save(home / "kept", {"text_field": "text", "label_field": "label"})
    return home


@pytest.fixture
def kept(made: Path, tmp_path: Path) -> Path:
    """A copy to be damaged, with a base of its own."""
    shutil.copytree(made / "base", tmp_path / "base")
    shutil.copytree(made / "kept", tmp_path / "kept")
    settings(base_model_name_or_path=str(tmp_path / "base"))(tmp_path / "kept")
    return tmp_path / "kept"


def settings(**changes: Any) -> Damage:
    return lambda directory: edit(directory / SETTINGS, lambda known: {**known, **changes})


def tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Damage:
    """Change what the weights hold."""

    def damage(directory: Path) -> None:
        held = load_file(directory / WEIGHTS)
        change(held)
        save_file(held, directory / WEIGHTS, metadata={"format": "pt"})

    return damage


def in_base(directory: Path) -> None:
    path = directory.parent / "base" / "model.safetensors"
    held = load_file(path)
    held["bert.encoder.layer.1.output.dense.bias"][0] += 1.0
    save_file(held, path, metadata={"format": "pt"})


def other_base(directory: Path) -> None:
    shutil.rmtree(directory.parent / "base")
    base_of("bert", directory.parent / "base", hidden_size=32)


def a_pipe(directory: Path) -> None:
    (directory / SETTINGS).unlink()
    os.mkfifo(directory / SETTINGS)


def a_link(directory: Path) -> None:
    (directory / WEIGHTS).unlink()
    (directory / WEIGHTS).symlink_to("/etc/hostname")


DAMAGES: dict[str, tuple[Damage, str]] = {
    "base gone": (lambda one: shutil.rmtree(one.parent / "base"), "which is not on this machine"),
    "base changed by a number": (in_base, "is not the base that the adapter"),
    "base of another width": (other_base, "is not the base that the adapter"),
    "base a hub id that nobody has": (settings(base_model_name_or_path="owner/none"), "hf download"),
    "base a path of nobody": (settings(base_model_name_or_path="/nowhere/at/all"), "'/nowhere/at/all'"),
    "base no text": (settings(base_model_name_or_path=["x"]), "must name the model"),
    "base empty": (settings(base_model_name_or_path=""), "must name the model"),
    "base with a line end": (settings(base_model_name_or_path="a\nb"), "must name the model"),
    "base endless": (settings(base_model_name_or_path="x" * 5000), "must name the model"),
    "base the adapter itself": (lambda one: settings(base_model_name_or_path=str(one))(one), "has no .safetensors"),
    "base no model": (settings(base_model_name_or_path="/etc"), "/etc"),
    "a revision that climbs": (settings(revision="../../x"), "revision is '../../x'"),
    "another kind": (settings(peft_type="PROMPT_TUNING"), "peft_type is 'PROMPT_TUNING'"),
    "no kind": (settings(peft_type=None), "peft_type is None"),
    "code to find its class": (settings(auto_mapping={"parent_library": "evil.code"}), "auto_mapping wants code"),
    "code at any depth": (settings(extra={"auto_map": {"AutoModel": "evil.Model"}}), "wants code of its own"),
    "layers written twice": (settings(layer_replication=[[0, 2]]), "layer_replication is not taken"),
    "something of a later version": (settings(quantum_entanglement=True), "quantum_entanglement is not taken"),
    "biases": (settings(bias="all"), "bias is 'all'"),
    "another beginning": (settings(init_lora_weights="pissa"), "changes the base"),
    "no factor": (settings(lora_alpha=0), "lora_alpha is 0"),
    "an endless factor": (settings(lora_alpha=float("inf")), "lora_alpha is inf"),
    "a pattern": (settings(alpha_pattern={"(a+)+$": 1}), "only plain names"),
    "another factor": (settings(lora_alpha=3), "is not what the training wrote"),
    "no dora after all": (settings(use_dora=False), "is not what the training wrote"),
    "no JSON": (lambda one: (one / SETTINGS).write_text("{"), "is not JSON"),
    "a list": (lambda one: (one / SETTINGS).write_text("[]"), "must hold a JSON object"),
    "a pipe": (a_pipe, "neither a file nor a folder"),
    "a link away": (a_link, "link that leaves"),
    "pickled": (lambda one: (one / WEIGHTS).rename(one / "adapter_model.bin"), "other formats may carry code"),
    "cut off": (lambda one: (one / WEIGHTS).write_bytes((one / WEIGHTS).read_bytes()[:-9]), "is damaged"),
    "a byte of it": (
        lambda one: (one / WEIGHTS).write_bytes((one / WEIGHTS).read_bytes()[:-1] + b"?"), "is damaged"
    ),
    "NaN": (tensors(lambda held: held[f"{LAYER}.lora_B.weight"].fill_(float("nan"))), "holds NaN"),
    "a factor missing": (tensors(lambda held: held.pop(f"{LAYER}.lora_B.weight")), "but should have"),
    "a head missing": (tensors(lambda held: held.pop("base_model.model.classifier.bias")), "the SHA-256"),
    "a wider factor": (
        tensors(lambda held: held.update({f"{LAYER}.lora_A.weight": torch.ones(4, 99)})), "has the shape [4, 99]"
    ),
    "layers that are not there": (
        tensors(lambda held: held.update({"base_model.model.evil.lora_A.weight": torch.ones(4, 16)})), "no linear layer"
    ),
    "tensors that are not there": (tensors(lambda held: held.update(evil=torch.ones(2))), "it has no 'evil'"),
    "no adapter in it": (
        tensors(lambda held: [held.pop(name) for name in list(held) if ".lora_" in name]), "no adapter is in it"
    ),
    "more than its base": (
        tensors(lambda held: held.update(evil=torch.ones(1_000_000))), "but its base only"
    ),
    "a way to generate": (lambda one: (one / "custom_generate").mkdir(), "a way to generate of its own"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_what_does_not_fit_is_refused_in_a_sentence(kept: Path, name: str) -> None:
    damage, told = DAMAGES[name]
    damage(kept)
    with pytest.raises(ModelError) as caught:
        PredictorSource().open(str(kept))
    assert told in str(caught.value)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["base gone", "another kind", "pickled", "a wider factor", "a pattern"])
def test_a_training_refuses_it_too_and_writes_nothing(kept: Path, tmp_path: Path, name: str) -> None:
    damage, told = DAMAGES[name]
    damage(kept)
    response = Container().train_model().execute(asked(kept, "bert", tmp_path, max_steps=1))
    assert (response.success, response.exit_code) == (False, 2)
    assert told in response.errors[0]
    assert not (tmp_path / "run").exists()


def test_where_peft_is_missing_it_is_told_how_to_install_it(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"has no peft.* pip install 'athanor\[adapters\]'"):
        PredictorSource().open(str(kept))
    response = Container().train_model().execute(asked(kept, "bert", tmp_path, adapter="none"))
    assert (response.exit_code, "pip install" in response.errors[0]) == (2, True)


def test_a_base_may_move_when_its_adapter_is_told(kept: Path, made: Path) -> None:
    (kept.parent / "base").rename(kept.parent / "elsewhere")
    settings(base_model_name_or_path=str(kept.parent / "elsewhere"))(kept)
    moved, before = (PredictorSource().open(str(place), "cpu") for place in (kept, made / "kept"))
    texts = ["still quiet soft", "bang crash"]
    assert moved.answer(texts) == before.answer(texts)


def test_a_base_is_found_in_the_cache_of_the_hub(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "hub" / "models--owner--tiny" / "snapshots" / ("a" * 40)
    shutil.copytree(kept.parent / "base", snapshot)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    settings(base_model_name_or_path="owner/tiny", revision="a" * 40)(kept)
    assert PredictorSource().open(str(kept), "cpu").answer(["still"])


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that somebody made with peft, of two ranks, with the stable scale and no tokenizer of its own."""
    home = tmp_path_factory.mktemp("theirs")
    base = base_of("llama", home / "base")
    model = AutoModelForCausalLM.from_pretrained(base)
    config = LoraConfig(
        r=4, lora_alpha=6, target_modules=["q_proj", "down_proj"], rank_pattern={"down_proj": 2},
        alpha_pattern={"down_proj": 5}, use_rslora=True, task_type="CAUSAL_LM", base_model_name_or_path=str(base),
    )  # fmt: skip
    adapted = get_peft_model(model, config)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(2))
    adapted.save_pretrained(str(home / "adapter"))
    expected = logits_of(adapted.merge_and_unload())
    save_file({"logits": expected.contiguous()}, home / "expected.safetensors")
    return home


@pytest.mark.parametrize("adapter", ["none", "lora"])
def test_a_training_begins_where_an_adapter_of_others_ended(theirs: Path, tmp_path: Path, adapter: str) -> None:
    """It is merged into its base, whatever is then trained; a fresh adapter of ours says nothing yet."""
    bundle = built(asked(theirs / "adapter", "llama", tmp_path, adapter=adapter))
    expected = load_file(theirs / "expected.safetensors")["logits"]
    torch.testing.assert_close(logits_of(bundle.model), expected, rtol=1e-5, atol=1e-5)
    assert has_adapters(bundle.model) is (adapter == "lora")


def test_an_adapter_upon_a_merged_one_cannot_be_kept_alone(theirs: Path, tmp_path: Path) -> None:
    with pytest.raises(AthanorError, match="is an adapter, and is merged into its base first: no directory"):
        built(asked(theirs / "adapter", "llama", tmp_path, merge_adapter=False))


def test_a_model_with_an_adapter_beside_its_weights_is_refused(made: Path, tmp_path: Path) -> None:
    both = shutil.copytree(made / "base", tmp_path / "both")
    shutil.copy(made / "kept" / SETTINGS, both)
    shutil.copy(made / "kept" / WEIGHTS, both)
    known = json.loads((both / SETTINGS).read_text())
    (both / SETTINGS).write_text(json.dumps({**known, "base_model_name_or_path": str(both)}))
    with pytest.raises(ModelError, match="an adapter stands beside the weights"):
        built(asked(both, "bert", tmp_path))


def made_by_others(home: Path, is_tied: bool, fewer_tokens: int = 0, **config: Any) -> Path:
    """Let somebody adapt a Llama with peft and train everything that may be trained."""
    base = base_of("llama", home / "base", tie_word_embeddings=is_tied)
    model = AutoModelForCausalLM.from_pretrained(base)
    if fewer_tokens:
        model.resize_token_embeddings(model.config.vocab_size - fewer_tokens)
    adapted = get_peft_model(model, LoraConfig(r=4, task_type="CAUSAL_LM", **config))
    generator = torch.Generator().manual_seed(5)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    adapted.save_pretrained(str(home / "adapter"))
    save_file({"logits": logits_of(adapted).contiguous()}, home / "expected.safetensors")
    return home / "adapter"


ON_TIED: dict[str, tuple[dict[str, Any], str]] = {
    "a copy of what scores tokens": ({"modules_to_save": ["lm_head"]}, "lm_head.weight is the same as"),
    "a copy of the table": ({"modules_to_save": ["embed_tokens"]}, "model.embed_tokens.weight is the same as"),
    "a copy of each": ({"modules_to_save": ["embed_tokens", "lm_head"]}, "and not in the adapter"),
    "an adapter of what scores tokens": ({"target_modules": ["q_proj", "lm_head"]}, "are one in the base"),
    "an adapter of the table": ({"target_modules": ["q_proj", "embed_tokens"]}, "lora_embedding_A"),
    "a smaller table": ({"fewer_tokens": 3}, "model.embed_tokens.weight has the shape"),
}


@pytest.mark.parametrize("name", ON_TIED)
def test_what_a_merged_model_could_not_be_is_refused(tmp_path: Path, name: str) -> None:
    """One table reads and scores tokens; an adapter of one use alone, or of its rows, is in no model of the base."""
    config, told = ON_TIED[name]
    theirs = made_by_others(tmp_path, True, **{"target_modules": ["q_proj"], **config})
    with pytest.raises(ModelError) as caught:
        built(asked(theirs, "llama", tmp_path, adapter="none"))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("is_tied", "config"),
    [
        (False, {"modules_to_save": ["embed_tokens", "lm_head"]}),
        (True, {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True}),
        (False, {"target_modules": ["q_proj", "lm_head"]}),
    ],
    ids=["copies of two tables", "copies of one, kept one", "an adapter of what scores tokens alone"],
)
def test_tables_that_others_have_trained_are_taken(tmp_path: Path, is_tied: bool, config: dict[str, Any]) -> None:
    theirs = made_by_others(tmp_path, is_tied, **{"target_modules": ["q_proj"], **config})
    bundle = built(asked(theirs, "llama", tmp_path, adapter="none"))
    expected = load_file(tmp_path / "expected.safetensors")["logits"]
    torch.testing.assert_close(logits_of(bundle.model), expected, rtol=1e-4, atol=1e-5)


def test_of_another_kind_of_adapter_its_kind_alone_is_told(tmp_path: Path) -> None:
    base = base_of("llama", tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(base)
    get_peft_model(model, IA3Config(task_type="CAUSAL_LM")).save_pretrained(str(tmp_path / "adapter"))
    with pytest.raises(ModelError, match="is opened\\. Merge") as caught:
        built(asked(tmp_path / "adapter", "llama", tmp_path, adapter="none"))
    assert "not taken" not in str(caught.value)
