"""Models that write: checkpoints of other families, presets of our own, and what plain transformers makes of them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BartConfig,
    BartForConditionalGeneration,
    GPT2Config,
    GPT2LMHeadModel,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from application.use_cases.predict import PredictRequest
from domain.exceptions import ModelError
from infrastructure.container import Container
from infrastructure.models.attention import use_fast_attention
from infrastructure.models.presets import DECODERS, ENCODER_DECODERS
from infrastructure.models.tokenizer import train_bpe
from infrastructure.tasks.writing.encoder_decoder_adapter import SequenceToSequence
from infrastructure.tasks.writing.heads import keeps_documents_apart
from tests.support import tiny_text
from tests.support.mathematics import CPU, batch_of, gradients, relative_difference
from tests.support.tiny_text import documents, pairs, ready, written

POSITIONS = 128
SIGNS: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
TEXT = "".join(document["text"] for document in documents())
TASK_OF = {"gpt2": "language_modeling", "gpt2 pairs": "code_generation"}


def bart() -> BartForConditionalGeneration:
    config = BartConfig(
        vocab_size=330, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2, dropout=0.0,
        decoder_attention_heads=2, encoder_ffn_dim=48, decoder_ffn_dim=48, max_position_embeddings=POSITIONS,
        decoder_start_token_id=2, forced_eos_token_id=None, init_std=0.2, **SIGNS,
    )  # fmt: skip
    return BartForConditionalGeneration(config)


def t5() -> T5ForConditionalGeneration:
    config = T5Config(
        vocab_size=330, d_model=32, d_kv=16, d_ff=48, num_layers=2, num_heads=2, dropout_rate=0.0,
        feed_forward_proj="gated-gelu", pad_token_id=0, eos_token_id=2,
    )  # fmt: skip
    config.decoder_start_token_id = 0
    return T5ForConditionalGeneration(config)


def gpt2() -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=330, n_positions=POSITIONS, n_embd=32, n_layer=2, n_head=2, initializer_range=0.2,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, **SIGNS,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


def opt() -> OPTForCausalLM:
    config = OPTConfig(
        vocab_size=330, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, ffn_dim=48,
        word_embed_proj_dim=32, max_position_embeddings=POSITIONS, **SIGNS,
    )  # fmt: skip
    return OPTForCausalLM(config)


FAMILIES: Mapping[str, Callable[[], Any]] = {"bart": bart, "t5": t5, "gpt2": gpt2, "gpt2 pairs": gpt2}


def tokenizer(**changes: Any) -> PreTrainedTokenizerFast:
    made = train_bpe([TEXT], 320, 0, document_start=False, end=True)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def checkpoint(make: Callable[[], Any], directory: Path, **changes: Any) -> Path:
    """Save a model with random weights and its tokenizer, as its authors would."""
    torch.manual_seed(7)
    make().save_pretrained(directory)
    tokenizer(**changes).save_pretrained(directory)
    return directory


def data_for(task: str, tmp: Path) -> tuple[Path, Path]:
    """Write a part to learn from and one to be scored on."""
    if task == "language_modeling":
        for name, text in (("train.txt", TEXT[:9000]), ("eval.txt", TEXT[9000:])):
            (tmp / name).write_text(text)
        return tmp / "train.txt", tmp / "eval.txt"
    names = {"source": "description", "target": "code"} if task == "code_generation" else {}
    rows = [{names.get(name, name): text for name, text in pair.items()} for pair in pairs(48)]
    return written(tmp / "train.jsonl", rows[:40]), written(tmp / "eval.jsonl", rows[40:])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_local_checkpoint_learns_and_opens_in_plain_transformers(family: str, tmp_path: Path) -> None:
    """The loss that the run reports is the one that the library computes, with its own shift, from the saved files."""
    task = TASK_OF.get(family, "sequence_to_sequence")
    before = checkpoint(FAMILIES[family], tmp_path / "theirs")
    train, held_out = data_for(task, tmp_path)
    request = tiny_text.request(
        task, tmp_path, dataset_path=str(train), eval_dataset=str(held_out), model_name=str(before), max_steps=2,
        eval_steps=2, warmup_steps=0, learning_rate=1e-3, batch_size=4, vocab_size=None, output_dir=str(tmp_path / "r"),
    )  # fmt: skip
    response = Container().train_model().execute(request)
    assert response.success, response.errors
    auto: Any = AutoModelForSeq2SeqLM if task == "sequence_to_sequence" else AutoModelForCausalLM
    plain, loading = auto.from_pretrained(tmp_path / "r" / "model", output_loading_info=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    plain.eval()
    assert type(plain) is type(FAMILIES[family]())
    tokens = AutoTokenizer.from_pretrained(tmp_path / "r" / "model")
    expected = library_loss(task, plain, tokens, held_out)
    assert response.final_metrics["loss"] == pytest.approx(expected, rel=1e-5)
    untrained = library_loss(task, auto.from_pretrained(before).eval(), tokens, held_out)
    assert abs(untrained - expected) > 1e-3
    answers = list(
        Container().predict().execute(PredictRequest(run=str(tmp_path / "r"), input_path=str(prompts(task, tmp_path))))
    )
    assert len(answers) == 3
    assert all(isinstance(answer["text"], str) for answer in answers)


def library_loss(task: str, model: Any, tokens: Any, path: Path) -> float:
    """Score the held-out part with the library's own loss, a row at a time."""
    if task == "language_modeling":
        ids = torch.tensor(tokens(path.read_text(), add_special_tokens=False)["input_ids"])
        blocks = [ids[start : start + 97] for start in range(0, len(ids) - 1, 96)]
        return mean([(len(block) - 1, model(input_ids=block[None], labels=block[None]).loss) for block in blocks])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    losses = []
    for row in rows:
        source, target = row.values()
        if task == "sequence_to_sequence":
            ids, labels = (tensor(tokens(text, truncation=True, max_length=96)) for text in (source, target))
        else:
            asked = [1, *tokens(source, add_special_tokens=False)["input_ids"], 3]
            code = [*tokens(target, add_special_tokens=False)["input_ids"], 2]
            ids = torch.tensor([[*asked, *code]])[:, :96]
            labels = torch.tensor([[*[-100] * len(asked), *code]])[:, :96]
        losses.append((int((labels != -100).sum()), model(input_ids=ids, labels=labels).loss))
    return mean(losses)


