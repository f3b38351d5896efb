"""States are saved while a run goes on; what the disk refuses, loses or damages is said and never hidden."""

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from domain.events import CheckpointSaved, Warned
from domain.exceptions import TrainingError
from infrastructure.training import CheckpointManager
from infrastructure.training.background_saver import BackgroundSaver
from infrastructure.training.checkpoint_manager import CheckpointNotSavedError
from infrastructure.training.optimizers import OptimizerBuilder, state_bytes
from tests.fakes.ports import FakeMonitor
from tests.support.tiny_module import Net, flip, rows, trainer

# With the words of the system, by which a tuning tells a full disk from settings that fail.
TOO_LITTLE = r"^No space left on device: .* about 1 MiB \(3 checkpoints of 1 MiB .* 1 MiB are free"


class TestInTheBackground:
    def test_a_state_is_saved_as_it_was_when_that_was_asked(self, tmp_path: Path, monkeypatch: Any) -> None:
        manager, model, may_write = CheckpointManager(tmp_path), Net(), threading.Event()
        real = manager.write
        monkeypatch.setattr(manager, "write", lambda prepared: (may_write.wait(), real(prepared))[1])
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        saver = BackgroundSaver(manager)
        saver.save(model=model, step=1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
        assert not saver.is_done
        may_write.set()
        saved = saver.wait()
        saver.close()
        assert saved is not None
        checkpoint = manager.load_checkpoint(saved.name)
        assert checkpoint is not None
        assert all(torch.equal(checkpoint["model_state_dict"][name], tensor) for name, tensor in before.items())

    def test_what_went_wrong_is_told_once(self, tmp_path: Path, monkeypatch: Any) -> None:
        manager = CheckpointManager(tmp_path)

        def refuse(prepared: Any) -> None:
            raise CheckpointNotSavedError("no room.", remedy="Make room.")

        monkeypatch.setattr(manager, "write", refuse)
        saver = BackgroundSaver(manager)
        saver.save(model=Net(), step=1)
        with pytest.raises(CheckpointNotSavedError):
            saver.wait()
        assert saver.wait() is None
        saver.close()

    def test_every_state_that_is_told_as_saved_is_there(self, tmp_path: Path) -> None:
        seen: list[bool] = []

        class Looking(FakeMonitor):
            def notify(self, event: Any) -> None:
                if isinstance(event, CheckpointSaved):
                    seen.append((tmp_path / "checkpoints" / event.name / "manifest.json").exists())

        trainer(Net(), tmp_path, Looking(), max_checkpoints=50).train()
        assert seen == [True] * (1 + 8)  # before the first step, and every second of sixteen

    def test_no_thread_is_left_behind(self, tmp_path: Path) -> None:
        before = threading.active_count()
        trainer(Net(), tmp_path).train()
        assert threading.active_count() == before


class TestDiskThatRefuses:
    def refusing(self, one: Any, monkeypatch: Any, steps: set[int]) -> None:
        real = one._checkpoints.write

        def write(prepared: Any) -> Any:
            if prepared.metadata.step in steps:
                raise CheckpointNotSavedError(f"checkpoint {prepared.metadata.name} cannot be written.", remedy="Wait.")
            return real(prepared)

        monkeypatch.setattr(one._checkpoints, "write", write)

    def test_in_mid_run_it_costs_a_warning_and_the_next_state_is_tried(self, tmp_path: Path, monkeypatch: Any) -> None:
        monitor = FakeMonitor()
        one = trainer(Net(), tmp_path, monitor, max_checkpoints=50)
        self.refusing(one, monkeypatch, {4, 6})
        results = one.train()
        assert results["stop_reason"] == "completed"
        warned = [event.message for event in monitor.events if isinstance(event, Warned)]
        assert [message.split()[1] for message in warned] == ["step-00000004", "step-00000006"]
        assert set(warned) <= set(results["warnings"])
        saved = [event.step for event in monitor.events if isinstance(event, CheckpointSaved)]
        assert saved == [0, 2, 8, 10, 12, 14, 16]

    @pytest.mark.parametrize("step", [0, 16])
    def test_at_the_beginning_and_at_the_end_it_ends_the_run(self, tmp_path: Path, monkeypatch: Any, step: int) -> None:
        one = trainer(Net(), tmp_path)
        self.refusing(one, monkeypatch, {step})
        with pytest.raises(CheckpointNotSavedError):
            one.train()
        assert trainer(Net(), tmp_path).train()["steps"] == 16

    def test_too_little_room_is_told_with_numbers_before_the_first_step(self, tmp_path: Path, monkeypatch: Any) -> None:
        usage = type("usage", (), {"free": 100})
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(CheckpointNotSavedError, match=TOO_LITTLE):
            trainer(Net(), tmp_path).train()
        assert not list((tmp_path / "checkpoints").glob("step-*"))

    @pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "rmsprop", "muon"])
    def test_the_room_for_an_optimizer_is_known_before_it_takes_it(self, name: str) -> None:
        model = nn.Sequential(nn.Linear(16, 16), nn.Linear(16, 2))
        optimizer = OptimizerBuilder().build(name, model, 1e-3)
        expected = state_bytes(optimizer)
        model(torch.ones(2, 16)).sum().backward()
        optimizer.step()
        moments = [value for state in optimizer.state.values() for value in state.values() if value.numel() > 1]
        assert expected == sum(moment.nbytes for moment in moments) > 0


