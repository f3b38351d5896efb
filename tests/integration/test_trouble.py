"""NaN, memory, a full disk, signals, wrappers: what a run survives, and that its mathematics does."""

import json
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from domain.events import EvaluationCompleted, MicroBatchHalved, RolledBack, StepCompleted, StepDropped
from domain.exceptions import CheckpointError, TrainingError
from infrastructure.parallel.strategy import unwrapped
from infrastructure.tasks.labels.adapter import SequenceClassification
from infrastructure.training import AdvancedTrainer, CheckpointManager, DatasetLoader
from infrastructure.training.checkpoint_manager import unwrapped_names
from tests.fakes.ports import FakeMonitor
from tests.support import tiny
from tests.support.forked import start


@pytest.fixture(scope="module")
def tokens() -> Any:
    return tiny.tokenizer()


@pytest.fixture
def dataset(tokens: Any, tmp_path: Path) -> Any:
    return DatasetLoader(tiny.file_of_rows(tmp_path / "rows.json"), tokens, max_length=64).load()


class Troubled(SequenceClassification):
    """A task whose loss goes wrong in the steps that a test wants, counted from 1, and how it wants."""

    calls = 0

    def loss_sum(self, model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        loss = super().loss_sum(model, batch)
        if not torch.is_grad_enabled():  # no step, but what is tried before the first
            return loss
        self.calls += 1
        return self.trouble(loss, batch)

    def trouble(self, loss: Tensor, batch: dict[str, Tensor]) -> Tensor:
        return loss


def trainer(
    tokens: Any, dataset: Any, out: Path, task: Any, monitor: FakeMonitor | None = None, **settings: Any
) -> AdvancedTrainer:
    settings = {"num_epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "precision": "fp32", **settings}
    return AdvancedTrainer(tiny.model(tokens), dataset, dataset, out, task=task, monitor=monitor, **settings)


def new_task(kind: type[SequenceClassification], dataset: Any) -> Any:
    return kind(tiny.LABELS, pad_token_id=dataset.pad_token_id)


def weights_of(out: Path) -> dict[str, Tensor]:
    checkpoint = CheckpointManager(out / "checkpoints").load_latest_checkpoint()
    assert checkpoint is not None
    return dict(checkpoint["model_state_dict"])


class TestNotANumber:
    @pytest.mark.parametrize("poison", [math.nan, math.inf], ids=["nan", "inf"])
    def test_a_bad_step_is_dropped_and_names_its_rows(
        self, tokens: Any, dataset: Any, tmp_path: Path, poison: float
    ) -> None:
        class Once(Troubled):
            def trouble(self, loss: Tensor, batch: dict[str, Tensor]) -> Tensor:
                return loss * poison if self.calls == 4 else loss

        monitor = FakeMonitor()
        results = trainer(tokens, dataset, tmp_path / "out", new_task(Once, dataset), monitor).train()
        (dropped,) = [event for event in monitor.events if isinstance(event, StepDropped)]
        assert dropped.step == 3
        assert len(dropped.row_ids) == 8
        assert all(row.startswith("rows.json:") for row in dropped.row_ids)
        assert results["num_dropped_steps"] == 1
        assert all(torch.isfinite(tensor).all() for tensor in weights_of(tmp_path / "out").values())

    def test_an_infinite_gradient_of_a_finite_loss_is_never_applied(
        self, tokens: Any, dataset: Any, tmp_path: Path
    ) -> None:
        class Steep(Troubled):
            def trouble(self, loss: Tensor, batch: dict[str, Tensor]) -> Tensor:
                # sqrt has the value 0 and an infinite slope at 0
                return loss + torch.sqrt(loss * 0.0) if self.calls == 2 else loss

        results = trainer(tokens, dataset, tmp_path / "out", new_task(Steep, dataset)).train()
        assert results["num_dropped_steps"] == 1
        assert all(torch.isfinite(tensor).all() for tensor in weights_of(tmp_path / "out").values())

    def test_three_in_a_row_return_the_run_to_its_checkpoint_at_half_the_rate(
        self, tokens: Any, dataset: Any, tmp_path: Path
    ) -> None:
        class Spell(Troubled):
            def trouble(self, loss: Tensor, batch: dict[str, Tensor]) -> Tensor:
                return loss * math.nan if 10 <= self.calls <= 12 else loss

        monitor = FakeMonitor()
        results = trainer(tokens, dataset, tmp_path / "out", new_task(Spell, dataset), monitor).train()
        (back,) = [event for event in monitor.events if isinstance(event, RolledBack)]
        assert (back.from_step, back.to_step, back.lr_scale) == (12, 8, 0.5)
        assert (results["num_rollbacks"], results["steps"], results["stop_reason"]) == (1, 16, "completed")

    def test_a_rollback_to_the_beginning_neither_logs_nor_scores_there(
        self, tokens: Any, dataset: Any, tmp_path: Path
    ) -> None:
        class Early(Troubled):
            def trouble(self, loss: Tensor, batch: dict[str, Tensor]) -> Tensor:
                return loss * math.nan if self.calls <= 2 else loss

        monitor = FakeMonitor()
        trainer(
            tokens, dataset, tmp_path / "out", new_task(Early, dataset), monitor, max_bad_steps=2, eval_steps=2
        ).train()
        steps = [event.step for event in monitor.events if isinstance(event, EvaluationCompleted | StepCompleted)]
        assert min(steps) > 0
        assert len([event for event in monitor.events if isinstance(event, RolledBack)]) == 1

    def test_a_run_beyond_help_stops_with_the_best_it_had(self, tokens: Any, dataset: Any, tmp_path: Path) -> None:
        class Doomed(Troubled):
            def trouble(self, loss: Tensor, batch: dict[str, Tensor]) -> Tensor:
                return loss * math.nan if self.calls > 8 else loss

        results = trainer(
            tokens, dataset, tmp_path / "out", new_task(Doomed, dataset), max_bad_steps=2, max_rollbacks=2
        ).train()
        assert (results["stop_reason"], results["num_rollbacks"]) == ("diverged", 2)
        assert math.isfinite(results["best_metric"])
        assert (tmp_path / "out" / "model" / "model.safetensors").exists()


class TestMemory:
    def test_running_out_halves_the_micro_batch_and_keeps_the_mathematics(
        self, tokens: Any, dataset: Any, tmp_path: Path
    ) -> None:
        class Narrow(Troubled):
            def trouble(self, loss: Tensor, batch: dict[str, Tensor]) -> Tensor:
                if len(batch["labels"]) > 3:
                    raise torch.OutOfMemoryError("no room")
                return loss

        monitor = FakeMonitor()
        trainer(tokens, dataset, tmp_path / "narrow", new_task(Narrow, dataset), monitor, max_steps=6).train()
        trainer(tokens, dataset, tmp_path / "wide", new_task(Troubled, dataset), max_steps=6).train()
        halved = [event.micro_batch_size for event in monitor.events if isinstance(event, MicroBatchHalved)]
        assert halved == [4, 2]
        narrow, wide = weights_of(tmp_path / "narrow"), weights_of(tmp_path / "wide")
        assert all(torch.allclose(narrow[name], wide[name], atol=2e-5) for name in wide)

    def test_a_single_row_that_does_not_fit_ends_in_a_sentence(self, tokens: Any, dataset: Any, tmp_path: Path) -> None:
        class Never(Troubled):
            def trouble(self, loss: Tensor, batch: dict[str, Tensor]) -> Tensor:
                raise torch.OutOfMemoryError("no room")

        with pytest.raises(TrainingError, match="memory ran out at step 0 with a single row"):
            trainer(tokens, dataset, tmp_path / "out", new_task(Never, dataset)).train()

    def test_another_runtime_error_is_not_mistaken_for_it(self, tokens: Any, dataset: Any, tmp_path: Path) -> None:
        class Broken(Troubled):
            def trouble(self, loss: Tensor, batch: dict[str, Tensor]) -> Tensor:
                raise RuntimeError("ours")

        with pytest.raises(RuntimeError, match="ours"):
            trainer(tokens, dataset, tmp_path / "out", new_task(Broken, dataset)).train()


class TestForeignCheckpoints:
    def test_the_checkpoint_of_another_model_is_refused(self, tokens: Any, dataset: Any, tmp_path: Path) -> None:
        task = new_task(Troubled, dataset)
        settings = {"task": task, "num_epochs": 1, "batch_size": 8, "precision": "fp32"}
        AdvancedTrainer(tiny.model(tokens), dataset, dataset, tmp_path / "out", **settings).train()
        larger = nn.Sequential(tiny.model(tokens))
        with pytest.raises(CheckpointError, match="the architecture changed"):
            AdvancedTrainer(larger, dataset, dataset, tmp_path / "out", **settings).train()
        with pytest.raises(CheckpointError, match="is of another model"):
            AdvancedTrainer(larger, dataset, dataset, tmp_path / "out", **settings).train(accept_changes=True)

    def test_the_checkpoint_of_other_settings_is_refused_by_name(
        self, tokens: Any, dataset: Any, tmp_path: Path
    ) -> None:
        trainer(tokens, dataset, tmp_path / "out", new_task(Troubled, dataset)).train()
        with pytest.raises(CheckpointError, match=r"learning_rate was 0\.001 and is 0\.0005"):
            trainer(tokens, dataset, tmp_path / "out", new_task(Troubled, dataset), learning_rate=5e-4).train()


class TestWrappers:
    def test_saved_names_carry_no_prefix_of_a_wrapper(self, tokens: Any, tmp_path: Path) -> None:
        model = tiny.model(tokens)
        plain = set(model.state_dict())
        for wrapped in (nn.DataParallel(model), nn.DataParallel(nn.DataParallel(model))):
            assert set(unwrapped_names(wrapped.state_dict())) == plain
            assert unwrapped(wrapped) is model
            CheckpointManager(tmp_path).save_checkpoint(model=wrapped, step=1)
            assert set(weights_of_manager(tmp_path)) == plain

    def test_a_data_parallel_model_trains_like_the_plain_one(self, tokens: Any, dataset: Any, tmp_path: Path) -> None:
        """Without GPUs the wrapper calls its module, which is all that a CPU can tell of it."""
        ends = []
        for name, wrap in (("plain", lambda model: model), ("wrapped", nn.DataParallel)):
            model: Any = wrap(tiny.model(tokens))
            task = new_task(Troubled, dataset)
            AdvancedTrainer(model, dataset, dataset, tmp_path / name, task=task, max_steps=4, precision="fp32").train()
            ends.append(weights_of(tmp_path / name))
        assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def weights_of_manager(directory: Path) -> dict[str, Tensor]:
    checkpoint = CheckpointManager(directory).load_latest_checkpoint()
    assert checkpoint is not None
    return dict(checkpoint["model_state_dict"])


class TestPrecision:
    @pytest.mark.parametrize("precision", ["bf16", "fp16"])
    def test_low_precision_learns_and_keeps_fp32_weights(
        self, tokens: Any, dataset: Any, tmp_path: Path, precision: str
    ) -> None:
        results = trainer(
            tokens, dataset, tmp_path / "out", new_task(Troubled, dataset), precision=precision, num_epochs=8
        ).train()
        assert results["final_metrics"]["accuracy"] > 0.9
        assert {tensor.dtype for tensor in weights_of(tmp_path / "out").values()} == {torch.float32}

    def test_an_overflow_of_fp16_lowers_the_scale_and_is_no_fault_of_the_data(
        self, tokens: Any, dataset: Any, tmp_path: Path
    ) -> None:
        monitor = FakeMonitor()
        one = trainer(tokens, dataset, tmp_path / "out", new_task(Troubled, dataset), monitor, precision="fp16")
        scaler = one._session.precision.scaler
        assert scaler is not None
        scaler.load_state_dict({**scaler.state_dict(), "scale": 2.0**60})
        one.train()
        assert scaler.scale < 2.0**60
        assert not [event for event in monitor.events if isinstance(event, StepDropped)]


def words(tmp: Path) -> list[str]:
    rows = tiny.file_of_rows(tmp / "rows.json", 400)
    return [
        "train", "--task", "text_classification", "--dataset", str(rows), "--model", "encoder-tiny",
        "--epochs", "60", "--batch-size", "4", "--set", "vocab_size=400", "--set", "early_stopping_patience=0",
        "--set", "save_steps=20", "--output", str(tmp / "run"), "--json",
    ]  # fmt: skip


class TestSignals:
    @pytest.mark.parametrize(
        ("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
    )
    def test_a_signal_saves_and_stops_and_says_how_to_go_on(
        self, tmp_path: Path, number: signal.Signals, exit_code: int
    ) -> None:
        process = start(words(tmp_path), tmp_path / "answers")
        process.wait_for(tmp_path / "run" / "checkpoints" / "step-00000020")
        process.send_signal(number)
        assert process.wait() == exit_code
        answer = json.loads(process.stdout)
        assert (answer["success"], answer["stop_reason"]) == (False, number.name)
        last = process.stderr.splitlines()[-1]
        assert last.startswith(f"error: stopped ({number.name}) after saving; `athanor resume {tmp_path / 'run'}")
        assert "athanor evaluate" not in process.stderr
        assert "Traceback" not in process.stderr
        assert (tmp_path / "run" / "model" / "model.safetensors").exists()

    @pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
    def test_a_second_signal_says_what_is_saved_and_gives_its_own_code(
        self, tmp_path: Path, number: signal.Signals, exit_code: int
    ) -> None:
        process = start(words(tmp_path), tmp_path / "answers")
        process.wait_for(tmp_path / "run" / "checkpoints" / "step-00000020")
        process.send_signal(number)
        process.wait_to_say("once more to quit")
        process.send_signal(number)
        assert process.wait() == exit_code
        assert "is the newest checkpoint" in process.stderr
        assert f"athanor resume {tmp_path / 'run'}" in process.stderr
        assert "Traceback" not in process.stderr

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_before_the_training_says_that_nothing_is_saved_and_leaves_nothing(
        self, tmp_path: Path, number: signal.Signals
    ) -> None:
        rows = tmp_path / "many.json"
        rows.write_text(json.dumps(tiny.rows(30_000)))
        process = start(
            ["train", "--task", "text_classification", "--dataset", rows, "--output", tmp_path / "run", "--json"],
            tmp_path / "answers",
        )
        process.wait_for(tmp_path / "answers" / "stderr")
        process.wait_to_say("learning the tokenizer")
        process.send_signal(number)
        assert process.wait() == 128 + number
        assert process.stderr.splitlines()[-1] == f"error: {number.name}: interrupted before anything was saved."
        assert "Traceback" not in process.stderr
        assert process.stdout == ""
        assert not (tmp_path / "run").exists()


class TestFullDisk:
    def test_a_disk_that_cannot_hold_a_checkpoint_is_told_before_the_first_step(self, tmp_path: Path) -> None:
        # The limit on a file's size refuses writes as a full disk does, and needs no special rights.
        done = start(words(tmp_path), tmp_path / "answers", file_size_limit=600 * 1024)
        assert done.wait() in (1, 2)
        assert "Traceback" not in done.stderr
        assert json.loads(done.stdout)["success"] is False
        assert "error: " in done.stderr
        assert not list((tmp_path / "run").glob("checkpoints/step-*"))

    def test_a_disk_that_fills_up_keeps_the_older_checkpoints_and_resumes(
        self, tokens: Any, dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = trainer(tokens, dataset, tmp_path / "out", new_task(Troubled, dataset), save_steps=4)
        real = os.fsync
        counted = {"left": 12}

        def full(descriptor: int) -> None:
            counted["left"] -= 1
            if counted["left"] < 0:
                raise OSError(28, "No space left on device")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(Exception, match=r"(?i)space|full|room") as caught:
            one.train()
        assert getattr(caught.value, "exit_code", None) == 1
        monkeypatch.undo()
        resumed = trainer(tokens, dataset, tmp_path / "out", new_task(Troubled, dataset), save_steps=4).train()
        whole = trainer(tokens, dataset, tmp_path / "whole", new_task(Troubled, dataset), save_steps=4).train()
        assert resumed["stop_reason"] == whole["stop_reason"] == "completed"
        ends = [weights_of(tmp_path / name) for name in ("out", "whole")]
        assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
