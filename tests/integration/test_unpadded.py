"""Models without padding: the same numbers, fewer tokens."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification
from transformers.modeling_utils import PreTrainedModel

from domain.config import TrainingConfig
from domain.events import Noted
from infrastructure.models import rows as rows_module
from infrastructure.models.attention import use_fast_attention
from infrastructure.models.rows import rows_of
from infrastructure.models.unpadded import Trial, layers_to_unpad, reading
from infrastructure.tasks.labels.adapter import SequenceClassification
from infrastructure.tasks.task_of_model import task_for
from infrastructure.training import AdvancedTrainer
from infrastructure.training.session import open_session
from infrastructure.training.unpadding import train_without_padding
from tests.fakes.ports import FakeMonitor

CPU = torch.device("cpu")
VOCABULARY, WIDTH = 60, 32
LENGTHS, LENGTHS_WRITTEN = (5, 23, 9, 1, 22), (11, 4, 17, 8, 2)
_SHAPE = {
    "vocab_size": VOCABULARY, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 48, "max_position_embeddings": 64, "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3,
}  # fmt: skip
_T5 = {
    "vocab_size": VOCABULARY, "d_model": WIDTH, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4,
    "decoder_start_token_id": 0,
}  # fmt: skip
_BART = {
    "vocab_size": VOCABULARY, "d_model": WIDTH, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 64,
    "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48,
}  # fmt: skip
_WINDOWS = {"local_attention": 8, "global_attn_every_n_layers": 2, "cls_token_id": 2, "sep_token_id": 3}
_DISTIL = {"vocab_size": VOCABULARY, "dim": WIDTH, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "pad_token_id": 1}
_GROUPED = {**_SHAPE, "num_key_value_heads": 2}
LABELS, NEXT, PAIRS = AutoModelForSequenceClassification, AutoModelForCausalLM, AutoModelForSeq2SeqLM
FAMILIES: Mapping[str, tuple[Any, str, Mapping[str, Any]]] = {
    "bert": (LABELS, "bert", _SHAPE),
    "roberta": (LABELS, "roberta", _SHAPE),
    "distilbert": (LABELS, "distilbert", _DISTIL),
    "electra": (LABELS, "electra", _SHAPE),
    "albert, one layer twice": (LABELS, "albert", _SHAPE),
    "modernbert with windows": (LABELS, "modernbert", {**_SHAPE, **_WINDOWS}),
    "llama with labels": (LABELS, "llama", _SHAPE),
    "llama": (NEXT, "llama", _SHAPE),
    "qwen2, shared heads": (NEXT, "qwen2", _GROUPED),
    "mistral, shared heads": (NEXT, "mistral", _GROUPED),
    "gpt2": (NEXT, "gpt2", {"vocab_size": VOCABULARY, "n_embd": WIDTH, "n_layer": 2, "n_head": 4, "n_positions": 64}),
    "t5": (PAIRS, "t5", _T5),
    "bart": (PAIRS, "bart", _BART),
}
each_family = pytest.mark.parametrize("family", FAMILIES)


def model_of(family: str, **changes: Any) -> PreTrainedModel:
    head, kind, shape = FAMILIES[family]
    torch.manual_seed(0)
    model: PreTrainedModel = head.from_config(AutoConfig.for_model(kind, **{**shape, **changes}))
    use_fast_attention(model, CPU)
    return model.eval()


def mask_of(lengths: tuple[int, ...]) -> Tensor:
    return (torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]).long()


def batch_for(model: PreTrainedModel, lengths: tuple[int, ...] = LENGTHS) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def ids(mask: Tensor) -> Tensor:
        return torch.randint(4, VOCABULARY, mask.shape, generator=generator) * mask + (1 - mask)

    mask = mask_of(lengths)
    batch = {"input_ids": ids(mask), "attention_mask": mask}
    if model.config.is_encoder_decoder:
        batch["decoder_attention_mask"] = mask_of(LENGTHS_WRITTEN)
        batch["decoder_input_ids"] = ids(batch["decoder_attention_mask"])
    return batch


def asks_for_next_tokens(model: PreTrainedModel) -> bool:
    return "CausalLM" in type(model).__name__ or "LMHead" in type(model).__name__


def asked(model: PreTrainedModel, batch: Mapping[str, Tensor]) -> Tensor:
    """Give the scores of real places as our tasks ask for them: the padding of a decoder follows and needs no mask."""
    masked = () if asks_for_next_tokens(model) else ("attention_mask",)
    names = ("input_ids", *masked, *(("decoder_input_ids",) if model.config.is_encoder_decoder else ()))
    scores: Tensor = model(**{name: batch[name] for name in names}, use_cache=False).logits
    real = batch.get("decoder_attention_mask", batch["attention_mask"]).bool()
    return scores[real] if scores.ndim == 3 else scores


def scores_and_gradients(model: PreTrainedModel, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    scores = asked(model, batch)
    scores.square().sum().backward()
    return scores.detach(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def widths_seen(model: PreTrainedModel) -> tuple[list[tuple[int, ...]], RemovableHandle]:
    """Note how many rows and tokens come to a linear layer of the first layer."""
    widths: list[tuple[int, ...]] = []
    layer = layers_to_unpad(model)[0][0]
    linear = next(module for module in layer.modules() if type(module).__name__ in ("Linear", "Conv1D"))
    handle = linear.register_forward_pre_hook(lambda module, args: widths.append(tuple(args[0].shape[:-1])))
    return widths, handle


def unpadded(model: PreTrainedModel, batch: Mapping[str, Tensor]) -> str:
    with torch.no_grad():
        return Trial(layers_to_unpad(model)).difference(lambda: asked(model, batch), batch, CPU)


@each_family
@pytest.mark.parametrize("spare_scores", [10_000, 0], ids=["one group", "many groups"])
def test_scores_and_gradients_are_those_with_padding(
    family: str, spare_scores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "SPARE_SCORES", spare_scores)
    model = model_of(family)
    batch = batch_for(model)
    expected, expected_gradients = scores_and_gradients(model, batch)
    assert unpadded(model, batch) == ""
    widths, handle = widths_seen(model)
    with reading(batch, CPU, least_padding=1):
        found, gradients = scores_and_gradients(model, batch)
    handle.remove()
    assert set(widths) <= {(1, sum(LENGTHS)), (sum(LENGTHS),)}, "a linear layer saw padding"
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        expected_gradient = expected_gradients[name]
        allowed = 1e-5 * max(1.0, float(expected_gradient.abs().max()))
        torch.testing.assert_close(gradient, expected_gradient, rtol=0, atol=allowed, msg=name)


def test_outside_of_reading_and_of_full_batches_nothing_changes() -> None:
    model = model_of("bert")
    full = batch_for(model, (9, 9, 9))
    expected = asked(model, full)
    assert unpadded(model, batch_for(model)) == ""
    with reading(full, CPU, least_padding=1):
        assert torch.equal(asked(model, full), expected)
    padded = batch_for(model)
    assert asked(model, padded).shape == (5, 2)


@each_family
def test_a_training_of_each_family_takes_its_padding_away(family: str) -> None:
    model = model_of(family)
    rows = [np.arange(4, 4 + length) for length in (3, 30, 7, 12)]
    if model.config.is_encoder_decoder:
        items: list[Any] = [{"input_ids": row, "labels": row[::-1].copy()[: 4 + len(row) // 3]} for row in rows]
    elif asks_for_next_tokens(model):
        items = [{"input_ids": row, "labels": row} for row in rows]
    else:
        items = [{"input_ids": row, "labels": len(row) % 2} for row in rows]
    session = open_session(model, task_for(model, None, items), TrainingConfig(device="cpu", precision="fp32"))
    assert train_without_padding(session, items) == ""
    batch = session.task.collate(items, None)
    widths, _ = widths_seen(model)
    with reading(batch, CPU, least_padding=1):
        session.forward(session.task.loss_sum, batch)
    assert {width[0] for width in widths if len(width) == 2} <= {1}
    assert widths


class Mixing(nn.Module):
    """A layer that looks at its neighbours, whatever row they are of."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, hidden_states: Tensor, attention_mask: Any = None, *args: Any, **kwargs: Any) -> Any:
        return self.inner(hidden_states + hidden_states.roll(1, 1), attention_mask, *args, **kwargs)


