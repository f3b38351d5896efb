"""However texts with gaps are cut, padded or packed: the same gradients, and no text looks into another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM

from infrastructure.data.feed import Feed, RowNoise
from infrastructure.models.attention import use_fast_attention
from infrastructure.parallel.strategy import Forward
from infrastructure.tasks.adapter import lengths_of
from infrastructure.tasks.masked.adapter import MaskedLanguageModeling
from infrastructure.tasks.masked.frequencies import Frequencies
from infrastructure.tasks.masked.heads import masked_losses, masked_scores
from infrastructure.tasks.masked.sharing import keeps_texts_apart, shared_rows
from infrastructure.training.evaluation import evaluate
from infrastructure.training.precision import Precision
from tests.support.encoders import ENCODER_CONFIGS, SHARING
from tests.support.mathematics import CPU, STEP, batch_of, gradients, relative_difference
from tests.support.tiny_text import MASKED, Ready, ready

# Of the marks none is what some families take for padding whatever their config says.
MASK, BEGINS, ENDS = 3, 58, 59
SPECIAL = (0, MASK, BEGINS, ENDS)
each_family = pytest.mark.parametrize("family", ENCODER_CONFIGS)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    made = ready(MASKED, tmp_path_factory.mktemp(MASKED))
    roughened(made.model)
    use_fast_attention(made.model, CPU)
    return made


def roughened(model: Any) -> Any:
    """Widen the weights, or attention would be too even for a leak to show; dropout draws for each micro-batch."""
    generator = torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.data.normal_(0.0, 0.08, generator=generator)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def built(family: str) -> Any:
    torch.manual_seed(1)
    return roughened(AutoModelForMaskedLM.from_config(ENCODER_CONFIGS[family]())).eval()


def texts(*lengths: int) -> list[dict[str, Tensor]]:
    """Make texts of the given numbers of words between marks."""
    draw = torch.Generator().manual_seed(2)
    words = [torch.randint(4, BEGINS, (length,), generator=draw) for length in lengths]
    return [{"input_ids": torch.cat([torch.tensor([BEGINS]), text, torch.tensor([ENDS])])} for text in words]


def test_a_gradient_is_that_of_the_mean_over_hidden_tokens_each_text_by_itself(words: Ready) -> None:
    """An independent reference: the library's own loss over texts that were run alone."""
    adapter = words.adapter(1)
    rows = Feed(lengths_of(words.train), 8, seed=1).at(STEP, 8).all_rows
    noise = RowNoise(1, STEP, rows).uniform(512)
    loss, count = torch.zeros(()), 0
    for row, uniform in zip(rows, noise, strict=True):
        ids = words.train[int(row)]["input_ids"]
        hidden = hidden_by_hand(ids, uniform, words.tokenizer.all_special_ids)
        labels = torch.where(hidden, ids, -100)
        asked = torch.where(hidden, words.tokenizer.mask_token_id, ids)
        loss = loss + words.model(input_ids=asked[None], labels=labels[None]).loss * hidden.sum()
        count += int(hidden.sum())
    expected = torch.autograd.grad(loss / count, list(words.model.parameters()))
    found = gradients(words.model, adapter, batch_of(words.train, adapter, 8))
    assert relative_difference(found, list(expected)) < 1e-6


def hidden_by_hand(ids: Tensor, uniform: np.ndarray, special: list[int]) -> Tensor:
    """Say which tokens are hidden: three of ten of those that are not special, those with the least noise."""
    places = sorted((place for place in range(len(ids)) if int(ids[place]) not in special), key=lambda p: uniform[p])
    chosen = places[: max(1, int(0.3 * len(places) + 0.5))]
    return torch.tensor([place in chosen for place in range(len(ids))])