class TestBestThatIsLost:
    """The rows of the evaluation are learnt less and less well, so that the best is an early state."""

    def worsening(self, out: Path, monitor: FakeMonitor | None = None, **settings: Any) -> Any:
        settings = {"max_steps": 12, "eval_steps": 2, "early_stopping_patience": 0, "max_checkpoints": 9, **settings}
        return trainer(Net(), out, monitor, evaluation=rows(12, slope=-10), **settings)

    def stopped_before_the_end(self, out: Path) -> tuple[int, dict[str, Any]]:
        results = self.worsening(out).train()
        shutil.rmtree(out / "checkpoints" / "step-00000012")
        return results["best_step"], results

    @pytest.mark.parametrize("damage", ["model.safetensors", "manifest.json", "state.json", "gone"])
    def test_the_next_best_takes_its_place_and_everything_says_so(self, tmp_path: Path, damage: str) -> None:
        best_step, whole = self.stopped_before_the_end(tmp_path)
        best = tmp_path / "checkpoints" / f"step-{best_step:08d}"
        if damage == "gone":
            shutil.rmtree(best)
        else:
            flip(best / damage)
        monitor = FakeMonitor()
        results = self.worsening(tmp_path, monitor).train()
        assert results["best_step"] == best_step + 2
        assert results["best_metric"] > whole["best_metric"]
        assert results["final_metrics"]["loss"] == results["best_metric"]
        assert any("next best" in warning for warning in results["warnings"])
        assert any(isinstance(event, Warned) and "next best" in event.message for event in monitor.events)
        kept = CheckpointManager(tmp_path / "checkpoints").load_checkpoint(f"step-{best_step + 2:08d}")
        assert kept is not None
        model = load_file(tmp_path / "model" / "model.safetensors")
        assert all(torch.equal(model[name], tensor) for name, tensor in kept["model_state_dict"].items())

    def test_a_run_without_any_whole_scored_state_says_what_is_lost(self, tmp_path: Path) -> None:
        self.stopped_before_the_end(tmp_path)
        one = self.worsening(tmp_path)
        real = one._states.settle

        def damage_all(progress: Any, must_be_saved: bool = False) -> None:
            real(progress, must_be_saved)
            if must_be_saved:
                for file in (tmp_path / "checkpoints").glob("step-*/model.safetensors"):
                    flip(file)

        one._states.settle = damage_all
        with pytest.raises(TrainingError, match=r"the best state, of step \d+ with a score of .* is lost"):
            one.train()

    def test_a_whole_best_is_taken_and_nothing_is_said(self, tmp_path: Path) -> None:
        best_step, whole = self.stopped_before_the_end(tmp_path)
        results = self.worsening(tmp_path).train()
        assert (results["best_step"], results["best_metric"]) == (best_step, whole["best_metric"])
        assert not results["warnings"]
