"""Checkpoints of other people, presets of our own, and the attention that must change nothing but speed."""

import json
import string
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right
from transformers import AutoModel as BaseModel
from transformers import AutoModelForMaskedLM as MaskedModel
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    ModernBertConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
)
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from application.training_request import TrainModelRequest
from application.use_cases.predict import PredictRequest
from application.use_cases.train_model import TrainModelResponse
from domain.events import Warned
from domain.exceptions import ConfigurationError, ModelError
from infrastructure.container import Container
from infrastructure.models import attention
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.presets import ENCODERS
from infrastructure.models.tokenizer import train_tokenizer
from infrastructure.tasks.registry import TaskModels
from tests.fakes.ports import FakeMonitor, FakeRun
from tests.support import tiny
from tests.support.texts import any_text

POSITIONS = 40
TEXTS = [row["text"] for row in tiny.rows()]


@dataclass(frozen=True)
class Family:
    """A kind of checkpoint as its authors publish it."""

    name: str
    tokenizer: Callable[[], PreTrainedTokenizerFast]
    config: Callable[[PreTrainedTokenizerFast], Any]
    # Tensors whose shape is decided by the number of labels.
    outputs: set[str]


def word_pieces() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    names = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=list(names.values()), show_progress=False)
    made.train_from_iterator(TEXTS, trainer)
    return framed(made, names)


