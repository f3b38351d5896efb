"""The library example of the specification, as it stands there, with a tiny model."""

import json
from pathlib import Path

import pytest
import torch
from pyarrow import parquet
from torch import nn

from infrastructure.training import AdvancedTrainer
from tests.support import forked, tiny

ROOT = Path(__file__).resolve().parents[2]

EXAMPLE = """
from infrastructure.training import (
    DatasetLoader, CodeDataset, AdvancedTrainer, TrainingConfig, TrainingState,
    TrainingMetricsTracker, MetricEntry, MetricStatistics, CheckpointManager, CheckpointMetadata)

loader = DatasetLoader(data_path="samples.json", tokenizer=tokenizer, task="text_classification", max_length=512)
train_ds, test_ds = loader.get_train_test_split(test_size=0.2)
assert isinstance(train_ds, CodeDataset)
assert len(train_ds) + len(test_ds) == 64
assert set(train_ds[0]) == {"input_ids", "attention_mask", "labels"}
assert train_ds.statistics["num_rows"] == len(train_ds)
assert train_ds.label_mapping == {"calm": 0, "loud": 1}

results = AdvancedTrainer(model=model, train_dataset=train_ds, eval_dataset=test_ds, output_dir="out",
    num_epochs=10, batch_size=8, learning_rate=2e-5, use_mixed_precision=True,
    gradient_accumulation_steps=4, early_stopping_patience=3).train()
assert 0 < results["best_metric"] < 1

tracker = TrainingMetricsTracker(output_dir="logs", experiment_name="codebert")
tracker.log_metric("train_loss", 0.45, step=100, epoch=0)
tracker.log_epoch_metric("eval_loss", 0.35, epoch=0)
assert tracker.get_summary()["best_metrics"]["eval_loss"]["value"] == 0.35
tracker.export_to_json("metrics.json"); tracker.export_to_csv("metrics.csv")

opt = torch.optim.AdamW(model.parameters())
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: 1.0)
manager = CheckpointManager(checkpoint_dir="ckpt", max_checkpoints=3, metric_name="eval_loss", mode="min")
manager.save_checkpoint(model=model, optimizer=opt, scheduler=sched, epoch=5, step=1000, metric_value=0.35)
checkpoint = manager.load_best_checkpoint()
model.load_state_dict(checkpoint["model_state_dict"])
opt.load_state_dict(checkpoint["optimizer_state_dict"])
sched.load_state_dict(checkpoint["scheduler_state_dict"])
assert manager.get_best_checkpoint_info().metric_value == 0.35
assert manager.get_latest_checkpoint_info().step == 1000
assert [saved.epoch for saved in manager.list_checkpoints()] == [5]
"""

SERVICE = """
from application.use_cases.train_model import TrainModelRequest
from infrastructure.container import Container

use_case = Container().train_model()
response = use_case.execute(TrainModelRequest(
    dataset_path=FUNCTIONS, task="security_classification", num_labels=5,
    epochs=15, batch_size=8, learning_rate=2e-5, output_dir=OUTPUT, quick=True, model_name="encoder-tiny"))
if not response.success:
    print(response.errors)
assert response.success
assert response.model_path and response.metrics_file
"""


def serve(code: str) -> None:
    """Be the other service."""
    exec(code, {})


def test_the_library_example_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny.file_of_rows(tmp_path / "samples.json", 64)
    tokens = tiny.tokenizer()
    exec(EXAMPLE, {"tokenizer": tokens, "model": tiny.model(tokens), "torch": torch})
    assert json.loads((tmp_path / "metrics.json").read_text())
    assert (tmp_path / "metrics.csv").read_text().startswith("name,") or (tmp_path / "metrics.csv").stat().st_size


def test_another_service_calls_the_use_case(tmp_path: Path) -> None:
    table = parquet.read_table(ROOT / "data/security_validation.parquet")
    functions = table.take([row for row in range(len(table)) if row // 2 % 10 == 0])  # twins together
    parquet.write_table(functions, tmp_path / "functions.parquet")
    code = SERVICE.replace("OUTPUT", repr(str(tmp_path / "mine")))
    code = code.replace("FUNCTIONS", repr(str(tmp_path / "functions.parquet")))
    done = forked.start_function(serve, {"code": code}, tmp_path / "answers")
    assert done.wait() == 0, done.stderr[-2000:]
    assert done.stdout == ""


def test_a_plain_module_learns_with_a_loss_function(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(256, 5, generator=generator)
    targets = inputs @ torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0])
    rows = [(x, y) for x, y in zip(inputs, targets, strict=True)]
    for loss_function in (nn.MSELoss(), nn.MSELoss(reduction="none")):
        model = nn.Sequential(nn.Linear(5, 1), nn.Flatten(0))
        results = AdvancedTrainer(
            model, rows[:200], rows[200:], tmp_path / str(loss_function.reduction), loss_function=loss_function,
            num_epochs=30, batch_size=16, learning_rate=0.1, weight_decay=0.0, precision="fp32",
        ).train()  # fmt: skip
        assert results["best_metric"] < 1e-2
        assert (tmp_path / loss_function.reduction / "model" / "model.safetensors").exists()
