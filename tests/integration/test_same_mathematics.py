"""However a step is cut - micro-batches, padding - its gradient is the same."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from domain.step_size import TOKENS
from infrastructure.data.feed import Feed
from infrastructure.parallel.strategy import Forward
from infrastructure.tasks.adapter import lengths_of
from infrastructure.tasks.labels.adapter import SequenceClassification
from infrastructure.training import DatasetLoader
from infrastructure.training.applied_steps import AppliedSteps
from infrastructure.training.evaluation import evaluate
from infrastructure.training.precision import Precision
from infrastructure.training.step import MicroBatch, StepBatch, batch_at, train_step
from infrastructure.training.weight_average import WeightAverage
from tests.support import tiny
from tests.support.mathematics import CPU, STEP, batch_of, gradients, relative_difference, session_of


@pytest.fixture(scope="module")
def tokens() -> Any:
    return tiny.tokenizer()


@pytest.fixture(scope="module")
def dataset(tokens: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tiny.file_of_rows(tmp_path_factory.mktemp("rows") / "rows.json", 61)  # 61: the last step is ragged
    return DatasetLoader(path, tokens, max_length=64).load()


def task_of(dataset: Any, **settings: Any) -> SequenceClassification:
    return SequenceClassification(
        tiny.LABELS, pad_token_id=dataset.pad_token_id, mask_token_id=3, special_token_ids=(0, 1, 2), **settings
    )


@pytest.mark.parametrize("settings", [
    {}, {"label_smoothing": 0.1}, {"class_weights": np.array([0.3, 2.0], dtype=np.float32)}, {"word_dropout": 0.4},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("micro", [4, 3, 1], ids=["4x2", "ragged 3+3+2", "1x8"])
@pytest.mark.parametrize("step", [STEP, 7], ids=["full step", "last, short step"])
def test_micro_batches_do_not_change_the_gradient(
    dataset: Any, tokens: Any, settings: dict[str, Any], micro: int, step: int
) -> None:
    task, model = task_of(dataset, **settings), tiny.model(tokens)
    whole = gradients(model, task, batch_of(dataset, task, 8, step))
    cut = gradients(model, task, batch_of(dataset, task, micro, step))
    assert relative_difference(cut, whole) < 1e-6


def test_steps_of_tokens_are_cut_alike(dataset: Any, tokens: Any) -> None:
    task, model = task_of(dataset, word_dropout=0.4), tiny.model(tokens)
    feed = Feed(lengths_of(dataset), 160, seed=1, unit=TOKENS)
    whole, cut = (batch_at(STEP, feed, dataset, task, at_once, seed=1) for at_once in (160, 40))
    assert [len(batch.micro_batches) for batch in (whole, cut)] == [1, 4]
    assert relative_difference(gradients(model, task, cut), gradients(model, task, whole)) < 1e-6


def test_padding_does_not_change_the_gradient(dataset: Any, tokens: Any) -> None:
    task, model = task_of(dataset), tiny.model(tokens)
    batch = batch_of(dataset, task, 8)
    micro = batch.micro_batches[0].batch
    wide = {
        "input_ids": nn.functional.pad(micro["input_ids"], (0, 17), value=dataset.pad_token_id),
        "attention_mask": nn.functional.pad(micro["attention_mask"], (0, 17)),
        "labels": micro["labels"],
    }
    padded = StepBatch(STEP, [MicroBatch(wide, 0)], batch.num_targets, batch.num_rows, batch.num_tokens, batch.row_ids)
    assert relative_difference(gradients(model, task, padded), gradients(model, task, batch)) < 1e-6


def test_the_gradient_is_that_of_the_mean_over_rows(dataset: Any, tokens: Any) -> None:
    """An independent reference: autograd of torch's own mean over one unpadded row after another."""
    task, model = task_of(dataset), tiny.model(tokens)
    rows = Feed(lengths_of(dataset), 8, seed=1).at(STEP, 8).all_rows
    losses = []
    for row in rows:
        item = dataset[int(row)]
        logits = model(input_ids=item["input_ids"][None]).logits
        losses.append(nn.functional.cross_entropy(logits, torch.tensor([item["labels"]])))
    mean = torch.stack(losses).mean()
    expected = list(torch.autograd.grad(mean, list(model.parameters()), allow_unused=True))
    seen = gradients(model, task, batch_of(dataset, task, 8))
    assert relative_difference(seen, [gradient for gradient in expected if gradient is not None]) < 1e-6


