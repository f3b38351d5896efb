"""Models that answer in chats: templates of their own, of ours and from files, and plain transformers beside us."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from application.training_request import TrainModelRequest
from domain.exceptions import AthanorError
from infrastructure.container import Container
from infrastructure.data.chats.builtin_templates import BUILTIN_TEMPLATES
from infrastructure.models.tokenizer import train_bpe
from infrastructure.predictors import PredictorSource
from infrastructure.tasks.writing.written_chats import TOO_LONG
from tests.support.chat_families import FAMILIES, TOKENIZERS
from tests.support.tiny_text import Ready, ready, request, written

CHAT = [{"role": "user", "content": "load the rows of 0"}]


def saved(directory: Path, tokenizer: Any, family: str = "llama") -> Path:
    """Save a small model with a tokenizer."""
    torch.manual_seed(3)
    if family == "gpt2":
        model: Any = GPT2LMHeadModel(
            GPT2Config(vocab_size=len(tokenizer), n_positions=96, n_embd=32, n_layer=1, n_head=2, eos_token_id=0)
        )
    else:
        config = LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=32, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256, eos_token_id=0,
            bos_token_id=None,
        )  # fmt: skip
        model = LlamaForCausalLM(config)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def base_tokenizer() -> Any:
    """Give the tokenizer of a model that knows no chats."""
    return train_bpe(["def load(rows): return rows"] * 9, None, 1, document_start=False, end=False)


def chat_model(directory: Path, family: str) -> Path:
    tokenizer = TOKENIZERS["bytes"](FAMILIES[family])
    tokenizer.chat_template = FAMILIES[family].template
    return saved(directory, tokenizer)


def built(directory: Path, model: Path, **settings: Any) -> Ready:
    return ready("instruction_tuning", directory, model_name=str(model), vocab_size=None, **settings)


def refusal(directory: Path, model: Path, **settings: Any) -> AthanorError:
    with pytest.raises(AthanorError) as caught:
        built(directory, model, **settings)
    return caught.value


class TestTemplates:
    def test_a_model_without_a_template_is_refused_with_those_there_are(self, tmp_path: Path) -> None:
        error = refusal(tmp_path / "data", saved(tmp_path / "model", base_tokenizer()))
        assert "has no chat template" in error.problem
        assert "chat_template=chatml" in error.remedy

    def test_chatml_gives_a_model_that_lacks_its_signs_new_rows_and_they_are_trained(self, tmp_path: Path) -> None:
        tokenizer = base_tokenizer()
        made = built(tmp_path / "data", saved(tmp_path / "model", tokenizer), chat_template="chatml")
        assert len(made.tokenizer) == len(tokenizer) + 2
        embeddings = made.model.get_input_embeddings().weight
        assert len(embeddings) == len(made.tokenizer)
        adapter = made.adapter()
        adapter.loss_sum(made.model, adapter.collate([made.train[0]], None)).backward()
        assert (embeddings.grad[-2:].abs().sum(dim=1) > 0).all()
        end = made.tokenizer.convert_tokens_to_ids("<|im_end|>")
        assert end in made.train[0]["labels"].tolist()
        assert end in made.model.generation_config.eos_token_id
        again = built(tmp_path / "data", tmp_path / "model", chat_template="chatml")
        assert torch.equal(again.model.get_input_embeddings().weight, embeddings)

    def test_an_adapter_leaves_the_new_rows_to_be_trained(self, tmp_path: Path) -> None:
        made = built(
            tmp_path / "data", saved(tmp_path / "model", base_tokenizer()), chat_template="chatml", adapter="lora"
        )
        embeddings = made.model.get_input_embeddings().weight
        assert len(embeddings) == len(made.tokenizer)
        adapter = made.adapter()
        adapter.loss_sum(made.model, adapter.collate([made.train[0]], None)).backward()
        assert (embeddings.grad[-2:].abs().sum(dim=1) > 0).all()
        frozen = [name for name, parameter in made.model.named_parameters() if not parameter.requires_grad]
        assert any("self_attn" in name for name in frozen)

    def test_a_model_with_rows_to_spare_keeps_its_size(self, tmp_path: Path) -> None:
        tokenizer = base_tokenizer()
        model = LlamaForCausalLM(
            LlamaConfig(vocab_size=len(tokenizer) + 9, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256)
        )  # fmt: skip
        model.save_pretrained(tmp_path / "model")
        tokenizer.save_pretrained(tmp_path / "model")
        made = built(tmp_path / "data", tmp_path / "model", chat_template="chatml")
        assert len(made.model.get_input_embeddings().weight) == len(tokenizer) + 9

    def test_plain_needs_no_new_token(self, tmp_path: Path) -> None:
        tokenizer = base_tokenizer()
        made = built(tmp_path / "data", saved(tmp_path / "model", tokenizer), chat_template="plain")
        assert len(made.tokenizer) == len(tokenizer)
        assert tokenizer.eos_token_id in made.train[0]["labels"].tolist()

    def test_a_file_is_a_template_too_and_goes_before_that_of_the_model(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.jinja"
        path.write_text(BUILTIN_TEMPLATES["plain"].source.replace("###", "##"), encoding="utf-8")
        made = built(tmp_path / "data", chat_model(tmp_path / "model", "llama"), chat_template=str(path))
        assert "## User:\n" in made.tokenizer.decode(made.train[0]["input_ids"])

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("chatlm", None, "is not known"),
            ("nowhere.jinja", None, "cannot be read: No such file"),
            ("empty.jinja", b"  \n", "is empty"),
            ("bytes.jinja", b"\xff\xfe\x00", "is not UTF-8"),
            ("broken.jinja", b"{% for m in messages %}{{ m.content }}", "fails: "),
            ("strict.jinja", b"{{ raise_exception('no') }}", "says: no"),
            ("endless.jinja", b"{{ messages[0].content }}{{ messages[-1].content }}", "without a special token"),
        ],
    )
    def test_a_template_that_is_none_is_told_in_a_sentence(
        self, tmp_path: Path, name: str, content: bytes | None, said: str
    ) -> None:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        given = str(tmp_path / name) if name.endswith(".jinja") else name
        error = refusal(tmp_path / "data", chat_model(tmp_path / "model", "llama"), chat_template=given)
        assert said in error.problem
        assert "chatml" in error.remedy

    def test_a_tokenizer_without_an_end_cannot_learn_to_stop(self, tmp_path: Path) -> None:
        tokenizer = base_tokenizer()
        tokenizer.eos_token = None
        tokenizer.pad_token = "<|pad|>"
        error = refusal(tmp_path / "data", saved(tmp_path / "model", tokenizer), chat_template="plain")
        assert "could not learn to stop" in error.problem

    def test_packing_on_a_model_that_cannot_keep_chats_apart_is_refused(self, tmp_path: Path) -> None:
        model = saved(tmp_path / "model", base_tokenizer(), "gpt2")
        assert built(tmp_path / "data", model, chat_template="plain", packing=False).model
        config = json.loads((model / "config.json").read_text())
        assert config["model_type"] == "gpt2"

    def test_pairs_have_no_use_for_a_template(self, tmp_path: Path) -> None:
        with pytest.raises(AthanorError, match="holds pairs and no chats"):
            ready("code_generation", tmp_path, chat_template="plain")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Teach a local model of the Llama family a few chats by heart, with its own template."""
    directory = tmp_path_factory.mktemp("run")
    model = chat_model(directory / "model", "llama")
    answer = {"role": "assistant", "content": "def"}
    rows = [{"messages": [{"role": "user", "content": f"load the rows of {n}"}, answer]} for n in range(1, 7)]
    wanted = request(
        "instruction_tuning", directory, model_name=str(model), vocab_size=None, learning_rate=3e-3, optimizer="adamw",
        max_steps=60, batch_size=2, dataset_path=str(written(directory / "c.jsonl", rows)),
        eval_dataset=str(written(directory / "e.jsonl", [{"messages": [*CHAT, answer]}])),
        output_dir=str(directory / "out"), max_new_tokens=12,
        weight_decay=0.0, average_decay=0.0,
    )  # fmt: skip
    response = Container().train_model().execute(wanted)
    assert response.success, response.errors
    return directory / "out"