class Refusing(Mixing):
    """A layer that wants to see its mask as a tensor."""

    def forward(self, hidden_states: Tensor, attention_mask: Any = None, *args: Any, **kwargs: Any) -> Any:
        return self.inner(hidden_states, attention_mask.clone(), *args, **kwargs)


class Asserting(Mixing):
    """A layer that wants the same and says nothing."""

    def forward(self, hidden_states: Tensor, attention_mask: Any = None, *args: Any, **kwargs: Any) -> Any:
        assert isinstance(attention_mask, Tensor)
        return self.inner(hidden_states, attention_mask, *args, **kwargs)


@pytest.mark.parametrize(
    ("wrap", "told"),
    [(Mixing, "differ by"), (Refusing, "refuses such rows"), (Asserting, "refuses such rows")],
)
def test_a_model_that_disagrees_trains_with_padding_and_says_why(
    wrap: Callable[[nn.Module], nn.Module], told: str, tmp_path: Any
) -> None:
    model = model_of("bert")
    encoder: Any = model.base_model.encoder
    encoder.layer[0] = wrap(encoder.layer[0])
    items = [{"input_ids": np.arange(4, 4 + n), "labels": n % 2} for n in (3, 30, 7, 12, 5, 21, 9, 2)]
    monitor = FakeMonitor()
    settings: dict[str, Any] = {"max_steps": 1, "batch_size": 4, "precision": "fp32", "device": "cpu"}
    task = SequenceClassification(("no", "yes"), pad_token_id=1)
    AdvancedTrainer(model, items, output_dir=tmp_path / "run", task=task, monitor=monitor, **settings).train()
    notes = [event.message for event in monitor.events if isinstance(event, Noted)]
    assert any("padding is computed with the rest" in note and told in note for note in notes), notes