def tensor(encoded: Mapping[str, list[int]]) -> Tensor:
    return torch.tensor([encoded["input_ids"]])


def mean(losses: list[tuple[int, Tensor]]) -> float:
    return float(sum(count * loss.item() for count, loss in losses) / sum(count for count, _ in losses))


def prompts(task: str, tmp: Path) -> Path:
    names = {"language_modeling": "text", "code_generation": "description", "sequence_to_sequence": "source"}
    return written(tmp / "ask.jsonl", [{names[task]: pair["source"]} for pair in pairs(3)])


PRESET_TASKS = [
    *(("language_modeling", name) for name in DECODERS),
    *(("code_generation", name) for name in ["decoder-tiny"]),
    *(("sequence_to_sequence", name) for name in ENCODER_DECODERS),
]
each_preset = pytest.mark.parametrize(("task", "preset"), PRESET_TASKS)


@each_preset
def test_a_preset_opens_in_plain_transformers_with_the_same_scores(task: str, preset: str, tmp_path: Path) -> None:
    words = ready(task, tmp_path, model_name=preset)
    use_fast_attention(words.model, CPU)
    words.bundle.save(tmp_path / "saved", {})
    auto: Any = AutoModelForSeq2SeqLM if task == "sequence_to_sequence" else AutoModelForCausalLM
    plain, loading = auto.from_pretrained(tmp_path / "saved", output_loading_info=True)
    assert not loading["missing_keys"]
    assert plain.config._attn_implementation != words.model.config._attn_implementation
    row = words.train[0]
    inputs = {"input_ids": row["input_ids"][None]}
    if task == "sequence_to_sequence":
        inputs["decoder_input_ids"] = words.adapter().shifted(row["labels"])[None]
    with torch.inference_mode():
        torch.testing.assert_close(
            plain.eval()(**inputs).logits, words.model.eval()(**inputs).logits, rtol=0, atol=1e-5
        )
    assert (
        AutoTokenizer.from_pretrained(tmp_path / "saved")("def f(x):")["input_ids"]
        == words.tokenizer("def f(x):")["input_ids"]
    )