def test_class_weights_give_torchs_weighted_mean(dataset: Any, tokens: Any) -> None:
    weights = np.array([0.3, 2.0], dtype=np.float32)
    task, model = task_of(dataset, class_weights=weights), tiny.model(tokens)
    batch = batch_of(dataset, task, 8)
    micro = batch.micro_batches[0].batch
    logits = model(input_ids=micro["input_ids"], attention_mask=micro["attention_mask"]).logits
    expected = nn.functional.cross_entropy(logits, micro["labels"], weight=torch.from_numpy(weights))
    assert train_step(session_of(model, task), batch, 0.0).loss == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_evaluation_does_not_depend_on_the_batch_size(dataset: Any, tokens: Any, batch_size: int) -> None:
    task, model, fp32 = task_of(dataset), tiny.model(tokens), Precision("fp32", CPU)
    reference = evaluate(Forward(model), task, dataset, 16, fp32, CPU)
    other = evaluate(Forward(model), task, dataset, batch_size, fp32, CPU)
    assert other["loss"] == pytest.approx(reference["loss"], rel=1e-6)
    assert other["confusion_matrix"] == reference["confusion_matrix"]
    assert other["macro_f1"] == reference["macro_f1"]


def test_evaluation_draws_no_random_number_and_changes_no_weight(dataset: Any, tokens: Any) -> None:
    task, model = task_of(dataset), tiny.model(tokens, dropout=0.5)
    before, state = {n: t.clone() for n, t in model.state_dict().items()}, torch.get_rng_state()
    evaluate(Forward(model), task, dataset, 8, Precision("fp32", CPU), CPU)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_word_dropout_hides_words_and_never_the_ends(dataset: Any) -> None:
    task = task_of(dataset, word_dropout=0.5)
    plain = batch_of(dataset, task_of(dataset), 8).micro_batches[0].batch["input_ids"]
    noisy = batch_of(dataset, task, 8).micro_batches[0].batch["input_ids"]
    changed = plain != noisy
    assert 0.3 < changed.float().sum() / (plain > 3).sum() < 0.7
    assert set(noisy[changed].tolist()) == {3}
    assert not changed[plain <= 3].any()


def test_each_epoch_feeds_every_row_once() -> None:
    lengths = np.random.default_rng(0).integers(3, 50, size=1003)
    feed = Feed(lengths, 16, seed=5)
    for epoch in range(3):
        steps = [feed.at(epoch * feed.steps_per_epoch + i, 16) for i in range(feed.steps_per_epoch)]
        assert sorted(np.concatenate([step.all_rows for step in steps])) == list(range(1003))


def test_two_epochs_differ_and_the_same_step_does_not() -> None:
    lengths = np.arange(500)
    feed, again = Feed(lengths, 10, seed=5), Feed(lengths, 10, seed=5)
    assert [list(feed.at(s, 10).all_rows) for s in range(50)] != [list(feed.at(s + 50, 10).all_rows) for s in range(50)]
    assert list(feed.at(77, 10).all_rows) == list(again.at(77, 10).all_rows)
    assert list(Feed(lengths, 10, seed=6).at(77, 10).all_rows) != list(feed.at(77, 10).all_rows)


def test_steps_hold_rows_of_near_equal_length() -> None:
    lengths = np.random.default_rng(0).integers(3, 300, size=5000)
    feed = Feed(lengths, 16, seed=5)
    steps = [lengths[feed.at(step, 16).all_rows] for step in range(feed.steps_per_epoch)]
    padding = sum(len(s) * s.max() - s.sum() for s in steps) / sum(s.sum() for s in steps)
    assert padding < 0.05


def test_the_average_follows_its_closed_form_and_stands_in_only_inside_the_block() -> None:
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(0.0)
    average = WeightAverage(model, decay=0.5)
    expected = 0.0
    for step in range(1, 41):
        model.weight.data.fill_(float(step))
        average.update(model, AppliedSteps(step - 1))
        if step % 4 == 0 or step < 4:  # each of the first steps, then every fourth
            decay = min(0.5, (1 + step // 4) / (10 + step // 4))
            expected = decay * expected + (1 - decay) * step
    with average.standing_in(model):
        assert model.weight.item() == pytest.approx(expected, rel=1e-6)
    assert model.weight.item() == 40.0
