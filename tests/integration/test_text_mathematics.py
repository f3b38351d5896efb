"""However tokens are cut, padded or packed: the same gradients, and no document looks into another."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
)

from domain.exceptions import ConfigurationError
from infrastructure.data.feed import Feed
from infrastructure.data.some_rows import SomeRows
from infrastructure.models.attention import use_fast_attention
from infrastructure.models.decoding.tokens import decoder_start
from infrastructure.models.factory import share_embeddings
from infrastructure.models.presets import DECODERS
from infrastructure.parallel.strategy import Forward
from infrastructure.tasks.adapter import Batch, lengths_of
from infrastructure.tasks.writing.encoder_decoder_adapter import hidden_of_packed, why_not_packed
from infrastructure.training.evaluation import evaluate
from infrastructure.training.precision import Precision
from infrastructure.training.step import MicroBatch, StepBatch, train_step
from tests.support.mathematics import CPU, STEP, batch_of, gradients, relative_difference, session_of
from tests.support.tiny_text import TEXT_TASKS, Ready, ready

FIRST_MARK = 100  # more than any sign
PACK_TO = 192
# The library has no "sdpa" of its own for T5Gemma, whose "eager" adds its masks to the scores.
WAYS = ("eager", "sdpa", "ours")
each_task = pytest.mark.parametrize("task", TEXT_TASKS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Ready]:
    """Make each task once; a test takes the attention it asks for."""
    known: dict[str, Ready] = {}

    def of(task: str, attention: str = "ours") -> Ready:
        if task not in known:
            with patch.dict(DECODERS, {"decoder-tiny": replace(DECODERS["decoder-tiny"], num_layers=2)}):
                known[task] = ready(task, tmp_path_factory.mktemp(task))
            rough(known[task].model)
        choose(known[task].model, attention)
        return known[task]

    return of


def rough(model: Any) -> None:
    """Widen the weights, or attention would be too even for a leak to show."""
    generator = torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.data.normal_(0.0, 0.08, generator=generator)


def choose(model: Any, attention: str) -> None:
    if attention == "ours":
        model.set_attn_implementation("eager" if model.config.model_type == "t5gemma" else "sdpa")
        use_fast_attention(model, CPU)
    else:
        model.set_attn_implementation(attention)


def ways_of(task: str) -> tuple[str, ...]:
    if task == "instruction_tuning":  # whose rows are those of another task for who computes attention
        return ("ours",)
    return tuple(way for way in WAYS if (task, way) != ("sequence_to_sequence", "sdpa"))


each_way = pytest.mark.parametrize(
    ("task", "attention"), [(task, way) for task in TEXT_TASKS for way in ways_of(task)], ids=lambda value: value
)


def alone(words: Ready, row: int) -> tuple[Tensor, Tensor]:
    """Run the documents of one row one after the other, each by itself: logits [T, V] and their targets [T]."""
    item, model = words.train[row], words.model
    if words.task == "sequence_to_sequence":
        # A target begins with the sign that the decoder is given, and that nobody needs to predict.
        decoder_ids, labels = item["labels"][:-1][None], item["labels"][1:]
        assert int(decoder_ids[0, 0]) == words.card["start_token_id"]
        return model(input_ids=item["input_ids"][None], decoder_input_ids=decoder_ids).logits[0], labels
    ids, labels = item["input_ids"], item["labels"]
    begins = [0, *(i for i in range(1, len(ids) - 1) if int(ids[i]) == words.tokenizer.bos_token_id)]
    if words.task != "language_modeling":
        begins = [0]
    ends = [*begins[1:], len(ids) - 1]
    parts = [model(input_ids=ids[a:b][None], use_cache=False).logits[0] for a, b in zip(begins, ends, strict=True)]
    logits, targets = torch.cat(parts), labels[1:]
    return logits[targets != -100], targets[targets != -100]


def logits_of(words: Ready, batch: Batch) -> Tensor:
    """Give the logits [T, V] of a batch in the order of its targets."""
    if "items" in batch:
        logits = words.model.lm_head(hidden_of_packed(words.model, batch))
    else:
        names = ("input_ids", "attention_mask", "decoder_input_ids")
        if words.task != "sequence_to_sequence":
            names = ("input_ids", "position_ids")  # type: ignore[assignment]
        logits = words.model(**{name: batch[name] for name in names}, use_cache=False).logits
    return logits.flatten(0, 1)[batch["target_at"]]


def losses_of(words: Ready, batch: Batch) -> Tensor:
    """Give the loss of each target [T]."""
    return nn.functional.cross_entropy(logits_of(words, batch), batch["targets"], reduction="none")


@each_way
@pytest.mark.parametrize("pack_to", [0, PACK_TO], ids=["padded", "packed"])
def test_a_gradient_is_that_of_the_mean_over_tokens_each_document_by_itself(
    made: Any, task: str, attention: str, pack_to: int
) -> None:
    """An independent reference: torch's own mean over documents that were run alone."""
    words = made(task, attention)
    rows = Feed(lengths_of(words.train), 8, seed=1).at(STEP, 8).all_rows
    logits, targets = (torch.cat(parts) for parts in zip(*(alone(words, int(row)) for row in rows), strict=True))
    mean = nn.functional.cross_entropy(logits, targets)
    expected = [
        g for g in torch.autograd.grad(mean, list(words.model.parameters()), allow_unused=True) if g is not None
    ]
    adapter = words.adapter(pack_to)
    found = gradients(words.model, adapter, batch_of(words.train, adapter, 8))
    assert relative_difference(found, expected) < 1e-6


