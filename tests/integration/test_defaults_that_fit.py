"""Defaults fit the model that is named: its positions, its padding, the range of its numbers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerFast

from application.training_request import TrainModelRequest
from application.use_cases.train_model import TrainModelResponse
from domain.exceptions import ModelError
from infrastructure.container import Container
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.facts import ModelFacts, facts_of, usable_positions
from infrastructure.tasks.registry import kind_of
from infrastructure.training import precision
from infrastructure.training.precision import choose_precision
from tests.fakes.ports import StopsAt
from tests.support import tiny, tiny_text
from tests.support.tiny_architectures import WIDTH, model_of

POSITIONS = 24


def _learnt(*names: str, of_padding: int = 0) -> dict[str, dict[str, Any]]:
    return {name: {"max_position_embeddings": POSITIONS + of_padding} for name in names}


# How many positions a config says, so that a text may have POSITIONS tokens.
LIMITED: Mapping[str, Mapping[str, Any]] = {
    **_learnt("bert", "electra", "distilbert", "xlm", "opt", "bart", "mbart"),
    **_learnt("roberta", of_padding=1),  # positions begin behind padding, which is number 0 here
    **_learnt("mpnet", of_padding=2),
    "gpt2": {"n_positions": POSITIONS},
}
ROTARY = ("llama", "mistral", "qwen2", "gpt_neox", "modernbert")
VOCABULARY = 400
CHATS = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}{{ eos_token }}{% endfor %}"
# While it writes, the library counts the layers of a T5 by those of its first half.
HALVES_ALIKE = {"num_decoder_layers": 2}


def without_padding(**changes: Any) -> PreTrainedTokenizerFast:
    """Give a tokenizer whose only special token is its end, as that of GPT-2."""
    known = tiny.tokenizer().backend_tokenizer
    return PreTrainedTokenizerFast(tokenizer_object=known, **{"eos_token": "[SEP]", **changes})


def saved(
    name: str, directory: Path, tokens: PreTrainedTokenizerFast | None = None, settings: Mapping[str, Any] | None = None
) -> Path:
    """Save a model of an architecture, as its authors would; where nothing is said of it, with few positions."""
    settings = LIMITED.get(name, {}) if settings is None else settings
    model_of(name, **{"vocab_size": VOCABULARY, **settings}).save_pretrained(directory)
    (tokens or tiny.tokenizer()).save_pretrained(directory)
    return directory


class TestPositions:
    @pytest.mark.parametrize("name", LIMITED)
    def test_that_are_learnt_are_counted_to_the_last(self, name: str) -> None:
        model = model_of(name, **LIMITED[name]).eval()
        usable = usable_positions(model, model.config)
        assert usable == POSITIONS
        ids = torch.full((1, POSITIONS + 1), 9)
        model(input_ids=ids[:, :POSITIONS])
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=ids)

    @pytest.mark.parametrize("name", ROTARY)
    def test_that_are_rotary_are_those_it_was_made_for(self, name: str) -> None:
        model = model_of(name, max_position_embeddings=POSITIONS)
        assert usable_positions(model, model.config) == POSITIONS

    @pytest.mark.parametrize("name", ["t5", "mt5"])
    def test_that_are_relative_are_no_limit(self, name: str) -> None:
        model = model_of(name)
        assert usable_positions(model, model.config) is None

    def test_of_both_halves_are_the_fewer(self, tmp_path: Path) -> None:
        from transformers import LEDConfig, LEDModel

        halves: dict[str, Any] = {
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
        }
        config = LEDConfig(
            vocab_size=VOCABULARY, d_model=WIDTH, max_encoder_position_embeddings=64,
            max_decoder_position_embeddings=POSITIONS, attention_window=8, **halves,
        )  # fmt: skip
        model = LEDModel(config)
        assert usable_positions(model, config) == POSITIONS

    def test_are_known_without_the_weights(self, tmp_path: Path) -> None:
        directory = saved("roberta", tmp_path / "m")
        before = torch.get_rng_state()
        assert facts_of(str(directory), ()) == ModelFacts(POSITIONS, outgrows_fp16=False, is_small=True)
        assert torch.equal(torch.get_rng_state(), before)


def trained(request: TrainModelRequest, monitor: Any = None) -> TrainModelResponse:
    return Container().train_model().execute(request, monitor)


def request_for(task: str, tmp_path: Path, model: Path, **changes: Any) -> TrainModelRequest:
    """Ask for two steps, and say nothing of lengths."""
    path = (
        tiny.file_of_rows(tmp_path / "rows.json")
        if task == "text_classification"
        else tiny_text.file_for(task, tmp_path)
    )
    settings = {"max_steps": 2, "eval_steps": 2, "warmup_steps": 0, "batch_size": 4, "precision": "fp32"}
    if task not in ("text_classification", "masked_language_modeling"):
        settings |= {"max_new_tokens": 8}
    return TrainModelRequest(
        task=task, dataset_path=str(path), model_name=str(model), output_dir=str(tmp_path / "run"),
        **{**settings, **changes},
    )  # fmt: skip


def length_of(run: Path) -> int:
    recorded: int = yaml.safe_load((run / "run.yaml").read_text())["max_length"]
    return recorded


class TestAnUnsaidLength:
    @pytest.mark.parametrize(
        ("task", "name"),
        [
            ("text_classification", "gpt2"),
            ("text_classification", "roberta"),
            ("language_modeling", "gpt2"),
            ("code_generation", "gpt2"),
            ("masked_language_modeling", "bert"),
            ("sequence_to_sequence", "bart"),
        ],
    )
    def test_is_that_of_the_model_and_is_told_and_recorded(self, task: str, name: str, tmp_path: Path) -> None:
        tokens = without_padding() if name == "gpt2" else None
        response = trained(request_for(task, tmp_path, saved(name, tmp_path / "m", tokens)))
        assert response.success, response.errors
        assert length_of(tmp_path / "run") == POSITIONS
        assert any(f"has {POSITIONS} positions, so max_length is {POSITIONS}." in word for word in response.warnings)

    def test_of_chats_is_that_of_the_model_too(self, tmp_path: Path) -> None:
        tokens = without_padding(chat_template=CHATS)
        model = saved("gpt2", tmp_path / "m", tokens, {"n_positions": 200})
        response = trained(request_for("instruction_tuning", tmp_path, model))
        assert response.success, response.errors
        assert length_of(tmp_path / "run") == 200

    @pytest.mark.parametrize(("name", "positions"), [("llama", 131_072), ("gpt2", 1024)])
    def test_is_never_above_the_usual_one(self, name: str, positions: int, tmp_path: Path) -> None:
        settings = {"n_positions" if name == "gpt2" else "max_position_embeddings": positions}
        response = trained(request_for("text_classification", tmp_path, saved(name, tmp_path / "m", settings=settings)))
        assert response.success, response.errors
        assert length_of(tmp_path / "run") == 512
        assert not any("positions" in word for word in response.warnings)

    def test_of_a_model_without_a_limit_is_the_usual_one(self, tmp_path: Path) -> None:
        response = trained(
            request_for("sequence_to_sequence", tmp_path, saved("t5", tmp_path / "m", settings=HALVES_ALIKE))
        )
        assert response.success, response.errors
        assert length_of(tmp_path / "run") == 512

    def test_that_is_said_stays_and_is_refused_where_it_is_too_long(self, tmp_path: Path) -> None:
        model = saved("bert", tmp_path / "m")
        response = trained(request_for("text_classification", tmp_path, model, max_length=POSITIONS + 1))
        assert response.errors[0].startswith(f"max_length is {POSITIONS + 1}, but the model has {POSITIONS} positions")
        response = trained(request_for("text_classification", tmp_path, model, max_length=8))
        assert response.success, response.errors
        assert length_of(tmp_path / "run") == 8

    def test_is_told_by_a_resumed_run_as_by_one_that_was_never_stopped(self, tmp_path: Path) -> None:
        asked = request_for("text_classification", tmp_path, saved("bert", tmp_path / "m"))
        assert trained(asked, StopsAt(1)).stop_reason == "cancelled"
        resumed = Container().resume_training().execute(str(tmp_path / "run"))
        undisturbed = trained(asked.changed(output_dir=str(tmp_path / "other")))
        assert resumed.warnings == undisturbed.warnings
        assert any("positions" in word for word in resumed.warnings)


def built(model: Path, tmp_path: Path, **changes: Any) -> tuple[ModelBundle, Any]:
    request = request_for("text_classification", tmp_path, model, max_length=POSITIONS, **changes).resolved()
    kind = kind_of("text_classification")
    data: Any = kind.load(request)
    bundle = kind.build(request, data, tmp_path / "none kept")
    return bundle, kind.prepare(request, bundle, data)


class TestPadding:
    @pytest.mark.parametrize("name", ["gpt2", "llama", "qwen2", "mistral", "gpt_neox", "gemma2", "bert"])
    @pytest.mark.parametrize("of_config", [None, 5], ids=["unsaid", "another"])
    @pytest.mark.parametrize("side", ["left", "right"])
    def test_reaches_no_score_of_a_row(self, name: str, of_config: int | None, side: str, tmp_path: Path) -> None:
        tokens = without_padding(padding_side=side, model_max_length=8)
        directory = saved(name, tmp_path / "m", tokens, {**LIMITED.get(name, {}), "pad_token_id": of_config})
        bundle, prepared = built(directory, tmp_path)
        model = bundle.model.eval()
        rows = [prepared.train[row] for row in range(12)]
        assert len({len(row["input_ids"]) for row in rows}) > 3
        with torch.inference_mode():
            together = prepared.adapter.logits(model, prepared.adapter.collate(rows, None))
            alone = torch.cat([prepared.adapter.logits(model, prepared.adapter.collate([row], None)) for row in rows])
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)

    def test_is_a_token_of_the_vocabulary_and_travels_with_the_model(self, tmp_path: Path) -> None:
        directory = saved("gpt2", tmp_path / "m", without_padding(), {**LIMITED["gpt2"], "pad_token_id": None})
        response = trained(request_for("text_classification", tmp_path, directory))
        assert response.success, response.errors
        finished = Path(str(response.model_path))
        tokens = AutoTokenizer.from_pretrained(finished)
        model = AutoModelForSequenceClassification.from_pretrained(finished)
        assert tokens.pad_token == "[SEP]"
        assert model.config.pad_token_id == tokens.pad_token_id
        assert load_file(finished / "model.safetensors")["transformer.wte.weight"].shape == (VOCABULARY, WIDTH)
        texts = [row["text"] for row in tiny.rows(6)]
        with torch.inference_mode():
            inputs = tokens(texts, padding=True, truncation=True, max_length=POSITIONS, return_tensors="pt")
            model(inputs["input_ids"], attention_mask=inputs["attention_mask"])

    @pytest.mark.parametrize(
        ("known", "taken"), [({"unk_token": "[MASK]"}, "[MASK]"), ({"cls_token": "[CLS]"}, "[CLS]")]
    )
    def test_is_another_special_token_where_there_is_no_end(
        self, known: dict[str, str], taken: str, tmp_path: Path
    ) -> None:
        directory = saved("gpt2", tmp_path / "m", without_padding(eos_token=None, **known))
        bundle, _ = built(directory, tmp_path)
        assert bundle.tokenizer is not None
        assert bundle.tokenizer.pad_token == taken

    def test_that_nothing_can_stand_for_is_told(self, tmp_path: Path) -> None:
        directory = saved("gpt2", tmp_path / "m", without_padding(eos_token=None))
        with pytest.raises(ModelError, match=r"has no pad_token, and no other special token.*tokenizer\.pad_token = "):
            built(directory, tmp_path)


class TestNumbers:
    @pytest.mark.parametrize("stored", [torch.bfloat16, torch.float16])
    def test_are_opened_and_kept_in_fp32_whatever_they_are_stored_in(self, stored: torch.dtype, tmp_path: Path) -> None:
        directory = tmp_path / "m"
        model_of("bert", vocab_size=VOCABULARY).to(stored).save_pretrained(directory)
        tiny.tokenizer().save_pretrained(directory)
        response = trained(request_for("text_classification", tmp_path, directory))
        assert response.success, response.errors
        kept = load_file(Path(str(response.model_path)) / "model.safetensors")
        assert {tensor.dtype for tensor in kept.values()} == {torch.float32}
        assert json.loads((Path(str(response.model_path)) / "config.json").read_text())["dtype"] == "float32"

    def test_that_may_leave_the_range_of_fp16_are_known_by_family_and_by_how_they_are_stored(
        self, tmp_path: Path
    ) -> None:
        assert facts_of(str(saved("t5", tmp_path / "t5")), ()).outgrows_fp16
        assert not facts_of(str(saved("bert", tmp_path / "bert")), ()).outgrows_fp16
        model_of("bert").to(torch.bfloat16).save_pretrained(tmp_path / "bf16")
        assert facts_of(str(tmp_path / "bf16"), ()).outgrows_fp16

    def test_that_may_leave_it_are_not_computed_in_it_unasked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
        monkeypatch.setattr(precision, "probe", lambda device, names: {"fp32": 1.0, "fp16": 8.0})
        gpu = torch.device("cuda")
        assert choose_precision("auto", True, gpu) == "fp16"
        assert choose_precision("auto", True, gpu, outgrows_fp16=True) == "fp32"
        assert choose_precision("fp16", True, gpu, outgrows_fp16=True) == "fp16"

    def test_that_may_leave_it_are_told_of_where_it_is_asked_for(self, tmp_path: Path) -> None:
        directory = saved("t5", tmp_path / "m")
        request = request_for("sequence_to_sequence", tmp_path, directory, precision="fp16").resolved()
        kind = kind_of("sequence_to_sequence")
        bundle = kind.build(request, kind.load(request), tmp_path / "none kept")
        assert any("may leave the range of fp16" in word for word in bundle.warnings)
        assert not any("how it writes" in word for word in bundle.warnings)


def test_what_a_model_says_of_how_it_writes_is_told_where_it_is_left_out(tmp_path: Path) -> None:
    directory = saved("t5", tmp_path / "m")
    own = {"num_beams": 4, "no_repeat_ngram_size": 3, "bad_words_ids": [[5]], "eos_token_id": 2, "max_length": 9}
    (directory / "generation_config.json").write_text(json.dumps(own))
    request = request_for("sequence_to_sequence", tmp_path, directory).resolved()
    kind = kind_of("sequence_to_sequence")
    (told,) = [word for word in kind.build(request, kind.load(request), tmp_path / "none").warnings if "writes" in word]
    assert "says num_beams=4, no_repeat_ngram_size=3 of how it writes" in told