@pytest.mark.parametrize("micro", [8, 4, 3, 1], ids=["8x1", "4x2", "ragged 3+3+2", "1x8"])
@pytest.mark.parametrize("pack_to", [0, 1], ids=["padded", "packed"])
@pytest.mark.parametrize("last", [False, True], ids=["full step", "last, short step"])
def test_micro_batches_and_packing_do_not_change_the_gradient(
    words: Ready, micro: int, pack_to: int, last: bool
) -> None:
    step = Feed(lengths_of(words.train), 8, seed=1).steps_per_epoch - 1 if last else STEP
    whole, cut = words.adapter(), words.adapter(pack_to)
    one = gradients(words.model, whole, batch_of(words.train, whole, 8, step))
    other = gradients(words.model, cut, batch_of(words.train, cut, micro, step))
    assert relative_difference(other, one) < 1e-6


@pytest.mark.parametrize("batch_size", [1, 3, 100])
@pytest.mark.parametrize("pack_to", [0, 1], ids=["padded", "packed"])
def test_the_scores_of_an_evaluation_do_not_depend_on_the_batch_size(
    words: Ready, batch_size: int, pack_to: int
) -> None:
    """The same tokens are hidden every time, whichever rows come beside."""
    reference, other = (
        evaluate(Forward(words.model), words.adapter(packs), words.evaluation, size, Precision("fp32", CPU), CPU)
        for packs, size in ((0, 16), (pack_to, batch_size))
    )
    assert other["loss"] == pytest.approx(reference["loss"], rel=1e-6)
    assert other["token_accuracy"] == reference["token_accuracy"]


class TestGaps:
    """Which tokens are hidden."""

    def adapter(self, **settings: Any) -> MaskedLanguageModeling:
        return MaskedLanguageModeling(MASK, SPECIAL, **settings)

    @pytest.mark.parametrize("share", [0.15, 0.3, 0.5])
    def test_are_the_share_of_each_text_and_never_a_mark(self, share: float) -> None:
        lengths = (1, 2, 7, 40, 100)
        items = texts(*lengths)
        batch = self.adapter(mask_share=share).collate(items, RowNoise(0, 0, np.arange(5)))
        found = np.bincount(batch["target_items"].numpy(), minlength=5)
        assert found.tolist() == [max(1, int(share * length + 0.5)) for length in lengths]
        assert not set(batch["targets"].tolist()) & {*SPECIAL}
        assert (batch["input_ids"].flatten()[batch["target_at"]] == MASK).all()

    def test_are_replaced_by_the_mask_and_nothing_else_changes(self) -> None:
        items = texts(30, 30)
        batch = self.adapter().collate(items, None)
        whole = batch["input_ids"].flatten()
        whole[batch["target_at"]] = batch["targets"]
        assert torch.equal(whole.view(2, -1), torch.stack([item["input_ids"] for item in items]))

    def test_differ_from_step_to_step_and_from_row_to_row(self) -> None:
        (item,) = texts(40)
        found = {
            (step, row): tuple(self.adapter().collate([item], RowNoise(7, step, np.array([row])))["target_at"].tolist())
            for step in range(3)
            for row in range(3)
        }
        assert len(set(found.values())) == 9

    def test_of_an_evaluation_follow_from_the_text_alone(self) -> None:
        first, second, third = texts(20, 31, 25)
        alone = self.adapter().collate([second], None)
        among = self.adapter(packs=True).collate([third, second, first], None)
        mine = among["target_items"] == 1
        assert torch.equal(among["targets"][mine], alone["targets"])

    def test_of_a_text_of_marks_alone_are_none(self) -> None:
        batch = self.adapter().collate([{"input_ids": torch.tensor([BEGINS, ENDS])}, *texts(5)], None)
        assert set(batch["target_items"].tolist()) == {1}