@pytest.mark.parametrize(("task", "preset"), [each for each in PRESET_TASKS if each[1].endswith("-tiny")])
def test_gradient_checkpointing_gives_the_same_gradient_and_runs_the_layers_again(
    task: str, preset: str, tmp_path: Path
) -> None:
    found, runs = [], []
    for checkpointing in (False, True):
        words = ready(task, tmp_path, model_name=preset, gradient_checkpointing=checkpointing)
        use_fast_attention(words.model, CPU)
        count = counted(words.model)
        adapter = words.adapter(0 if task == "language_modeling" else 192)
        found.append(gradients(words.model, adapter, batch_of(words.train, adapter, 2)))
        runs.append(sum(count))
    assert relative_difference(*found) < 1e-6
    assert runs[1] == 2 * runs[0] > 0


def counted(model: nn.Module) -> list[int]:
    """Count how often the linear parts of the layers run."""
    calls: list[int] = []
    for name, module in model.named_modules():
        if name.endswith("q_proj"):
            module.register_forward_hook(lambda *_: calls.append(1))
    return calls


class TestKeepingDocumentsApart:
    def test_some_families_do_and_others_look_back(self) -> None:
        torch.manual_seed(7)
        assert keeps_documents_apart(gpt2())
        assert not keeps_documents_apart(opt())

    def test_trying_it_leaves_the_model_as_it_was(self) -> None:
        model = gpt2().train()
        before, state = {n: t.clone() for n, t in model.state_dict().items()}, torch.get_rng_state()
        keeps_documents_apart(model)
        assert model.training
        assert torch.equal(torch.get_rng_state(), state)
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
        assert all(parameter.grad is None for parameter in model.parameters())

    def test_a_family_that_looks_back_is_refused_for_documents_and_taken_for_one_text(self, tmp_path: Path) -> None:
        path = str(checkpoint(opt, tmp_path / "opt"))
        with pytest.raises(ModelError, match="looks back"):
            ready("language_modeling", tmp_path, model_name=path)
        train, _ = data_for("language_modeling", tmp_path)
        assert ready("language_modeling", tmp_path, model_name=path, dataset_path=str(train)).model

    def test_a_family_that_looks_back_is_refused_for_packed_rows_and_taken_for_single_ones(
        self, tmp_path: Path
    ) -> None:
        path = str(checkpoint(opt, tmp_path / "opt"))
        with pytest.raises(ModelError, match="packing=false"):
            ready("code_generation", tmp_path, model_name=path, packing=True)
        assert ready("code_generation", tmp_path, model_name=path).model

    def test_a_tokenizer_that_knows_an_end_alone_parts_documents_by_it(self, tmp_path: Path) -> None:
        path = str(checkpoint(gpt2, tmp_path / "gpt2", bos_token=None))
        words = ready("language_modeling", tmp_path, model_name=path)
        assert_parted(words.prepared, words.train[1], words.tokenizer.eos_token_id)

    def test_a_tokenizer_without_either_is_refused_for_documents(self, tmp_path: Path) -> None:
        path = str(checkpoint(gpt2, tmp_path / "gpt2", bos_token=None, eos_token=None))
        with pytest.raises(ModelError, match="without a sign"):
            ready("language_modeling", tmp_path, model_name=path)

    def test_documents_to_be_scored_are_parted_though_one_text_was_learnt(self, tmp_path: Path) -> None:
        train, _ = data_for("language_modeling", tmp_path)
        held_out = written(tmp_path / "held_out.jsonl", documents(9))
        words = ready("language_modeling", tmp_path, dataset_path=str(train), eval_dataset=str(held_out))
        assert_parted(words.prepared, words.evaluation[0], words.tokenizer.bos_token_id)


def assert_parted(adapter: Any, item: Mapping[str, Tensor], start: int) -> None:
    batch = adapter.collate([item], None)
    begins = batch["input_ids"][0, 1:] == start
    assert begins.any()
    assert torch.equal(batch["position_ids"][0, 1:] == 0, begins)


def test_a_target_that_begins_with_the_start_sign_is_given_it_once() -> None:
    task = SequenceToSequence(pad_token_id=0, start_token_id=1)
    begun = task.collate([{"input_ids": [1, 7, 2], "labels": [1, 5, 6, 2]}], None)
    plain = task.collate([{"input_ids": [1, 7, 2], "labels": [5, 6, 2]}], None)
    assert begun["decoder_input_ids"].tolist() == [[1, 5, 6]]
    assert begun["targets"].tolist() == [5, 6, 2]
    assert {name: tensor.tolist() for name, tensor in begun.items()} == {
        name: tensor.tolist() for name, tensor in plain.items()
    }