@each_task
@pytest.mark.parametrize(
    ("micro", "settings"),
    [(4, {}), (3, {"label_smoothing": 0.1}), (1, {})],
    ids=["4x2", "ragged 3+3+2, smoothed", "1x8"],
)
@pytest.mark.parametrize("pack_to", [0, PACK_TO], ids=["padded", "packed"])
@pytest.mark.parametrize("last", [False, True], ids=["full step", "last, short step"])
def test_micro_batches_and_packing_do_not_change_the_gradient(
    made: Any, task: str, micro: int, settings: dict[str, Any], pack_to: int, last: bool
) -> None:
    words = made(task)
    step = Feed(lengths_of(words.train), 8, seed=1).steps_per_epoch - 1 if last else STEP
    whole, cut = words.adapter(**settings), words.adapter(pack_to, **settings)
    one = gradients(words.model, whole, batch_of(words.train, whole, 8, step))
    other = gradients(words.model, cut, batch_of(words.train, cut, micro, step))
    assert relative_difference(other, one) < 1e-6


@each_way
@pytest.mark.parametrize("pack_to", [0, PACK_TO], ids=["padded", "packed"])
def test_more_padding_does_not_change_the_gradient(made: Any, task: str, attention: str, pack_to: int) -> None:
    words = made(task, attention)
    adapter = words.adapter(pack_to)
    batch = batch_of(words.train, adapter, 8)
    wide = widened(batch.micro_batches[0].batch, words.tokenizer.pad_token_id)
    padded = StepBatch(STEP, [MicroBatch(wide, 0)], batch.num_targets, 8, batch.num_tokens, batch.row_ids)
    assert relative_difference(gradients(words.model, adapter, padded), gradients(words.model, adapter, batch)) < 1e-6


def widened(batch: Batch, pad: int, by: int = 17) -> Batch:
    """Add columns of padding on the right."""
    wide = {}
    length = batch[("decoder_" if "decoder_input_ids" in batch else "") + "input_ids"].shape[1]
    for name, tensor in batch.items():
        if name == "target_at":
            wide[name] = tensor // length * (length + by) + tensor % length
        elif name == "position_ids":
            wide[name] = torch.cat([tensor, tensor[:, -1:] + torch.arange(1, by + 1)], 1)
        elif name in ("targets", "target_items", "num_items"):
            wide[name] = tensor
        else:
            wide[name] = nn.functional.pad(tensor, (0, by), value=pad if name.endswith("input_ids") else 0)
    return wide


@each_way
def test_packed_logits_are_those_of_each_document_by_itself(made: Any, task: str, attention: str) -> None:
    words = made(task, attention)
    rows = range(6)
    items = [words.train[row] for row in rows]
    batch = words.adapter(PACK_TO).collate(items, None)
    assert len(batch["input_ids"]) < len(rows)  # something was packed
    expected = {row: alone(words, row) for row in rows}
    with torch.inference_mode():
        found = logits_of(words, batch)
    order = order_of(words, items)
    torch.testing.assert_close(found, torch.cat([expected[row][0] for row in order]), rtol=0, atol=1e-5)
    assert torch.equal(batch["targets"], torch.cat([expected[row][1] for row in order]))