@each_family
def test_scores_at_the_gaps_are_those_of_the_library(family: str) -> None:
    model = built(family)
    ids = torch.stack([item["input_ids"] for item in texts(10, 10)])
    at, targets = torch.tensor([1, 4, 17]), torch.tensor([9, 8, 7])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.inference_mode():
        expected = model(**inputs).logits.flatten(0, 1)[at]
        found = masked_scores(model, inputs, at)
        losses, guesses = masked_losses(model, inputs, at, targets)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)
    torch.testing.assert_close(losses, nn.functional.cross_entropy(expected, targets, reduction="none"))
    assert torch.equal(guesses, expected.argmax(1))


@pytest.mark.parametrize("attention", ["sdpa", "eager", "ours"])
@pytest.mark.parametrize("family", SHARING)
def test_a_text_that_shares_a_row_is_read_as_if_it_were_alone(family: str, attention: str) -> None:
    model = built(family)
    items = texts(90, 40, 44)  # windows of ModernBERT are shorter than the longest
    batch = MaskedLanguageModeling(MASK, SPECIAL, packs=True).collate(items, None)
    assert len(batch["input_ids"]) == 2
    if attention == "ours":
        use_fast_attention(model, CPU)
    else:
        model.set_attn_implementation(attention)
    with torch.inference_mode():
        found, _ = masked_losses(model, shared_rows(model, batch), batch["target_at"], batch["targets"])
        alone = [alone_losses(model, item) for item in items]
    for number, losses in enumerate(alone):
        torch.testing.assert_close(found[batch["target_items"] == number], losses, rtol=0, atol=1e-5)


def alone_losses(model: Any, item: dict[str, Tensor]) -> Tensor:
    batch = MaskedLanguageModeling(MASK, SPECIAL).collate([item], None)
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    losses, _ = masked_losses(model, inputs, batch["target_at"], batch["targets"])
    return losses


@each_family
def test_a_model_that_cannot_keep_texts_apart_is_found_out(family: str) -> None:
    assert keeps_texts_apart(built(family)) == (family in SHARING)


def test_a_model_whose_masks_are_passed_over_is_found_out() -> None:
    """What the trial is for: positions and masks are taken, and all is looked at all the same."""
    model = built("bert")
    whole: Callable[..., Any] = model.bert.forward
    model.bert.forward = lambda input_ids, attention_mask=None, position_ids=None: whole(
        input_ids, position_ids=position_ids
    )
    assert not keeps_texts_apart(model)


def test_the_rival_is_the_cross_entropy_of_shares_counted_with_one_more() -> None:
    frequencies = Frequencies.of(np.array([9, 0, 3, 0, 5]), [0])  # the first is special
    shares = np.array([0, 1, 4, 1, 6]) / 12
    targets = np.array([1, 2, 4, 4])
    assert frequencies.loss_sum(targets) == pytest.approx(-np.log(shares[targets]).sum())
    assert frequencies.num_right(targets) == 2


def test_the_rival_of_a_run_is_scored_on_the_same_hidden_tokens(tmp_path: Path) -> None:
    made = ready(MASKED, tmp_path)
    found = evaluate(Forward(made.model), made.prepared, made.evaluation, 4, Precision("fp32", CPU), CPU)
    counts: dict[int, int] = {}
    for row in range(len(made.train)):
        for token in made.train[row]["input_ids"].tolist():
            counts[token] = counts.get(token, 0) + 1
    words = [token for token in made.tokenizer.get_vocab().values() if token not in made.tokenizer.all_special_ids]
    total = sum(counts.get(token, 0) + 1 for token in words)
    targets = [
        token
        for row in range(len(made.evaluation))
        for token in made.prepared.collate([made.evaluation[row]], None)["targets"].tolist()
    ]
    losses = [-np.log((counts.get(token, 0) + 1) / total) for token in targets]
    assert found["unigram_loss"] == pytest.approx(np.mean(losses), rel=1e-9)
    most = max(words, key=lambda token: counts.get(token, 0))
    assert found["unigram_token_accuracy"] == pytest.approx(np.mean(np.array(targets) == most))