class TestAFinishedModel:
    def test_plain_transformers_asks_as_we_do_and_stops_where_the_turn_ends(self, run: Path) -> None:
        tokenizer: Any = AutoTokenizer.from_pretrained(run / "model")
        model: Any = AutoModelForCausalLM.from_pretrained(run / "model")
        asked = tokenizer.apply_chat_template(CHAT, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        out = model.generate(**asked, max_new_tokens=40, do_sample=False)[0, asked["input_ids"].shape[1] :]
        assert tokenizer.decode(out) == "def<|eot_id|>"

    def test_predict_answers_lines_and_chats_alike(self, run: Path, tmp_path: Path) -> None:
        predictor = PredictorSource().open(str(run), "cpu")
        asked = written(
            tmp_path / "asked.jsonl", [{"messages": CHAT}, {"messages": [*CHAT, {"role": "assistant", "content": "x"}]}]
        )
        found = [row["text"] for row in predictor.predict(str(asked)).rows]
        (tmp_path / "asked.txt").write_text(CHAT[0]["content"] + "\n", encoding="utf-8")
        (typed,) = (row["text"] for row in predictor.predict(str(tmp_path / "asked.txt")).rows)
        assert found == ["def", "def"]
        assert typed == "def"

    def test_a_question_that_is_longer_than_any_that_was_learnt_is_told(self, run: Path, tmp_path: Path) -> None:
        (tmp_path / "asked.txt").write_text("load the rows\n" + "load " * 2000 + "\n", encoding="utf-8")
        predictor = PredictorSource().open(str(run), "cpu")
        answers = predictor.predict(str(tmp_path / "asked.txt"), {"max_new_tokens": 2})
        assert [row["text"] is None for row in answers.rows] == [False, False]
        assert answers.notes[1:] == [TOO_LONG]

    def test_evaluate_scores_the_answers_alone(self, run: Path, tmp_path: Path) -> None:
        answer = {"role": "assistant", "content": "def"}
        dataset = written(tmp_path / "test.jsonl", [{"messages": [*CHAT, answer]}])
        result = PredictorSource().open(str(run), "cpu").evaluate(str(dataset))
        assert result.metrics["exact_match"] == 1.0
        tokenizer: Any = AutoTokenizer.from_pretrained(run / "model")
        model: Any = AutoModelForCausalLM.from_pretrained(run / "model")
        ids = torch.tensor([tokenizer.apply_chat_template([*CHAT, answer])["input_ids"]])
        num_learnt = len(tokenizer("def")["input_ids"]) + 1
        logits = model(ids).logits[0, -num_learnt - 1 : -1]
        expected = torch.nn.functional.cross_entropy(logits, ids[0, -num_learnt:]).item()
        assert result.metrics["loss"] == pytest.approx(expected, rel=1e-4)

    def test_a_model_for_chats_is_taken_up_by_another_training(self, run: Path, tmp_path: Path) -> None:
        made = built(tmp_path, run / "model")
        assert made.tokenizer.chat_template == FAMILIES["llama"].template


def test_an_encoder_is_refused(tmp_path: Path) -> None:
    from tests.support import tiny

    tokenizer = tiny.tokenizer()
    tiny.model(tokenizer).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    assert "Give a decoder" in refusal(tmp_path / "data", tmp_path / "model").remedy


def test_the_request_names_a_template_by_a_word_or_a_path() -> None:
    with pytest.raises(AthanorError, match="chat_template is empty"):
        TrainModelRequest(task="instruction_tuning", chat_template="").resolved()