class MeanOfAll(nn.Module):
    """A head that looks at padding."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        return hidden_states.mean(1)


def test_a_head_that_looks_at_padding_is_given_what_it_is_used_to() -> None:
    model = model_of("bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model.base_model.pooler = MeanOfAll()
    items = [{"input_ids": np.arange(4, 4 + n), "labels": n % 2} for n in (3, 30, 7, 12)]
    task = SequenceClassification(("no", "yes"), pad_token_id=1)
    session = open_session(model, task, TrainingConfig(device="cpu", precision="fp32"))
    batch = task.collate(items, None)
    expected = task.loss_sum(model.eval(), batch)
    assert "looks at padding" in train_without_padding(session, items)
    with reading(batch, CPU, least_padding=1):
        assert torch.equal(task.loss_sum(model, batch), expected)


def test_models_with_an_attention_of_their_own_keep_their_padding_and_say_so() -> None:
    model = model_of("bert")
    model.set_attn_implementation("eager")
    items = [{"input_ids": np.arange(4, 4 + n), "labels": n % 2} for n in (3, 30, 7, 12)]
    task = SequenceClassification(("no", "yes"), pad_token_id=1)
    session = open_session(model, task, TrainingConfig(device="cpu", precision="fp32"))
    assert "attends in a way of its own" in train_without_padding(session, items)
    assert train_without_padding(session, [items[0], items[0]]) != "", "asked once for a model"


def test_a_decoder_whose_rows_are_of_unknown_lengths_keeps_its_padding(tmp_path: Any) -> None:
    torch.manual_seed(0)
    model = LABELS.from_config(AutoConfig.for_model("t5", **_T5, pad_token_id=0, eos_token_id=3))
    items = [{"input_ids": np.array([*range(4, 4 + n), 3]), "labels": n % 2} for n in (3, 30, 7, 12)]
    monitor, task = FakeMonitor(), SequenceClassification(("no", "yes"), pad_token_id=0)
    settings: dict[str, Any] = {"max_steps": 1, "batch_size": 4, "precision": "fp32", "device": "cpu"}
    trainer = AdvancedTrainer(model, items, output_dir=tmp_path / "run", task=task, monitor=monitor, **settings)
    trainer.train()
    assert any("T5ForSequenceClassification: 2 stacks of its layers" in str(event) for event in monitor.events)


def test_layers_that_are_left_out_by_chance_keep_their_padding() -> None:
    assert layers_to_unpad(model_of("bart", encoder_layerdrop=0.1)) == []
    assert len(layers_to_unpad(model_of("bart"))) == 2
    for chance, stacks in ((0.1, 0), (0.0, 2)):
        decoder = {**_BART, "decoder_layerdrop": chance, "is_decoder": True, "add_cross_attention": True}
        halves = {"encoder": {"model_type": "bert", **_SHAPE}, "decoder": {"model_type": "bart", **decoder}}
        assert len(layers_to_unpad(PAIRS.from_config(AutoConfig.for_model("encoder-decoder", **halves)))) == stacks
    assert layers_to_unpad(nn.Linear(2, 2)) == []


@pytest.mark.parametrize("mask", [torch.tensor([[1, 0, 1], [1, 1, 1]]), torch.ones(2, 3), torch.zeros(2, 3)])
def test_only_padding_behind_rows_is_taken_away(mask: Tensor) -> None:
    assert rows_of([mask.long()]) == []


def test_rows_follow_each_other_longest_first_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "SPARE_SCORES", 40)
    (rows,) = rows_of([mask_of((2, 6, 1, 5, 6))])
    assert rows.order.tolist() == [1, 4, 3, 0, 2]
    assert rows.places.tolist() == [*range(6, 12), *range(24, 30), *range(18, 23), 0, 1, 12]
    assert [(group.num_rows, group.length) for group in rows.groups] == [(3, 6), (2, 2)]
    assert sum(rows.sizes) == rows.num_tokens == 20
    assert rows.borders.tolist() == [0, 6, 12, 17, 19, 20]


def test_a_little_padding_is_not_worth_the_moving() -> None:
    mask = mask_of((20, 20, 19))
    assert rows_of([mask], least_padding=2) == []
    assert len(rows_of([mask])) == 1