def order_of(words: Ready, items: Sequence[Mapping[str, Tensor]]) -> list[int]:
    """Find the order in which packing sets items, by packing their numbers in place of their tokens."""
    marked = [marked_with(index, item) for index, item in enumerate(items)]
    targets = words.adapter(PACK_TO).collate(marked, None)["targets"].tolist()
    return list(dict.fromkeys(target - FIRST_MARK for target in targets))


def marked_with(number: int, item: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put a number in the place of every label; the sign that a target begins with stays, for it is no target."""
    labels = torch.where(item["labels"] == -100, -100, FIRST_MARK + number)
    labels[0] = item["labels"][0]
    return {**item, "labels": labels}


@each_way
def test_changing_a_document_changes_no_loss_of_another(made: Any, task: str, attention: str) -> None:
    words = made(task, attention)
    items = [words.train[row] for row in range(6)]
    adapter = words.adapter(PACK_TO)
    before = losses_of(words, adapter.collate(items, None))
    owner = owners(words, items)
    for changed in range(6):
        others = [dict(item) for item in items]
        others[changed] = rewritten(items[changed], words)
        after = losses_of(words, adapter.collate(others, None))
        torch.testing.assert_close(after[owner != changed], before[owner != changed], rtol=0, atol=1e-6)
        assert (after - before)[owner == changed].abs().max() > 1e-3


def owners(words: Ready, items: Sequence[Mapping[str, Tensor]]) -> Tensor:
    """Tell whose target each one is [T]."""
    marked = [marked_with(index, item) for index, item in enumerate(items)]
    found: Tensor = words.adapter(PACK_TO).collate(marked, None)["targets"]
    return found - FIRST_MARK


def rewritten(item: Mapping[str, Tensor], words: Ready) -> dict[str, Tensor]:
    """Put other words in the place of all words of an item; its signs stay."""
    first = len(words.tokenizer.all_special_ids)
    ids = item["input_ids"]
    other = torch.where(ids < first, ids, first + (ids - first + 41) % (len(words.tokenizer) - first))
    return {"input_ids": other, "labels": item["labels"]}


@pytest.mark.parametrize("attention", ways_of("language_modeling"))
def test_within_a_block_a_document_sees_nothing_of_the_one_before(made: Any, attention: str) -> None:
    words = made("language_modeling", attention)
    start = words.tokenizer.bos_token_id
    ids = next(
        item["input_ids"]
        for item in map(words.train.__getitem__, range(len(words.train)))
        if start in item["input_ids"][20:60].tolist()
    )
    border = 20 + ids[20:60].tolist().index(start)
    other = ids.clone()
    other[1:border] = 5 + (ids[1:border] - 5 + 41) % (len(words.tokenizer) - 5)
    other = torch.where(ids == start, ids, other)
    adapter = words.adapter()
    first, second = (
        losses_of(words, adapter.collate([{"input_ids": read, "labels": ids}], None)) for read in (ids, other)
    )
    torch.testing.assert_close(first[border:], second[border:], rtol=0, atol=1e-6)
    assert (first - second)[:border].abs().max() > 1e-3


@each_task
@pytest.mark.parametrize("pack_to", [0, PACK_TO], ids=["padded", "packed"])
def test_the_loss_of_an_evaluation_does_not_depend_on_the_batch_size(made: Any, task: str, pack_to: int) -> None:
    words, fp32 = made(task), Precision("fp32", CPU)
    reference = evaluate(Forward(words.model), words.adapter(), words.evaluation, 16, fp32, CPU)
    for batch_size in (1, 3, 100):
        adapter = words.adapter(pack_to, label_smoothing=0.3)  # evaluation does not smooth
        other = evaluate(Forward(words.model), adapter, words.evaluation, batch_size, fp32, CPU)
        assert other["loss"] == pytest.approx(reference["loss"], rel=1e-6)


@each_task
def test_the_loss_of_an_evaluation_is_the_mean_over_all_its_tokens(made: Any, task: str) -> None:
    words = made(task)
    found = evaluate(Forward(words.model), words.prepared, words.evaluation, 4, Precision("fp32", CPU), CPU)
    held_out = Ready(**{**vars(words), "train": words.evaluation})
    logits, targets = (
        torch.cat(parts) for parts in zip(*(alone(held_out, row) for row in range(len(words.evaluation))), strict=True)
    )
    assert found["loss"] == pytest.approx(nn.functional.cross_entropy(logits, targets).item(), rel=1e-6)
    if task == "language_modeling":
        num_bytes = words.evaluation.statistics["num_bytes"]
        bits = found["loss"] * len(targets) / torch.log(torch.tensor(2.0)).item() / num_bytes
        assert found["bits_per_byte"] == pytest.approx(bits, rel=1e-6)
        few = SomeRows(words.evaluation, lengths_of(words.evaluation), 1)  # as with --quick
        some = evaluate(Forward(words.model), words.prepared, few, 4, Precision("fp32", CPU), CPU)
        ratio = found["bits_per_byte"] / found["loss"]
        assert some["bits_per_byte"] / some["loss"] == pytest.approx(ratio, rel=1e-6)


class TestOfTheOthers:
    """Models with caps on their scores, with windows, with signs of their own."""

    def capped(self, made: Any) -> Ready:
        words = made("sequence_to_sequence", "eager")
        config = deepcopy(words.model.config)
        for half in (config.encoder, config.decoder):
            half.attn_logit_softcapping, half.final_logit_softcapping = 2.0, 1.5
        torch.manual_seed(2)
        model = type(words.model)(config)
        rough(model)
        share_embeddings(model)
        bundle = type(words.bundle)(model, words.tokenizer, {}, ())
        return Ready(**{**vars(words), "bundle": bundle})

    @pytest.mark.parametrize("pack_to", [0, PACK_TO], ids=["padded", "packed"])
    def test_caps_on_scores_are_kept(self, made: Any, pack_to: int) -> None:
        words = self.capped(made)
        use_fast_attention(words.model, CPU)
        adapter = words.adapter(pack_to)
        batch = batch_of(words.train, adapter, 8)
        rows = batch.row_ids
        logits, targets = (torch.cat(parts) for parts in zip(*(alone(words, row) for row in rows), strict=True))
        expected = nn.functional.cross_entropy(logits, targets).item()
        found = train_step(session_of(words.model, adapter), batch, 0.0).loss
        assert found == pytest.approx(expected, rel=1e-6)

    def test_windows_shorter_than_the_rows_are_refused(self, made: Any) -> None:
        words = made("sequence_to_sequence")
        config = deepcopy(words.model.config)
        config.decoder.layer_types = ["full_attention", "sliding_attention"]
        config.decoder.sliding_window = 64
        model = type(words.model)(config)
        assert why_not_packed(model, 64) == ""
        assert "fewer than max_length 65 tokens" in why_not_packed(model, 65)

    def test_attention_that_takes_no_such_mask_is_refused(self, made: Any) -> None:
        words = made("sequence_to_sequence")
        adapter = words.adapter(PACK_TO)
        batch = adapter.collate([words.train[0]], None)
        try:
            words.model.model.encoder.config._attn_implementation = "flash_attention_2"
            with pytest.raises(ConfigurationError, match="flash_attention_2"):
                adapter.loss_sum(words.model, batch)
        finally:
            choose(words.model, "ours")

    @pytest.mark.parametrize("family", ["t5gemma", "bart", "t5"])
    def test_what_the_decoder_reads_is_the_librarys_own_shift(self, made: Any, family: str) -> None:
        words = made("sequence_to_sequence")
        model = words.model if family == "t5gemma" else self.foreign(family)
        adapter = type(words.adapter())(model.config.pad_token_id or 0, decoder_start(model, words.tokenizer))
        for row in range(3):
            labels = words.train[row]["labels"].clone()
            expected = model.prepare_decoder_input_ids_from_labels(labels=labels[None])[0]
            assert torch.equal(adapter.shifted(labels), expected)
        labels[2:4] = -100
        expected = model.prepare_decoder_input_ids_from_labels(labels=labels[None])[0]
        assert torch.equal(adapter.shifted(labels), expected)

    def foreign(self, family: str) -> Any:
        if family == "bart":
            return BartForConditionalGeneration(
                BartConfig(
                    vocab_size=400, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
                    decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
                )
            )  # fmt: skip
        config = T5Config(vocab_size=400, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
        config.decoder_start_token_id = 0  # as its authors publish it
        return T5ForConditionalGeneration(config)
