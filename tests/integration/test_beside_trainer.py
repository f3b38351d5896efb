"""On equal batches the steps of a training are those of `transformers.Trainer`: an independent reference for all of it.

Loss, clipping, optimizer and schedule, over three epochs. Which rows share a batch, and what dropout draws, are matters
of our own: here there is no dropout, and the rows of its batches are handed to the other one in their order.
"""

from pathlib import Path
from typing import Any

from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from infrastructure.data.feed import Feed
from infrastructure.models.bundle import ModelBundle
from infrastructure.tasks.adapter import lengths_of
from infrastructure.tasks.labels.adapter import SequenceClassification
from infrastructure.training import AdvancedTrainer, DatasetLoader
from tests.support import tiny
from tests.support.tiny_architectures import model_of

EPOCHS, ROWS_PER_STEP, SEED = 3, 8, 42
BOTH: dict[str, Any] = {"learning_rate": 1e-3, "weight_decay": 0.0, "max_grad_norm": 1.0, "seed": SEED}


def test_the_weights_after_three_epochs_are_those_of_the_trainer_of_transformers(tmp_path: Path) -> None:
    tokens = tiny.tokenizer()
    dataset: Any = DatasetLoader(tiny.file_of_rows(tmp_path / "rows.json"), tokens, max_length=64).load()
    start, ours, theirs = (
        model_of("bert", vocab_size=len(tokens), hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        for _ in range(3)
    )
    AdvancedTrainer(
        ModelBundle(ours), dataset, None, tmp_path / "ours", num_epochs=EPOCHS, batch_size=ROWS_PER_STEP,
        task=SequenceClassification(dataset.label_names, pad_token_id=dataset.pad_token_id), scheduler="linear",
        warmup_steps=0, precision="fp32", device="cpu", **BOTH,
    ).train()  # fmt: skip
    feed = Feed(lengths_of(dataset), ROWS_PER_STEP, SEED)
    steps = [feed.at(step, ROWS_PER_STEP).micro_batches[0] for step in range(EPOCHS * feed.steps_per_epoch)]
    rows: Any = [dict(dataset[int(row)]) for step in steps for row in step.rows]
    arguments = TrainingArguments(
        output_dir=str(tmp_path / "theirs"), num_train_epochs=1, per_device_train_batch_size=ROWS_PER_STEP,
        train_sampling_strategy="sequential", optim="adamw_torch_fused", lr_scheduler_type="linear", warmup_steps=0,
        use_cpu=True, report_to=[], save_strategy="no", disable_tqdm=True, **BOTH,
    )  # fmt: skip
    Trainer(theirs, arguments, DataCollatorWithPadding(tokens), rows).train()
    moved, apart = (max(_distances(ours, other)) for other in (start, theirs))
    assert moved > 1e-2
    assert apart < 1e-3 * moved


def _distances(one: Any, other: Any) -> list[float]:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return [float((a.detach() - b.detach()).abs().max()) for a, b in pairs]