def byte_pairs() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    # The order of RoBERTa's vocabulary, in which padding is number 1.
    names = {
        "cls_token": "<s>",
        "pad_token": "<pad>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=list(names.values()),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS, trainer)
    return framed(made, names)


def framed(made: Tokenizer, names: Mapping[str, str]) -> PreTrainedTokenizerFast:
    first, last = names["cls_token"], names["sep_token"]
    ends = [(token, made.token_to_id(token)) for token in (first, last)]
    made.post_processor = processors.TemplateProcessing(single=f"{first} $A {last}", special_tokens=ends)
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


SHAPE: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


def bert(tokens: PreTrainedTokenizerFast) -> BertConfig:
    return BertConfig(vocab_size=len(tokens), max_position_embeddings=POSITIONS, **SHAPE)


def roberta(tokens: PreTrainedTokenizerFast) -> RobertaConfig:
    return RobertaConfig(
        vocab_size=len(tokens), max_position_embeddings=POSITIONS + 2, pad_token_id=1, type_vocab_size=1, **SHAPE
    )


def modern_bert(tokens: PreTrainedTokenizerFast) -> ModernBertConfig:
    return ModernBertConfig(
        vocab_size=len(tokens),
        max_position_embeddings=POSITIONS,
        pad_token_id=tokens.pad_token_id,
        cls_token_id=tokens.cls_token_id,
        sep_token_id=tokens.sep_token_id,
        bos_token_id=None,
        eos_token_id=None,
        local_attention=8,
        layer_types=["full_attention", "sliding_attention"],
        **SHAPE,
    )


FAMILIES = (
    Family("bert", word_pieces, bert, {"classifier.bias", "classifier.weight"}),
    Family("roberta", byte_pairs, roberta, {"classifier.out_proj.bias", "classifier.out_proj.weight"}),
    Family("modernbert", tiny.tokenizer, modern_bert, {"classifier.bias", "classifier.weight"}),
)
each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def checkpoint(family: Family, directory: Path, kind: Any = AutoModelForSequenceClassification, **changes: Any) -> Path:
    """Save a model with random weights, as its authors would."""
    tokens = family.tokenizer()
    config = family.config(tokens)
    for name, value in changes.items():
        setattr(config, name, value)
    torch.manual_seed(7)
    kind.from_config(config).save_pretrained(directory)
    tokens.save_pretrained(directory)
    return directory


@dataclass
class Labelled:
    """What a model needs to know of the data."""

    label_names: tuple[str, ...] = tiny.LABELS
    num_train: int = 64
    num_eval: int = 8
    warnings: tuple[str, ...] = ()
    mark_names: tuple[str, ...] = ()

    def train_texts(self) -> list[str]:
        return TEXTS

    def train_labels(self) -> np.ndarray:
        return np.arange(len(TEXTS)) % len(self.label_names)

    def train_units(self) -> np.ndarray:
        return np.arange(len(TEXTS))


def built(path: Path | str, dataset: Labelled | None = None, **changes: Any) -> ModelBundle:
    request = TrainModelRequest(
        task="text_classification", model_name=str(path), **{"max_length": POSITIONS - 1, "vocab_size": 400, **changes}
    ).resolved()
    return TaskModels().build(request, dataset or Labelled(), FakeRun(path="runs/nowhere"))


def trained(
    tmp_path: Path, model: Path | str, monitor: FakeMonitor | None = None, **changes: Any
) -> TrainModelResponse:
    settings = {
        "max_length": POSITIONS,
        "max_steps": 2,
        "eval_steps": 2,
        "warmup_steps": 0,
        "batch_size": 8,
        "average_decay": 0.0,
    }
    request = TrainModelRequest(
        task="text_classification",
        dataset_path=str(tiny.file_of_rows(tmp_path / "rows.json")),
        model_name=str(model),
        learning_rate=1e-3,
        precision="fp32",
        output_dir=str(tmp_path / "run"),
        **{**settings, **changes},
    )
    return Container().train_model().execute(request, monitor)


def warnings_of(monitor: FakeMonitor) -> list[str]:
    return [event.message for event in monitor.events if isinstance(event, Warned)]


class TestCheckpointsOfOthers:
    @each_family
    def test_train_and_open_again_in_plain_transformers_with_the_same_answers(
        self, tmp_path: Path, family: Family
    ) -> None:
        start = checkpoint(family, tmp_path / "start", num_labels=2)
        response = trained(tmp_path, start)
        assert response.success, response.errors
        finished = Path(str(response.model_path))
        before, after = load_file(start / "model.safetensors"), load_file(finished / "model.safetensors")
        assert before.keys() == after.keys()
        assert sum(not torch.equal(before[name], after[name]) for name in before) > len(before) / 2

        model = AutoModelForSequenceClassification.from_pretrained(finished).eval()
        tokens = AutoTokenizer.from_pretrained(finished)
        assert model.config.model_type == family.name
        assert model.config.id2label == dict(enumerate(tiny.LABELS))
        with torch.inference_mode():
            inputs = tokens(TEXTS[:9], truncation=True, max_length=POSITIONS, padding=True, return_tensors="pt")
            wanted = torch.softmax(model(inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits, -1)
        rows = tmp_path / "unlabelled.json"
        rows.write_text(json.dumps([{"text": text} for text in TEXTS[:9]]))
        answers = Container().predict().execute(PredictRequest(run=str(tmp_path / "run"), input_path=str(rows)))
        scores = torch.tensor([[answer["scores"][label] for label in tiny.LABELS] for answer in answers])
        torch.testing.assert_close(scores, wanted, rtol=0, atol=1e-5)

    @each_family
    def test_are_told_by_their_files_to_have_nothing_of_ours_in_them(self, tmp_path: Path, family: Family) -> None:
        response = trained(tmp_path, checkpoint(family, tmp_path / "start", num_labels=2))
        finished = Path(str(response.model_path))
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
            assert "athanor" not in (finished / name).read_text(encoding="utf-8")
        assert "_attn_implementation" not in json.loads((finished / "config.json").read_text(encoding="utf-8"))

    @each_family
    def test_with_a_head_of_as_many_labels_keep_every_weight(self, tmp_path: Path, family: Family) -> None:
        start = checkpoint(family, tmp_path / "start", num_labels=2)
        bundle = built(start)
        assert bundle.warnings == ()
        assert equal_tensors(bundle, start) == set(load_file(start / "model.safetensors"))

    @each_family
    @pytest.mark.parametrize("num_labels", [3, 7])
    def test_with_a_head_of_more_or_fewer_labels_keep_the_encoder_and_say_what_is_new(
        self, tmp_path: Path, family: Family, num_labels: int
    ) -> None:
        start = checkpoint(family, tmp_path / "start", num_labels=num_labels)
        bundle = built(start, Labelled(("a", "b", "c", "d", "e")))
        (warning,) = bundle.warnings
        anew = {name.strip() for name in warning.split(": ")[1].split(" start untrained")[0].split(",")}
        assert anew == family.outputs
        assert "its head does not have 5 labels" in warning
        assert equal_tensors(bundle, start) == set(load_file(start / "model.safetensors")) - anew
        assert bundle.model(torch.tensor([[2, 3, 4]])).logits.shape == (1, 5)

    @each_family
    @pytest.mark.parametrize("kind", [BaseModel, MaskedModel], ids=["encoder alone", "masked language model"])
    def test_without_a_classification_head_get_one_and_keep_the_encoder(
        self, tmp_path: Path, family: Family, kind: Any
    ) -> None:
        start = checkpoint(family, tmp_path / "start", kind)
        bundle = built(start)
        (warning,) = bundle.warnings
        assert all(name in warning for name in ("classifier", "start untrained", "it has no classification head"))
        kept = equal_tensors(bundle, start)
        encoder = {name for name in bundle.model.state_dict() if not name.startswith(("classifier", "head"))}
        # A masked language model has no pooler, which BERT's classifier reads.
        poolers = {name for name in encoder if ".pooler." in name} if kind is MaskedModel else set()
        assert encoder - kept == poolers

    def test_warn_the_one_who_watches_the_run(self, tmp_path: Path) -> None:
        monitor = FakeMonitor()
        assert trained(tmp_path, checkpoint(FAMILIES[0], tmp_path / "start", num_labels=3), monitor).success
        (warning,) = [message for message in warnings_of(monitor) if "start untrained" in message]
        assert "classifier.bias, classifier.weight" in warning

    @each_family
    def test_take_texts_up_to_their_last_position_and_refuse_one_more(self, tmp_path: Path, family: Family) -> None:
        start = checkpoint(family, tmp_path / "start", num_labels=2)
        model = built(start, max_length=POSITIONS).model
        ids = torch.full((1, POSITIONS), 9)
        assert model(ids).logits.isfinite().all()
        with pytest.raises(ConfigurationError, match=f"the model has {POSITIONS} positions") as caught:
            built(start, max_length=POSITIONS + 1)
        assert caught.value.remedy == f"Use --max-length {POSITIONS}."

    @pytest.mark.parametrize(("family", "table"), [(FAMILIES[0], 512), (FAMILIES[1], 514)], ids=["bert", "roberta"])
    def test_of_the_published_sizes_take_512_tokens(self, tmp_path: Path, family: Family, table: int) -> None:
        start = checkpoint(family, tmp_path / "start", num_labels=2, max_position_embeddings=table)
        assert built(start, max_length=512).model(torch.full((1, 512), 9)).logits.isfinite().all()
        with pytest.raises(ConfigurationError, match="max_length is 513, but the model has 512 positions"):
            built(start, max_length=513)

    @each_family
    def test_are_saved_with_other_weights_after_two_steps_of_a_slow_average(
        self, tmp_path: Path, family: Family
    ) -> None:
        start = checkpoint(family, tmp_path / "start", num_labels=2)
        response = trained(tmp_path, start, average_decay=0.999)
        assert response.success, response.errors
        finished = load_file(Path(str(response.model_path)) / "model.safetensors")
        before = load_file(start / "model.safetensors")
        assert any(not torch.equal(before[name], finished[name]) for name in before)

    @pytest.mark.parametrize("change", [{"intermediate_size": 64}, {"num_hidden_layers": 4}], ids=["width", "depth"])
    def test_with_an_encoder_that_does_not_fit_their_config_are_refused(
        self, tmp_path: Path, change: dict[str, int]
    ) -> None:
        start = checkpoint(FAMILIES[0], tmp_path / "start")
        config = json.loads((start / "config.json").read_text())
        (start / "config.json").write_text(json.dumps({**config, **change}))
        with pytest.raises(ModelError, match=r"does not fit its config\.json"):
            built(start)

    @each_family
    def test_without_a_tokenizer_are_refused(self, tmp_path: Path, family: Family) -> None:
        start = checkpoint(family, tmp_path / "start")
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (start / name).unlink()
        with pytest.raises(ModelError) as caught:
            built(start)
        assert "tokenizer" in str(caught.value)

    def test_that_know_fewer_tokens_than_their_tokenizer_are_refused(self, tmp_path: Path) -> None:
        response = trained(tmp_path, checkpoint(FAMILIES[0], tmp_path / "start", vocab_size=20))
        assert (response.success, response.exit_code) == (False, 2)
        assert "but the model knows 20" in response.errors[0]
        assert not (tmp_path / "run").exists()

    def test_are_refused_before_a_run_directory_exists(self, tmp_path: Path) -> None:
        response = trained(tmp_path, checkpoint(FAMILIES[1], tmp_path / "start"), max_length=POSITIONS + 1)
        assert (response.success, response.exit_code) == (False, 2)
        assert not (tmp_path / "run").exists()


def equal_tensors(bundle: ModelBundle, checkpoint_directory: Path) -> set[str]:
    """Name the tensors of the model that are those of the file, whose names lack the prefix when it has no head."""
    saved = load_file(checkpoint_directory / "model.safetensors")
    prefix = getattr(bundle.model, "base_model_prefix", "") + "."
    return {
        name
        for name, tensor in bundle.model.state_dict().items()
        for candidate in (name, name.removeprefix(prefix))
        if candidate in saved and torch.equal(saved[candidate], tensor)
    }


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> Any:
        return open, (str(self._marker), "w")


class TestCodeInACheckpoint:
    @pytest.mark.parametrize("beside", [None, "adapter.safetensors"])
    def test_in_pickled_weights_is_never_run(self, tmp_path: Path, beside: str | None) -> None:
        start = checkpoint(FAMILIES[0], tmp_path / "start")
        weights = load_file(start / "model.safetensors")
        (start / "model.safetensors").unlink()
        torch.save({**weights, "more": Payload(tmp_path / "it ran")}, start / "pytorch_model.bin")
        if beside:
            save_file({"x": torch.zeros(1)}, start / beside)
        with pytest.raises(ModelError) as caught:
            built(start)
        assert ("safetensors" if beside else "other formats may carry code") in str(caught.value)
        assert not (tmp_path / "it ran").exists()

    def test_named_by_its_config_is_never_run(self, tmp_path: Path) -> None:
        start = checkpoint(FAMILIES[0], tmp_path / "start")
        marker = tmp_path / "it ran"
        (start / "modeling_own.py").write_text(f"open({str(marker)!r}, 'w')\nclass Own: ...\nclass OwnConfig: ...\n")
        config = json.loads((start / "config.json").read_text())
        own = {"AutoModelForSequenceClassification": "modeling_own.Own", "AutoConfig": "modeling_own.OwnConfig"}
        (start / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": own}))
        with pytest.raises(ModelError):
            built(start)
        assert not marker.exists()


class TestPresets:
    @pytest.mark.parametrize("name", ENCODERS)
    def test_build_save_and_open_in_plain_transformers(self, tmp_path: Path, name: str) -> None:
        bundle = built(name, max_length=64)
        bundle.save(tmp_path / "model", {})
        opened = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
        tokens = AutoTokenizer.from_pretrained(tmp_path / "model")
        inputs = tokens(TEXTS[:3], padding=True, return_tensors="pt")
        with torch.inference_mode():
            torch.testing.assert_close(opened(**inputs).logits, bundle.model.eval()(**inputs).logits)
        assert opened.config.id2label == dict(enumerate(tiny.LABELS))
        assert opened.num_parameters() == bundle.num_parameters
        assert json.loads((tmp_path / "model" / "athanor.json").read_text())["labels"] == list(tiny.LABELS)

    def test_grow_from_tiny_to_base(self) -> None:
        sizes = [built(name).num_parameters for name in ENCODERS]
        assert sizes == sorted(set(sizes))

    def test_have_weights_that_the_seed_alone_decides(self) -> None:
        torch.manual_seed(5)
        first = built("encoder-tiny", seed=1).model.state_dict()
        torch.manual_seed(6)
        again, other = (built("encoder-tiny", seed=seed).model.state_dict() for seed in (1, 2))
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert not torch.equal(first["classifier.weight"], other["classifier.weight"])

    def test_have_positions_for_every_length_that_is_asked_for(self) -> None:
        assert built("encoder-tiny", max_length=1500).model(torch.full((1, 1500), 9)).logits.isfinite().all()

    def test_that_are_none_are_named(self) -> None:
        with pytest.raises(ModelError, match="'encoder-huge' is no preset"):
            built("encoder-huge")


@pytest.fixture(scope="module")
def exact() -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, 400, lowercase=False, seed=0)


@pytest.fixture(scope="module")
def lowering() -> PreTrainedTokenizerFast:
    return tiny.tokenizer()


class TestTokenizer:
    @given(text=any_text(max_size=60) | st.binary(max_size=60).map(lambda content: content.decode("latin-1")))
    def test_gives_back_any_text_it_has_encoded(self, exact: PreTrainedTokenizerFast, text: str) -> None:
        ids = exact(text)["input_ids"]
        assert (ids[0], ids[-1]) == (exact.cls_token_id, exact.sep_token_id)
        assert exact.decode(ids[1:-1]) == text

    @given(text=st.text(alphabet=string.printable + "éÉäÄжЖ", max_size=40))
    def test_told_to_lower_does_not_tell_cases_apart(self, lowering: PreTrainedTokenizerFast, text: str) -> None:
        assert lowering(text.upper())["input_ids"] == lowering(text.lower())["input_ids"]
        assert lowering.decode(lowering(text)["input_ids"], skip_special_tokens=True) in (
            f" {text.lower()}",
            text.lower(),
        )

    def test_told_to_keep_cases_tells_them_apart(self, exact: PreTrainedTokenizerFast) -> None:
        assert exact("LOUD")["input_ids"] != exact("loud")["input_ids"]

    def test_is_the_same_after_a_stay_on_disk(self, tmp_path: Path, exact: PreTrainedTokenizerFast) -> None:
        exact.save_pretrained(tmp_path)
        opened = AutoTokenizer.from_pretrained(tmp_path)
        for text in (*TEXTS[:5], "naïve 😀\n\tif x:", "", " ", "CamelCase"):
            assert opened(text)["input_ids"] == exact(text)["input_ids"]
            assert opened.decode(opened(text)["input_ids"], skip_special_tokens=True) == text
        assert opened.all_special_ids == exact.all_special_ids

    def test_has_learnt_words_of_its_texts(self, exact: PreTrainedTokenizerFast) -> None:
        assert len(exact(" quiet crash")["input_ids"]) == 4
        assert len(exact) <= 400


@pytest.fixture
def fallbacks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the query length of each call that goes to torch's own kernel after all."""
    calls: list[int] = []

    def noting(module: Any, query: Tensor, *args: Any, **kwargs: Any) -> Any:
        calls.append(query.shape[-2])
        return sdpa_attention_forward(module, query, *args, **kwargs)

    monkeypatch.setattr(attention, "sdpa_attention_forward", noting)
    return calls


def pair(family: Family, **changes: Any) -> tuple[PreTrainedModel, PreTrainedModel]:
    """Build one model twice: with torch's attention, and with ours."""
    config = family.config(family.tokenizer())
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        setattr(config, name, 0.0)
    for name, value in changes.items():
        setattr(config, name, value)
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(
            AutoModelForSequenceClassification.from_config(deepcopy(config), attn_implementation="sdpa").train()
        )
    attention.use_fast_attention(made[1], torch.device("cpu"))
    assert [model.config._attn_implementation for model in made] == ["sdpa", attention.NAME]
    return made[0], made[1]


def padded_batch(lengths: tuple[int, ...]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 200, (len(lengths), max(lengths)), generator=generator)
    mask = (torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]).long()  # [B, L]
    return {"input_ids": ids * mask + (1 - mask), "attention_mask": mask, "labels": torch.arange(len(lengths)) % 2}


def assert_same_forward_and_backward(one: PreTrainedModel, other: PreTrainedModel, batch: Mapping[str, Tensor]) -> None:
    outputs = [model(**batch) for model in (one, other)]
    torch.testing.assert_close(outputs[0].logits, outputs[1].logits, rtol=0, atol=1e-5)
    for output in outputs:
        output.loss.backward()
    gradients = dict(other.named_parameters())
    for name, parameter in one.named_parameters():
        assert parameter.grad is not None
        assert gradients[name].grad is not None
        torch.testing.assert_close(parameter.grad, gradients[name].grad, rtol=0, atol=1e-5)


PADDED, FULL = (40, 23, 7, 1), (40, 40, 40)


class TestAttention:
    @each_family
    @pytest.mark.parametrize("lengths", [PADDED, FULL, (1,)], ids=["padded", "full", "one token"])
    def test_equals_that_of_torch_forward_and_backward(
        self, family: Family, lengths: tuple[int, ...], fallbacks: list[int]
    ) -> None:
        assert_same_forward_and_backward(*pair(family), padded_batch(lengths))
        assert fallbacks == []

    @pytest.mark.parametrize("lengths", [PADDED, FULL], ids=["padded", "full"])
    def test_equals_that_of_torch_in_layers_that_see_a_window_alone(
        self, lengths: tuple[int, ...], fallbacks: list[int]
    ) -> None:
        batch = padded_batch(lengths)
        windowed, ours = pair(FAMILIES[2], local_attention=6)
        everywhere, _ = pair(FAMILIES[2], local_attention=400)
        assert not torch.allclose(windowed(**batch).logits, everywhere(**batch).logits, atol=1e-4)
        assert_same_forward_and_backward(windowed, ours, batch)
        assert fallbacks == []

    def test_leaves_sequences_beyond_its_length_to_torch(
        self, monkeypatch: pytest.MonkeyPatch, fallbacks: list[int]
    ) -> None:
        monkeypatch.setattr(attention, "MAX_LENGTH", 39)
        assert_same_forward_and_backward(*pair(FAMILIES[0]), padded_batch(PADDED))
        assert fallbacks == [40, 40]
        assert_same_forward_and_backward(*pair(FAMILIES[0]), padded_batch((39, 2)))
        assert fallbacks == [40, 40]

    def test_leaves_masks_that_are_added_to_torch(self, fallbacks: list[int]) -> None:
        query = torch.randn(2, 4, 5, 8, generator=torch.Generator().manual_seed(1))
        attention.attention(torch.nn.Module(), query, query, query, torch.zeros(2, 1, 5, 5))
        assert fallbacks == [5]

    @pytest.mark.parametrize("unusual", ["dropout", "shared heads"])
    def test_takes_on_what_torch_is_slow_at(self, unusual: str, fallbacks: list[int]) -> None:
        query = torch.randn(2, 4, 5, 8, generator=torch.Generator().manual_seed(1))
        key = query[:, :2] if unusual == "shared heads" else query
        torch.manual_seed(0)
        found, _ = attention.attention(
            torch.nn.Module(), query, key, key, None, dropout=0.5 if unusual == "dropout" else 0.0, is_causal=False
        )
        assert fallbacks == []
        alike = key.repeat_interleave(2, 1) if unusual == "shared heads" else key
        plain = torch.nn.functional.scaled_dot_product_attention(query, alike, alike).transpose(1, 2)
        assert torch.allclose(found, plain, atol=1e-6) == (unusual == "shared heads")

    @pytest.mark.parametrize("said_by", ["the module", "the call", "nobody"])
    @pytest.mark.parametrize("num_queries", [7, 3, 1], ids=["all queries", "a piece behind a cache", "one token"])
    def test_causal_equals_that_of_torch_forward_and_backward(
        self, said_by: str, num_queries: int, fallbacks: list[int]
    ) -> None:
        """With fewer queries than keys, as in generation, the last query is the one that sees all keys."""
        module = torch.nn.Module()
        if said_by != "nobody":
            module.is_causal = said_by == "the module"  # type: ignore[assignment]
        generator = torch.Generator().manual_seed(1)
        states = [torch.randn(2, 4, size, 8, generator=generator) for size in (num_queries, 7, 7)]
        ours, theirs = ([state.clone().requires_grad_() for state in states] for _ in range(2))
        option: dict[str, Any] = {"is_causal": True} if said_by == "the call" else {}
        found, _ = attention.attention(module, ours[0], ours[1], ours[2], None, **option)
        # Of equal lengths torch's own flag; with fewer queries torch would count from the first key.
        rule: dict[str, Any] = (
            {"is_causal": True} if num_queries == 7 else {"attn_mask": causal_lower_right(num_queries, 7)}
        )
        expected = torch.nn.functional.scaled_dot_product_attention(theirs[0], theirs[1], theirs[2], **rule)
        torch.testing.assert_close(found, expected.transpose(1, 2), rtol=0, atol=1e-6)
        pull = torch.randn(expected.shape, generator=generator)
        (found.transpose(1, 2) * pull).sum().backward()
        (expected * pull).sum().backward()
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=1e-6)
        assert fallbacks == []

    def test_looks_ahead_where_neither_call_nor_module_is_causal(self, fallbacks: list[int]) -> None:
        module = torch.nn.Module()
        query = torch.randn(2, 4, 5, 8, generator=torch.Generator().manual_seed(1))
        calls: list[tuple[bool, dict[str, Any]]] = [(False, {}), (True, {"is_causal": False})]
        for says, options in calls:
            module.is_causal = says  # type: ignore[assignment]
            found, _ = attention.attention(module, query, query, query, None, **options)
            expected = torch.nn.functional.scaled_dot_product_attention(query, query, query)
            torch.testing.assert_close(found, expected.transpose(1, 2), rtol=0, atol=1e-6)
        assert fallbacks == []

    @pytest.mark.parametrize("scaling", [None, 0.3])
    def test_is_the_softmax_of_scaled_products(self, scaling: float | None, fallbacks: list[int]) -> None:
        query, key, value = torch.randn(3, 2, 4, 5, 8, generator=torch.Generator().manual_seed(1))
        mask = torch.tensor([[True] * 5, [True, True, False, True, False]])[:, None, None, :]  # [B, 1, 1, L]
        found, weights = attention.attention(
            torch.nn.Module(), query, key, value, mask.expand(2, 1, 5, 5), scaling=scaling
        )
        scores = torch.einsum("bhqd,bhkd->bhqk", query, key) * (scaling or 8**-0.5)
        expected = torch.einsum("bhqk,bhkd->bqhd", scores.masked_fill(~mask, -torch.inf).softmax(-1), value)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
        assert weights is None
        assert fallbacks == []

    def test_is_not_forced_on_other_devices_or_chosen_kernels_or_modules_without_one(self) -> None:
        model, _ = pair(FAMILIES[0])
        attention.use_fast_attention(model, torch.device("mps"))
        assert model.config._attn_implementation == "sdpa"
        model.set_attn_implementation("eager")
        attention.use_fast_attention(model, torch.device("cpu"))
        assert model.config._attn_implementation == "eager"
        attention.use_fast_attention(torch.nn.Linear(2, 2), torch.device("cpu"))


def test_a_row_cannot_write_the_marks_of_the_model(tmp_path: Path) -> None:
    tokens = tiny.tokenizer()
    tokens.save_pretrained(tmp_path)
    for tokenizer in (tokens, AutoTokenizer.from_pretrained(tmp_path)):
        ids = tokenizer("still [MASK] quiet [SEP] [PAD]")["input_ids"]
        assert [token for token in ids if token in tokenizer.all_special_ids] == [ids[0], ids[-1]]
